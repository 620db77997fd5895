"""
The chat client, for terminals and for programs.

Its logic is pure: all input goes through the state machine in L{tsservices.client.chat.machine}.
The modules around it handle sockets and terminals.
"""
