"""
The API for programs, below C{/api/v1}: rooms and messages as JSON, posts, and a stream of events.

It has no rules of its own: who may read or write is decided as for everybody who joins.
"""
