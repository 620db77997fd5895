"""The statistics since the last report of a run."""

from __future__ import annotations

from collections.abc import Sequence

from tsservices.client.probe.reports.host_table import TableRow, rowOf, tableLines
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.delay import Jitter
from tsservices.stamp.stats.distribution import Distribution
from tsservices.stamp.stats.result import ProbeResult, ProbeState
from tsservices.stamp.stats.summary import Summary, distributionSummary

#: States of packets without a reply in time.
LOST = frozenset({ProbeState.TIMEOUT, ProbeState.REFUSED, ProbeState.UNREACHABLE})


class Window:
    """The known results of one target's packets since the last report."""

    def __init__(self, start: int, transmitted: int) -> None:
        """
        @param start: its start by the monotonic clock, in nanoseconds.
        @param transmitted: packets sent before.
        """
        self.start = start
        self.transmitted = transmitted
        self.received = 0
        self.lost = 0
        self.roundTrip = Distribution()
        self.jitter = Jitter()

    def add(self, result: ProbeResult) -> None:
        if result.state is ProbeState.OK:
            self.received += 1
            roundTrip = result.delays.network
            if roundTrip is None and not result.stalled:
                roundTrip = result.application
            self.roundTrip.add(roundTrip)
            self.jitter.add(result.sequence, roundTrip)
        elif result.state in LOST:
            self.lost += 1

    @property
    def lossPercent(self) -> float | None:
        """L{None} before any packet is settled."""
        settled = self.received + self.lost
        return 100 * self.lost / settled if settled else None


class Windows:
    """The windows of all targets."""

    def __init__(self) -> None:
        self._windows: dict[ProbeTarget, Window] = {}
        self._start = 0

    def started(self, targets: Sequence[ProbeTarget], now: int) -> None:
        """@param now: by the monotonic clock, in nanoseconds."""
        self._start = now
        self._windows = {target: Window(now, 0) for target in targets}

    def add(self, target: ProbeTarget, result: ProbeResult) -> None:
        window = self._windows.get(target)
        if window is not None:
            window.add(result)

    def summarize(self, target: ProbeTarget, now: int) -> Summary:
        """Return the figures since the last report, by public names, and start a new window."""
        window, transmitted = self._next(target, now)
        return {
            "span_ns": now - window.start,
            "transmitted": transmitted,
            "received": window.received,
            "lost": window.lost,
            "loss_percent": window.lossPercent,
            "round_trip_ns": distributionSummary(window.roundTrip),
            "ipdv_abs_ns": distributionSummary(window.jitter.absolute),
        }

    def lines(self, targets: Sequence[ProbeTarget], now: int) -> list[str]:
        """
        Return a table with two rows for each target, since the start and since the last report, and
        start new windows.
        """
        rows = []
        for target in targets:
            window, transmitted = self._next(target, now)
            rows += [
                rowOf(target),
                TableRow(
                    f"  last {_span(now - window.start)}",
                    transmitted,
                    window.received,
                    window.lossPercent,
                    window.roundTrip,
                    window.jitter.estimate,
                ),
            ]
        return tableLines(f"after {_span(now - self._start)}, ms", rows)

    def _next(self, target: ProbeTarget, now: int) -> tuple[Window, int]:
        transmitted = target.statistics.transmitted
        window = self._windows.get(target) or Window(self._start, 0)
        self._windows[target] = Window(now, transmitted)
        return window, transmitted - window.transmitted


def _span(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.4g} s" if nanoseconds < 10**13 else f"{nanoseconds / 1e9:.0f} s"
