"""
The client of the chat, for terminals and for programs.

What it knows and decides is pure: L{tsservices.client.chat.machine} is the state machine
that everything goes through.  Sockets and terminals stand at its edges.
"""
