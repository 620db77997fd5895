"""
The cells of the echo benchmark: one row of the table each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from benchmarks.common.cells import matchingCells


class Kind(Enum):
    """
    The kind of measurement of a cell.

    @cvar LOAD: Requests and replies only.
    @cvar IDLE: Requests and replies beside many silent connections, and the cost of such a one.
    @cvar LATENESS: Requests and replies beside a timer in the server that records its delays.
    """

    LOAD = "load"
    IDLE = "idle"
    LATENESS = "lateness"


@dataclass(frozen=True)
class Cell:
    """
    One kind of load for a server.

    @ivar name: Its name in C{--only}.
    @ivar title: Its name in tables.
    @ivar transport: C{"tcp"} or C{"udp"}.
    @ivar connections: Client sockets.
    @ivar depth: Requests in flight on each socket.
    @ivar size: Bytes of one request with its newline.
    @ivar kind: What is measured.
    @ivar tls: Whether the connections use TLS.
    @ivar idle: Silent connections, for L{Kind.IDLE} only.
    @ivar quick: Whether a short run measures it.
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
    tls: bool = False


# UDP: eight sockets with eight datagrams each.  With 64 on one socket, one recvmmsg of the
# generator would get all replies of a round, which is impossible with many separate clients.
CELLS = (
    Cell("tcp-1c-64b", "TCP, 1 connection, 64 B", "tcp", 1, 1, 64, quick=True, pictured=True),
    Cell("tcp-64c-64b", "TCP, 64 connections, 64 B", "tcp", 64, 1, 64, quick=True, pictured=True),
    Cell("tcp-1000c-64b", "TCP, 1000 connections, 64 B", "tcp", 1000, 1, 64, pictured=True),
    Cell("tcp-1c-4096b", "TCP, 1 connection, 4096 B", "tcp", 1, 1, 4096),
    Cell("tcp-64c-4096b", "TCP, 64 connections, 4096 B", "tcp", 64, 1, 4096),
    Cell("tcp-1000c-4096b", "TCP, 1000 connections, 4096 B", "tcp", 1000, 1, 4096),
    Cell("pipelined-64c-64b", "TCP, 64 x 32 deep, 64 B", "tcp", 64, 32, 64, quick=True),
    Cell("pipelined-64c-4096b", "TCP, 64 x 32 deep, 4096 B", "tcp", 64, 32, 4096),
    Cell("tls-1c-64b", "TLS, 1 connection, 64 B", "tcp", 1, 1, 64, tls=True),
    Cell("tls-64c-64b", "TLS, 64 connections, 64 B", "tcp", 64, 1, 64, quick=True, tls=True),
    Cell("tls-1000c-64b", "TLS, 1000 connections, 64 B", "tcp", 1000, 1, 64, tls=True),
    Cell("tls-64c-4096b", "TLS, 64 connections, 4096 B", "tcp", 64, 1, 4096, tls=True),
    Cell("tls-pipelined-64c-64b", "TLS, 64 x 32 deep, 64 B", "tcp", 64, 32, 64, tls=True),
    Cell("tls-pipelined-64c-4096b", "TLS, 64 x 32 deep, 4096 B", "tcp", 64, 32, 4096, tls=True),
    Cell("udp-1f-64b", "UDP, 1 in flight, 64 B", "udp", 1, 1, 64),
    Cell("udp-64f-64b", "UDP, 64 in flight, 64 B", "udp", 8, 8, 64, quick=True, pictured=True),
    Cell("udp-1f-4096b", "UDP, 1 in flight, 4096 B", "udp", 1, 1, 4096),
    Cell("udp-64f-4096b", "UDP, 64 in flight, 4096 B", "udp", 8, 8, 4096),
    Cell(
        "idle-10000c", "TCP, 64 busy, 10,000 idle", "tcp", 64, 1, 64, Kind.IDLE, 10_000, quick=True
    ),
    Cell("lateness-1000c", "TCP, 1000 busy, timer", "tcp", 1000, 1, 64, Kind.LATENESS, quick=True),
)

# Idle connections of a short run: enough to run the code, too few for a reliable figure.
QUICK_IDLE = 500


def chosenCells(patterns: Iterable[str], quick: bool) -> list[Cell]:
    """
    Get the cells of a run, in the order of the table.

    @raise ValueError: A pattern matches no cell.
    """
    cells = matchingCells(CELLS, patterns, quick)
    return [_withFewerIdle(cell) for cell in cells] if quick else cells


def _withFewerIdle(cell: Cell) -> Cell:
    if cell.idle <= QUICK_IDLE:
        return cell
    return replace(cell, idle=QUICK_IDLE, title=f"TCP, {cell.connections} busy, {QUICK_IDLE} idle")
