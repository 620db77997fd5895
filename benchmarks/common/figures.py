"""
From samples to figures: medians, ratios within a round, and flags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.common.samples import DISTURBED, LoadSample, SampleT


@dataclass(frozen=True, kw_only=True)
class PeerFigures:
    """
    One peer in one cell; every figure is a median over the rounds, C{None} when there is none.

    @ivar cell: Name of the cell.
    @ivar peer: Name of the peer.
    @ivar rounds: Number of samples.
    @ivar lowest: Lowest rate of all samples.
    @ivar highest: Highest rate of all samples.
    @ivar serverCpu: Microseconds of server CPU for one request or delivery.
    @ivar p50: Median latency, microseconds.
    @ivar p99: 99th percentile of the latency, microseconds.
    @ivar serverBusy: Share of its core that the server used.
    @ivar generatorBusy: Share of its core that the generator used.
    @ivar flags: The reasons to doubt a figure.
    """

    cell: str
    peer: str
    rounds: int
    lowest: float
    highest: float
    serverCpu: float | None
    p50: float | None
    p99: float | None
    serverBusy: float | None
    generatorBusy: float | None
    flags: tuple[str, ...]


def peerFigures(
    samples: Sequence[SampleT],
    rate: Callable[[SampleT], float],
    flags: Sequence[str],
) -> PeerFigures:
    """Make the figures of one peer in one cell that every benchmark has."""
    rates = [rate(sample) for sample in samples]
    return PeerFigures(
        cell=samples[0].cell,
        peer=samples[0].peer,
        rounds=len(samples),
        lowest=min(rates),
        highest=max(rates),
        serverCpu=medianOf(samples, serverCpu),
        p50=medianOf(samples, p50),
        p99=medianOf(samples, lambda sample: sample.load.p99),
        serverBusy=medianOf(samples, lambda sample: sample.load.serverBusy),
        generatorBusy=medianOf(samples, lambda sample: sample.load.utilisation),
        flags=tuple(flags),
    )


def byCellAndPeer(samples: Sequence[SampleT]) -> dict[tuple[str, str], list[SampleT]]:
    """The samples by the names of their cell and their peer."""
    groups: dict[tuple[str, str], list[SampleT]] = {}
    for sample in samples:
        groups.setdefault((sample.cell, sample.peer), []).append(sample)
    return groups


def serverCpu(sample: LoadSample) -> float | None:
    """Microseconds of server CPU for one request, packet or delivery."""
    return sample.load.serverCpu


def p50(sample: LoadSample) -> float | None:
    """Median latency in microseconds."""
    return sample.load.p50


def generatorDemand(sample: LoadSample) -> float | None:
    """
    Get the share of the time in which the generator ran or was ready to run; near 1 it never waited
    for a reply, so its own speed is measured.
    """
    return sample.load.utilisation + (sample.load.waited or 0.0)


def medianOf(samples: Sequence[SampleT], figure: Callable[[SampleT], float | None]) -> float | None:
    """The median over the samples that have this figure, or C{None}."""
    values = [value for sample in samples if (value := figure(sample)) is not None]
    return median(values) if values else None


def pairedRatio(
    samples: Sequence[SampleT],
    base: Sequence[SampleT],
    figure: Callable[[SampleT], float | None],
) -> float | None:
    """
    The median, over the rounds of both peers, of the figure divided by that of C{base} in the same
    round.

    @return: C{None} when they share no round.
    """
    baseValues = {sample.turn: figure(sample) for sample in base}
    ratios = [
        value / baseValue
        for sample in samples
        if (value := figure(sample)) is not None and (baseValue := baseValues.get(sample.turn))
    ]
    return median(ratios) if ratios else None


def doubts(samples: Sequence[LoadSample], busy: float) -> list[str]:
    """
    List the reasons to doubt the figures, as far as they apply to all benchmarks.

    @param busy: Share of a core above which the generator may be the bottleneck.
    """
    flags = []
    if (medianOf(samples, generatorDemand) or 0) > busy:
        flags.append("generator busy")
    if max(sample.waited for sample in samples) > DISTURBED:
        flags.append("core shared")
    return flags
