"""
The API for programs, below C{/api/v1}: rooms and messages as JSON, posts, and a stream of events.

It has no rules of its own: reading and writing are allowed as for a user who joins.
"""
