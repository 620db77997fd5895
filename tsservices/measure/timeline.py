"""
Round trips by time, coarser as the run grows longer.  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

CELLS = 1024
"""
Spans of time that are kept; when there are more, two become one.
"""

FIRST_SPAN = 1_000_000
"""
Nanoseconds of a span at the beginning.
"""


@dataclass(slots=True)
class Cell:
    """
    One span of time.

    @ivar count: round trips in it.
    @ivar lost: packets lost in it.
    @ivar least: the shortest round trip in nanoseconds; L{None} when there is none.
    @ivar most: the longest.
    @ivar total: all of them together.
    """

    count: int = 0
    lost: int = 0
    least: int | None = None
    most: int | None = None
    total: int = 0

    def take(self, other: Cell) -> None:
        """
        @param other: a neighbour, whose contents are added.
        """
        self.count += other.count
        self.lost += other.lost
        self.total += other.total
        if other.least is not None and other.most is not None:
            self.least = other.least if self.least is None else min(self.least, other.least)
            self.most = other.most if self.most is None else max(self.most, other.most)


class Timeline:
    """
    A row of cells from the start of the run.

    @ivar span: nanoseconds of a cell.
    """

    def __init__(self) -> None:
        """
        Start with no cell.
        """
        self.span = FIRST_SPAN
        self._cells: dict[int, Cell] = {}

    def add(self, at: int, trip: int | None) -> None:
        """
        @param at: when the packet was sent, in nanoseconds since the start.
        @param trip: the round trip; L{None} if the packet was lost.
        """
        new = Cell(lost=1) if trip is None else Cell(1, 0, trip, trip, trip)
        self._cells.setdefault(at // self.span, Cell()).take(new)
        while len(self._cells) > CELLS:
            self.span *= 2
            held, self._cells = self._cells, {}
            for number, cell in held.items():
                self._cells.setdefault(number // 2, Cell()).take(cell)

    def cells(self) -> list[tuple[int, Cell]]:
        """
        @return: when each cell that is not empty begins, and what is in it, in order.
        """
        return [(number * self.span, self._cells[number]) for number in sorted(self._cells)]
