"""Completions of commands, rooms and nicks.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.client.chat.commands import SIGN
from tsservices.client.chat.state import ClientState

#: The filter of C{/search} before the name of an author.
_FROM = "from:"

_Matches = Callable[[str], tuple[int, list[str]]]


def completions(
    before: str, state: ClientState, others: Sequence[str] = ()
) -> tuple[int, list[str]]:
    """
    Return how many characters before the cursor to replace, and the possible replacements, best
    first.  Each line of a text is completed separately.

    @param others: more names, of users who may be in no room.
    """
    before = before.rpartition("\n")[2]
    word = before.rpartition(" ")[2]
    if before.startswith(SIGN) and not before.startswith(2 * SIGN):
        matches = _inCommand(before, word, state, others)
    elif word.startswith(ROOM_SIGN):
        matches = _rooms(word, state, ROOM_SIGN)
    else:
        matches = _nicks(word, state, ": " if word == before else " ", others)
    name = re.findall(r"#?[\w-]*$", word)[0]
    if matches or name in ("", word) or SIGN in word:
        return len(word), matches
    # The name follows a bracket or a quotation mark, for example.
    isRoom = name.startswith(ROOM_SIGN)
    found = _rooms(name, state, ROOM_SIGN) if isRoom else _nicks(name, state, " ", others)
    return len(name), [match.rstrip() for match in found]


def _inCommand(before: str, word: str, state: ClientState, others: Sequence[str]) -> list[str]:
    if word == before:
        names = [f"{SIGN}{command.name}" for command in state.commands]
        return [f"{name} " for name in names if name.startswith(word.lower())]
    name = before[1:].partition(" ")[0].lower()
    usage = next((command.usage for command in state.commands if command.name == name), "")
    if word.startswith(_FROM) and _FROM in usage:
        return [_FROM + nick for nick in _nicks(word.removeprefix(_FROM), state, " ")]
    # Literal words in the usage.
    literals = re.findall(r"(?<![\w|:])[a-z]+(?![\w|:])", usage)
    matches = [f"{literal} " for literal in literals if literal.startswith(word)]
    if before.count(" ") > 1:
        # After the first argument follows the text of a message.
        return [*_nicks(word, state, " "), *matches]
    choices = re.search(r"[a-z]+(\|[a-z]+)+", usage)
    if choices is not None:
        matches += [f"{choice} " for choice in choices[0].split("|") if choice.startswith(word)]
    if "NAME" in usage:
        matches += _nicks(word, state, " ", others)
    if "ROOM" in usage:
        signed = f"{ROOM_SIGN}ROOM" in usage or word.startswith(ROOM_SIGN)
        matches += _rooms(word, state, ROOM_SIGN if signed else "")
    return matches


def _nicks(word: str, state: ClientState, ending: str, others: Sequence[str] = ()) -> list[str]:
    key = fold(word)
    rooms = [state.rooms[state.current]] if state.current in state.rooms else []
    rooms += [room for room in state.rooms.values() if room not in rooms]
    matches: dict[str, str] = {}
    for room in rooms:
        for nick in room.nicks():
            if fold(nick).startswith(key) and not state.isSelf(nick):
                matches.setdefault(fold(nick), f"{nick}{ending}")
    for nick in others:
        if fold(nick).startswith(key):
            matches.setdefault(fold(nick), f"{nick}{ending}")
    return list(matches.values())


def _rooms(word: str, state: ClientState, sign: str) -> list[str]:
    key = fold(word.removeprefix(ROOM_SIGN))
    names = {other: room.name for other, room in state.rooms.items()}
    for other, name in sorted(state.roomNames.items()):
        names.setdefault(other, name)
    return [f"{sign}{name} " for other, name in names.items() if other.startswith(key)]


class CompletionCycle:
    """
    The cycle through several matches when Tab is repeated.

    @ivar shown: the matches, if there are several; otherwise empty.
    """

    def __init__(self) -> None:
        self.shown: list[str] = []
        self._text = ""
        self._start = 0
        self._after = ""
        self._at = 0

    def next(self, text: str, cursor: int, matches: _Matches, by: int = 1) -> tuple[str, int]:
        """
        Return the text and the position of the cursor after the key.

        @param matches: returns the L{completions} for a text before the cursor.
        @param by: 1 for the next match, -1 for the previous one.
        """
        if self.shown and text == self._text:
            self._at = (self._at + by) % len(self.shown)
        else:
            length, self.shown = matches(text[:cursor])
            self._start, self._after = cursor - length, text[cursor:]
            self._at = 0 if by > 0 else len(self.shown) - 1
        if not self.shown:
            return text, cursor
        before = text[: self._start] + self.shown[self._at]
        self._text = before + self._after
        if len(self.shown) == 1:
            # The next Tab starts a new completion.
            self.shown = []
        return self._text, len(before)
