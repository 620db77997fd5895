"""The statistics of a target as text for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.columns import (
    UNKNOWN,
    allFitted,
    milliseconds,
    millisecondsIn,
    percentText,
)
from tsservices.client.probe.reports.disturbances import disturbanceLines
from tsservices.client.probe.reports.hints import hintTexts
from tsservices.client.probe.reports.histogram import histogramLines
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import PathMTU
from tsservices.common.text import plural
from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import PERCENTS, Distribution
from tsservices.stamp.stats.errors import ErrorCounts, senderText
from tsservices.stamp.stats.marks import MarkCounts
from tsservices.stamp.stats.summary import percentileName
from tsservices.stamp.stats.target import TargetStatistics


def countText(count: int | None) -> str:
    """Return a number, or the mark of an unknown one."""
    return UNKNOWN if count is None else str(count)


def countsLine(statistics: TargetStatistics) -> str:
    """Return the line of ping's counts, with those that ping does not have."""
    duplicates = statistics.directions.duplicates
    errors = statistics.refused + statistics.unreachable
    parts = [
        f"{plural(statistics.transmitted, 'packet')} transmitted",
        f"{statistics.received} received",
    ]
    if duplicates:
        parts.append(f"+{plural(duplicates, 'duplicate')}")
    if errors:
        parts.append(f"+{plural(errors, 'error')}")
    parts.append(f"{percentText(statistics.lossPercent)} packet loss")
    parts.append(f"time {statistics.duration // 1_000_000} ms")
    if statistics.outstanding:
        parts.append(f"{statistics.outstanding} outstanding")
    return ", ".join(parts)


def lossLines(statistics: TargetStatistics) -> list[str]:
    """Return packets lost, duplicated and reordered, by direction; nothing for a count of 0."""
    lines = []
    directions = statistics.directions
    if statistics.lost:
        lines.append("lost: " + ", ".join(_lossParts(statistics)))
        bursts = statistics.lossBursts.summary()
        lines.append(f"loss bursts: {bursts.total}, longest {bursts.maximum or 0}")
        lines += errorLines(statistics.errors)
    for name, count, up, down in (
        ("duplicates", directions.duplicates, directions.duplicatesUp, directions.duplicatesDown),
        ("reordered", directions.reordered, directions.reorderedUp, directions.reorderedDown),
    ):
        if count:
            lines.append(f"{name}: {count} (up {countText(up)}, down {countText(down)})")
    skipped = statistics.skipped - statistics.stalls.skipped
    if skipped:
        lines.append(f"not sent in time and skipped: {skipped}")
    if statistics.strays:
        lines.append(f"strays (no reply to anything): {statistics.strays}")
    return lines


def errorLines(errors: ErrorCounts) -> list[str]:
    """Return the sources and reasons of errors of packets, the most frequent first."""
    lines = []
    for error, count in errors.counts.most_common():
        sender = "" if error.source is None else f" from {senderText(error.source, error.address)}"
        lines.append(f"{plural(count, 'error')}{sender}: {error.reason}")
    if errors.others:
        lines.append(f"{plural(errors.others, 'other error')}")
    return lines


def _lossParts(statistics: TargetStatistics) -> list[str]:
    parts = []
    up, down = statistics.lostUp, statistics.lostDown
    # Packets with late replies were lost in no direction.
    if statistics.timeouts > statistics.late:
        parts = [f"up {countText(up)}", f"down {countText(down)}"]
        if statistics.undecided:
            parts.append(f"undecided {statistics.undecided}")
        if up is None:
            parts[-1] += " (nobody can know)"
    for name, count in (
        ("refused", statistics.refused),
        ("unreachable", statistics.unreachable),
        ("late", statistics.late),
    ):
        if count:
            parts.append(f"{name} {count}")
    return parts


