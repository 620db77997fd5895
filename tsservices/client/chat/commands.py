"""
The client's own knowledge of the server's commands.  Pure, and with few imports: the prompt needs
it early, and the import of the server's table takes 0.2 s.
"""

from __future__ import annotations

from tsservices.common.text import hiddenCommand

#: The first character of commands; doubled, it escapes a slash at the start of a line.
SIGN = "/"

#: Commands with passwords or tokens as arguments; a test compares them with the server's table.
SECRET_COMMANDS = frozenset({"login", "register", "passwd", "reset", "resume"})

#: Commands after which the server may ask for a password or close: nothing may be sent until they
#: are answered.
ASKING_COMMANDS = SECRET_COMMANDS | {"drop", "quit"}

#: Commands that would change settings on which this client relies.
RESERVED_COMMANDS = frozenset({"format", "ack", "echo", "resume"})

#: The names of such commands in other chat systems.
_OTHER_SECRETS = frozenset({"password", "identify"})

#: The longest word that is compared with secret commands; a longer one is no mistyped command.
_LONGEST_COMMAND = 12


def hiddenSecret(line: str) -> str:
    """Return the secret command after invisible characters or odd slashes; empty: there is none."""
    name = "" if line.startswith(SIGN) else hiddenCommand(line)
    return name if name in SECRET_COMMANDS else ""


def looksSecret(line: str) -> bool:
    """Check whether a line is a secret command, possibly with one or two typing errors."""
    word = "".join(line.split(None, 1)[:1]).lower()
    if not word.startswith(SIGN):
        return False
    name = word[1:].partition(SIGN)[0]
    return len(name) <= _LONGEST_COMMAND and any(
        _distance(name, secret) <= (1 if len(secret) < 6 else 2)
        for secret in SECRET_COMMANDS | _OTHER_SECRETS
    )


def _distance(left: str, right: str) -> int:
    # The Damerau-Levenshtein distance: missing, extra, wrong and swapped letters.
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
