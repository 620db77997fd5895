"""
The path benchmark: the calls from the receiving of one chat line or datagram to the last sending.

It counts calls and measures no time.
"""

__all__: list[str] = []
