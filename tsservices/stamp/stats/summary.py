"""
The statistics of one target as numbers by name, for programs: the form is public.

All times are whole nanoseconds, and what is unknown is L{None}.
"""

from __future__ import annotations

from typing import TypeAlias

from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import PERCENTS, Distribution
from tsservices.stamp.stats.target import TargetStatistics

#: The version of this form; it grows if a name changes its meaning or goes.
SCHEMA = 1

#: Numbers by name, nested by kind.
Summary: TypeAlias = dict[str, "Summary | int | float | bool | None"]


def percentileName(percent: float) -> str:
    """Like C{p99.9}."""
    return f"p{percent:g}"


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def distributionSummary(values: Distribution) -> Summary:
    """Moments and percentiles."""
    moments = values.moments
    summary: Summary = {
        "count": values.count,
        "min": moments.minimum,
        "avg": _rounded(moments.mean),
        "max": moments.maximum,
        "stddev": _rounded(moments.deviation),
    }
    for percent in PERCENTS:
        summary[percentileName(percent)] = values.percentile(percent)
    return summary


def delayVariation(values: Distribution) -> Summary:
    """Percentiles of how much the values are above the least of them (PDV, RFC 5481)."""
    minimum = values.moments.minimum
    summary: Summary = {}
    for percent in PERCENTS:
        value = values.percentile(percent)
        variation = None if value is None or minimum is None else value - minimum
        summary[percentileName(percent)] = variation
    return summary


def jitterSummary(jitter: Jitter, values: Distribution) -> Summary:
    """@param values: the delays themselves."""
    return {
        "rfc3550_ns": _rounded(jitter.estimate),
        "ipdv_ns": distributionSummary(jitter.variation),
        "ipdv_abs_ns": distributionSummary(jitter.absolute),
        "pdv_ns": delayVariation(values),
    }


def lossSummary(statistics: TargetStatistics) -> Summary:
    """Packets lost, doubled and reordered, by direction."""
    directions = statistics.directions
    bursts = statistics.lossBursts.summary()
    packets = sum(length * count for length, _, count in bursts.ranges())
    return {
        "lost": statistics.lost,
        "percent": statistics.lossPercent,
        "timeout": statistics.timeouts,
        "refused": statistics.refused,
        "unreachable": statistics.unreachable,
        "late": statistics.late,
        "stateful": directions.stateful,
        "up": statistics.lostUp,
        "down": statistics.lostDown,
        "undecided": statistics.undecided,
        "bursts": bursts.total,
        "burst_max": bursts.maximum or 0,
        "burst_mean": round(packets / max(1, bursts.total), 3),
        "duplicates": directions.duplicates,
        "duplicates_up": directions.duplicatesUp,
        "duplicates_down": directions.duplicatesDown,
        "reordered": directions.reordered,
        "reordered_up": directions.reorderedUp,
        "reordered_down": directions.reorderedDown,
    }


def clockSummary(statistics: TargetStatistics) -> Summary:
    """The other clock minus this one."""
    offset, skew = statistics.clock.offset(), statistics.clock.skew()
    return {
        "offset_ns": None if offset is None else offset.value,
        "bound_ns": None if offset is None else offset.bound,
        "age_ns": None if offset is None else offset.age,
        "skew_ppm": None if skew is None else round(skew.ppm, 4),
        "skew_error_ppm": None if skew is None else round(skew.error, 4),
    }


def summarize(statistics: TargetStatistics) -> Summary:
    """All statistics of one target, by their public names."""
    return {
        "transmitted": statistics.transmitted,
        "received": statistics.received,
        "outstanding": statistics.outstanding,
        "skipped": statistics.skipped,
        "strays": statistics.strays,
        "duration_ns": statistics.duration,
        "kernel_sent": statistics.kernelSent,
        "kernel_received": statistics.kernelReceived,
        "followed_up": statistics.followedUp,
        "network_ns": distributionSummary(statistics.network),
        "application_ns": distributionSummary(statistics.application),
        "server_ns": distributionSummary(statistics.server),
        "up_ns": distributionSummary(statistics.up),
        "down_ns": distributionSummary(statistics.down),
        "jitter": jitterSummary(statistics.jitter, statistics.roundTrip),
        "jitter_up": jitterSummary(statistics.jitterUp, statistics.up),
        "jitter_down": jitterSummary(statistics.jitterDown, statistics.down),
        "queueing_up_ns": distributionSummary(statistics.queueingUp.summary()),
        "queueing_down_ns": distributionSummary(statistics.queueingDown.summary()),
        "loss": lossSummary(statistics),
        "clock": clockSummary(statistics),
        "timer_ns": distributionSummary(statistics.lateness),
    }
