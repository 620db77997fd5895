"""What happened between two numbered lines of a room.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.live.crash.rules.log import ClientLog, Entry


class TimelineEvent(NamedTuple):
    after: int
    kind: str
    name: str
    loggedIn: bool = True
    entry: Entry | None = None


def timeline(room: str, log: ClientLog) -> Iterator[TimelineEvent]:
    for action in log.actions:
        if action.verb == "invite" and action.room == room and "invited" in action.codes:
            yield TimelineEvent(action.after, "invite", action.target)
    for arrival in log.arrivals:
        if arrival.room != room:
            continue
        if isinstance(arrival, Entry):
            yield TimelineEvent(arrival.seq, "enter", arrival.nick, arrival.loggedIn, arrival)
        else:
            yield TimelineEvent(arrival.seq, "login", log.name)
    for line, live, _, loggedIn in log.received:
        if live and line.room == room and line.kind == "private":
            yield TimelineEvent(line.seq, "stay", log.name, loggedIn)
