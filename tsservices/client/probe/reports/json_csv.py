"""Reports for programs: JSON lines and CSV.  Their names are public."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.disturbances import stallText, stepText
from tsservices.client.probe.reports.hints import hintTexts
from tsservices.client.probe.reports.host_table import summaryOf
from tsservices.client.probe.reports.summary import summaryLines
from tsservices.client.probe.reports.text import interimText
from tsservices.client.probe.reports.window import Windows
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.marks import Marks
from tsservices.stamp.stats.result import ProbeResult
from tsservices.stamp.stats.stalls import Stall
from tsservices.stamp.stats.summary import SCHEMA, stallSummary, stepSummary, summarize

#: The columns of CSV, and the names of a C{probe} object in JSON.
COLUMNS = (
    "host",
    "address",
    "port",
    "seq",
    "state",
    "sent_ns",
    "network_ns",
    "application_ns",
    "server_ns",
    "up_ns",
    "down_ns",
    "offset_ns",
    "follow_up_ns",
    "clocks",
    "reflector_seq",
    "bytes",
    "ttl",
    "reason",
    "piece",
    "error_by",
    "error_from",
    "icmp_type",
    "icmp_code",
    "mtu",
)

#: The additional names for packets that request DSCP and ECN.
MARK_COLUMNS = (
    "dscp_up_sent",
    "dscp_up_received",
    "dscp_down_sent",
    "dscp_down_received",
    "ecn_up_sent",
    "ecn_up_received",
    "ecn_down_received",
    "dscp_permitted",
)


def _targetRecord(target: ProbeTarget) -> dict[str, int | str | None]:
    return {"host": target.name, "address": target.address or None, "port": target.port or None}


def changeRecord(change: TargetChange) -> dict[str, int | str | None]:
    """Return a change of addresses or connection, by public names."""
    return {
        "seq": change.sequence,
        "time_ns": change.time,
        "to": change.address,
        "to_was": change.formerAddress or None,
        "from": change.source or None,
        "from_was": change.formerSource or None,
        "reason": change.reason or None,
    }


def resultRecord(target: ProbeTarget, result: ProbeResult) -> dict[str, int | str | None]:
    """Return the values of L{COLUMNS}, in that order; unknown values are L{None}."""
    delays, error = result.delays, result.error
    return {
        **_targetRecord(target),
        "address": target.addressOf(result.sequence),
        "seq": result.sequence,
        "state": result.state.value,
        "sent_ns": result.sentAt if result.timestamps is None else result.timestamps.sent,
        "network_ns": delays.network,
        "application_ns": result.application,
        "server_ns": delays.server,
        "up_ns": delays.up,
        "down_ns": delays.down,
        "offset_ns": delays.offset,
        "follow_up_ns": result.followUpDelay,
        "clocks": None if result.timestamps is None else result.timestamps.clocks,
        "reflector_seq": result.reflectorSequence,
        "bytes": result.size,
        "ttl": result.ttl,
        "reason": result.reason or None,
        "piece": target.statistics.piece,
        "error_by": None if error is None else error.source.value,
        "error_from": None if error is None else error.address,
        "icmp_type": None if error is None else error.icmpType,
        "icmp_code": None if error is None else error.icmpCode,
        "mtu": None if error is None else error.mtu,
    }


def markRecord(marks: Marks | None) -> dict[str, int | None]:
    """Return the values of L{MARK_COLUMNS}, in that order; unknown values are L{None}."""
    if marks is None:
        return dict.fromkeys(MARK_COLUMNS)
    return {
        "dscp_up_sent": marks.dscpUpSent,
        "dscp_up_received": marks.dscpUpReceived,
        "dscp_down_sent": marks.dscpDownSent,
        "dscp_down_received": marks.dscpDownReceived,
        "ecn_up_sent": marks.ecnUpSent,
        "ecn_up_received": marks.ecnUpReceived,
        "ecn_down_received": marks.ecnDownReceived,
        "dscp_permitted": None if marks.permitted is None else int(marks.permitted),
    }


class JSONReport:
    """One object a line: C{probe}, C{clock_step}, C{stall}, C{change}, C{interim}, C{summary}."""

    def __init__(self, output: Output, clocks: Clocks, options: ProbeOptions) -> None:
        self._output = output
        self._clocks = clocks
        self._options = options
        self._quiet = options.quiet
        self._windows = Windows()

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        self._windows.started(targets, self._clocks.monotonic())

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        self._windows.add(target, result)
        if not self._quiet:
            marks = {} if result.marks is None else markRecord(result.marks)
            self._write("probe", {**resultRecord(target, result), **marks})

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        if not self._quiet:
            self._write("clock_step", {**self._header(target), **stepSummary(step)})

    def stalled(self, stall: Stall) -> None:
        if not self._quiet:
            self._write("stall", {"time_ns": self._clocks.wall(), **stallSummary(stall)})

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        if not self._quiet:
            self._write("change", {**_targetRecord(target), **changeRecord(change)})

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        now = self._clocks.monotonic()
        for target in targets:
            last = self._windows.summarize(target, now)
            self._writeStatistics("interim", target, {"since_last": last})

    def periodic(self, targets: Sequence[ProbeTarget]) -> None:
        self.interim(targets)

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            hints = hintTexts(target, self._options)
            self._writeStatistics("summary", target, {"hints": hints})

    def _writeStatistics(self, kind: str, target: ProbeTarget, more: Mapping[str, object]) -> None:
        way = {
            "changes": [changeRecord(change) for change in target.changes],
            "change_count": target.changeCount,
            "reconnects": target.reconnectCount,
        }
        values = {**self._header(target), **summarize(target.statistics)}
        self._write(kind, {**values, **self._connection(target), **way, **more})

    def _header(self, target: ProbeTarget) -> dict[str, object]:
        return {
            **_targetRecord(target),
            "wire": target.transport.label,
            "time_ns": self._clocks.wall(),
        }

    def _connection(self, target: ProbeTarget) -> dict[str, object]:
        tcp = {f"{name}_ns": value for name, value in target.transport.kernelTimes().items()}
        path = target.transport.pathMTU()
        return {
            "tcp": tcp or None,
            "path": path
            and {"mtu": path.mtu, "largest_size": path.largest, "first_mtu": path.first},
        }

    def _write(self, kind: str, values: Mapping[str, object]) -> None:
        self._output.line(
            json.dumps({"type": kind, "schema": SCHEMA, **values}, separators=(",", ":"))
        )


class CSVReport:
    """
    One line for each packet; unknown values are empty.

    The summary goes to standard error, so that the output stays one table.
    """

    def __init__(self, output: Output, clocks: Clocks, options: ProbeOptions) -> None:
        self._output = output
        self._clocks = clocks
        self._options = options
        self._marks = options.dscpBack is not None
        self._windows = Windows()

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        self._windows.started(targets, self._clocks.monotonic())
        self._row((*COLUMNS, *(MARK_COLUMNS if self._marks else ())))

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        if self._options.report is not None:
            self._windows.add(target, result)
        if not self._options.quiet:
            cells: list[object] = [*resultRecord(target, result).values()]
            if self._marks:
                cells += markRecord(result.marks).values()
            self._row(cells)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        if not self._options.quiet:
            self._output.note(f"{target.name}: {stepText(step)}")

    def stalled(self, stall: Stall) -> None:
        if not self._options.quiet:
            self._output.note(stallText(stall))

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        if not self._options.quiet:
            self._output.note(f"{target.name}: {change}")

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.note(interimText(target))

    def periodic(self, targets: Sequence[ProbeTarget]) -> None:
        self._output.note("\n".join(self._windows.lines(targets, self._clocks.monotonic())))

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        lines = summaryOf(
            targets, self._options.quiet, lambda target: summaryLines(target, self._options)
        )
        self._output.note("\n".join(lines))

    def _row(self, cells: Sequence[object]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        self._output.line(text.getvalue())
