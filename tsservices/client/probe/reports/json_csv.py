"""Reports for programs: JSON lines and CSV.  Their names are public."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.summary import summaryLines
from tsservices.client.probe.reports.text import interimText
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks
from tsservices.stamp.stats.result import ProbeResult
from tsservices.stamp.stats.summary import SCHEMA, summarize

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
)


def resultRecord(target: ProbeTarget, result: ProbeResult) -> dict[str, int | str | None]:
    """The values of L{COLUMNS}, in that order; L{None} for what is unknown."""
    delays = result.delays
    return {
        "host": target.name,
        "address": target.address,
        "port": target.port,
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
    }


class JSONReport:
    """One object a line: C{probe}, C{interim}, C{summary}."""

    def __init__(self, output: Output, clocks: Clocks, quiet: bool = False) -> None:
        self._output = output
        self._clocks = clocks
        self._quiet = quiet

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        if not self._quiet:
            self._write("probe", resultRecord(target, result))

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._writeStatistics("interim", target)

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._writeStatistics("summary", target)

    def _writeStatistics(self, kind: str, target: ProbeTarget) -> None:
        header: dict[str, object] = {
            "host": target.name,
            "address": target.address,
            "port": target.port,
            "wire": target.transport.label,
            "time_ns": self._clocks.wall(),
        }
        tcp = {f"{name}_ns": value for name, value in target.transport.kernelTimes().items()}
        self._write(kind, {**header, **summarize(target.statistics), "tcp": tcp or None})

    def _write(self, kind: str, values: Mapping[str, object]) -> None:
        self._output.line(
            json.dumps({"type": kind, "schema": SCHEMA, **values}, separators=(",", ":"))
        )


class CSVReport:
    """
    One line for each packet; what is unknown is empty.

    The summary goes to standard error, so that the output stays one table.
    """

    def __init__(self, output: Output, quiet: bool = False) -> None:
        self._output = output
        self._quiet = quiet

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        self._row(COLUMNS)

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        if not self._quiet:
            self._row(tuple(resultRecord(target, result).values()))

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.note(interimText(target))

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.note("\n".join(summaryLines(target, False)))

    def _row(self, cells: Sequence[object]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        self._output.line(text.getvalue())
