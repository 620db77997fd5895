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

#: Words that those commands have elsewhere.
_OTHER_SECRETS = frozenset({"password", "identify"})

#: Letters of a command that are looked at: what is longer is no mistyped one.
_LONGEST_COMMAND = 12


def hiddenSecret(line: str) -> str:
    """The command of passwords that a line would be but for its beginning; empty: it is none."""
    name = "" if line.startswith(SIGN) else hiddenCommand(line)
    return name if name in SECRET_COMMANDS else ""


def looksSecret(line: str) -> bool:
    """Whether the line is a command for passwords but for a slip or two."""
    word = "".join(line.split(None, 1)[:1]).lower()
    if not word.startswith(SIGN):
        return False
    name = word[1:].partition(SIGN)[0]
    return len(name) <= _LONGEST_COMMAND and any(
        _distance(name, secret) <= (1 if len(secret) < 6 else 2)
        for secret in SECRET_COMMANDS | _OTHER_SECRETS
    )


def _distance(left: str, right: str) -> int:
    # Of Damerau and Levenshtein: letters that are missing, too many, wrong, or swapped.
    before, row = [0] * (len(right) + 1), list(range(len(right) + 1))
    for number, letter in enumerate(left, 1):
        following = [number]
        for at, other in enumerate(right, 1):
            cost = min(following[-1] + 1, row[at] + 1, row[at - 1] + (letter != other))
            if number > 1 and at > 1 and letter == right[at - 2] and left[number - 2] == other:
                cost = min(cost, before[at - 2] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1]
