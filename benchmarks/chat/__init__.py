"""
The chat benchmark: rooms of this server compared with those of two IRC servers and a C loop.

C{cells} has the loads and C{peers} the servers; C{measure} takes a sample with the generator
C{crowd.c}; C{figures} and C{report} make the output.
"""

__all__: list[str] = []
