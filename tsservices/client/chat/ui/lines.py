"""The lines of one window, and which of them fit on its rows.  Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tsservices.client.chat.colours import Span
from tsservices.client.chat.ui.rows import textWidth, wrapped
from tsservices.frontends.formats.localtime import LocalTime

#: Lines that a window keeps; those before them can be fetched again.
LINES_KEPT = 10_000

#: So many more may be there before the oldest are removed, all at once.
_SURPLUS = 500

#: Columns from which on a row has the seconds of its time.
SECONDS_FROM = 60

#: Columns from which on a row has a time.
TIMES_FROM = 24

#: What stands before the first line that nobody has read.
NEW = "--- new ---"


@dataclass(slots=True, eq=False)
class ShownLine:
    """One line of a window."""

    #: When it was said, in seconds since 1970.
    seconds: int
    #: What stands behind the time.
    spans: Sequence[Span]
    #: Characters before the text: the rows below the first one begin there.
    indent: int = 0
    #: Its number in its room; 0: it has none.
    seq: int = 0
    #: The folded name of the room that the number is of, if it is not that of the window.
    room: str = ""
    #: Who has said it; empty: nobody.
    nick: str = ""
    #: What was said, to be copied.
    text: str = ""
    #: It stands between lines of its room, but is none of them: a result, or an answer.
    aside: bool = True
    #: The id of a private message; empty: it has none.
    ident: str = ""
    #: It has its time before it.
    timed: bool = True
    #: The line that it repeats, of the same window.
    original: ShownLine | None = None


class Row(NamedTuple):
    """One row of a window."""

    #: The position of its line.
    position: int
    spans: list[Span]


class LineList:
    """
    Lines by position.  A position stays that of its line when lines come before others or
    are removed.

    @ivar first: the position of the first line; it can be negative.
    @ivar newest: the highest number of a line of the room that was here.
    @ivar newFrom: the position of the first line that nobody has read; L{None}: all were read.
    """

    def __init__(self, times: LocalTime, most: int = LINES_KEPT) -> None:
        """@param most: how many lines are kept."""
        self.first = 0
        self.newest = 0
        self.newFrom: int | None = None
        self._times = times
        self._most = most
        self._lines: list[ShownLine] = []

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[ShownLine]:
        return iter(self._lines)

    @property
    def end(self) -> int:
        """The position behind the last line."""
        return self.first + len(self._lines)

    def at(self, position: int) -> ShownLine:
        return self._lines[position - self.first]

    def clamped(self, position: int) -> int:
        """The nearest position that there is."""
        return max(self.first, min(position, self.end - 1))

    def add(self, line: ShownLine, trim: bool = True, above: int = 0) -> int:
        """
        Add a line below all others.

        @param trim: whether the oldest lines may be removed for it.
        @param above: so many of the last lines stay below it.
        @return: its position.
        """
        self._lines.insert(len(self._lines) - above, line)
        if line.seq > self.newest and not line.aside:
            self.newest = line.seq
        if trim and len(self._lines) > self._most + _SURPLUS:
            self._remove(len(self._lines) - self._most)
        return self.end - 1 - above

    def _remove(self, count: int) -> None:
        del self._lines[:count]
        self.first += count
        if self.newFrom is not None and self.newFrom < self.first:
            self.newFrom = self.first

    def insertOlder(self, lines: Sequence[ShownLine]) -> None:
        """Add lines above all others."""
        self._lines[0:0] = lines
        self.first -= len(lines)

    def clear(self) -> None:
        """Show none of them any more."""
        self.first = self.end
        self._lines.clear()
        self.newFrom = None

    def disown(self, after: int) -> None:
        """The numbers after this one may be those of other lines from now on."""
        for line in self._lines:
            if line.seq > after:
                line.aside = True
        self.newest = min(self.newest, after)

    def numbered(self) -> list[tuple[int, int]]:
        """Numbers and positions of the lines of the room, in the order of the numbers."""
        return [
            (line.seq, position)
            for position, line in enumerate(self._lines, self.first)
            if line.seq and not line.aside
        ]

    def find(self, seq: int) -> int | None:
        """The position of a line of the room; L{None}: it is not here."""
        if seq > self.newest:
            return None
        numbers = self.numbered()
        at = bisect_left(numbers, (seq, self.first))
        return numbers[at][1] if at < len(numbers) and numbers[at][0] == seq else None

    def positionOf(self, line: ShownLine) -> int | None:
        """The position of a line; L{None}: it is not here any more."""
        for position, other in enumerate(self._lines, self.first):
            if other is line:
                return position
        return None

    def oldest(self) -> int:
        """The number of the first line of the room that is here; 0: none has one."""
        return next((line.seq for line in self._lines if line.seq and not line.aside), 0)

    def rowsOf(self, position: int, width: int) -> list[Row]:
        """The rows of one line, with the day and the mark that stand above it."""
        line = self.at(position)
        moment = self._times.moment(line.seconds)
        rows: list[list[Span]] = []
        if position > self.first:
            before = self._times.moment(self.at(position - 1).seconds).date
        else:
            before = ""
        if moment.date != before:
            rows.append([("mark", _ruled(moment.date, width))])
        if position == self.newFrom:
            rows.append([("mark", _ruled("new", width) if width > 20 else NEW[:width])])
        if not line.timed:
            clock = ""
        elif width >= SECONDS_FROM:
            clock = f"[{moment.clock}] "
        else:
            clock = f"{moment.clock[:5]} " if width >= TIMES_FROM else ""
        indent = len(clock) + line.indent
        rows += wrapped([("time", clock), *line.spans] if clock else line.spans, width, indent)
        return [Row(position, row) for row in rows]


def _ruled(text: str, width: int) -> str:
    """A text between rules."""
    return f"--- {text} ---" if textWidth(text) + 8 <= width else text[:width]


class Viewport:
    """
    Which lines of a window are seen.

    @ivar position: that of the lowest line that is seen; L{None}: of the last one, whichever that
        is.
    """

    def __init__(self, lines: LineList) -> None:
        self.position: int | None = None
        # Rows of the lowest line that are seen.
        self._rows = 0
        self._lines = lines

    @property
    def below(self) -> int:
        """How many lines are below what is seen."""
        if self.position is None:
            return 0
        return max(0, self._lines.end - 1 - self._lines.clamped(self.position))

    def follow(self) -> None:
        """See the last line, whichever that is."""
        self.position = None

    def visible(self, width: int, height: int) -> list[Row]:
        """The rows that are seen, from above."""
        return list(reversed(list(self._upwards(width, height))))

    def _upwards(self, width: int, height: int) -> Iterator[Row]:
        lines = self._lines
        if not len(lines) or height <= 0:
            return
        position, count = lines.end - 1, -1
        if self.position is not None:
            position = lines.clamped(self.position)
            # It may have been removed.
            count = self._rows if position == self.position else -1
        while position >= lines.first:
            rows = lines.rowsOf(position, width)
            if count >= 0:
                rows, count = rows[: max(1, count)], -1
            for row in reversed(rows):
                yield row
                height -= 1
                if not height:
                    return
            position -= 1

    def scroll(self, rows: int, width: int, height: int) -> bool:
        """
        Move.

        @param rows: how many, upwards; downwards if it is negative.
        @return: whether the first line is reached.
        """
        lines = self._lines
        if not len(lines):
            return rows > 0
        if self.position is None:
            self.position = lines.end - 1
            self._rows = len(lines.rowsOf(self.position, width))
        elif self.position < lines.first:
            self.position, self._rows = lines.first, 1
        if rows > 0:
            return self._up(rows, width, height)
        self._down(-rows, width)
        return False

    def _up(self, rows: int, width: int, height: int) -> bool:
        # The rows from the top to the lowest one that will be seen have to fill the window.
        above = 0
        for _ in self._upwards(width, height + rows):
            above += 1
        move = min(rows, above - height)
        if move > 0:
            self._moveUp(move, width)
        elif above < height:
            self._down(height - above, width)
        return above < height + rows

    def _moveUp(self, rows: int, width: int) -> None:
        assert self.position is not None
        while rows >= self._rows:
            rows -= self._rows
            self.position -= 1
            self._rows = len(self._lines.rowsOf(self.position, width))
        self._rows -= rows

    def _down(self, rows: int, width: int) -> None:
        assert self.position is not None
        while True:
            total = len(self._lines.rowsOf(self.position, width))
            if self._rows + rows <= total:
                self._rows += rows
                break
            rows -= max(0, total - self._rows)
            if self.position >= self._lines.end - 1:
                self._rows = total
                break
            self.position += 1
            self._rows = 0
        if self.position >= self._lines.end - 1 and self._rows >= total:
            self.position = None

    def toTop(self, width: int, height: int) -> None:
        """See the first line."""
        if len(self._lines):
            self.position = self._lines.first
            self._rows = len(self._lines.rowsOf(self.position, width))
            self._down(max(0, height - self._rows), width)

    def reveal(self, position: int, width: int, height: int) -> None:
        """See a line, in the middle if it is not seen yet."""
        if any(row.position == position for row in self.visible(width, height)):
            return
        self.position = self._lines.clamped(position)
        self._rows = len(self._lines.rowsOf(self.position, width))
        self._down(max(0, height // 2), width)
