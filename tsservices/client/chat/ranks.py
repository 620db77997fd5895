"""The ranks of the members of a room, as far as the client knows them.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tsservices.chat.names import fold
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import MODE, NO_OPERATOR, OPERATOR
from tsservices.chat.permissions import MEMBER
from tsservices.chat.permissions import OPERATOR as OPERATOR_RANK

#: The prefix of the name of a room operator, as in IRC clients.
OPERATOR_SIGN = "@"

#: The prefix of the name of a member who may speak in a moderated room.
VOICE_SIGN = "+"

#: The modes that have an argument when they are set, and when they are removed.
_WITH_ARGUMENT = {"+": "ovbkl", "-": "ovbk"}


class RoomRanks:
    """The ranks in one room, by folded name; plain members are not stored."""

    def __init__(self) -> None:
        self._ranks: dict[str, tuple[str, bool]] = {}

    def sign(self, nick: str) -> str:
        """Return the prefix of a name; empty: none."""
        rank, voice = self._ranks.get(fold(nick), (MEMBER, False))
        return OPERATOR_SIGN if rank != MEMBER else VOICE_SIGN if voice else ""

    def set(self, nick: str, rank: str, voice: bool) -> None:
        """@param rank: a rank of L{tsservices.chat.permissions}; empty: not known."""
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
        """Update the ranks if a line of the room is a change of rank."""
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
            # Only operators lose their rank; founders keep it.
            rank = MEMBER
        self.set(nick, rank, voice)


def _changes(text: str) -> Iterator[tuple[str, str, str]]:
    # The signs, letters and arguments of the modes with an argument.
    letters, *arguments = text.split() or [""]
    sign = "+"
    following = iter(arguments)
    for letter in letters:
        if letter in "+-":
            sign = letter
        elif letter in _WITH_ARGUMENT[sign] and (argument := next(following, "")):
            yield sign, letter, argument
