"""
All that is known of a target, for a person.
"""

from __future__ import annotations

from tsservices.client.probe.reports.histogram import histogramLines
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import PERCENTS, Distribution
from tsservices.stamp.stats.summary import TargetStatistics, percentileName

#: Stands for what nobody can know.
UNKNOWN = "?"


def milliseconds(nanoseconds: float | None) -> str:
    """The same in milliseconds, to the microsecond."""
    return UNKNOWN if nanoseconds is None else f"{nanoseconds / 1e6:.3f}"


def percentText(value: float | None) -> str:
    """The same, as ping writes it."""
    return UNKNOWN if value is None else f"{value:.6g}%"


def _countText(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)


def countsLine(statistics: TargetStatistics) -> str:
    """The line that ping has, with what is ours behind it."""
    words = [f"{statistics.transmitted} packets transmitted", f"{statistics.received} received"]
    if statistics.directions.duplicates:
        words.append(f"+{statistics.directions.duplicates} duplicates")
    if statistics.refused + statistics.unreachable:
        words.append(f"+{statistics.refused + statistics.unreachable} errors")
    words.append(f"{percentText(statistics.lossPercent)} packet loss")
    duration = 0 if statistics.began is None else statistics.ended - statistics.began
    words.append(f"time {duration // 1_000_000} ms")
    if statistics.outstanding:
        words.append(f"{statistics.outstanding} outstanding")
    return ", ".join(words)


def lossLines(statistics: TargetStatistics) -> list[str]:
    """What was lost, doubled, reordered, and where; only what there is."""
    lines = []
    ways = statistics.directions
    if statistics.lost:
        parts = []
        if statistics.timeouts > statistics.late:
            parts = [
                f"up {_countText(statistics.lostUp)}",
                f"down {_countText(statistics.lostDown)}",
            ]
            if statistics.undecided:
                parts.append(f"undecided {statistics.undecided}")
            if statistics.lostUp is None:
                parts[-1] += " (nobody can know)"
        parts += [
            f"{name} {count}"
            for name, count in (
                ("refused", statistics.refused),
                ("unreachable", statistics.unreachable),
                ("late", statistics.late),
            )
            if count
        ]
        lines.append("lost: " + ", ".join(parts))
        lengths = statistics.runs.summary()
        lines.append(f"loss bursts: {lengths.total}, longest {lengths.maximum or 0}")
    if ways.duplicates:
        up, down = _countText(ways.duplicatesUp), _countText(ways.duplicatesDown)
        lines.append(f"duplicates: {ways.duplicates} (up {up}, down {down})")
    if ways.reordered:
        up, down = _countText(ways.reorderedUp), _countText(ways.reorderedDown)
        lines.append(f"reordered: {ways.reordered} (up {up}, down {down})")
    if statistics.skipped:
        lines.append(f"not sent in time and skipped: {statistics.skipped}")
    if statistics.strays:
        lines.append(f"strays (no reply to anything): {statistics.strays}")
    return lines


def _row(name: str, values: Distribution) -> str:
    moments = values.moments
    cells = [moments.minimum, moments.mean, moments.maximum, moments.deviation]
    cells += [values.percentile(percent) for percent in PERCENTS]
    return f"{name:<12}" + "".join(f"{milliseconds(cell):>11}" for cell in cells)


def timeTable(statistics: TargetStatistics) -> list[str]:
    """A table of all kinds of time that were measured, in milliseconds."""
    kinds = [
        ("network", statistics.network),
        ("application", statistics.application),
        ("server", statistics.server),
        ("up (raw)", statistics.up),
        ("down (raw)", statistics.down),
        ("queueing up", statistics.queueUp.summary()),
        ("queueing dn", statistics.queueDown.summary()),
    ]
    rows = [_row(name, values) for name, values in kinds if values.count]
    if not rows:
        return []
    heads = ["min", "avg", "max", "stddev", *(percentileName(percent) for percent in PERCENTS)]
    return [f"{'ms':<12}" + "".join(f"{head:>11}" for head in heads), *rows]


def jitterLine(statistics: TargetStatistics) -> str | None:
    """The jitter of each way; L{None} before there is any."""

    def words(name: str, jitter: Jitter, values: Distribution) -> str:
        least, most = values.moments.minimum, values.percentile(99)
        variation = None if least is None or most is None else most - least
        return (
            f"{name} {milliseconds(jitter.estimate)} "
            f"(ipdv p99 {milliseconds(jitter.absolute.percentile(99))}, "
            f"pdv p99 {milliseconds(variation)})"
        )

    if statistics.jitter.estimate is None:
        return None
    ways = [words("round trip", statistics.jitter, statistics.trip)]
    if statistics.jitterUp.estimate is not None:
        ways.append(words("up", statistics.jitterUp, statistics.up))
        ways.append(words("down", statistics.jitterDown, statistics.down))
    return "jitter (RFC 3550): " + ", ".join(ways) + " ms"


def clockLine(statistics: TargetStatistics) -> str | None:
    """Offset and skew; L{None} when nothing is known."""
    offset, skew = statistics.clock.offset(), statistics.clock.skew()
    if offset is None:
        return None
    text = f"clock offset {offset.value / 1e6:+.3f} ms +/- {offset.bound / 1e6:.3f} ms"
    if skew is None:
        return text + ", skew unknown (the run is too short)"
    return text + f", skew {skew.ppm:+.3f} ppm +/- {2 * skew.error:.3f}"


def kernelTimestampsLine(statistics: TargetStatistics) -> str | None:
    """How many stamps the kernel took; L{None} when all of them, or when there were no packets."""
    count = statistics.network.count
    if not count or (statistics.kernelSent >= count and statistics.kernelReceived >= count):
        return None
    return (
        f"stamped by the kernel: {statistics.kernelSent} of {count} at sending, "
        f"{statistics.kernelReceived} of {count} at receiving; the others by this program"
    )


def followUpLine(statistics: TargetStatistics) -> str | None:
    """Of how many replies it is known when they left; L{None} when of none."""
    if not statistics.followed:
        return None
    count = statistics.server.count
    return f"T3 is when the reply left for {statistics.followed} of {count} packets (follow-up)"


def summaryLines(target: ProbeTarget, histogram: bool) -> list[str]:
    """The lines of its summary."""
    tally = target.statistics
    lines = [f"--- {target.name} probe statistics ---", countsLine(tally), *lossLines(tally)]
    trip = tally.trip
    moments = trip.moments
    if trip.count:
        cells = (moments.minimum, moments.mean, moments.maximum, moments.deviation)
        lines.append(f"rtt min/avg/max/mdev = {'/'.join(map(milliseconds, cells))} ms")
        lines += timeTable(tally)
    for line in (
        jitterLine(tally),
        clockLine(tally),
        kernelTimestampsLine(tally),
        followUpLine(tally),
    ):
        if line is not None:
            lines.append(line)
    facts = {
        name: value for name, value in target.transport.kernelTimes().items() if value is not None
    }
    if facts:
        words = ", ".join(f"{name} {milliseconds(value)}" for name, value in facts.items())
        lines.append(f"TCP's own account: {words} ms")
    if histogram and trip.count:
        which = "network" if tally.network.count else "application"
        lines += [f"round trips ({which}), from:", *histogramLines(trip.histogram)]
    return lines
