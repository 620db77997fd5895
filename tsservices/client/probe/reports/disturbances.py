"""Disturbances of a measurement, as text for a person: clocks that were set, and stalls."""

from __future__ import annotations

from tsservices.common.text import plural
from tsservices.stamp.stats.clock_steps import ClockOwner, ClockStep
from tsservices.stamp.stats.stalls import Stall
from tsservices.stamp.stats.target import TargetStatistics

#: Nanoseconds.
SECOND = 1_000_000_000

#: The names of the clocks in a sentence.
OWNERS = {
    ClockOwner.THIS_HOST: "this host's clock",
    ClockOwner.REFLECTOR: "the reflector's clock",
}

#: Steps, and stalls, that the summary lists; earlier ones are only counted.
LISTED = 8


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / SECOND:.3f} s"


def _amount(nanoseconds: int) -> str:
    if abs(nanoseconds) >= SECOND:
        return f"{nanoseconds / SECOND:+.3f} s"
    return f"{nanoseconds / 1e6:+.3f} ms"


def stepText(step: ClockStep) -> str:
    text = f"{OWNERS[step.owner]} stepped by {_amount(step.step)}"
    return text + f" (+/- {step.bound / 1e6:.3f} ms)"


def stallText(stall: Stall) -> str:
    text = f"this program did not run for {_seconds(stall.duration)}"
    return text + (f", the system slept for {_seconds(stall.slept)} of that" * bool(stall.slept))


def stepLines(statistics: TargetStatistics) -> list[str]:
    """Return the steps of clocks; nothing if there were none."""
    steps = statistics.steps
    if not steps.total:
        return []
    listed = list(steps.newest)[-LISTED:]
    counts = " and ".join(
        f"{owner.value} {count}" for owner, count in steps.counts.items() if count
    )
    last = f", the last {len(listed)} of them" if len(listed) < steps.total else ""
    lines = [f"clock steps: {counts}{last}:"]
    lines += [f"  at {_seconds(step.time)}: {stepText(step)}" for step in listed]
    if statistics.clockNoise:
        lines.append(f"  then it jumped to and fro by up to {statistics.clockNoise / 1e6:.3f} ms:")
        lines.append("  it is not steady, or several hosts answer; no steps and queues since then")
    if statistics.up.count:
        packets = plural(statistics.up.count, "packet")
        lines.append(f"  up and down (raw) and clock offset: of the last {packets}, since then")
    return lines


def stallLines(statistics: TargetStatistics) -> list[str]:
    """Return the stalls and dropped datagrams; nothing if there were none."""
    stalls = statistics.stalls
    lines = []
    if stalls.count:
        listed = list(stalls.newest)[-LISTED:]
        lines.append(
            f"this program did not run: {plural(stalls.count, 'time')}, "
            f"longest {_seconds(stalls.longest)}, in all {_seconds(stalls.total)}"
        )
        if stalls.slept:
            lines.append(f"  of that the system slept for {_seconds(stalls.slept)}")
        if len(listed) < stalls.count:
            lines.append(f"  the last {len(listed)} of them:")
        lines += [f"  at {_seconds(stall.time)} for {_seconds(stall.duration)}" for stall in listed]
        if stalls.skipped:
            lines.append(f"  packets due meanwhile, not sent and not lost: {stalls.skipped}")
        if stalls.unmeasured:
            lines.append(f"  replies read only after it, without app time: {stalls.unmeasured}")
    if stalls.overflowed:
        lines.append(
            f"dropped here, since the socket's buffer was full: {stalls.overflowed} datagrams;"
        )
        lines.append("  which of them were replies in time nobody can know; they count as lost")
    return lines


def disturbanceLines(statistics: TargetStatistics) -> list[str]:
    """Return all disturbances of the run."""
    lines = [*stallLines(statistics), *stepLines(statistics)]
    if statistics.contradicted:
        packets = plural(statistics.contradicted, "packet")
        lines.append(f"times that contradict each other: {packets}, of which only app is known")
    return lines
