"""
The whole state of the chat as text, and back.  Pure.

Whoever loads it and applies the events that follow has the same state as whoever saved it
and went on, in every order that anything can rest on.  It is written in chunks: JSON of
all of it at once would keep other threads from the interpreter for long.
"""

from __future__ import annotations

import json
from itertools import islice

from tsservices.chat.checkpointrows import SECTIONS
from tsservices.chat.lobby import Lobby
from tsservices.limits import CHECKPOINT_ROWS, Limits

VERSION = 1
"""
Of what L{save} writes.
"""


def save(lobby: Lobby) -> list[str]:
    """
    @param lobby: the state.
    @return: all of it that events can rest on: equal for equal states.
    """
    chunks: list[str] = []
    for name, (rows, _) in SECTIONS.items():
        left = rows(lobby)
        while some := list(islice(left, CHECKPOINT_ROWS)):
            chunks.append(_asJSON([name, some]))
    return [_asJSON(["checkpoint", VERSION, len(chunks)]), *chunks]


def load(limits: Limits, chunks: list[str]) -> Lobby:
    """
    @param limits: all bounds; those that all nodes share are in what was saved.
    @param chunks: what L{save} gave.
    @return: the state.  Nobody in it hears anything.
    @raise ValueError: it is none that can be read here.
    """
    head: object = json.loads(chunks[0]) if chunks else None
    if head != ["checkpoint", VERSION, len(chunks) - 1]:
        raise ValueError(f"a checkpoint of version {VERSION} is wanted, not {chunks[:1]}")
    lobby = Lobby(limits)
    try:
        for chunk in chunks[1:]:
            name, rows = json.loads(chunk)
            restore = SECTIONS[name][1]
            for row in rows:
                restore(lobby, *row)
    except (LookupError, TypeError) as error:
        raise ValueError(f"this checkpoint can't be read: {error!r}") from error
    for room in lobby.rooms.values():
        room.count()
    return lobby


def _asJSON(value: object) -> str:
    """
    @param value: what JSON can say.
    @return: the same, in ASCII.
    """
    return json.dumps(value, separators=(",", ":"))
