"""
What the chat benchmark measures: one row for each cell of the table.

A cell is a room with a number of members, how they come, and the way in which some send lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

# Bytes of text sent to stalled members before the measured time.  The kernel takes 15 to 270 kB for
# one of them, so the server has to queue what is left.
FILL = 250_000


@dataclass(frozen=True)
class ChatCell:
    """
    One room, and how its members send lines.

    @ivar name: What C{--only} matches.
    @ivar title: Its name in tables.
    @ivar members: All members of the room.
    @ivar window: Lines that a sender sends with one write.
    @ivar senders: Members who send lines.
    @ivar stalled: Members who never read what they receive.
    @ivar rate: Lines in a second of all senders together, sent at fixed times; 0 when a window is
        sent as soon as every member has the one before.
    @ivar arrivals: Members who come in a second, whether those before are in or not; 0: some at a
        time, as the peer has it; infinite: all at once.
    @ivar lengthFactor: Length of the measured time, compared with other cells.
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
        """Bytes sent before the measured time, at least."""
        return FILL if self.stalled else 0


def _closedLoop(members: int, window: int, senders: int, stalled: int = 0) -> ChatCell:
    # A closed loop: senders wait until every member has the window before.
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
    # What counts in these two is the processor time of the joins.
    ChatCell("join-1000m-once", "1000 members who come at once", 1000, 1, 1, arrivals=inf),
    ChatCell("join-1000m-trickle", "1000 members, 200 come in a second", 1000, 1, 1, arrivals=200),
    # At 100 lines a second, a short time gives no 99th percentile.
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
