"""
Happenings for the tests of those that write them.
"""

from __future__ import annotations

from tsservices.chat.notifications import Replay, RoomEntered, Said, Topic
from tsservices.chat.operations import MESSAGE
from tsservices.common.timestamps import NANOSECONDS

NOON = 1_795_176_600 * NANOSECONDS
"""
2026-11-20T12:10:00Z, a Friday.
"""

DAY = 86_400 * NANOSECONDS
"""
From one noon to the next.
"""


def said(
    *texts: str,
    first: int = 17,
    time: int = NOON,
    kind: str = MESSAGE,
    nick: str = "ann",
    account: str | None = None,
    previous: int = NOON,
) -> Said:
    """
    @param texts: the lines.
    @param first: the number of the first.
    @param time: of the first.
    @param kind: of all.
    @param nick: who said it.
    @param account: whom the name belongs to.
    @param previous: when the line before was said.
    @return: what C{nick} said in the room Lobby.
    """
    return Said(
        "lobby", "Lobby", first, time, "4f", 5, 2, kind, nick, account, "s1", texts, previous
    )


def replay(*lines: Said, missing: tuple[int, int] | None = None) -> Replay:
    """
    @param lines: what was said before.
    @param missing: what is not kept any more.
    @return: the replay in the room Lobby.
    """
    return Replay("lobby", "Lobby", list(lines), missing, 17)


def entered(
    *nicks: str, present: int = 0, topic: str = "", before: Replay | None = None
) -> RoomEntered:
    """
    @param nicks: who is named.
    @param present: how many are there, if more than those.
    @param topic: of the room.
    @param before: the replay.
    @return: that ann is in the room Lobby.
    """
    about = Topic("lobby", "Lobby", topic, "bob" if topic else "", NOON if topic else 0)
    return RoomEntered(
        "lobby", "Lobby", about, list(nicks), present or len(nicks), 17, before, "ann"
    )
