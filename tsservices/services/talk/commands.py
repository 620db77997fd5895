"""
What the operator of the talk can ask for.  Pure.

The rows of L{COMMANDS} are all there is: the help is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.common.text import visible
from tsservices.services.talk.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """
    One command.

    @ivar usage: how it is written.
    @ivar meaning: what it does.
    @ivar run: does it, given the switchboard and the rest of the line.
    """

    usage: str
    meaning: str
    run: Callable[[Switchboard, str], None]


def enter(board: Switchboard, text: str) -> None:
    """Take a line that the operator has typed: a command, or talk."""
    if not text.startswith("/"):
        board.sayToCurrent(text)
    elif text.startswith("//"):
        board.sayToCurrent(text[1:])
    else:
        word, _, rest = text.partition(" ")
        command = COMMANDS.get(word)
        if command is None:
            board.tell(f"there is no command {visible(word)}; /help lists them")
        else:
            command.run(board, rest.strip())


def _to(board: Switchboard, rest: str) -> None:
    caller = board.find(rest)
    if caller is not None:
        board.choose(caller)


def _close(board: Switchboard, rest: str) -> None:
    caller = board.find(rest) if rest else board.partner()
    if caller is not None:
        board.hangUp(caller)


def _help(board: Switchboard, rest: str) -> None:
    for command in COMMANDS.values():
        board.tell(f"{command.usage:<14} {command.meaning}")
    board.tell("anything else goes to the one you talk with; // begins a line with /")


#: By the word they begin with.
COMMANDS = {
    "/who": OperatorCommand("/who", "who is there", lambda board, _: board.who()),
    "/to": OperatorCommand("/to N", "talk with caller N", _to),
    "/all": OperatorCommand("/all TEXT", "say something to everybody", Switchboard.sayToAll),
    "/close": OperatorCommand("/close [N]", "end the talk with caller N, or with this one", _close),
    "/help": OperatorCommand("/help", "this list", _help),
}
