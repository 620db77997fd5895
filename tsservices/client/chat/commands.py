"""
What the client knows by itself of the server's commands.  Pure, and with few imports: the
prompt needs it, and the server's table takes a fifth of a second.
"""

from __future__ import annotations

from tsservices.common.text import hiddenCommand

#: What commands begin with; two of them begin a line with one.
SIGN = "/"

#: Commands that passwords or tokens may follow; a test compares them with the server's table.
SECRET_COMMANDS = frozenset({"login", "register", "passwd", "reset", "resume"})

#: Commands after which the server may wait for a password, or for nothing more: nothing may follow
#: them unasked.
ASKING_COMMANDS = SECRET_COMMANDS | {"drop", "quit"}

#: Commands whose settings this client relies on.
RESERVED_COMMANDS = frozenset({"format", "ack", "echo", "resume"})


def hiddenSecret(line: str) -> str:
    """The command of passwords that a line would be but for its beginning; empty: it is none."""
    name = "" if line.startswith(SIGN) else hiddenCommand(line)
    return name if name in SECRET_COMMANDS else ""
