"""
Operation of a running server: commands through a UNIX socket, exports, counters, metrics.
"""
