"""The talk service: conversations of one operator with callers."""
