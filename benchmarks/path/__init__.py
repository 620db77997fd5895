"""
The path benchmark: the calls from the receipt of one chat line or datagram to the last send.

It counts calls and measures no time.
"""

__all__: list[str] = []
