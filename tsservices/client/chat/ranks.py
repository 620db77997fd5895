"""Who may do more than others in a room, as far as the client has heard.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import MODE, NO_OPERATOR, OPERATOR
from tsservices.chat.permissions import MEMBER
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK

#: What stands before the name of who looks after the room, as in programs of IRC.
OPERATOR_SIGN = "@"

#: What stands before the name of who may speak in a moderated room.
VOICE_SIGN = "+"

#: Modes with an argument, when they are set and when they are removed.
_WITH_ARGUMENT = {"+": "ovbkl", "-": "ovbk"}


class RoomRanks:
    """The ranks in one room, by folded name; who has none is not kept."""

    def __init__(self) -> None:
        self._ranks: dict[str, tuple[str, bool]] = {}

    def sign(self, nick: str) -> str:
        """What stands before a name; empty: nothing."""
        rank, voice = self._ranks.get(fold(nick), (MEMBER, False))
        return OPERATOR_SIGN if rank != MEMBER else VOICE_SIGN if voice else ""

    def set(self, nick: str, rank: str, voice: bool) -> None:
        """@param rank: a name of L{tsservices.chat.permissions}; empty: not known."""
        if rank in ("", MEMBER) and not voice:
            self.remove(nick)
        else:
            self._ranks[fold(nick)] = rank or MEMBER, voice

    def remove(self, nick: str) -> None:
        self._ranks.pop(fold(nick), None)

    def rename(self, nick: str, to: str) -> None:
        known = self._ranks.pop(fold(nick), None)
        if known is not None:
            self._ranks[fold(to)] = known

    def clear(self) -> None:
        self._ranks.clear()

    def note(self, message: RoomMessages) -> None:
        """A line of the room may say that somebody has another rank."""
        text = message.texts[0]
        if message.kind == OPERATOR:
            self._change("+", "o", text)
        elif message.kind == NO_OPERATOR:
            self._change("-", "o", text)
        elif message.kind == MODE:
            for sign, letter, name in _changes(text):
                self._change(sign, letter, name)

    def _change(self, sign: str, letter: str, nick: str) -> None:
        rank, voice = self._ranks.get(fold(nick), (MEMBER, False))
        given = sign == "+"
        if letter == "v":
            voice = given
        elif letter == "o" and given and rank == MEMBER:
            rank = OPERATOR_RANK
        elif letter == "o" and not given and rank == OPERATOR_RANK:
            # Founders stay founders.
            rank = MEMBER
        self.set(nick, rank, voice)


def _changes(text: str) -> Iterator[tuple[str, str, str]]:
    # Signs, letters and arguments of those modes that have one.
    letters, *arguments = text.split() or [""]
    sign = "+"
    following = iter(arguments)
    for letter in letters:
        if letter in "+-":
            sign = letter
        elif letter in _WITH_ARGUMENT[sign] and (argument := next(following, "")):
            yield sign, letter, argument
