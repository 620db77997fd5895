"""Notifications for the tests of the formats."""

from __future__ import annotations

from tsservices.chat.notifications import HistoryReplay, JoinedRoom, RoomMessages, Topic
from tsservices.chat.operations import MESSAGE
from tsservices.common.timestamps import NANOSECONDS

#: 2026-11-20T12:10:00Z, a Friday.
NOON = 1_795_176_600 * NANOSECONDS

#: From one noon to the next.
DAY = 86_400 * NANOSECONDS


def roomMessages(
    *texts: str,
    first: int = 17,
    time: int = NOON,
    kind: str = MESSAGE,
    nick: str = "ann",
    account: str | None = None,
    previous: int = NOON,
) -> RoomMessages:
    return RoomMessages(
        "lobby", "Lobby", first, time, "4f", 5, 2, kind, nick, account, "s1", texts, previous
    )


def replay(*lines: RoomMessages, missing: tuple[int, int] | None = None) -> HistoryReplay:
    return HistoryReplay("lobby", "Lobby", list(lines), missing, 17)


def joinedRoom(
    *nicks: str, present: int = 0, topic: str = "", before: HistoryReplay | None = None
) -> JoinedRoom:
    about = Topic("lobby", "Lobby", topic, "bob" if topic else "", NOON if topic else 0)
    return JoinedRoom(
        "lobby", "Lobby", about, list(nicks), present or len(nicks), 17, before, "ann"
    )
