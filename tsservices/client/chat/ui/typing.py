"""
The interpretation of lines typed or pasted at the screen, and the screen's own commands.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tsservices.client.chat.commands import SECRET_COMMANDS, SIGN
from tsservices.client.chat.state import OWN_COMMANDS, CommandInfo

#: Commands of the screen, and those that the client has in every mode.
SCREEN_COMMANDS = (
    *OWN_COMMANDS,
    CommandInfo("query", "NAME [TEXT]", "a window for private messages with somebody"),
    CommandInfo("window", "[NUMBER|NAME]", "turn to a window; nothing: list all"),
    CommandInfo("close", "", "close the window; that of a room: leave it"),
    CommandInfo("lastlog", "WORDS", "the lines of this window with these words"),
    CommandInfo("names", "", "show or hide the people at the side"),
    CommandInfo("lines", "", "choose a line, to copy, delete or find it"),
    CommandInfo("clear", "", "empty the window; PageUp brings the lines back"),
    CommandInfo("highlight", "[WORD|-WORD]", "words that call you as your name does"),
    CommandInfo("mouse", "", "have the wheel scroll, or the terminal select"),
    CommandInfo("keys", "", "the keys of this screen"),
)

#: Synonyms of commands, from irssi and WeeChat.
SYNONYMS = {
    "q": "query",
    "w": "window",
    "win": "window",
    "buffer": "window",
    "wc": "close",
    "unquery": "close",
    "last": "lastlog",
    "nicklist": "names",
    "hilight": "highlight",
    "bind": "keys",
    "j": "join",
    "n": "names",
    "exit": "quit",
    "leave": "part",
    "m": "msg",
}


def asTyped(line: str, pasted: bool) -> str:
    """
    Convert a line to the client core's notation.

    A pasted line whose first word contains a second slash is a path, and is sent as text.  Any
    other line that begins with a slash is executed or refused as a command, but never sent as text.

    @param pasted: whether the line was pasted.
    """
    return SIGN + line if pasted and isPath(line) else line


def isPath(line: str) -> bool:
    """Check whether a line begins like a path rather than a command."""
    first = "".join(line.split(None, 1)[:1])
    if not line.startswith(SIGN) or SIGN not in first[1:]:
        return False
    # With a secret command as its first part, the line may contain a password.
    return first[1:].partition(SIGN)[0].lower() not in SECRET_COMMANDS


def expandAlias(line: str, aliases: Mapping[str, str]) -> str:
    """
    Expand an alias: C{$1} to C{$9} are replaced by its arguments, C{$*} by all of them.

    Without any of these, the arguments are appended.  The result is not expanded again.
    """
    if not line.startswith(SIGN) or line.startswith(2 * SIGN):
        return line
    word, _, argument = line[1:].partition(" ")
    text = aliases.get(word.lower())
    if text is None:
        return line
    arguments = argument.split()
    text = text if "$" in text else f"{text} $*"

    def replaced(match: re.Match[str]) -> str:
        sign = match[1]
        if sign == "*":
            return argument.strip()
        number = int(sign)
        return arguments[number - 1] if number <= len(arguments) else ""

    expanded = re.sub(r"\$([1-9*])", replaced, text).strip()
    return expanded if expanded.startswith(SIGN) else f"{SIGN}{expanded}"
