"""
The servers the benchmark starts.  Each takes C{--state DIR}, writes C{DIR/ports.json} when it
listens (the form is that of C{tsserver}), and stops at SIGTERM.
"""

__all__: list[str] = []
