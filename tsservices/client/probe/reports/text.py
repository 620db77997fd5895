"""The report for a person: a line for each packet, in ping's manner."""

from __future__ import annotations

from collections.abc import Sequence

from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.summary import (
    countsLine,
    milliseconds,
    percentText,
    summaryLines,
)
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks
from tsservices.common.text import plural
from tsservices.stamp.stats.result import ProbeResult, ProbeState

#: What stands behind a reply that is not the first in time.
MARKS = {ProbeState.LATE: " (LATE)", ProbeState.DUPLICATE: " (DUP!)"}


def replyText(result: ProbeResult) -> str:
    """The line of a packet with a reply."""
    delays = result.delays
    parts = [f"seq={result.sequence}"]
    if result.ttl is not None:
        parts.append(f"ttl={result.ttl}")
    if delays.network is not None:
        parts.append(f"net={milliseconds(delays.network)}")
    if result.application is not None:
        parts.append(f"app={milliseconds(result.application)}")
    if delays.up is not None and delays.down is not None:
        parts.append(f"up={milliseconds(delays.up)} down={milliseconds(delays.down)}")
    if result.application is not None or delays.network is not None:
        parts.append("ms")
    return " ".join(parts) + MARKS.get(result.state, "")


def interimText(target: ProbeTarget) -> str:
    """The statistics so far, in one line."""
    statistics = target.statistics
    trips = statistics.roundTrip
    text = (
        f"{target.name}: {statistics.received}/{plural(statistics.transmitted, 'packet')}, "
        f"{percentText(statistics.lossPercent)} loss"
    )
    if trips.count:
        p50, p99 = trips.percentile(50), trips.percentile(99)
        cells = (trips.moments.minimum, p50, p99, trips.moments.maximum)
        text += f", min/p50/p99/max = {'/'.join(map(milliseconds, cells))} ms"
    return text


class TextReport:
    """A line for each packet, and a summary."""

    def __init__(self, output: Output, clocks: Clocks, options: ProbeOptions) -> None:
        self._output = output
        self._clocks = clocks
        self._options = options

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        interval = self._options.interval
        for target in targets:
            transport = target.transport
            self._output.line(
                f"PROBE {target.name} ({target.address}) port {target.port}: "
                f"{transport.label}, {transport.size} bytes every {interval:g} s"
            )

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        if self._options.quiet:
            return
        address = target.address
        if result.state is ProbeState.TIMEOUT:
            timeout = self._options.timeout
            text = f"no answer from {address}: seq={result.sequence} within {timeout:g} s"
        elif result.state in (ProbeState.REFUSED, ProbeState.UNREACHABLE):
            text = f"from {address}: seq={result.sequence} {result.reason}"
        else:
            text = f"{result.size} bytes from {address}: {replyText(result)}"
        self._line(text)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        if self._options.outstanding and not self._options.quiet:
            self._line(f"no answer yet from {target.address}: seq={sequence}")

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.note(interimText(target))

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            lines = summaryLines(target, self._options.histogram)
            self._output.line("\n" + "\n".join(lines))
        if len(targets) > 1:
            self._output.line("")
            for target in targets:
                self._output.line(f"{target.name}: {countsLine(target.statistics)}")

    def _line(self, text: str) -> None:
        date = ""
        if self._options.dated:
            seconds, nanoseconds = divmod(self._clocks.wall(), 1_000_000_000)
            date = f"[{seconds}.{nanoseconds // 1000:06d}] "
        self._output.line(date + text)
