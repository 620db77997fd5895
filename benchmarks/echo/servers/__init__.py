"""
The servers in Python that the echo benchmark starts.

Each takes C{--state DIR}, writes C{DIR/ports.json} in the form of C{tsserver} when it listens, and
stops at SIGTERM.
"""

__all__: list[str] = []
