"""
What Tab offers.  Pure.
"""

from __future__ import annotations

import re

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.client.chat.outbox import SIGN
from tsservices.client.chat.state import ClientState

#: Before the name of somebody whose lines are searched for.
_FROM = "from:"


def completions(before: str, town: ClientState) -> tuple[int, list[str]]:
    """How many characters before the cursor are replaced, and by what, best first."""
    word = before.rpartition(" ")[2]
    if before.startswith(SIGN) and not before.startswith(2 * SIGN):
        found = _inCommand(before, word, town)
    elif word.startswith(ROOM_SIGN):
        found = _rooms(word, town, ROOM_SIGN)
    else:
        found = _nicks(word, town, ": " if word == before else " ")
    return len(word), found


def _inCommand(before: str, word: str, town: ClientState) -> list[str]:
    if word == before:
        names = [f"{SIGN}{row.name}" for row in town.commands]
        return [f"{name} " for name in names if name.startswith(word.lower())]
    name = before[1:].partition(" ")[0].lower()
    usage = next((row.usage for row in town.commands if row.name == name), "")
    if word.startswith(_FROM) and _FROM in usage:
        return [_FROM + nick for nick in _nicks(word.removeprefix(_FROM), town, " ")]
    first = before.count(" ") == 1
    if not first:
        return _nicks(word, town, " ")
    found = []
    choices = re.search(r"[a-z]+(\|[a-z]+)+", usage)
    if choices is not None:
        found += [f"{each} " for each in choices[0].split("|") if each.startswith(word)]
    if "NAME" in usage:
        found += _nicks(word, town, " ")
    if "ROOM" in usage:
        signed = f"{ROOM_SIGN}ROOM" in usage or word.startswith(ROOM_SIGN)
        found += _rooms(word, town, ROOM_SIGN if signed else "")
    return found


def _nicks(word: str, town: ClientState, ending: str) -> list[str]:
    key = fold(word)
    rooms = [town.rooms[town.current]] if town.current in town.rooms else []
    rooms += [room for room in town.rooms.values() if room not in rooms]
    found: dict[str, str] = {}
    for room in rooms:
        for nick in room.nicks():
            if fold(nick).startswith(key) and not town.isSelf(nick):
                found.setdefault(fold(nick), f"{nick}{ending}")
    return list(found.values())


def _rooms(word: str, town: ClientState, sign: str) -> list[str]:
    key = fold(word.removeprefix(ROOM_SIGN))
    names = {each: room.name for each, room in town.rooms.items()}
    for each, name in sorted(town.known.items()):
        names.setdefault(each, name)
    return [f"{sign}{name} " for each, name in names.items() if each.startswith(key)]
