"""
What happened between two numbered lines of a room.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.live.crash.rules.log import ClientLog, Entry


class TimelineEvent(NamedTuple):
    """What happened between two lines of a room."""

    after: int
    kind: str
    name: str
    loggedIn: bool = True
    entry: Entry | None = None


def timeline(room: str, diary: ClientLog) -> Iterator[TimelineEvent]:
    for act in diary.actions:
        if act.verb == "invite" and act.room == room and "invited" in act.codes:
            yield TimelineEvent(act.after, "invite", act.target)
    for arrival in diary.arrivals:
        if arrival.room != room:
            continue
        if isinstance(arrival, Entry):
            yield TimelineEvent(arrival.seq, "enter", arrival.nick, arrival.loggedIn, arrival)
        else:
            yield TimelineEvent(arrival.seq, "login", diary.name)
    for each in diary.received:
        if each.live and each.line.room == room and each.line.kind == "private":
            yield TimelineEvent(each.line.seq, "stay", diary.name, each.loggedIn)
