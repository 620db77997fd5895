"""Whether a line may go anywhere from the window in which it was typed.  Pure."""

from __future__ import annotations

from tsservices.client.chat.commands import SECRET_COMMANDS, SIGN
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind

#: Commands that act on the current room of the server, which may be another one than that of the
#: window.
ROOM_COMMANDS = frozenset(
    {
        *("me", "topic", "kick", "ban", "unban", "mute", "unmute", "delete", "op", "deop"),
        *("voice", "devoice", "private", "invite", "history"),
    }
)

#: Those that do so unless they name one.
_NAMING_COMMANDS = frozenset({"who", "part", "mode", "since", "read", "search"})

#: Words of a command that have no password among them yet.
_WITHOUT_PASSWORD = 2

#: What the client is not in yet.
_NO_NAME = "you have no name yet: say one in the window status (Alt-1)"


def refusal(
    window: ChatWindow, line: str, machine: ClientMachine | None, asking: bool = False
) -> str:
    """
    Why a line can't be sent from a window; empty: it can.

    @param machine: L{None}: it is not there yet, and lines wait for it.
    @param asking: the client waits for an answer, which is typed in the status window.
    """
    isReady = machine is not None and machine.phase is Phase.READY
    isNameless = machine is not None and machine.phase is Phase.NAMELESS
    if not line.startswith(SIGN) or line.startswith(2 * SIGN):
        if window.kind is WindowKind.STATUS:
            # There it is a name, or an answer.
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
    Why nothing can be sent now: the server waits for a password, or is about to ask for one, and
    would take for it what was typed as something else; empty: it does not.
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
        # Alone it shows the next older results.
        return not words or words[0].startswith("#")
    if command == "mode":
        return bool(words) and not words[0].startswith(("+", "-"))
    if command in ("since", "read"):
        return len(words) > 1
    return bool(words)


def privateLine(name: str, line: str) -> str:
    """
    What sends a line to one person.

    @param line: as it was typed; two signs begin one that begins with one.
    """
    return f"{SIGN}msg {name} {line.removeprefix(SIGN)}"
