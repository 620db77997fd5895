"""
The figures of the echo benchmark: one row for each server in each cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.common.figures import (
    PeerFigures,
    byCellAndPeer,
    doubts,
    medianOf,
    p50,
    pairedRatio,
    peerFigures,
    serverCpu,
)
from benchmarks.common.servers import Peer
from benchmarks.echo.cells import Cell
from benchmarks.echo.measure import Sample

# Share of a core above which the generator may limit the requests/s.
BUSY = 0.95
# Share of lost datagrams above which a row has a flag.
LOSSY = 0.01


def requestsPerSecond(sample: Sample) -> float:
    """Requests answered in a second."""
    return sample.load.requestsPerSecond


@dataclass(frozen=True, kw_only=True)
class Row(PeerFigures):
    """
    One peer in one cell; every figure is a median over the rounds, C{None} when there is none.

    @ivar requestsPerSecond: Requests answered in a second.
    @ivar rateToUvloop: Requests/s divided by those of uvloop.
    @ivar cpuToUvloop: CPU for one request divided by that of uvloop.
    @ivar p50ToUvloop: Median latency divided by that of uvloop.
    @ivar rateToC: Requests/s divided by those of the C loop.
    @ivar cpuToC: CPU for one request divided by that of the C loop.
    @ivar idleBytes: Server bytes for each silent connection.
    @ivar idleRatio: Requests/s beside silent connections, divided by those without.
    @ivar idleCpuRatio: CPU for one request beside silent connections, divided by that without.
    @ivar latenessP50: Median lateness of the server's timer, milliseconds.
    @ivar latenessP99: 99th percentile of the lateness, milliseconds.
    @ivar latenessMaximum: Largest lateness of all rounds, milliseconds.
    """

    requestsPerSecond: float | None
    rateToUvloop: float | None
    cpuToUvloop: float | None
    p50ToUvloop: float | None
    rateToC: float | None
    cpuToC: float | None
    idleBytes: float | None
    idleRatio: float | None
    idleCpuRatio: float | None
    latenessP50: float | None
    latenessP99: float | None
    latenessMaximum: float | None


def flagsOf(samples: Sequence[Sample]) -> tuple[str, ...]:
    """List the reasons to doubt the figures of one peer in one cell."""
    flags = doubts(samples, BUSY)
    if any(sample.load.lost > LOSSY * sample.load.requests for sample in samples):
        flags.append("datagrams lost")
    return tuple(flags)


def rowsOf(samples: Sequence[Sample], cells: Sequence[Cell], peers: Sequence[Peer]) -> list[Row]:
    """Make the table: a row for each cell and peer that has a sample."""
    groups = byCellAndPeer(samples)
    return [
        _row(
            groups[cell.name, peer.name],
            groups.get((cell.name, "uvloop"), []),
            groups.get((cell.name, "c"), []),
        )
        for cell in cells
        for peer in peers
        if (cell.name, peer.name) in groups
    ]


def _row(own: Sequence[Sample], uvloop: Sequence[Sample], loop: Sequence[Sample]) -> Row:
    lateness = [sample.lateness for sample in own if sample.lateness is not None]
    return Row(
        **vars(peerFigures(own, requestsPerSecond, flagsOf(own))),
        requestsPerSecond=medianOf(own, requestsPerSecond),
        rateToUvloop=pairedRatio(own, uvloop, requestsPerSecond),
        cpuToUvloop=pairedRatio(own, uvloop, serverCpu),
        p50ToUvloop=pairedRatio(own, uvloop, p50),
        rateToC=pairedRatio(own, loop, requestsPerSecond),
        cpuToC=pairedRatio(own, loop, serverCpu),
        idleBytes=medianOf(own, lambda sample: sample.idleBytes),
        idleRatio=medianOf(own, lambda sample: sample.idleRatio),
        idleCpuRatio=medianOf(own, lambda sample: sample.idleCpuRatio),
        latenessP50=median(late.p50 for late in lateness) if lateness else None,
        latenessP99=median(late.p99 for late in lateness) if lateness else None,
        latenessMaximum=max(late.maximum for late in lateness) if lateness else None,
    )
