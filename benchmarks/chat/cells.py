"""
What the chat benchmark measures: one row for each cell of the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.echo.cells import matching

# Bytes of text said before the stretch begins to members who never read: more than the kernel
# takes for one, which is 15 to 270 kB, so the server is left with the rest.
FILL = 250_000


@dataclass(frozen=True)
class ChatCell:
    """
    One room and how it is talked in.

    @ivar name: What C{--only} matches.
    @ivar title: The same for a person.
    @ivar members: All in the room.
    @ivar window: Lines a sender says with one write.
    @ivar senders: Members who say something.
    @ivar stalled: Members who never read.
    @ivar rate: Lines in a second of all senders together, said at fixed times; 0 when a window
        leaves as soon as everybody has the one before.
    @ivar stretch: Times the length of the other cells'.
    @ivar quick: Whether a short run has it.
    """

    name: str
    title: str
    members: int
    window: int
    senders: int
    stalled: int = 0
    rate: float = 0
    stretch: int = 1
    quick: bool = False

    @property
    def fill(self) -> int:
        """Bytes said before the stretch begins, at least."""
        return FILL if self.stalled else 0


def _closed(members: int, window: int, senders: int, stalled: int = 0) -> ChatCell:
    """A cell whose senders wait for everybody."""
    name = f"{members}m-{window}w-{senders}s"
    lines = "1 line" if window == 1 else f"{window} lines"
    who = "1 sender" if senders == 1 else f"{senders} senders"
    title = f"{members} members, {lines}, {who}"
    if stalled:
        name, title = f"stalled-{name}", f"{title}, {stalled} never read"
    quick = name in ("20m-1w-1s", "200m-20w-8s", "stalled-200m-1w-1s")
    return ChatCell(name, title, members, window, senders, stalled, quick=quick)


CHAT_CELLS = (
    *(
        _closed(members, window, senders)
        for members in (20, 200, 1000)
        for window in (1, 20)
        for senders in (1, 8)
    ),
    # The least and the most of it: these rooms take long to fill.
    *(
        _closed(members, window, senders, members // 20)
        for members in (200, 1000)
        for window, senders in ((1, 1), (20, 8))
    ),
    # At 100 lines a second a short stretch has no 99th percentile.
    ChatCell(
        "open-200m",
        "200 members, 100 lines/s, 8 senders",
        200,
        1,
        8,
        rate=100,
        stretch=4,
        quick=True,
    ),
)


def chosenRooms(patterns: Iterable[str], quick: bool) -> list[ChatCell]:
    """
    The cells of a run, in the order of the table.

    @raise ValueError: A pattern matches no cell.
    """
    return matching(CHAT_CELLS, patterns, quick)
