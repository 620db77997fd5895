"""
From samples to figures: medians, ratios within a round, flags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol, TypeVar

from benchmarks.echo.cells import Cell
from benchmarks.echo.load import Stretch
from benchmarks.echo.measure import DISTURBED, Sample
from benchmarks.echo.peers import Peer

# Share of a core above which the generator may be what limits the requests/s.
BUSY = 0.95
# Share of lost datagrams that is worth a word.
LOSSY = 0.01


class Measured(Protocol):
    """A sample of any benchmark."""

    @property
    def turn(self) -> int:
        """Number of its round."""

    @property
    def load(self) -> Stretch:
        """What the generator said."""

    @property
    def waited(self) -> float:
        """Share of the window the worse off side could not run though it was ready."""


Taken = TypeVar("Taken", bound=Measured)


def requestsPerSecond(sample: Sample) -> float | None:
    """Requests answered in a second."""
    return sample.load.requestsPerSecond


def serverCpu(sample: Sample) -> float | None:
    """Microseconds of server CPU for one request."""
    return sample.load.serverCpu


def p50(sample: Measured) -> float | None:
    """Median latency in microseconds."""
    return sample.load.p50


def generatorDemand(sample: Measured) -> float | None:
    """
    Share of the window the generator ran or would have liked to: near 1 it never waited for a
    reply, and what is measured is the generator.
    """
    return sample.load.utilisation + (sample.load.waited or 0.0)


def medianOf(samples: Sequence[Taken], figure: Callable[[Taken], float | None]) -> float | None:
    """The median over the samples that have this figure, or C{None}."""
    values = [value for sample in samples if (value := figure(sample)) is not None]
    return median(values) if values else None


def pairedRatio(
    samples: Sequence[Taken], base: Sequence[Taken], figure: Callable[[Taken], float | None]
) -> float | None:
    """
    The median, over the rounds both took part in, of one peer's figure divided by the other's in
    the same round.

    @return: C{None} when they share no round.
    """
    others = {sample.turn: figure(sample) for sample in base}
    ratios = [
        mine / other
        for sample in samples
        if (mine := figure(sample)) is not None and (other := others.get(sample.turn))
    ]
    return median(ratios) if ratios else None


@dataclass(frozen=True)
class Row:
    """
    One peer in one cell; every figure is a median over the rounds, C{None} when there is none.

    @ivar cell: Name of the cell.
    @ivar peer: Name of the peer.
    @ivar rounds: Samples behind it.
    @ivar requestsPerSecond: Requests answered in a second.
    @ivar lowest: The least of that.
    @ivar highest: The most of that.
    @ivar serverCpu: Microseconds of server CPU for one request.
    @ivar p50: Median latency, microseconds.
    @ivar p99: 99th percentile of it, microseconds.
    @ivar serverBusy: Share of its core the server used.
    @ivar generatorBusy: Share of its core the generator used.
    @ivar rateToUvloop: Requests/s divided by uvloop's.
    @ivar cpuToUvloop: CPU for one request divided by uvloop's.
    @ivar p50ToUvloop: Median latency divided by uvloop's.
    @ivar rateToC: Requests/s divided by the C loop's.
    @ivar cpuToC: CPU for one request divided by the C loop's.
    @ivar idleBytes: Server bytes for each silent connection.
    @ivar idleRatio: Requests/s beside silent connections, divided by those without.
    @ivar idleCpuRatio: CPU for one request, likewise.
    @ivar latenessP50: Lateness of the server's timer, milliseconds.
    @ivar latenessP99: The same, 99th percentile.
    @ivar latenessMaximum: The same, the worst of all rounds.
    @ivar flags: What makes a figure doubtful.
    """

    cell: str
    peer: str
    rounds: int
    requestsPerSecond: float | None
    lowest: float
    highest: float
    serverCpu: float | None
    p50: float | None
    p99: float | None
    serverBusy: float | None
    generatorBusy: float | None
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
    flags: tuple[str, ...]


def doubts(samples: Sequence[Measured], busy: float) -> list[str]:
    """What makes figures of any benchmark doubtful."""
    flags = []
    if (medianOf(samples, generatorDemand) or 0) > busy:
        flags.append("generator busy")
    if max(sample.waited for sample in samples) > DISTURBED:
        flags.append("core shared")
    return flags


def flagsOf(samples: Sequence[Sample]) -> tuple[str, ...]:
    """What makes the figures of one peer in one cell doubtful."""
    flags = doubts(samples, BUSY)
    if any(sample.load.lost > LOSSY * sample.load.requests for sample in samples):
        flags.append("datagrams lost")
    return tuple(flags)


def rowsOf(samples: Sequence[Sample], cells: Sequence[Cell], peers: Sequence[Peer]) -> list[Row]:
    """The table: a row for each cell and peer that has a sample."""
    found: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.cell, sample.peer), []).append(sample)
    rows = []
    for cell in cells:
        uvloop = found.get((cell.name, "uvloop"), [])
        loop = found.get((cell.name, "c"), [])
        for peer in peers:
            own = found.get((cell.name, peer.name))
            if own:
                rows.append(_row(own, uvloop, loop))
    return rows


def _row(own: Sequence[Sample], uvloop: Sequence[Sample], loop: Sequence[Sample]) -> Row:
    """The figures of one peer in one cell."""
    lateness = [sample.lateness for sample in own if sample.lateness is not None]
    rates = [sample.load.requestsPerSecond for sample in own]
    return Row(
        cell=own[0].cell,
        peer=own[0].peer,
        rounds=len(own),
        requestsPerSecond=medianOf(own, requestsPerSecond),
        lowest=min(rates),
        highest=max(rates),
        serverCpu=medianOf(own, serverCpu),
        p50=medianOf(own, p50),
        p99=medianOf(own, lambda sample: sample.load.p99),
        serverBusy=medianOf(own, lambda sample: sample.load.serverBusy),
        generatorBusy=medianOf(own, lambda sample: sample.load.utilisation),
        rateToUvloop=pairedRatio(own, uvloop, requestsPerSecond),
        cpuToUvloop=pairedRatio(own, uvloop, serverCpu),
        p50ToUvloop=pairedRatio(own, uvloop, p50),
        rateToC=pairedRatio(own, loop, requestsPerSecond),
        cpuToC=pairedRatio(own, loop, serverCpu),
        idleBytes=medianOf(own, lambda sample: sample.idleBytes),
        idleRatio=medianOf(own, lambda sample: sample.idleRatio),
        idleCpuRatio=medianOf(own, lambda sample: sample.idleCpuRatio),
        latenessP50=median(each.p50 for each in lateness) if lateness else None,
        latenessP99=median(each.p99 for each in lateness) if lateness else None,
        latenessMaximum=max(each.maximum for each in lateness) if lateness else None,
        flags=flagsOf(own),
    )
