"""
The commands of the operator of talk, without I/O.

The help is made from the rows of L{COMMANDS}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.common.text import visible
from tsservices.services.talk.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """A command of the operator."""

    #: The command with its arguments, for the help.
    usage: str
    meaning: str
    #: Takes the switchboard and the rest of the line.
    run: Callable[[Switchboard, str], None]


def enter(board: Switchboard, text: str) -> None:
    """Handle a line of the operator: a command, or text for the current caller."""
    if not text.startswith("/"):
        board.sayToCurrent(text)
    elif text.startswith("//"):
        board.sayToCurrent(text[1:])
    else:
        word, _, argument = text.partition(" ")
        command = COMMANDS.get(word)
        if command is None:
            board.notify(f"there is no command {visible(word)}; /help lists them")
        else:
            command.run(board, argument.strip())


def _to(board: Switchboard, number: str) -> None:
    caller = board.find(number)
    if caller is not None:
        board.choose(caller)


def _close(board: Switchboard, number: str) -> None:
    caller = board.find(number) if number else board.partner()
    if caller is not None:
        board.hangUp(caller)


def _help(board: Switchboard, argument: str) -> None:
    for command in COMMANDS.values():
        board.notify(f"{command.usage:<14} {command.meaning}")
    board.notify("anything else goes to the one you talk with; // begins a line with /")


#: The operator's commands by name.
COMMANDS = {
    "/who": OperatorCommand("/who", "who is there", lambda board, _: board.who()),
    "/to": OperatorCommand("/to N", "talk with caller N", _to),
    "/all": OperatorCommand("/all TEXT", "say something to everybody", Switchboard.sayToAll),
    "/close": OperatorCommand("/close [N]", "end the talk with caller N, or with this one", _close),
    "/help": OperatorCommand("/help", "this list", _help),
}
