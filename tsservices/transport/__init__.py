"""
Between the sockets and the protocols: what listens, who may come in, how long
they may be silent, which datagrams are answered.
"""
