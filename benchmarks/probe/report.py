"""
The table of the probe benchmark, and its goals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.probe.hosts import HOSTS, MAXIMUM_PERCENT, MINIMUM_SENT, HostsRun
from benchmarks.probe.measure import Run

PERCENTS = (50.0, 90.0, 99.0)
#: Goals for p99 by kernel times divided by p99 by user-space times of the same packets.
IDLE_SHARE = 1 / 5
BUSY_SHARE = 1 / 10
#: Goals for the delay of sending in microseconds: p99, and p95 with C{--precise}.
TIMER_P99 = 2000.0
PRECISE_P95 = 50.0


@dataclass(frozen=True)
class Goal:
    """A goal for the figures, and whether it is reached."""

    text: str
    reached: bool


def table(runs: Sequence[Run]) -> str:
    """Make the table of round trips and delays of sending, in microseconds."""
    heads = ["round trips, us", "min", *(f"p{percent:g}" for percent in PERCENTS), "max", "lost"]
    rows = [heads]
    for run in runs:
        for kind in run.trips.values():
            title = kind.title if kind.title == run.name else f"{run.name}: {kind.title}"
            cells = [min(kind.microseconds), *(kind.at(percent) for percent in PERCENTS)]
            cells.append(max(kind.microseconds))
            rows.append([title, *(f"{cell:.1f}" for cell in cells), str(kind.lost)])
    rows.append([])
    rows.append(["sent late, us", "p50", "p95", "p99", "max"])
    for run in runs:
        if run.timer:
            rows.append([run.name, *(f"{value:.1f}" for value in run.timer.values())])
    return "\n".join(
        "".join(cell.rjust(10) if place else cell.ljust(24) for place, cell in enumerate(row))
        for row in rows
    )


def goals(runs: Sequence[Run]) -> list[Goal]:
    """Judge the goals that apply to these runs."""
    byName = {run.name: run for run in runs}
    results = []
    for name, share in (("idle", IDLE_SHARE), ("busy", BUSY_SHARE)):
        if name in byName:
            trips = byName[name].trips
            ratio = trips["kernel"].at(99) / trips["user"].at(99)
            text = f"{name}: kernel p99 is {ratio:.3f} of user-space p99 (at most {share:g})"
            if (load := byName[name].load) is not None:
                text += f"; the server used {load:.0%} of a core"
            results.append(Goal(text, ratio <= share))
    for peer in ("irtt", "ping"):
        if "idle" in byName and peer in byName:
            ours, theirs = byName["idle"].trips["kernel"].at(50), byName[peer].trips["rtt"].at(50)
            text = f"p50 {ours:.1f} us is below {peer}'s {theirs:.1f} us"
            results.append(Goal(text, ours < theirs))
    if "idle" in byName:
        late = byName["idle"].timer["p99"]
        results.append(Goal(f"sent late p99 {late:.0f} us (below {TIMER_P99:g})", late < TIMER_P99))
    if "precise" in byName:
        late = byName["precise"].timer["p95"]
        text = f"--precise: sent late p95 {late:.1f} us (below {PRECISE_P95:g})"
        results.append(Goal(text, late < PRECISE_P95))
    return results


def hostsGoal(run: HostsRun) -> Goal:
    """Judge the goal for the processor time of many hosts."""
    text = (
        f"{HOSTS} hosts at 1 packet a second: {run.percent:.1f} % of a core, "
        f"{run.microseconds:.0f} us a packet (below {MAXIMUM_PERCENT:g} %); "
        f"{run.sent:.1%} of the packets sent, {run.lost} lost"
    )
    return Goal(text, run.percent < MAXIMUM_PERCENT and run.sent >= MINIMUM_SENT)
