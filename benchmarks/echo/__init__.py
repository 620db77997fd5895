"""
The echo benchmark: the timestamp service compared with uvloop, rloop, aiofastnet, asyncio, stock
Twisted and a C loop.

C{cells} has the loads and C{peers} the servers; C{measure} takes a sample with a generator of
C{load}; C{figures}, C{report} and C{picture} make the output.
"""

__all__: list[str] = []
