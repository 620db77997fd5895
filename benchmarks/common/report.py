"""
From figures to what is printed and what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.common.figures import Row
from benchmarks.echo.cells import Cell, Kind
from benchmarks.echo.measure import Sample
from benchmarks.echo.peers import Peer


def number(value: float | None, places: int = 0) -> str:
    """A figure for a table; a dash when there is none."""
    return "-" if value is None else f"{value:,.{places}f}"


def percent(value: float | None) -> str:
    """A share for a table."""
    return "-" if value is None else f"{value * 100:.0f}%"


def aligned(lines: Sequence[Sequence[str]], texts: int = 2) -> str:
    """
    Columns under their headings: the first ones to the left, figures to the right, the last, which
    is text again, to the left.
    """
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    out = []
    for line in lines:
        cells = [
            text.ljust(width) if column < texts or column == len(widths) - 1 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def tables(rows: Sequence[Row], cells: Sequence[Cell], peers: Sequence[Peer]) -> str:
    """What the command prints: all cells, and what only some of them have."""
    cellTitles = {cell.name: cell.title for cell in cells}
    peerTitles = {peer.name: peer.title for peer in peers}
    kinds = {cell.name: cell.kind for cell in cells}

    def first(row: Row) -> tuple[str, str]:
        return cellTitles[row.cell], peerTitles[row.peer]

    heading = "cell|peer|requests/s|CPU us/req|p50 us|p99 us|rate:uvloop|CPU:uvloop|p50:uvloop"
    heading += "|rate:C|CPU:C|server|generator|notes"
    lines: list[Sequence[str]] = [heading.split("|")]
    for row in rows:
        lines.append(
            (
                *first(row),
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
    idle = [row for row in rows if kinds[row.cell] is Kind.IDLE]
    if idle:
        lines = [["cell", "peer", "bytes each", "rate beside:without", "CPU beside:without", ""]]
        lines += [
            (
                *first(row),
                number(row.idleBytes),
                number(row.idleRatio, 3),
                number(row.idleCpuRatio, 3),
                "",
            )
            for row in idle
        ]
        parts.append(aligned(lines))
    late = [row for row in rows if kinds[row.cell] is Kind.LATENESS]
    if late:
        lines = [["cell", "peer", "late p50 ms", "p99 ms", "worst ms", ""]]
        lines += [
            (
                *first(row),
                number(row.latenessP50, 2),
                number(row.latenessP99, 2),
                number(row.latenessMaximum, 2),
                "",
            )
            for row in late
        ]
        parts.append(aligned(lines))
    return "\n\n".join(parts)


def document(
    samples: Sequence[Sample], rows: Sequence[Row], about: dict[str, object]
) -> dict[str, object]:
    """What C{--json} writes: the run, every row and every sample."""
    return {
        "about": about,
        "rows": [asdict(row) for row in rows],
        "samples": [asdict(sample) for sample in samples],
    }
