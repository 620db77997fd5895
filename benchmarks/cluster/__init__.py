"""
The cluster benchmark: a node of a cluster compared with a single server, and two nodes together.

C{nats_server} starts the broker; C{load} has the connections that send and receive lines.
"""

__all__: list[str] = []
