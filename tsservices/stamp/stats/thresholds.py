"""
Conditions on figures: C{loss>1%,p99>50ms}.  Pure.

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

from tsservices.stamp.stats.distribution import Distribution
from tsservices.stamp.stats.target import TargetStatistics

#: Nanoseconds in each unit of time.
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}

_CONDITION = re.compile(
    r"\s*([a-z][a-z0-9.]*)\s*(>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*(%|[a-z]*)\s*"
)

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

#: A figure; L{None} when it is unknown.
Number = float | None

#: Figures that count packets; with C{%} they are compared as a share of all packets.
COUNTS: dict[str, Callable[[TargetStatistics], int | None]] = {
    "loss": lambda tally: tally.lost,
    "loss.up": lambda tally: tally.lostUp,
    "loss.down": lambda tally: tally.lostDown,
    "late": lambda tally: tally.late,
    "errors": lambda tally: tally.refused + tally.unreachable,
    "duplicates": lambda tally: tally.directions.duplicates,
    "reordered": lambda tally: tally.directions.reordered,
    "burst": lambda tally: tally.runs.summary().maximum or 0,
}

#: Kinds of time, by what stands before C{.min}, C{.avg}, C{.max}, C{.stddev} or C{.p99}.
TIMES: dict[str, Callable[[TargetStatistics], Distribution]] = {
    "": lambda tally: tally.trip,
    "net": lambda tally: tally.network,
    "app": lambda tally: tally.application,
    "server": lambda tally: tally.server,
    "up": lambda tally: tally.up,
    "down": lambda tally: tally.down,
    "queue.up": lambda tally: tally.queueUp.summary(),
    "queue.down": lambda tally: tally.queueDown.summary(),
    "ipdv": lambda tally: tally.jitter.absolute,
}

#: All figures there are, for a person.
FIGURES_HELP = """\
  loss loss.up loss.down late errors duplicates reordered burst   packets, or with %
  min avg max stddev p50 p99.9 ...   of the round trips, in ns, us, ms or s
  net. app. server. up. down. queue.up. queue.down. ipdv.   before these: of that time
  jitter   by RFC 3550;   offset   of the clocks, without its sign;   skew   in ppm"""


class ThresholdError(ValueError):
    """A condition has no meaning; the text says which and why."""


@dataclass(frozen=True)
class Threshold:
    """
    One condition.

    @ivar text: as it was written.
    @ivar figure: gives the figure.
    @ivar holds: compares it with the number that was written.
    """

    text: str
    figure: Callable[[TargetStatistics], Number]
    holds: Callable[[float], bool]


def _moment(name: str) -> Callable[[Distribution], Number] | None:
    if name == "min":
        return lambda values: values.moments.minimum
    if name == "max":
        return lambda values: values.moments.maximum
    if name == "avg":
        return lambda values: values.moments.mean
    if name == "stddev":
        return lambda values: values.moments.deviation
    match = re.fullmatch(r"p([0-9]{1,2}(?:\.[0-9]{1,3})?|100)", name)
    if match is None:
        return None
    percent = float(match[1])
    return lambda values: values.percentile(percent)


def _time(name: str) -> Callable[[TargetStatistics], Number] | None:
    if name == "jitter":
        return lambda tally: tally.jitter.estimate
    if name == "offset":
        return lambda tally: None if (found := tally.clock.offset()) is None else abs(found.value)
    for kind, values in TIMES.items():
        if kind and not name.startswith(kind + "."):
            continue
        moment = _moment(name[len(kind) + 1 :] if kind else name)
        if moment is not None:
            return lambda tally, values=values, moment=moment: moment(values(tally))  # type: ignore[misc]
    return None


def _share(count: Callable[[TargetStatistics], int | None]) -> Callable[[TargetStatistics], Number]:

    def share(tally: TargetStatistics) -> Number:
        counted = count(tally)
        return None if counted is None or not tally.settled else 100 * counted / tally.settled

    return share


def _skew(tally: TargetStatistics) -> Number:
    skew = tally.clock.skew()
    return None if skew is None else abs(skew.ppm)


def _condition(text: str) -> Threshold:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ThresholdError(f"{text.strip()!r} is no condition like loss>1% or p99>50ms")
    name, comparison, number, unit = match.groups()
    compare, bound = _COMPARISONS[comparison], float(number)
    figure: Callable[[TargetStatistics], Number] | None
    if name in COUNTS:
        if unit not in ("", "%") or (unit and name == "burst"):
            raise ThresholdError(f"{text.strip()!r}: {name} counts packets, not {unit}")
        figure = _share(COUNTS[name]) if unit else COUNTS[name]
    elif name == "skew":
        if unit != "ppm":
            raise ThresholdError(f"{text.strip()!r}: skew is in ppm")
        figure = _skew
    else:
        figure = _time(name)
        if figure is None:
            raise ThresholdError(f"{text.strip()!r}: there is no figure {name!r}")
        if unit not in UNITS:
            raise ThresholdError(f"{text.strip()!r}: {name} needs a unit: ns, us, ms or s")
        bound *= UNITS[unit]
    return Threshold(text.strip(), figure, lambda value: compare(value, bound))


def parseConditions(text: str) -> list[Threshold]:
    """
    The conditions.

    @raise ConditionError: one of them has no meaning.
    """
    return [_condition(each) for each in text.split(",")]


def violations(conditions: list[Threshold], tally: TargetStatistics) -> list[str]:
    """
    Those that hold, and those of which nobody can know: a test that cannot tell must not pass.
    """
    found = []
    for each in conditions:
        value = each.figure(tally)
        if value is None:
            found.append(f"{each.text}: the figure is unknown")
        elif each.holds(value):
            found.append(each.text)
    return found
