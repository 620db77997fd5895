"""
Measuring by RFC 8762 (STAMP): times, packets, authentication, the reflector's
decisions, and the statistics of a sender.  Pure: no Twisted, no sockets; clocks come
from the caller.
"""
