"""
From samples of the chat benchmark to figures: medians, ratios within a round, flags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.measure import ChatSample
from benchmarks.chat.peers import ChatPeer
from benchmarks.common.figures import doubts, medianOf, p50, pairedRatio

# Share of a core above which the generator may be what limits the deliveries/s.
BUSY = 0.9
#: The peer that the others are compared with.
OURS = "memory"


def deliveriesPerSecond(sample: ChatSample) -> float | None:
    """Lines received by a member in a second, of all members together."""
    return sample.load.deliveriesPerSecond


def serverCpu(sample: ChatSample) -> float | None:
    """Microseconds of server CPU for one delivery."""
    return sample.load.serverCpu


@dataclass(frozen=True)
class ChatRow:
    """
    One peer in one cell; every figure is a median over the rounds, C{None} when there is none.

    @ivar cell: Name of the cell.
    @ivar peer: Name of the peer.
    @ivar rounds: Samples behind it.
    @ivar deliveriesPerSecond: Lines received by a member in a second.
    @ivar lowest: The least of that.
    @ivar highest: The most of that.
    @ivar serverCpu: Microseconds of server CPU for one delivery.
    @ivar p50: Median time from sending a window to its last delivery, microseconds.
    @ivar p99: 99th percentile of it, microseconds.
    @ivar serverBusy: Share of its core the server used.
    @ivar generatorBusy: Share of its core the generator used.
    @ivar oursToThis: Our deliveries/s divided by this peer's.
    @ivar thisToOurs: The same the other way round.
    @ivar cpuOursToThis: Our CPU for one delivery divided by this peer's.
    @ivar p50OursToThis: Our median latency divided by this peer's.
    @ivar cutOff: The most of those who never read that it disconnected.
    @ivar flags: What makes a figure doubtful.
    """

    cell: str
    peer: str
    rounds: int
    deliveriesPerSecond: float | None
    lowest: float
    highest: float
    serverCpu: float | None
    p50: float | None
    p99: float | None
    serverBusy: float | None
    generatorBusy: float | None
    oursToThis: float | None
    thisToOurs: float | None
    cpuOursToThis: float | None
    p50OursToThis: float | None
    cutOff: int
    flags: tuple[str, ...]


def chatRows(
    samples: Sequence[ChatSample], cells: Sequence[ChatCell], peers: Sequence[ChatPeer]
) -> list[ChatRow]:
    """A row for each cell and peer that has a sample, in the order of the tables."""
    found: dict[tuple[str, str], list[ChatSample]] = {}
    for sample in samples:
        found.setdefault((sample.cell, sample.peer), []).append(sample)
    rows = []
    for cell in cells:
        ours = found.get((cell.name, OURS), [])
        for peer in peers:
            own = found.get((cell.name, peer.name))
            if own:
                rows.append(_row(own, ours))
    return rows


def _row(own: Sequence[ChatSample], ours: Sequence[ChatSample]) -> ChatRow:
    """The figures of one peer in one cell."""
    rates = [sample.load.deliveriesPerSecond for sample in own]

    def ratio(figure: Callable[[ChatSample], float | None]) -> float | None:
        return pairedRatio(ours, own, figure)

    return ChatRow(
        cell=own[0].cell,
        peer=own[0].peer,
        rounds=len(own),
        deliveriesPerSecond=medianOf(own, deliveriesPerSecond),
        lowest=min(rates),
        highest=max(rates),
        serverCpu=medianOf(own, serverCpu),
        p50=medianOf(own, p50),
        p99=medianOf(own, lambda sample: sample.load.p99),
        serverBusy=medianOf(own, lambda sample: sample.load.serverBusy),
        generatorBusy=medianOf(own, lambda sample: sample.load.utilisation),
        oursToThis=ratio(deliveriesPerSecond),
        thisToOurs=pairedRatio(own, ours, deliveriesPerSecond),
        cpuOursToThis=ratio(serverCpu),
        p50OursToThis=ratio(p50),
        cutOff=max(sample.load.cutOff or 0 for sample in own),
        flags=tuple(doubts(own, BUSY)),
    )
