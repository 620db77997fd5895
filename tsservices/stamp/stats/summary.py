"""
The figures of one target by name, in whole nanoseconds, as programs read them.  Pure.

All that is known of one target after any number of packets, in bounded memory.  Pure.
"""

from __future__ import annotations

from typing import TypeAlias

from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import PERCENTS, Distribution
from tsservices.stamp.stats.target import TargetStatistics

#: The version of this form; it grows when a name changes its meaning or goes.
SCHEMA = 1

#: Figures by name; L{None} for what is unknown.
Figures: TypeAlias = dict[str, "Figures | int | float | bool | None"]


def percentName(percent: float) -> str:
    """Its name, like C{p99.9}."""
    return f"p{percent:g}"


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def distributionFigures(values: Distribution) -> Figures:
    """What is told of them."""
    moments = values.moments
    figures: Figures = {
        "count": values.count,
        "min": moments.minimum,
        "avg": _whole(moments.mean),
        "max": moments.maximum,
        "stddev": _whole(moments.deviation),
    }
    for percent in PERCENTS:
        figures[percentName(percent)] = values.percentile(percent)
    return figures


def delayVariation(values: Distribution) -> Figures:
    """Percentiles of what each is above the least of them (PDV, RFC 5481)."""
    least = values.moments.minimum
    figures: Figures = {}
    for percent in PERCENTS:
        value = values.percentile(percent)
        figures[percentName(percent)] = None if value is None or least is None else value - least
    return figures


def jitterFigures(jitter: Jitter, values: Distribution) -> Figures:
    """What is told of it."""
    return {
        "rfc3550_ns": _whole(jitter.estimate),
        "ipdv_ns": distributionFigures(jitter.variation),
        "ipdv_abs_ns": distributionFigures(jitter.absolute),
        "pdv_ns": delayVariation(values),
    }


def lossFigures(tally: TargetStatistics) -> Figures:
    """What was lost, doubled and reordered, and where."""
    ways = tally.directions
    lengths = tally.runs.summary()
    mean = sum(low * count for low, _, count in lengths.ranges()) / max(1, lengths.total)
    return {
        "lost": tally.lost,
        "percent": tally.lossPercent,
        "timeout": tally.timeouts,
        "refused": tally.refused,
        "unreachable": tally.unreachable,
        "late": tally.late,
        "stateful": ways.stateful,
        "up": tally.lostUp,
        "down": tally.lostDown,
        "undecided": tally.undecided,
        "bursts": lengths.total,
        "burst_max": lengths.maximum or 0,
        "burst_mean": round(mean, 3),
        "duplicates": ways.duplicates,
        "duplicates_up": ways.duplicatesUp,
        "duplicates_down": ways.duplicatesDown,
        "reordered": ways.reordered,
        "reordered_up": ways.reorderedUp,
        "reordered_down": ways.reorderedDown,
    }


def clockFigures(tally: TargetStatistics) -> Figures:
    """What is known of its clock."""
    offset, skew = tally.clock.offset(), tally.clock.skew()
    return {
        "offset_ns": None if offset is None else offset.value,
        "bound_ns": None if offset is None else offset.bound,
        "age_ns": None if offset is None else offset.age,
        "skew_ppm": None if skew is None else round(skew.ppm, 4),
        "skew_error_ppm": None if skew is None else round(skew.error, 4),
    }


def figuresOf(tally: TargetStatistics) -> Figures:
    """All figures, nested by kind."""
    return {
        "transmitted": tally.transmitted,
        "received": tally.received,
        "outstanding": tally.outstanding,
        "skipped": tally.skipped,
        "strays": tally.strays,
        "duration_ns": 0 if tally.began is None else tally.ended - tally.began,
        "kernel_sent": tally.kernelSent,
        "kernel_received": tally.kernelReceived,
        "followed_up": tally.followed,
        "network_ns": distributionFigures(tally.network),
        "application_ns": distributionFigures(tally.application),
        "server_ns": distributionFigures(tally.server),
        "up_ns": distributionFigures(tally.up),
        "down_ns": distributionFigures(tally.down),
        "jitter": jitterFigures(tally.jitter, tally.trip),
        "jitter_up": jitterFigures(tally.jitterUp, tally.up),
        "jitter_down": jitterFigures(tally.jitterDown, tally.down),
        "queueing_up_ns": distributionFigures(tally.queueUp.summary()),
        "queueing_down_ns": distributionFigures(tally.queueDown.summary()),
        "loss": lossFigures(tally),
        "clock": clockFigures(tally),
        "timer_ns": distributionFigures(tally.timer),
    }
