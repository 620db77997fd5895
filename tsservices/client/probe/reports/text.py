"""The report for a person: a line for each packet, as in ping."""

from __future__ import annotations

from collections.abc import Sequence

from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.columns import milliseconds, percentText
from tsservices.client.probe.reports.disturbances import stallText, stepText
from tsservices.client.probe.reports.histogram import BAR_CHARACTERS
from tsservices.client.probe.reports.host_table import summaryOf
from tsservices.client.probe.reports.summary import countText, summaryLines
from tsservices.client.probe.reports.window import Windows
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks
from tsservices.common.text import plural
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.errors import ErrorSource
from tsservices.stamp.stats.marks import Marks
from tsservices.stamp.stats.result import ProbeResult, ProbeState
from tsservices.stamp.stats.stalls import Stall

#: The text after a reply that is not the first in time.
MARKS = {ProbeState.LATE: " (LATE)", ProbeState.DUPLICATE: " (DUP!)"}


def replyText(result: ProbeResult) -> str:
    """Return the line of a packet with a reply."""
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
    if result.marks is not None:
        parts.append(marksText(result.marks))
    return " ".join(parts) + MARKS.get(result.state, "")


def marksText(marks: Marks) -> str:
    """Return DSCP and ECN of one packet in both directions: as sent > as received."""
    return (
        f"dscp up {marks.dscpUpSent}>{countText(marks.dscpUpReceived)} "
        f"down {countText(marks.dscpDownSent)}>{countText(marks.dscpDownReceived)} "
        f"ecn up {marks.ecnUpSent}>{countText(marks.ecnUpReceived)} "
        f"down {countText(marks.ecnDownReceived)}"
    )


def interimText(target: ProbeTarget) -> str:
    """Return the statistics so far, in one line."""
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
        self._windows = Windows()
        self._several = False

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        self._windows.started(targets, self._clocks.monotonic())
        self._several = len(targets) > 1
        if self._options.quiet and self._several:
            self._head(plural(len(targets), "host"), targets)
            return
        for target in targets:
            address = target.address or "no address yet"
            self._head(f"{target.name} ({address})", [target])

    def _head(self, hosts: str, targets: Sequence[ProbeTarget]) -> None:
        transport = targets[0].transport
        port = f" port {targets[0].port}" if targets[0].port else ""
        paths = [target.transport.pathMTU() for target in targets]
        mtus = sorted({path.mtu for path in paths if path is not None and path.notable})
        mtu = f", MTU {mtus[0]}" if mtus else ""
        if len(mtus) > 1:
            mtu += f" to {mtus[-1]}"
        self._output.line(
            f"PROBE {hosts}{port}: {transport.label}, {transport.size} bytes "
            f"every {self._options.interval:g} s{mtu}"
        )

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        if self._options.report is not None:
            self._windows.add(target, result)
        if self._options.quiet:
            return
        host = self._hostText(target, target.addressOf(result.sequence))
        if result.state is ProbeState.TIMEOUT:
            timeout = self._options.timeout
            text = f"no answer from {host}: seq={result.sequence} within {timeout:g} s"
        elif result.state in (ProbeState.REFUSED, ProbeState.UNREACHABLE):
            sender = self._senderText(result, host)
            text = f"from {sender}: seq={result.sequence} {result.reason}"
        else:
            text = f"{result.size} bytes from {host}: {replyText(result)}"
        self._line(text)

    def _hostText(self, target: ProbeTarget, address: str) -> str:
        # Two of several hosts may have the same address.
        named = self._several and target.name != address
        return f"{target.name} ({address})" if named else address

    def _senderText(self, result: ProbeResult, host: str) -> str:
        error = result.error
        if error is None or error.source is ErrorSource.TARGET:
            return host
        # An error from this host or a router may be about any of the hosts.
        return f"{error.sender} for {host}" if self._several else error.sender

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        if self._options.outstanding and not self._options.quiet:
            host = self._hostText(target, target.address)
            self._line(f"no answer yet from {host}: seq={sequence}")

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        if not self._options.quiet:
            self._line(f"{target.name}: {stepText(step)}")

    def stalled(self, stall: Stall) -> None:
        if not self._options.quiet:
            self._line(stallText(stall))

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        if not self._options.quiet:
            self._line(f"{target.name}: {change}")

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.note(interimText(target))

    def periodic(self, targets: Sequence[ProbeTarget]) -> None:
        table = self._windows.lines(targets, self._clocks.monotonic())
        self._line("\n".join(table))

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        asciiBars = not self._output.canShow(BAR_CHARACTERS)
        lines = summaryOf(
            targets,
            self._options.quiet,
            lambda target: summaryLines(target, self._options, asciiBars),
        )
        self._output.line("\n".join(lines))

    def _line(self, text: str) -> None:
        date = ""
        if self._options.dated:
            seconds, nanoseconds = divmod(self._clocks.wall(), 1_000_000_000)
            date = f"[{seconds}.{nanoseconds // 1000:06d}] "
        self._output.line(date + text)
