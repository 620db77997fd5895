"""
The figures of the chat benchmark: one row for each server in each cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.chat.cells import ChatCell
from benchmarks.chat.measure import ChatSample
from benchmarks.chat.peers import ChatPeer
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

# Share of a core above which the generator may limit the deliveries/s.
BUSY = 0.9
# The peer that the others are compared with.
OURS = "memory"


def deliveriesPerSecond(sample: ChatSample) -> float:
    """Deliveries in a second, to all members together."""
    return sample.load.deliveriesPerSecond


def joinCpu(sample: ChatSample) -> float | None:
    """Seconds of the server's CPU from the first join to the end of the notices."""
    return sample.load.joinCpuSeconds


@dataclass(frozen=True, kw_only=True)
class ChatRow(PeerFigures):
    """
    One peer in one cell; every figure is a median over the rounds, C{None} when there is none.

    Latency is the time from sending a window to its last delivery.

    @ivar deliveriesPerSecond: Deliveries in a second, to all members together.
    @ivar oursToThis: Our deliveries/s divided by those of this peer.
    @ivar thisToOurs: Deliveries/s of this peer divided by ours.
    @ivar cpuOursToThis: Our CPU for one delivery divided by that of this peer.
    @ivar p50OursToThis: Our median latency divided by that of this peer.
    @ivar joinCpu: Seconds of CPU for all joins.
    @ivar joinCpuThisToOurs: C{joinCpu} of this peer divided by ours.
    @ivar cutOff: Stalled members that the peer disconnected, in the round with the most of them.
    """

    deliveriesPerSecond: float | None
    oursToThis: float | None
    thisToOurs: float | None
    cpuOursToThis: float | None
    p50OursToThis: float | None
    joinCpu: float | None
    joinCpuThisToOurs: float | None
    cutOff: int


def chatRows(
    samples: Sequence[ChatSample], cells: Sequence[ChatCell], peers: Sequence[ChatPeer]
) -> list[ChatRow]:
    """Make the table: a row for each cell and peer that has a sample."""
    groups = byCellAndPeer(samples)
    return [
        _row(groups[cell.name, peer.name], groups.get((cell.name, OURS), []))
        for cell in cells
        for peer in peers
        if (cell.name, peer.name) in groups
    ]


def _row(own: Sequence[ChatSample], ours: Sequence[ChatSample]) -> ChatRow:
    return ChatRow(
        **vars(peerFigures(own, deliveriesPerSecond, doubts(own, BUSY))),
        deliveriesPerSecond=medianOf(own, deliveriesPerSecond),
        oursToThis=pairedRatio(ours, own, deliveriesPerSecond),
        thisToOurs=pairedRatio(own, ours, deliveriesPerSecond),
        cpuOursToThis=pairedRatio(ours, own, serverCpu),
        p50OursToThis=pairedRatio(ours, own, p50),
        joinCpu=medianOf(own, joinCpu),
        joinCpuThisToOurs=pairedRatio(own, ours, joinCpu),
        cutOff=max(sample.load.cutOff or 0 for sample in own),
    )
