"""
What operators do to a running server, and what it writes about itself: commands by a UNIX socket,
exports, counters.
"""
