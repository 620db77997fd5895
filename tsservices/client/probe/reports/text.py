"""
What happens, for a person: in ping's manner.
"""

from __future__ import annotations

from collections.abc import Sequence

from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.summary import (
    countsLine,
    milliseconds,
    percentText,
    summaryLines,
)
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks
from tsservices.stamp.stats.result import ProbeResult, ProbeState

#: What stands behind a reply that is not the first in time.
MARKS = {ProbeState.LATE: " (LATE)", ProbeState.DUPLICATE: " (DUP!)"}


def replyText(result: ProbeResult) -> str:
    """What is known of it."""
    times = result.delays
    words = [f"seq={result.sequence}"]
    if result.ttl is not None:
        words.append(f"ttl={result.ttl}")
    if times.network is not None:
        words.append(f"net={milliseconds(times.network)}")
    if result.application is not None:
        words.append(f"app={milliseconds(result.application)}")
    if times.up is not None and times.down is not None:
        words.append(f"up={milliseconds(times.up)} down={milliseconds(times.down)}")
    if result.application is not None or times.network is not None:
        words.append("ms")
    return " ".join(words) + MARKS.get(result.state, "")


def interimText(target: ProbeTarget) -> str:
    """What is known so far, in a line."""
    tally = target.statistics
    trip = tally.trip
    text = (
        f"{target.name}: {tally.received}/{tally.transmitted} packets, "
        f"{percentText(tally.lossPercent)} loss"
    )
    if trip.count:
        cells = (
            trip.moments.minimum,
            trip.percentile(50),
            trip.percentile(99),
            trip.moments.maximum,
        )
        text += f", min/p50/p99/max = {'/'.join(map(milliseconds, cells))} ms"
    return text


class TextReport:
    """A line for each packet, and a summary."""

    def __init__(
        self,
        output: Output,
        clocks: Clocks,
        interval: float,
        timeout: float,
        quiet: bool = False,
        dated: bool = False,
        outstanding: bool = False,
        histogram: bool = False,
    ) -> None:
        """
        @param interval: seconds between packets.
        @param timeout: seconds until one is lost.
        """
        self._output = output
        self._clocks = clocks
        self._interval = interval
        self._timeout = timeout
        self._quiet = quiet
        self._dated = dated
        self._outstanding = outstanding
        self._histogram = histogram

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.line(
                f"PROBE {target.name} ({target.address}) port {target.port}: "
                f"{target.transport.label}, {target.transport.size} bytes every {self._interval:g} s"
            )

    def resultReady(self, target: ProbeTarget, outcome: ProbeResult) -> None:
        if self._quiet:
            return
        if outcome.state is ProbeState.TIMEOUT:
            words = f"no answer from {target.address}: seq={outcome.sequence} "
            words += f"within {self._timeout:g} s"
        elif outcome.state in (ProbeState.REFUSED, ProbeState.UNREACHABLE):
            words = f"from {target.address}: seq={outcome.sequence} {outcome.reason}"
        else:
            words = f"{outcome.size} bytes from {target.address}: {replyText(outcome)}"
        self._line(words)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        if self._outstanding and not self._quiet:
            self._line(f"no answer yet from {target.address}: seq={sequence}")

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.note(interimText(target))

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.line("\n" + "\n".join(summaryLines(target, self._histogram)))
        if len(targets) > 1:
            self._output.line("")
            for target in targets:
                self._output.line(f"{target.name}: {countsLine(target.statistics)}")

    def _line(self, words: str) -> None:
        stamp = ""
        if self._dated:
            seconds, rest = divmod(self._clocks.wall(), 1_000_000_000)
            stamp = f"[{seconds}.{rest // 1000:06d}] "
        self._output.line(stamp + words)
