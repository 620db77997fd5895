"""The lines of one window, and the part of them that is visible.  Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tsservices.client.chat.colours import Span
from tsservices.client.chat.ui.rows import textWidth, wrapped
from tsservices.frontends.formats.localtime import LocalTime

#: Lines that a window keeps; older ones can be fetched again.
LINES_KEPT = 10_000

#: So many more lines are kept before the oldest are removed, in one step.
_SURPLUS = 500

#: The fewest columns with which times are shown with seconds.
SECONDS_FROM = 60

#: The fewest columns with which times are shown.
TIMES_FROM = 24

#: The mark before the first unread line.
NEW = "--- new ---"


@dataclass(slots=True, eq=False)
class ShownLine:
    """One line of a window."""

    #: The time of the line, in seconds since 1970.
    seconds: int
    #: The spans after the time.
    spans: Sequence[Span]
    #: Characters before the text, by which the rows after the first are indented.
    indent: int = 0
    #: Its number in its room; 0: it has none.
    seq: int = 0
    #: The folded name of the number's room, if that is not the room of the window.
    room: str = ""
    #: The author; empty: none.
    nick: str = ""
    #: The text without time and author, to be copied.
    text: str = ""
    #: Whether it is not a line of the window's room, but a search result or an answer, for example.
    aside: bool = True
    #: The id of a private message; empty: it has none.
    ident: str = ""
    #: Whether its time is shown.
    timed: bool = True
    #: The line of the same window that this one repeats.
    original: ShownLine | None = None
    #: The spans of an action when the words of its author are deleted; empty: it has no words.
    wordless: Sequence[Span] = ()


class Row(NamedTuple):
    """One row of a window."""

    #: The position of its line.
    position: int
    spans: list[Span]


class LineList:
    """
    Lines by position.  A line keeps its position when others are added above it or removed.

    @ivar first: the position of the first line; it can be negative.
    @ivar newest: the highest number of a line of the room that was ever in the list.
    @ivar newFrom: the position of the first unread line; L{None}: all were read.
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
        """The position after the last line."""
        return self.first + len(self._lines)

    def at(self, position: int) -> ShownLine:
        return self._lines[position - self.first]

    def clamped(self, position: int) -> int:
        """Return the nearest existing position."""
        return max(self.first, min(position, self.end - 1))

    def add(self, line: ShownLine, trim: bool = True, above: int = 0) -> int:
        """
        Add a line at the end.

        @param trim: whether the oldest lines may be removed.
        @param above: how many of the last lines stay below the new one.
        @return: the position of the line.
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
        """Add lines at the start."""
        self._lines[0:0] = lines
        self.first -= len(lines)

    def clear(self) -> None:
        """Remove all lines."""
        self.first = self.end
        self._lines.clear()
        self.newFrom = None

    def disown(self, after: int) -> None:
        """Ignore the numbers of lines after this one, which other lines may get from now on."""
        for line in self._lines:
            if line.seq > after:
                line.aside = True
        self.newest = min(self.newest, after)

    def numbered(self) -> list[tuple[int, int]]:
        """List the numbers and positions of the lines of the room, sorted by number."""
        return [
            (line.seq, position)
            for position, line in enumerate(self._lines, self.first)
            if line.seq and not line.aside
        ]

    def find(self, seq: int) -> int | None:
        """Find the position of a line of the room by its number; L{None}: it is not in the list."""
        if seq > self.newest:
            return None
        numbers = self.numbered()
        at = bisect_left(numbers, (seq, self.first))
        return numbers[at][1] if at < len(numbers) and numbers[at][0] == seq else None

    def positionOf(self, line: ShownLine) -> int | None:
        """Return the position of a line; L{None}: it was removed."""
        for position, other in enumerate(self._lines, self.first):
            if other is line:
                return position
        return None

    def oldest(self) -> int:
        """Return the number of the first line of the room in the list; 0: there is none."""
        return next((line.seq for line in self._lines if line.seq and not line.aside), 0)

    def rowsOf(self, position: int, width: int) -> list[Row]:
        """Break one line into rows, with the date and the mark above it if needed."""
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
    """Put a text between rules, if there is room."""
    return f"--- {text} ---" if textWidth(text) + 8 <= width else text[:width]


class Viewport:
    """
    The visible part of a window's lines.

    @ivar position: the position of the lowest visible line; L{None}: always the last line.
    """

    def __init__(self, lines: LineList) -> None:
        self.position: int | None = None
        # The number of visible rows of the lowest line.
        self._rows = 0
        self._lines = lines

    @property
    def below(self) -> int:
        """How many lines are below the visible ones."""
        if self.position is None:
            return 0
        return max(0, self._lines.end - 1 - self._lines.clamped(self.position))

    def follow(self) -> None:
        """Scroll to the end, and follow new lines."""
        self.position = None

    def visible(self, width: int, height: int) -> list[Row]:
        """List the visible rows from top to bottom."""
        return list(reversed(list(self._upwards(width, height))))

    def _upwards(self, width: int, height: int) -> Iterator[Row]:
        lines = self._lines
        if not len(lines) or height <= 0:
            return
        position, count = lines.end - 1, -1
        if self.position is not None:
            position = lines.clamped(self.position)
            # The line may have been removed.
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
        Scroll.

        @param rows: the number of rows, upwards; negative: downwards.
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
        # The rows from the first line to the new lowest row must fill the window.
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
        """Scroll to the first line."""
        if len(self._lines):
            self.position = self._lines.first
            self._rows = len(self._lines.rowsOf(self.position, width))
            self._down(max(0, height - self._rows), width)

    def reveal(self, position: int, width: int, height: int) -> None:
        """Make a line visible, in the middle of the window if it is not visible yet."""
        if any(row.position == position for row in self.visible(width, height)):
            return
        self.position = self._lines.clamped(position)
        self._rows = len(self._lines.rowsOf(self.position, width))
        self._down(max(0, height // 2), width)
