"""
What happened between two numbered lines of a room.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.live.crash.rules.log import Diary, Entry


class Mark(NamedTuple):
    """What happened between two lines of a room."""

    after: int
    what: str
    name: str
    lasting: bool = True
    entry: Entry | None = None


def marks(room: str, diary: Diary) -> Iterator[Mark]:
    for act in diary.acts:
        if act.verb == "invite" and act.room == room and "invited" in act.codes:
            yield Mark(act.after, "invite", act.target)
    for arrival in diary.arrivals:
        if arrival.room != room:
            continue
        if isinstance(arrival, Entry):
            yield Mark(arrival.seq, "enter", arrival.nick, arrival.lasting, arrival)
        else:
            yield Mark(arrival.seq, "login", diary.name)
    for each in diary.heard:
        if each.live and each.line.room == room and each.line.kind == "private":
            yield Mark(each.line.seq, "stay", diary.name, each.lasting)
