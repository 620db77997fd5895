"""
Between the sockets and the protocols: what listens, which peers are admitted, how long they may be
silent, and which datagrams are answered.

The fast transports are in C{epoll} and C{timestamping}; what protocols may ask of them is in
C{capabilities}.  docs/fast-lane.md has the measurements.
"""
