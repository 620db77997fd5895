"""
Where the chat is kept: L{memory} for tests and for those who want nothing kept,
L{sqlite} for all others.
"""
