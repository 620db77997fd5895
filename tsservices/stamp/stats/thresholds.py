"""
Conditions that a run should not meet: C{loss>1%,p99>50ms}.

    conditions = condition *("," condition)
    condition  = figure comparison number [unit]
    comparison = ">=" / "<=" / ">" / "<"
    unit       = "%" / "ns" / "us" / "ms" / "s" / "ppm"
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tsservices.stamp.stats.distribution import Distribution
from tsservices.stamp.stats.target import TargetStatistics

#: Nanoseconds in each unit of time.
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}

#: Returns a figure; L{None} if it is unknown.
Figure: TypeAlias = Callable[[TargetStatistics], float | None]

#: Returns a figure of a distribution.
DistributionFigure: TypeAlias = Callable[[Distribution], float | None]

_CONDITION = re.compile(
    r"\s*([a-z][a-z0-9.]*)\s*(>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*(%|[a-z]*)\s*"
)

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

#: Figures that count packets; with C{%} they are compared as a share of all packets.
COUNTERS: dict[str, Callable[[TargetStatistics], int | None]] = {
    "loss": lambda statistics: statistics.lost,
    "loss.up": lambda statistics: statistics.lostUp,
    "loss.down": lambda statistics: statistics.lostDown,
    "late": lambda statistics: statistics.late,
    "errors": lambda statistics: statistics.refused + statistics.unreachable,
    "duplicates": lambda statistics: statistics.directions.duplicates,
    "reordered": lambda statistics: statistics.directions.reordered,
    "burst": lambda statistics: statistics.lossBursts.summary().maximum or 0,
}

#: Kinds of time, by the prefix of C{.min}, C{.avg}, C{.max}, C{.stddev} or C{.p99}.
DISTRIBUTIONS: dict[str, Callable[[TargetStatistics], Distribution]] = {
    "": lambda statistics: statistics.roundTrip,
    "net": lambda statistics: statistics.network,
    "app": lambda statistics: statistics.application,
    "server": lambda statistics: statistics.server,
    "up": lambda statistics: statistics.up,
    "down": lambda statistics: statistics.down,
    "queue.up": lambda statistics: statistics.queueingUp.summary(),
    "queue.down": lambda statistics: statistics.queueingDown.summary(),
    "ipdv": lambda statistics: statistics.jitter.absolute,
}

#: The figures of a kind of time, besides percentiles.
MOMENTS: dict[str, DistributionFigure] = {
    "min": lambda values: values.moments.minimum,
    "avg": lambda values: values.moments.mean,
    "max": lambda values: values.moments.maximum,
    "stddev": lambda values: values.moments.deviation,
}

#: All figures, for C{--help}.
FIGURES_HELP = """\
  loss loss.up loss.down late errors duplicates reordered burst
           packets, or with %
  min avg max stddev p50 p99.9 ...
           of the round trips, in ns, us, ms or s
  net. app. server. up. down. queue.up. queue.down. ipdv.
           before these: of that time
  jitter   by RFC 3550
  offset   of the clocks, without its sign
  skew     in ppm"""


class ThresholdError(ValueError):
    """An invalid condition; the text says which one and why."""


@dataclass(frozen=True)
class Threshold:
    """A condition on one statistic."""

    #: As the user wrote it.
    text: str
    figure: Figure
    #: Compares a figure with the number of the condition, in its unit.
    isMet: Callable[[float], bool]


def _momentOf(name: str) -> DistributionFigure | None:
    if name in MOMENTS:
        return MOMENTS[name]
    match = re.fullmatch(r"p([0-9]{1,2}(?:\.[0-9]{1,3})?|100)", name)
    if match is None:
        return None
    percent = float(match[1])
    return lambda values: values.percentile(percent)


def _timeFigure(name: str) -> Figure | None:
    if name == "jitter":
        return lambda statistics: statistics.jitter.estimate
    if name == "offset":
        return _offset
    for kind, values in DISTRIBUTIONS.items():
        prefix = f"{kind}." if kind else ""
        read = _momentOf(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if read is not None:
            return _readerOf(values, read)
    return None


def _readerOf(
    values: Callable[[TargetStatistics], Distribution], read: DistributionFigure
) -> Figure:
    return lambda statistics: read(values(statistics))


def _offset(statistics: TargetStatistics) -> float | None:
    offset = statistics.clock.offset()
    return None if offset is None else abs(offset.value)


def _skew(statistics: TargetStatistics) -> float | None:
    skew = statistics.clock.skew()
    return None if skew is None else abs(skew.ppm)


def _percentOf(counter: Callable[[TargetStatistics], int | None]) -> Figure:
    def percent(statistics: TargetStatistics) -> float | None:
        count = counter(statistics)
        return None if count is None or not statistics.settled else 100 * count / statistics.settled

    return percent


def _parse(text: str) -> Threshold:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ThresholdError(f"{text.strip()!r} is no condition like loss>1% or p99>50ms")
    name, comparison, number, unit = match.groups()
    compare, bound = _COMPARISONS[comparison], float(number)
    figure: Figure | None
    if name in COUNTERS:
        if unit not in ("", "%") or (unit and name == "burst"):
            raise ThresholdError(f"{text.strip()!r}: {name} counts packets, not {unit}")
        figure = _percentOf(COUNTERS[name]) if unit else COUNTERS[name]
    elif name == "skew":
        if unit != "ppm":
            raise ThresholdError(f"{text.strip()!r}: skew is in ppm")
        figure = _skew
    else:
        figure = _timeFigure(name)
        if figure is None:
            raise ThresholdError(f"{text.strip()!r}: there is no figure {name!r}")
        if unit not in UNITS:
            raise ThresholdError(f"{text.strip()!r}: {name} needs a unit: ns, us, ms or s")
        bound *= UNITS[unit]
    return Threshold(text.strip(), figure, lambda value: compare(value, bound))


def parseThresholds(text: str) -> list[Threshold]:
    """@raise ThresholdError: one of the conditions is invalid."""
    return [_parse(condition) for condition in text.split(",")]


def violations(thresholds: list[Threshold], statistics: TargetStatistics) -> list[str]:
    """Return the conditions that hold, or whose figure is unknown: a test fails by both."""
    violated = []
    for threshold in thresholds:
        value = threshold.figure(statistics)
        if value is None:
            violated.append(f"{threshold.text}: the figure is unknown")
        elif threshold.isMet(value):
            violated.append(threshold.text)
    return violated
