"""
The layer between sockets and protocols: listeners, admission of peers, timeouts of connections, and
the decision which datagrams are answered.

The fast transports are in C{epoll} and C{timestamping}, their interfaces for protocols in
C{capabilities}.  docs/fast-lane.md has the measurements.
"""
