"""
The fast lane: streams and UDP ports in an epoll object of our own, below any reactor of Twisted.
"""
