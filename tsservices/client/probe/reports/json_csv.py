"""
What happens, for programs: JSON lines and CSV.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence

from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.summary import summaryLines
from tsservices.client.probe.reports.text import interimText
from tsservices.client.probe.target import Target
from tsservices.client.probe.wires.base import Times
from tsservices.stamp.stats.result import Outcome
from tsservices.stamp.stats.summary import SCHEMA, figuresOf

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
"""
What is told of each packet, in this order.
"""


def record(target: Target, outcome: Outcome) -> dict[str, int | str | None]:
    """
    @param target: where a packet went.
    @param outcome: what became of it.
    @return: both by L{COLUMNS}; L{None} for what is unknown.
    """
    times = outcome.timing
    return {
        "host": target.name,
        "address": target.address,
        "port": target.port,
        "seq": outcome.sequence,
        "state": outcome.state.value,
        "sent_ns": outcome.wall if outcome.stamps is None else outcome.stamps.sent,
        "network_ns": times.network,
        "application_ns": outcome.application,
        "server_ns": times.server,
        "up_ns": times.up,
        "down_ns": times.down,
        "offset_ns": times.offset,
        "follow_up_ns": outcome.followUp,
        "clocks": None if outcome.stamps is None else outcome.stamps.clocks,
        "reflector_seq": outcome.counted,
        "bytes": outcome.size,
        "ttl": outcome.ttl,
        "reason": outcome.reason or None,
    }


class JSONReport:
    """
    One object a line: C{probe}, C{interim}, C{summary}.
    """

    def __init__(self, output: Output, times: Times, quiet: bool = False) -> None:
        """
        @param output: gets the lines.
        @param times: this host's clocks.
        @param quiet: whether packets are left out.
        """
        self._output = output
        self._times = times
        self._quiet = quiet

    def began(self, targets: Sequence[Target]) -> None:
        """
        @param targets: all of them; nothing is known yet.
        """

    def happened(self, target: Target, outcome: Outcome) -> None:
        """
        @param target: the one.
        @param outcome: of a packet to it.
        """
        if not self._quiet:
            self._write("probe", record(target, outcome))

    def waited(self, target: Target, sequence: int) -> None:
        """
        @param target: the one.
        @param sequence: of a packet of which the outcome is told later.
        """

    def interim(self, targets: Sequence[Target]) -> None:
        """
        @param targets: of which to say what is known so far.
        """
        for target in targets:
            self._figures("interim", target)

    def summary(self, targets: Sequence[Target]) -> None:
        """
        @param targets: of which to say all that is known.
        """
        for target in targets:
            self._figures("summary", target)

    def _figures(self, kind: str, target: Target) -> None:
        """
        @param kind: of object.
        @param target: what it is about.
        """
        about: dict[str, object] = {
            "host": target.name,
            "address": target.address,
            "port": target.port,
            "wire": target.wire.label,
            "time_ns": self._times.wall(),
        }
        facts = {f"{name}_ns": value for name, value in target.wire.facts().items()}
        self._write(kind, {**about, **figuresOf(target.tally), "tcp": facts or None})

    def _write(self, kind: str, values: Mapping[str, object]) -> None:
        """
        @param kind: of object.
        @param values: what it holds.
        """
        self._output.line(
            json.dumps({"type": kind, "schema": SCHEMA, **values}, separators=(",", ":"))
        )


class CSVReport:
    """
    One line for each packet; what is unknown is empty.  The summary goes to standard
    error, so that the output stays one table.
    """

    def __init__(self, output: Output, quiet: bool = False) -> None:
        """
        @param output: gets the lines.
        @param quiet: whether packets are left out.
        """
        self._output = output
        self._quiet = quiet

    def began(self, targets: Sequence[Target]) -> None:
        """
        @param targets: all of them.
        """
        self._row(COLUMNS)

    def happened(self, target: Target, outcome: Outcome) -> None:
        """
        @param target: the one.
        @param outcome: of a packet to it.
        """
        if not self._quiet:
            self._row(tuple(record(target, outcome).values()))

    def waited(self, target: Target, sequence: int) -> None:
        """
        @param target: the one.
        @param sequence: of a packet of which the outcome is told later.
        """

    def interim(self, targets: Sequence[Target]) -> None:
        """
        @param targets: of which to say what is known so far.
        """
        for target in targets:
            self._output.aside(interimText(target))

    def summary(self, targets: Sequence[Target]) -> None:
        """
        @param targets: of which to say all that is known.
        """
        for target in targets:
            self._output.aside("\n".join(summaryLines(target, False)))

    def _row(self, cells: Sequence[object]) -> None:
        """
        @param cells: of one line.
        """
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        self._output.line(text.getvalue())
