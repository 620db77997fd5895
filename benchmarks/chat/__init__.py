"""
The chat benchmark: rooms of this server beside the rooms of two IRC servers and a C loop.

C{cells} says what is measured and C{peers} on which servers; C{measure} takes a sample with the
generator C{crowd.c}; C{figures} and C{report} make the output.
"""

__all__: list[str] = []
