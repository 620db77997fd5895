"""
The statistics of one target as numbers by name, for programs: the format is public.

All times are whole nanoseconds; unknown values are L{None}.
"""

from __future__ import annotations

from typing import TypeAlias

from tsservices.stamp.stats.clock_steps import ClockOwner, ClockStep, ClockSteps
from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import PERCENTS, Distribution
from tsservices.stamp.stats.errors import ErrorCounts
from tsservices.stamp.stats.marks import MarkCounts
from tsservices.stamp.stats.stalls import Stall, Stalls
from tsservices.stamp.stats.target import TargetStatistics

#: The version of this format; increased if the meaning of a name changes or a name is removed.
SCHEMA = 1

#: Numbers by name, nested by kind.
Summary: TypeAlias = dict[str, "Summary | list[Summary] | str | int | float | bool | None"]


def percentileName(percent: float) -> str:
    """Return a name like C{p99.9}."""
    return f"p{percent:g}"


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def distributionSummary(values: Distribution) -> Summary:
    """Return moments and percentiles."""
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
    """Return percentiles of the values minus their minimum (PDV, RFC 5481)."""
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
    """Return the packets lost, duplicated and reordered, by direction."""
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
    """Return offset and skew: the reflector's clock minus this host's."""
    offset, skew = statistics.clock.offset(), statistics.clock.skew()
    return {
        "offset_ns": None if offset is None else offset.value,
        "bound_ns": None if offset is None else offset.bound,
        "age_ns": None if offset is None else offset.age,
        "skew_ppm": None if skew is None else round(skew.ppm, 4),
        "skew_error_ppm": None if skew is None else round(skew.error, 4),
    }


def stepSummary(step: ClockStep) -> Summary:
    return {
        "clock": step.owner.value,
        "since_start_ns": step.time,
        "step_ns": step.step,
        "step_bound_ns": step.bound,
    }


def stallSummary(stall: Stall) -> Summary:
    return {
        "since_start_ns": stall.time,
        "duration_ns": stall.duration,
        "slept_ns": stall.slept,
    }


def stepsSummary(steps: ClockSteps, noise: int) -> Summary:
    """Return how often each clock was set, and the last steps."""
    return {
        "noise_ns": noise,
        "reflector": steps.counts[ClockOwner.REFLECTOR],
        "this_host": steps.counts[ClockOwner.THIS_HOST],
        "last": [stepSummary(step) for step in steps.newest],
    }


def stallsSummary(stalls: Stalls) -> Summary:
    """Return how often and how long this program did not run, and the packets affected."""
    return {
        "count": stalls.count,
        "total_ns": stalls.total,
        "longest_ns": stalls.longest,
        "slept_ns": stalls.slept,
        "skipped": stalls.skipped,
        "unmeasured": stalls.unmeasured,
        "overflowed": stalls.overflowed,
        "last": [stallSummary(stall) for stall in stalls.newest],
    }


def errorSummary(errors: ErrorCounts) -> list[Summary]:
    """Return the sources and reasons of errors of packets, the most frequent first."""
    records: list[Summary] = [
        {
            "by": None if error.source is None else error.source.value,
            "from": error.address,
            "reason": error.reason,
            "count": count,
        }
        for error, count in errors.counts.most_common()
    ]
    if errors.others:
        records.append({"by": None, "from": None, "reason": "others", "count": errors.others})
    return records


def markSummary(marks: MarkCounts) -> Summary | None:
    """Return the changes of DSCP and ECN; L{None} if no packet requested them."""
    if not marks.replies:
        return None
    summary: Summary = {"replies": marks.replies, "answered": marks.answered}
    for name, pairs in (
        ("dscp_up", marks.dscpUp),
        ("dscp_down", marks.dscpDown),
        ("ecn_up", marks.ecnUp),
    ):
        summary[name] = [
            {"sent": sent, "received": received, "count": count}
            for (sent, received), count in pairs.most_common()
        ]
    summary["ecn_down"] = [
        {"received": ecn, "count": count} for ecn, count in marks.ecnDown.most_common()
    ]
    summary["refused"] = [
        {"asked": dscp, "count": count} for dscp, count in marks.refused.most_common()
    ]
    return summary


def summarize(statistics: TargetStatistics) -> Summary:
    """Return all statistics of one target, by their public names."""
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
        "contradicted": statistics.contradicted,
        "last_left_out": statistics.lastLeftOut,
        "pieces": {reason.value: count for reason, count in statistics.pieces.items()},
        "clock_steps": stepsSummary(statistics.steps, statistics.clockNoise),
        "stalls": stallsSummary(statistics.stalls),
        "errors": errorSummary(statistics.errors),
        "cos": markSummary(statistics.marks),
    }
