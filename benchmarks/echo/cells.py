"""
What is measured: one row for each cell of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar


class Named(Protocol):
    """A row of any table."""

    @property
    def name(self) -> str:
        """What C{--only} matches."""

    @property
    def quick(self) -> bool:
        """Whether a short run has it."""


Row = TypeVar("Row", bound=Named)


class Kind(Enum):
    """
    What a cell asks of a server.

    @cvar LOAD: Requests and replies, nothing else.
    @cvar IDLE: The same with many silent connections beside, and what each of those costs.
    @cvar LATENESS: The same with a timer in the server that records how late it runs.
    """

    LOAD = "load"
    IDLE = "idle"
    LATENESS = "lateness"


@dataclass(frozen=True)
class Cell:
    """
    One way of asking a server for work.

    @ivar name: What C{--only} matches.
    @ivar title: The same for a person.
    @ivar transport: C{"tcp"} or C{"udp"}.
    @ivar connections: Client sockets.
    @ivar depth: Requests in flight on each socket.
    @ivar size: Bytes of one request, its newline included.
    @ivar kind: What is measured beside the requests.
    @ivar idle: Silent connections, for L{Kind.IDLE} only.
    @ivar quick: Whether a short run has it.
    @ivar pictured: Whether the picture has a panel for it.
    """

    name: str
    title: str
    transport: str
    connections: int
    depth: int
    size: int
    kind: Kind = Kind.LOAD
    idle: int = 0
    quick: bool = False
    pictured: bool = False


# Eight sockets with eight datagrams each: 64 from a single one would let a single receive call of
# the generator collect replies of a whole pass, which no crowd of clients does.
CELLS = (
    Cell("tcp-1c-64b", "TCP, 1 connection, 64 B", "tcp", 1, 1, 64, quick=True, pictured=True),
    Cell("tcp-64c-64b", "TCP, 64 connections, 64 B", "tcp", 64, 1, 64, quick=True, pictured=True),
    Cell("tcp-1000c-64b", "TCP, 1000 connections, 64 B", "tcp", 1000, 1, 64, pictured=True),
    Cell("tcp-1c-4096b", "TCP, 1 connection, 4096 B", "tcp", 1, 1, 4096),
    Cell("tcp-64c-4096b", "TCP, 64 connections, 4096 B", "tcp", 64, 1, 4096),
    Cell("tcp-1000c-4096b", "TCP, 1000 connections, 4096 B", "tcp", 1000, 1, 4096),
    Cell("pipelined-64c-64b", "TCP, 64 x 32 deep, 64 B", "tcp", 64, 32, 64, quick=True),
    Cell("pipelined-64c-4096b", "TCP, 64 x 32 deep, 4096 B", "tcp", 64, 32, 4096),
    Cell("udp-1f-64b", "UDP, 1 in flight, 64 B", "udp", 1, 1, 64),
    Cell("udp-64f-64b", "UDP, 64 in flight, 64 B", "udp", 8, 8, 64, quick=True, pictured=True),
    Cell("udp-1f-4096b", "UDP, 1 in flight, 4096 B", "udp", 1, 1, 4096),
    Cell("udp-64f-4096b", "UDP, 64 in flight, 4096 B", "udp", 8, 8, 4096),
    Cell(
        "idle-10000c", "TCP, 64 busy, 10,000 idle", "tcp", 64, 1, 64, Kind.IDLE, 10_000, quick=True
    ),
    Cell("lateness-1000c", "TCP, 1000 busy, timer", "tcp", 1000, 1, 64, Kind.LATENESS, quick=True),
)

# A short run opens this many idle connections: enough to exercise the path, not to trust it.
QUICK_IDLE = 500


def chosen(patterns: Iterable[str], quick: bool) -> list[Cell]:
    """
    The cells of a run, in the order of the table.

    @raise ValueError: A pattern matches no cell.
    """
    cells = matching(CELLS, patterns, quick)
    return [_shrunk(cell) for cell in cells] if quick else cells


def matching(cells: Sequence[Row], patterns: Iterable[str], quick: bool) -> list[Row]:
    """
    Those of C{cells} that a run has, in their order.

    @raise ValueError: A pattern matches no cell.
    """
    wanted = list(patterns)
    for pattern in wanted:
        if not any(_matches(cell, pattern) for cell in cells):
            known = ", ".join(cell.name for cell in cells)
            raise ValueError(f"no cell matches {pattern!r}; there are: {known}")
    return [
        cell
        for cell in cells
        if any(_matches(cell, pattern) for pattern in wanted)
        or (not wanted and (cell.quick or not quick))
    ]


def _shrunk(cell: Cell) -> Cell:
    """The cell with fewer silent connections, and a title that says so."""
    if cell.idle <= QUICK_IDLE:
        return cell
    return replace(cell, idle=QUICK_IDLE, title=f"TCP, {cell.connections} busy, {QUICK_IDLE} idle")


def _matches(cell: Named, pattern: str) -> bool:
    """Whether C{pattern} names C{cell}."""
    return cell.name.startswith(pattern) or fnmatchcase(cell.name, pattern)
