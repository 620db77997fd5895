"""
The echo benchmark: the timestamp service beside uvloop, rloop, aiofastnet, asyncio, stock Twisted
and a C loop.

C{cells} says what is measured and C{peers} on which servers; C{measure} takes a sample with a
generator of C{load}; C{figures}, C{report} and C{picture} make the output.
"""

__all__: list[str] = []
