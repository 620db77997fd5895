"""Checks whether a line may be sent from the window in which it was typed.  Pure."""

from __future__ import annotations

from tsservices.client.chat.commands import SECRET_COMMANDS, SIGN
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind

#: Commands that act on the server's current room, which may differ from the room of the window.
ROOM_COMMANDS = frozenset(
    {
        *("me", "topic", "kick", "ban", "unban", "mute", "unmute", "delete", "op", "deop"),
        *("voice", "devoice", "private", "invite", "history"),
    }
)

#: Commands that act on the current room unless they name another one.
_NAMING_COMMANDS = frozenset({"who", "part", "mode", "since", "read", "search"})

#: The most words of a secret command without its password.
_WITHOUT_PASSWORD = 2

#: The reason for refusing a line before the user has a name.
_NO_NAME = "you have no name yet: say one in the window status (Alt-1)"


def refusal(
    window: ChatWindow, line: str, machine: ClientMachine | None, asking: bool = False
) -> str:
    """
    Return why a line can't be sent from a window; empty: it can.

    @param machine: L{None}: the client has not started yet; lines wait for it.
    @param asking: whether the client waits for an answer, which is typed in the status window.
    """
    isReady = machine is not None and machine.phase is Phase.READY
    isNameless = machine is not None and machine.phase is Phase.NAMELESS
    if not line.startswith(SIGN) or line.startswith(2 * SIGN):
        if window.kind is WindowKind.STATUS:
            # A line in the status window is a name or an answer.
            answers = asking or isNameless or (machine is not None and machine.asking)
            return "" if answers else "nothing can be said in this window: turn to another one"
        if isNameless:
            return _NO_NAME
        if window.kind is WindowKind.ROOM and isReady and not window.joined:
            return f"you are not in {window.title}: /join {window.name}, or /close"
        return ""
    word, _, argument = line[1:].partition(" ")
    command = word.lower()
    isOfRoom = command in ROOM_COMMANDS or (
        command in _NAMING_COMMANDS and not _namesRoom(command, argument.split())
    )
    if isOfRoom and window.kind is not WindowKind.ROOM:
        return f"/{command} is for a room: turn to its window"
    if isOfRoom and isReady and not window.joined:
        return f"you are not in {window.title}"
    return ""


def secretDue(machine: ClientMachine | None) -> str:
    """
    Return why nothing can be sent now; empty: it can.  While the server waits for a password, or is
    about to ask for one, it would take any other line as the password.
    """
    if machine is None:
        return ""
    sender = machine.sender
    if sender.prompted:
        return "a password is asked for, and this was not typed as one"
    for item in [sender.unanswered, *sender.outbox.waiting]:
        if (
            item is not None
            and item.word in SECRET_COMMANDS
            and len(item.text.split()) <= _WITHOUT_PASSWORD
        ):
            return f"/{item.word} is to be answered first; what you typed is kept"
    return ""


def _namesRoom(command: str, words: list[str]) -> bool:
    if command == "search":
        # Without arguments, /search shows older results of the last search.
        return not words or words[0].startswith("#")
    if command == "mode":
        return bool(words) and not words[0].startswith(("+", "-"))
    if command in ("since", "read"):
        return len(words) > 1
    return bool(words)


def privateLine(name: str, line: str) -> str:
    """
    Make the command that sends a line to one person.

    @param line: the typed line; a doubled slash at its start is an escaped one.
    """
    return f"{SIGN}msg {name} {line.removeprefix(SIGN)}"
