"""Reports for scripts, as in fping: names alone, or all round trips of a host in a line."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.options import Listing
from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.reports.columns import displayWidth, milliseconds, padded
from tsservices.client.probe.reports.text import TextReport, interimText
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.result import ProbeResult, ProbeState
from tsservices.stamp.stats.stalls import Stall

#: Stands for the round trip of a packet that was lost.
LOST = -1


class ListingReport:
    """The names of hosts that answer, each at its first reply; or, at the end, of the others."""

    def __init__(self, output: Output, listing: Listing) -> None:
        self._output = output
        self._alive = listing == "alive"

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        # More packets may be under way when a host answers.
        if self._alive and result.state is ProbeState.OK and target.statistics.received == 1:
            self._output.line(target.name)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        pass

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        pass

    def stalled(self, stall: Stall) -> None:
        pass

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        for target in targets:
            self._output.note(interimText(target))

    def periodic(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        if not self._alive:
            for target in targets:
                if not target.statistics.received:
                    self._output.line(target.name)


class RawReport(TextReport):
    """At the end, a line for each host with the round trip of each packet."""

    _roundTrips: dict[ProbeTarget, array[int]]

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        # The output of a quiet run has only the values, as in fping.
        if not self._options.quiet:
            super().started(targets)
        self._roundTrips = {target: array("q") for target in targets}

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        super().resultReady(target, result)
        if result.state is ProbeState.OK:
            trips = self._roundTrips[target]
            trips.extend([LOST] * (result.sequence + 1 - len(trips)))
            network = result.delays.network
            trips[result.sequence] = (result.application or 0) if network is None else network

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        width = max(displayWidth(target.name) for target in targets)
        most = max(target.statistics.transmitted for target in targets)
        for target in targets:
            trips = self._roundTrips[target]
            # A host whose name was never resolved is shown like one that does not answer.
            transmitted = target.statistics.transmitted or most
            trips.extend([LOST] * (transmitted - len(trips)))
            values = " ".join("-" if trip == LOST else milliseconds(trip) for trip in trips)
            self._output.line(f"{padded(target.name, width)} : {values}".rstrip())
