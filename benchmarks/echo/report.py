"""
The output of the echo benchmark: a table of all cells, and one for each kind of special cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.common.servers import Peer
from benchmarks.common.tables import aligned, number, percent
from benchmarks.echo.cells import Cell, Kind
from benchmarks.echo.figures import Row


def tables(rows: Sequence[Row], cells: Sequence[Cell], peers: Sequence[Peer]) -> str:
    """Make the tables as text."""
    cellTitles = {cell.name: cell.title for cell in cells}
    peerTitles = {peer.name: peer.title for peer in peers}
    kinds = {cell.name: cell.kind for cell in cells}

    def titles(row: Row) -> tuple[str, str]:
        return cellTitles[row.cell], peerTitles[row.peer]

    heading = "cell|peer|requests/s|CPU us/req|p50 us|p99 us|rate:uvloop|CPU:uvloop|p50:uvloop"
    heading += "|rate:C|CPU:C|server|generator|notes"
    lines: list[Sequence[str]] = [heading.split("|")]
    for row in rows:
        lines.append(
            (
                *titles(row),
                number(row.requestsPerSecond),
                number(row.serverCpu, 2),
                number(row.p50, 1),
                number(row.p99, 1),
                number(row.rateToUvloop, 2),
                number(row.cpuToUvloop, 2),
                number(row.p50ToUvloop, 2),
                number(row.rateToC, 2),
                number(row.cpuToC, 2),
                percent(row.serverBusy),
                percent(row.generatorBusy),
                ", ".join(row.flags),
            )
        )
    parts = [aligned(lines)]
    idle = [
        (*titles(row), number(row.idleBytes), number(row.idleRatio, 3), number(row.idleCpuRatio, 3))
        for row in rows
        if kinds[row.cell] is Kind.IDLE
    ]
    if idle:
        heading = "cell|peer|bytes/connection|rate beside:without|CPU beside:without"
        parts.append(aligned([[*heading.split("|"), ""], *((*line, "") for line in idle)]))
    late = [
        (
            *titles(row),
            number(row.latenessP50, 2),
            number(row.latenessP99, 2),
            number(row.latenessMaximum, 2),
        )
        for row in rows
        if kinds[row.cell] is Kind.LATENESS
    ]
    if late:
        heading = "cell|peer|late p50 ms|p99 ms|worst ms"
        parts.append(aligned([[*heading.split("|"), ""], *((*line, "") for line in late)]))
    return "\n\n".join(parts)
