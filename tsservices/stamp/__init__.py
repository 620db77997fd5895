"""
STAMP (RFC 8762, with parts of RFC 8972) as a library: packets, authentication, the reflector, and
a sender's statistics.

Pure: no Twisted, no sockets; the caller passes the clocks.
"""
