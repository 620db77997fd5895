"""
The table of the probe's benchmark, and what was to be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.probe.measure import Run

PERCENTS = (50.0, 90.0, 99.0)
# Round trip of the kernel at p99, as a share of that in user space on the same packets.
IDLE_SHARE = 1 / 5
BUSY_SHARE = 1 / 10
# Microseconds that the probe may send late: p99, and p95 when precise.
TIMER_P99 = 2000.0
PRECISE_P95 = 50.0


@dataclass(frozen=True)
class Goal:
    """
    Something that was to be reached.

    @ivar text: What.
    @ivar reached: Whether it is.
    """

    text: str
    reached: bool


def table(runs: Sequence[Run]) -> str:
    """All round trips in microseconds, and how late packets were sent."""
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
    """What was to be reached, as far as these runs tell."""
    known = {run.name: run for run in runs}
    found = []
    for name, share in (("idle", IDLE_SHARE), ("busy", BUSY_SHARE)):
        if name in known:
            trips = known[name].trips
            ratio = trips["kernel"].at(99) / trips["user"].at(99)
            text = f"{name}: kernel p99 is {ratio:.3f} of user-space p99 (at most {share:g})"
            found.append(Goal(text, ratio <= share))
    for peer in ("irtt", "ping"):
        if "idle" in known and peer in known:
            ours, theirs = known["idle"].trips["kernel"].at(50), known[peer].trips["rtt"].at(50)
            text = f"p50 {ours:.1f} us is below {peer}'s {theirs:.1f} us"
            found.append(Goal(text, ours < theirs))
    if "idle" in known:
        late = known["idle"].timer["p99"]
        found.append(Goal(f"sent late p99 {late:.0f} us (below {TIMER_P99:g})", late < TIMER_P99))
    if "precise" in known:
        late = known["precise"].timer["p95"]
        text = f"--precise: sent late p95 {late:.1f} us (below {PRECISE_P95:g})"
        found.append(Goal(text, late < PRECISE_P95))
    return found
