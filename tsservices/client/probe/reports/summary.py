"""
All that is known of a target, for a person.
"""

from __future__ import annotations

from tsservices.client.probe.reports.histogram import bars
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import PERCENTS, Distribution
from tsservices.stamp.stats.summary import percentName
from tsservices.stamp.stats.target import TargetStatistics

#: Stands for what nobody can know.
UNKNOWN = "?"


def milliseconds(nanoseconds: float | None) -> str:
    """The same in milliseconds, to the microsecond."""
    return UNKNOWN if nanoseconds is None else f"{nanoseconds / 1e6:.3f}"


def percentText(value: float | None) -> str:
    """The same, as ping writes it."""
    return UNKNOWN if value is None else f"{value:.6g}%"


def _known(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)


def countsLine(tally: TargetStatistics) -> str:
    """The line that ping has, with what is ours behind it."""
    words = [f"{tally.transmitted} packets transmitted", f"{tally.received} received"]
    if tally.directions.duplicates:
        words.append(f"+{tally.directions.duplicates} duplicates")
    if tally.refused + tally.unreachable:
        words.append(f"+{tally.refused + tally.unreachable} errors")
    words.append(f"{percentText(tally.lossPercent)} packet loss")
    duration = 0 if tally.began is None else tally.ended - tally.began
    words.append(f"time {duration // 1_000_000} ms")
    if tally.outstanding:
        words.append(f"{tally.outstanding} outstanding")
    return ", ".join(words)


def lossLines(tally: TargetStatistics) -> list[str]:
    """What was lost, doubled, reordered, and where; only what there is."""
    lines = []
    ways = tally.directions
    if tally.lost:
        parts = []
        if tally.timeouts > tally.late:
            parts = [f"up {_known(tally.lostUp)}", f"down {_known(tally.lostDown)}"]
            if tally.undecided:
                parts.append(f"undecided {tally.undecided}")
            if tally.lostUp is None:
                parts[-1] += " (nobody can know)"
        parts += [
            f"{name} {count}"
            for name, count in (
                ("refused", tally.refused),
                ("unreachable", tally.unreachable),
                ("late", tally.late),
            )
            if count
        ]
        lines.append("lost: " + ", ".join(parts))
        lengths = tally.runs.summary()
        lines.append(f"loss bursts: {lengths.total}, longest {lengths.maximum or 0}")
    if ways.duplicates:
        up, down = _known(ways.duplicatesUp), _known(ways.duplicatesDown)
        lines.append(f"duplicates: {ways.duplicates} (up {up}, down {down})")
    if ways.reordered:
        up, down = _known(ways.reorderedUp), _known(ways.reorderedDown)
        lines.append(f"reordered: {ways.reordered} (up {up}, down {down})")
    if tally.skipped:
        lines.append(f"not sent in time and skipped: {tally.skipped}")
    if tally.strays:
        lines.append(f"strays (no reply to anything): {tally.strays}")
    return lines


def _row(name: str, values: Distribution) -> str:
    moments = values.moments
    cells = [moments.minimum, moments.mean, moments.maximum, moments.deviation]
    cells += [values.percentile(percent) for percent in PERCENTS]
    return f"{name:<12}" + "".join(f"{milliseconds(cell):>11}" for cell in cells)


def timeTable(tally: TargetStatistics) -> list[str]:
    """A table of all kinds of time that were measured, in milliseconds."""
    kinds = [
        ("network", tally.network),
        ("application", tally.application),
        ("server", tally.server),
        ("up (raw)", tally.up),
        ("down (raw)", tally.down),
        ("queueing up", tally.queueUp.summary()),
        ("queueing dn", tally.queueDown.summary()),
    ]
    rows = [_row(name, values) for name, values in kinds if values.count]
    if not rows:
        return []
    heads = ["min", "avg", "max", "stddev", *(percentName(percent) for percent in PERCENTS)]
    return [f"{'ms':<12}" + "".join(f"{head:>11}" for head in heads), *rows]


def jitterLine(tally: TargetStatistics) -> str | None:
    """The jitter of each way; L{None} before there is any."""

    def words(name: str, jitter: Jitter, values: Distribution) -> str:
        least, most = values.moments.minimum, values.percentile(99)
        variation = None if least is None or most is None else most - least
        return (
            f"{name} {milliseconds(jitter.estimate)} "
            f"(ipdv p99 {milliseconds(jitter.absolute.percentile(99))}, "
            f"pdv p99 {milliseconds(variation)})"
        )

    if tally.jitter.estimate is None:
        return None
    ways = [words("round trip", tally.jitter, tally.trip)]
    if tally.jitterUp.estimate is not None:
        ways.append(words("up", tally.jitterUp, tally.up))
        ways.append(words("down", tally.jitterDown, tally.down))
    return "jitter (RFC 3550): " + ", ".join(ways) + " ms"


def clockLine(tally: TargetStatistics) -> str | None:
    """Offset and skew; L{None} when nothing is known."""
    offset, skew = tally.clock.offset(), tally.clock.skew()
    if offset is None:
        return None
    text = f"clock offset {offset.value / 1e6:+.3f} ms +/- {offset.bound / 1e6:.3f} ms"
    if skew is None:
        return text + ", skew unknown (the run is too short)"
    return text + f", skew {skew.ppm:+.3f} ppm +/- {2 * skew.error:.3f}"


def stampsLine(tally: TargetStatistics) -> str | None:
    """How many stamps the kernel took; L{None} when all of them, or when there were no packets."""
    count = tally.network.count
    if not count or (tally.kernelSent >= count and tally.kernelReceived >= count):
        return None
    return (
        f"stamped by the kernel: {tally.kernelSent} of {count} at sending, "
        f"{tally.kernelReceived} of {count} at receiving; the others by this program"
    )


def followUpLine(tally: TargetStatistics) -> str | None:
    """Of how many replies it is known when they left; L{None} when of none."""
    if not tally.followed:
        return None
    count = tally.server.count
    return f"T3 is when the reply left for {tally.followed} of {count} packets (follow-up)"


def summaryLines(target: ProbeTarget, histogram: bool) -> list[str]:
    """The lines of its summary."""
    tally = target.tally
    lines = [f"--- {target.name} probe statistics ---", countsLine(tally), *lossLines(tally)]
    trip = tally.trip
    moments = trip.moments
    if trip.count:
        cells = (moments.minimum, moments.mean, moments.maximum, moments.deviation)
        lines.append(f"rtt min/avg/max/mdev = {'/'.join(map(milliseconds, cells))} ms")
        lines += timeTable(tally)
    for line in (jitterLine(tally), clockLine(tally), stampsLine(tally), followUpLine(tally)):
        if line is not None:
            lines.append(line)
    facts = {name: value for name, value in target.wire.facts().items() if value is not None}
    if facts:
        words = ", ".join(f"{name} {milliseconds(value)}" for name, value in facts.items())
        lines.append(f"TCP's own account: {words} ms")
    if histogram and trip.count:
        which = "network" if tally.network.count else "application"
        lines += [f"round trips ({which}), from:", *bars(trip.histogram)]
    return lines
