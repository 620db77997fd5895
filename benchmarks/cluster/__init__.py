"""
The cluster benchmark: a node of a cluster beside a single server, and two nodes together.

C{nats_server} starts the broker; C{load} has the connections whose lines cross the cluster.
"""

__all__: list[str] = []
