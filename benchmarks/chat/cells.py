"""
The cells of the chat benchmark: one row of the table each.

A cell is a room with a number of members, how they join, and how some of them send lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

# Bytes of text sent to stalled members before the measured time.  The kernel buffers 15 to 270 kB
# for each, so the server has to queue the rest.
FILL = 250_000


@dataclass(frozen=True)
class ChatCell:
    """
    One room, and how its members send lines.

    @ivar name: Its name in C{--only}.
    @ivar title: Its name in tables.
    @ivar members: All members of the room.
    @ivar window: Lines that a sender sends in one write.
    @ivar senders: Members that send lines.
    @ivar stalled: Members that never read.
    @ivar rate: Lines in a second of all senders together, sent at fixed times; 0: a window is sent
        as soon as every member has the previous one.
    @ivar arrivals: Joins in a second, without waiting for earlier ones; 0: C{ChatPeer.outstanding}
        at a time; infinite: all at once.
    @ivar lengthFactor: Length of the measured time, relative to other cells.
    @ivar quick: Whether a short run measures it.
    """

    name: str
    title: str
    members: int
    window: int
    senders: int
    stalled: int = 0
    rate: float = 0
    arrivals: float = 0
    lengthFactor: int = 1
    quick: bool = False

    @property
    def fill(self) -> int:
        """The least bytes to send before the measured time."""
        return FILL if self.stalled else 0


def _closedLoop(members: int, window: int, senders: int, stalled: int = 0) -> ChatCell:
    # A closed loop: senders wait until every member has the previous window.
    name = f"{members}m-{window}w-{senders}s"
    lines = "1 line" if window == 1 else f"{window} lines"
    authors = "1 sender" if senders == 1 else f"{senders} senders"
    title = f"{members} members, {lines}, {authors}"
    if stalled:
        name, title = f"stalled-{name}", f"{title}, {stalled} never read"
    quick = name in ("20m-1w-1s", "200m-20w-8s", "stalled-200m-1w-1s")
    return ChatCell(name, title, members, window, senders, stalled, quick=quick)


CHAT_CELLS = (
    *(
        _closedLoop(members, window, senders)
        for members in (20, 200, 1000)
        for window in (1, 20)
        for senders in (1, 8)
    ),
    # Only the lightest and the heaviest load: these rooms take long to fill.
    _closedLoop(2000, 1, 1),
    *(
        _closedLoop(members, window, senders, members // 20)
        for members in (200, 1000)
        for window, senders in ((1, 1), (20, 8))
    ),
    # These two are about the processor time of the joins.
    ChatCell("join-1000m-once", "1000 members who come at once", 1000, 1, 1, arrivals=inf),
    ChatCell("join-1000m-trickle", "1000 members, 200 come in a second", 1000, 1, 1, arrivals=200),
    # At 100 lines a second, a short time would give no 99th percentile.
    ChatCell(
        "open-200m",
        "200 members, 100 lines/s, 8 senders",
        200,
        1,
        8,
        rate=100,
        lengthFactor=4,
        quick=True,
    ),
)
