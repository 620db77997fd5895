"""
What the client knows by itself of the server's commands.  Pure, and without imports: the
prompt needs it.
"""

from __future__ import annotations

#: What commands begin with; two of them begin a line with one.
SIGN = "/"

#: Commands that passwords may follow.
SECRET_COMMANDS = frozenset({"login", "register", "passwd", "reset"})

#: Commands after which the server may wait for a password, or for nothing more: nothing may follow
#: them unasked.
ASKING_COMMANDS = SECRET_COMMANDS | {"drop", "quit"}

#: Commands whose settings this client relies on.
RESERVED_COMMANDS = frozenset({"format", "ack", "echo", "resume"})
