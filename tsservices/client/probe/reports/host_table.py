"""A table of many hosts, with a line for each, as in fping."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tsservices.client.probe.reports.columns import (
    INDENT,
    WIDTH,
    displayWidth,
    fitted,
    padded,
    shortMilliseconds,
    shortPercent,
)
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.distribution import Distribution

#: Hosts that a summary shows in full.
WORST = 3

#: The round trips of a row, in milliseconds.
TIMES = ("min", "avg", "max", "p99")


class TableRow(NamedTuple):
    """The figures of one host."""

    name: str
    transmitted: int
    received: int
    #: L{None} before any packet is settled.
    lossPercent: float | None
    roundTrip: Distribution
    #: By RFC 3550, in nanoseconds; L{None} if there is none.
    jitter: float | None


def rowOf(target: ProbeTarget) -> TableRow:
    """Return the figures so far."""
    statistics = target.statistics
    return TableRow(
        target.name,
        statistics.transmitted,
        statistics.received,
        statistics.lossPercent,
        statistics.roundTrip,
        statistics.jitter.estimate,
    )


def tableLines(title: str, rows: Sequence[TableRow]) -> list[str]:
    """
    Return the figures in columns.  A name that is too long for its column has its own line.

    @param title: the heading above the names.
    """
    counts = max(3, *(len(str(row.transmitted)) for row in rows))
    figures = [
        _figures(counts, ("xmt", "rcv", "loss", *TIMES, "jitter")),
        *(_figures(counts, _cells(row)) for row in rows),
    ]
    names = [title, *(row.name for row in rows)]
    room = WIDTH - max(map(len, figures))
    width = max(columns for columns in map(displayWidth, names) if columns <= room)
    lines = []
    for name, text in zip(names, figures, strict=True):
        if displayWidth(name) > room:
            lines += fitted(name)
            name = INDENT
        lines.append(padded(name, width) + text)
    return lines


def _cells(row: TableRow) -> tuple[str, ...]:
    moments = row.roundTrip.moments
    times = (moments.minimum, moments.mean, moments.maximum, row.roundTrip.percentile(99))
    return (
        str(row.transmitted),
        str(row.received),
        shortPercent(row.lossPercent),
        *map(shortMilliseconds, (*times, row.jitter)),
    )


def _figures(counts: int, cells: Sequence[str]) -> str:
    widths = (counts, counts, 5, 5, 5, 5, 5, 6)
    return "".join(f" {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def summaryOf(
    targets: Sequence[ProbeTarget], quiet: bool, fullOf: Callable[[ProbeTarget], list[str]]
) -> list[str]:
    """
    Return the summary of a run: each target in full; if there are several, a line for each too.

    @param quiet: whether only the worst of several targets are shown in full.
    @param fullOf: returns the lines of a target in full.
    """
    if len(targets) == 1:
        return ["", *fullOf(targets[0])]
    table = ["", *tableLines("ms", [rowOf(target) for target in targets])]
    shown = worstTargets(targets) if quiet else targets
    full = [line for target in shown for line in ("", *fullOf(target))]
    if not quiet:
        return [*full, *table]
    if len(shown) < len(targets):
        full = ["", f"The worst {len(shown)} of {len(targets)} hosts, by loss and p99:", *full]
    return [*table, *full]


def worstTargets(targets: Sequence[ProbeTarget]) -> list[ProbeTarget]:
    """Return the targets with the most loss, and among equals with the longest round trips."""

    def badness(target: ProbeTarget) -> tuple[float, float]:
        p99 = target.statistics.roundTrip.percentile(99)
        return target.statistics.lossPercent or 0.0, math.inf if p99 is None else p99

    return sorted(targets, key=badness, reverse=True)[:WORST]
