"""
The fast lane: streams and UDP ports with their own epoll object, below any reactor of Twisted.
"""
