"""
Where the chat is stored, two implementations of L{tsservices.chat.storage.Storage}: L{memory} for
tests and for operators who want nothing to stay, L{sqlite} for all others.
"""