def timeTable(statistics: TargetStatistics) -> list[str]:
    """
    Return a table with a column for each measured kind of time, in milliseconds, and its jitter
    (RFC 3550), IPDV and PDV.
    """
    kinds = [
        kind
        for kind in (
            _Kind("network", statistics.network),
            _Kind("app", statistics.application),
            _Kind("server", statistics.server),
            _Kind("up raw", statistics.up, statistics.jitterUp),
            _Kind("down raw", statistics.down, statistics.jitterDown),
            _Kind("queue up", statistics.queueingUp.summary()),
            _Kind("queue dn", statistics.queueingDown.summary()),
        )
        if kind.values.count
    ]
    if not kinds:
        return []
    # The jitter of the round trips is that of the best clock, which is in the first column.
    kinds[0] = kinds[0]._replace(jitter=statistics.jitter)
    rows = [_row("ms", [kind.name for kind in kinds])]
    for name, read in FIGURES.items():
        cells = [read(kind) for kind in kinds]
        if any(cell is not None for cell in cells):
            rows.append(
                _row(name, ["" if cell is None else millisecondsIn(cell, CELL) for cell in cells])
            )
    return rows


#: Columns of the name of a figure, and of a value: with a space before each of seven values they
#: fill the line.
NAME = 8
CELL = 9


class _Kind(NamedTuple):
    name: str
    values: Distribution
    jitter: Jitter = Jitter()


def _variation(values: Distribution) -> int | None:
    minimum, p99 = values.moments.minimum, values.percentile(99)
    return None if minimum is None or p99 is None else p99 - minimum


def _percentile(percent: float) -> Callable[[_Kind], float | None]:
    return lambda kind: kind.values.percentile(percent)


#: Rows of L{timeTable}.
FIGURES: dict[str, Callable[[_Kind], float | None]] = {
    "min": lambda kind: kind.values.moments.minimum,
    "avg": lambda kind: kind.values.moments.mean,
    "max": lambda kind: kind.values.moments.maximum,
    "stddev": lambda kind: kind.values.moments.deviation,
    **{percentileName(percent): _percentile(percent) for percent in PERCENTS},
    "jitter": lambda kind: kind.jitter.estimate,
    "ipdv p99": lambda kind: kind.jitter.absolute.percentile(99),
    "pdv p99": lambda kind: _variation(kind.values) if kind.jitter.absolute.count else None,
}


def _row(name: str, cells: Iterable[str]) -> str:
    return (f"{name:<{NAME}}" + "".join(f" {cell:>{CELL}}" for cell in cells)).rstrip()


def clockLine(statistics: TargetStatistics) -> str | None:
    """Return the offset and skew; L{None} if the offset is unknown."""
    offset, skew = statistics.clock.offset(), statistics.clock.skew()
    if offset is None:
        return None
    text = f"clock offset {offset.value / 1e6:+.3f} ms +/- {offset.bound / 1e6:.3f} ms"
    if skew is None:
        return text + ", skew unknown (the run is too short)"
    return text + f", skew {skew.ppm:+.3f} ppm +/- {2 * skew.error:.3f}"


def kernelTimestampsLine(statistics: TargetStatistics) -> str | None:
    """Return how many timestamps the kernel took; L{None} if all, or if there were no packets."""
    count = statistics.network.count
    if not count or (statistics.kernelSent >= count and statistics.kernelReceived >= count):
        return None
    return (
        f"stamped by the kernel: {statistics.kernelSent} of {count} at sending, "
        f"{statistics.kernelReceived} of {count} at receiving; the others by this program"
    )


def followUpLine(statistics: TargetStatistics) -> str | None:
    """Return for how many replies the departure is known; L{None} if for none."""
    if not statistics.followedUp:
        return None
    packets = plural(statistics.server.count, "packet")
    text = f"T3 is when the reply left for {statistics.followedUp} of {packets} (follow-up)"
    if statistics.lastLeftOut:
        text += ";\nof the last reply it is not known, so the column network has it not"
    return text


