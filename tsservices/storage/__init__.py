"""
Two implementations of L{tsservices.chat.storage.Storage}: L{memory} for tests and for operators
who want to keep nothing on disk, L{sqlite} for all others.
"""
