"""The statistics of a target as text for a person."""

from __future__ import annotations

from tsservices.client.probe.reports.histogram import histogramLines
from tsservices.client.probe.target import ProbeTarget
from tsservices.common.text import plural
from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import PERCENTS, Distribution
from tsservices.stamp.stats.summary import percentileName
from tsservices.stamp.stats.target import TargetStatistics

#: Stands for what nobody can know.
UNKNOWN = "?"


def milliseconds(nanoseconds: float | None) -> str:
    """To the microsecond."""
    return UNKNOWN if nanoseconds is None else f"{nanoseconds / 1e6:.3f}"


def percentText(value: float | None) -> str:
    """As ping writes it."""
    return UNKNOWN if value is None else f"{value:.6g}%"


def _countText(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)


def countsLine(statistics: TargetStatistics) -> str:
    """The line that ping has, and what ping does not count."""
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
    """Packets lost, doubled and reordered, by direction; nothing for a count of 0."""
    lines = []
    directions = statistics.directions
    if statistics.lost:
        lines.append("lost: " + ", ".join(_lossParts(statistics)))
        bursts = statistics.lossBursts.summary()
        lines.append(f"loss bursts: {bursts.total}, longest {bursts.maximum or 0}")
    for name, count, up, down in (
        ("duplicates", directions.duplicates, directions.duplicatesUp, directions.duplicatesDown),
        ("reordered", directions.reordered, directions.reorderedUp, directions.reorderedDown),
    ):
        if count:
            lines.append(f"{name}: {count} (up {_countText(up)}, down {_countText(down)})")
    if statistics.skipped:
        lines.append(f"not sent in time and skipped: {statistics.skipped}")
    if statistics.strays:
        lines.append(f"strays (no reply to anything): {statistics.strays}")
    return lines


def _lossParts(statistics: TargetStatistics) -> list[str]:
    parts = []
    up, down = statistics.lostUp, statistics.lostDown
    # Late replies were lost in no direction.
    if statistics.timeouts > statistics.late:
        parts = [f"up {_countText(up)}", f"down {_countText(down)}"]
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


def _row(name: str, values: Distribution) -> str:
    moments = values.moments
    cells = [moments.minimum, moments.mean, moments.maximum, moments.deviation]
    cells += [values.percentile(percent) for percent in PERCENTS]
    return f"{name:<12}" + "".join(f"{milliseconds(cell):>11}" for cell in cells)


def timeTable(statistics: TargetStatistics) -> list[str]:
    """A row for each kind of time that was measured, in milliseconds."""
    kinds = [
        ("network", statistics.network),
        ("application", statistics.application),
        ("server", statistics.server),
        ("up (raw)", statistics.up),
        ("down (raw)", statistics.down),
        ("queueing up", statistics.queueingUp.summary()),
        ("queueing dn", statistics.queueingDown.summary()),
    ]
    rows = [_row(name, values) for name, values in kinds if values.count]
    if not rows:
        return []
    heads = ["min", "avg", "max", "stddev", *(percentileName(percent) for percent in PERCENTS)]
    return [f"{'ms':<12}" + "".join(f"{head:>11}" for head in heads), *rows]


def jitterLine(statistics: TargetStatistics) -> str | None:
    """L{None} before there is any jitter."""
    if statistics.jitter.estimate is None:
        return None
    parts = [_jitterText("round trip", statistics.jitter, statistics.roundTrip)]
    if statistics.jitterUp.estimate is not None:
        parts.append(_jitterText("up", statistics.jitterUp, statistics.up))
        parts.append(_jitterText("down", statistics.jitterDown, statistics.down))
    return "jitter (RFC 3550): " + ", ".join(parts) + " ms"


def _jitterText(name: str, jitter: Jitter, values: Distribution) -> str:
    minimum, p99 = values.moments.minimum, values.percentile(99)
    variation = None if minimum is None or p99 is None else p99 - minimum
    return (
        f"{name} {milliseconds(jitter.estimate)} "
        f"(ipdv p99 {milliseconds(jitter.absolute.percentile(99))}, "
        f"pdv p99 {milliseconds(variation)})"
    )


def clockLine(statistics: TargetStatistics) -> str | None:
    """L{None} if nothing is known of the other clock."""
    offset, skew = statistics.clock.offset(), statistics.clock.skew()
    if offset is None:
        return None
    text = f"clock offset {offset.value / 1e6:+.3f} ms +/- {offset.bound / 1e6:.3f} ms"
    if skew is None:
        return text + ", skew unknown (the run is too short)"
    return text + f", skew {skew.ppm:+.3f} ppm +/- {2 * skew.error:.3f}"


def kernelTimestampsLine(statistics: TargetStatistics) -> str | None:
    """How many times the kernel took; L{None} if all of them, or if there were no packets."""
    count = statistics.network.count
    if not count or (statistics.kernelSent >= count and statistics.kernelReceived >= count):
        return None
    return (
        f"stamped by the kernel: {statistics.kernelSent} of {count} at sending, "
        f"{statistics.kernelReceived} of {count} at receiving; the others by this program"
    )


def followUpLine(statistics: TargetStatistics) -> str | None:
    """L{None} if of no reply it is known when it left."""
    if not statistics.followedUp:
        return None
    packets = plural(statistics.server.count, "packet")
    return f"T3 is when the reply left for {statistics.followedUp} of {packets} (follow-up)"


def summaryLines(target: ProbeTarget, histogram: bool) -> list[str]:
    """Everything about one target; with a histogram if that is asked for."""
    statistics = target.statistics
    roundTrip, moments = statistics.roundTrip, statistics.roundTrip.moments
    lines = [f"--- {target.name} probe statistics ---", countsLine(statistics)]
    lines += lossLines(statistics)
    if roundTrip.count:
        cells = (moments.minimum, moments.mean, moments.maximum, moments.deviation)
        lines.append(f"rtt min/avg/max/mdev = {'/'.join(map(milliseconds, cells))} ms")
        lines += timeTable(statistics)
    for lineOf in (jitterLine, clockLine, kernelTimestampsLine, followUpLine):
        line = lineOf(statistics)
        if line is not None:
            lines.append(line)
    times = ", ".join(
        f"{name} {milliseconds(value)}"
        for name, value in target.transport.kernelTimes().items()
        if value is not None
    )
    if times:
        lines.append(f"TCP's own account: {times} ms")
    if histogram and roundTrip.count:
        clock = "network" if statistics.network.count else "application"
        lines += [f"round trips ({clock}), from:", *histogramLines(roundTrip.histogram)]
    return lines