def changeLines(target: ProbeTarget) -> list[str]:
    """Return the changes of addresses and connections; nothing if there were none."""
    lines = []
    if target.reconnectCount:
        lines.append(f"connection lost and opened again: {target.reconnectCount}")
    earlier = target.changeCount - len(target.changes)
    if earlier:
        lines.append(f"addresses changed: {target.changeCount} times, the last of them:")
    for change in target.changes:
        first, *others = change.parts()
        lines.append(f"at seq={change.sequence}: {first}")
        # Two addresses of IPv6 do not fit into 80 columns.
        lines += [f"  {part.lstrip('; ')}" for part in others if part]
    return lines


def pathLines(path: PathMTU | None) -> list[str]:
    """Return the path MTU; nothing if the user has not set its discovery and it is unchanged."""
    if path is None or not path.notable:
        return []
    if path.mtu == path.first and path.tried < path.mtu:
        return [f"path MTU {path.mtu} or less: packets had {path.tried} bytes, longer may not fit"]
    before = f", {path.first} at the start" if path.mtu != path.first else ""
    return [f"path MTU {path.mtu}{before}: the largest -s without fragments is {path.largest}"]


def markLines(counts: MarkCounts) -> list[str]:
    """Return the changes of DSCP and ECN."""
    if not counts.replies:
        return []
    if not counts.answered:
        return ["the reflector does not know Class of Service (RFC 8972, 4.4)"]
    lines = [
        _markLine("DSCP", pair, "arrived", "at the reflector", count, counts.answered)
        for pair, count in counts.dscpUp.most_common()
    ]
    lines += [
        _markLine("ECN", pair, "arrived", "at the reflector", count, counts.answered)
        for pair, count in counts.ecnUp.most_common()
        if pair != (0, 0)
    ]
    lines += [
        f"DSCP {dscp} was asked for replies, the reflector must not use it (RP): "
        f"{count} of {counts.answered}"
        for dscp, count in counts.refused.most_common()
    ]
    lines += [
        _markLine("DSCP", pair, "came back", "", count, counts.answered)
        for pair, count in counts.dscpDown.most_common()
    ]
    lines += [
        f"replies came back with ECN {ecn}: {count} of {counts.answered}"
        for ecn, count in counts.ecnDown.most_common()
    ]
    return lines


def _markLine(
    name: str, pair: tuple[int, int], verb: str, where: str, count: int, total: int
) -> str:
    sent, received = pair
    change = "unchanged" if sent == received else f"as {received}"
    return f"{name} {sent} {verb} {' '.join(filter(None, (change, where)))}: {count} of {total}"


def summaryLines(target: ProbeTarget, options: ProbeOptions, asciiBars: bool = False) -> list[str]:
    """
    Return all statistics of one target, in lines that fit.

    @param asciiBars: whether the output can show only ASCII bars in histograms.
    """
    statistics = target.statistics
    roundTrip, moments = statistics.roundTrip, statistics.roundTrip.moments
    lines = [f"--- {target.name} probe statistics ---", countsLine(statistics)]
    lines += lossLines(statistics)
    lines += disturbanceLines(statistics)
    lines += changeLines(target)
    if roundTrip.count:
        cells = (moments.minimum, moments.mean, moments.maximum, moments.deviation)
        lines.append(f"rtt min/avg/max/mdev = {'/'.join(map(milliseconds, cells))} ms")
        lines += timeTable(statistics)
    for lineOf in (clockLine, kernelTimestampsLine, followUpLine):
        line = lineOf(statistics)
        if line is not None:
            lines += line.splitlines()
    lines += markLines(statistics.marks)
    lines += pathLines(target.transport.pathMTU())
    times = ", ".join(
        f"{name} {milliseconds(value)}"
        for name, value in target.transport.kernelTimes().items()
        if value is not None
    )
    if times:
        lines.append(f"TCP's own account: {times} ms")
    if options.histogram and roundTrip.count:
        clock = "network" if statistics.network.count else "application"
        bars = histogramLines(roundTrip.histogram, ascii=asciiBars)
        lines += [f"round trips ({clock}), from:", *bars]
    lines += [f"hint: {text}" for text in hintTexts(target, options)]
    return allFitted(lines)
