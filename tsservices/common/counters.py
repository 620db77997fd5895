"""
Counters: one record for each listener, and one for a node of a cluster.  Pure.

Code that counts adds to the attributes directly: a method would be one more call for each datagram.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(slots=True)
class StreamCounters:
    """
    Of one TCP or UNIX listener.

    @ivar accepted: connections taken.
    @ivar open: connections that are open now.
    @ivar refused: connections turned away by a limit on their number.
    @ivar received: chunks read.
    @ivar receivedBytes: bytes read.
    @ivar overlong: lines over the limit, which were skipped.
    @ivar idle: connections closed because nothing happened on them.
    @ivar stalled: connections closed because their peer read nothing.
    @ivar unproxied: connections closed for want of a good PROXY header.
    @ivar refusals: requests that were answered with an error.
    @ivar delayed: how often a connection was slowed down for sending too fast.
    @ivar slow: connections dropped because too much waited that their peer did not read.
    """

    accepted: int = 0
    open: int = 0
    refused: int = 0
    received: int = 0
    receivedBytes: int = 0
    overlong: int = 0
    idle: int = 0
    stalled: int = 0
    unproxied: int = 0
    refusals: int = 0
    delayed: int = 0
    slow: int = 0


@dataclass(slots=True)
class DatagramCounters:
    """
    Of one UDP listener.  The drops are in the order of the guards.

    @ivar received: datagrams read.
    @ivar receivedBytes: bytes read.
    @ivar answered: datagrams answered.
    @ivar badSource: dropped; no honest client has such an address or port.
    @ivar ownFormat: dropped; it looks like an answer of a server like this one.
    @ivar badSize: dropped; empty or too long.
    @ivar overRate: dropped; its source asks too often.
    @ivar muted: dropped; its source gets nothing for a while, for asking too often.
    @ivar unsent: answers that the system would not send.
    """

    received: int = 0
    receivedBytes: int = 0
    answered: int = 0
    badSource: int = 0
    ownFormat: int = 0
    badSize: int = 0
    overRate: int = 0
    muted: int = 0
    unsent: int = 0


@dataclass(slots=True)
class StampCounters(DatagramCounters):
    """
    Of one STAMP reflector.

    @ivar forged: dropped; its authentication is wrong.
    @ivar replayed: dropped; it has come before.
    @ivar unstamped: received without a time from the kernel; the time they were read counts.
    """

    forged: int = 0
    replayed: int = 0
    unstamped: int = 0


@dataclass(slots=True)
class ClusterCounters:
    """
    Of one node of a cluster.

    @ivar connected: 1 if there is a connection to the broker.
    @ivar connections: how many there were, one after the other.
    @ivar published: messages of this node that the broker has acknowledged.
    @ivar doubts: how often it was not known whether the broker has one.
    @ivar resubscriptions: how often the consumer had to begin again.
    @ivar nodes: those that are up.
    @ivar position: of the last message that was applied.
    @ivar lag: messages that the broker has and this node has not.
    @ivar outbox: messages that are not acknowledged yet.
    @ivar outboxBytes: bytes of these.
    @ivar duplicates: messages that came again, and were ignored.
    @ivar gaps: messages that came before their turn, and were sent again.
    @ivar strangers: messages of nodes that were not up.
    @ivar garbage: messages that can't be decoded.
    """

    connected: int = 0
    connections: int = 0
    published: int = 0
    doubts: int = 0
    resubscriptions: int = 0
    nodes: int = 0
    position: int = 0
    lag: int = 0
    outbox: int = 0
    outboxBytes: int = 0
    duplicates: int = 0
    gaps: int = 0
    strangers: int = 0
    garbage: int = 0


AnyCounters = StreamCounters | DatagramCounters | ClusterCounters

_DATAGRAM_NAMES = (
    "received",
    "receivedBytes",
    "answered",
    "badSource",
    "ownFormat",
    "badSize",
    "overRate",
    "muted",
    "unsent",
)

#: What C{counters.json} calls the counters, in the order of the fields.  Written out, because
#: programs know them: a field can get another name, these can't.
_NAMES: dict[type[AnyCounters], tuple[str, ...]] = {
    StreamCounters: (
        "accepted",
        "open",
        "refused",
        "received",
        "receivedBytes",
        "overlong",
        "idle",
        "stalled",
        "unproxied",
        "refusals",
        "delayed",
        "slow",
    ),
    DatagramCounters: _DATAGRAM_NAMES,
    StampCounters: (
        *_DATAGRAM_NAMES,
        "forged",
        "replayed",
        "unstamped",
    ),
    ClusterCounters: (
        "connected",
        "connections",
        "published",
        "doubts",
        "resubscriptions",
        "nodes",
        "position",
        "lag",
        "outbox",
        "outboxBytes",
        "duplicates",
        "gaps",
        "strangers",
        "garbage",
    ),
}


class CounterRegistry:
    """All counters of one server."""

    def __init__(self) -> None:
        self._entries: list[tuple[dict[str, object], AnyCounters]] = []

    def add(self, labels: dict[str, object], counters: AnyCounters) -> None:
        """@param labels: what says whose counters they are: service, transport, address."""
        self._entries.append((labels, counters))

    def snapshot(self) -> list[dict[str, object]]:
        """One entry for each record: its labels and its counters, by the names that are public."""
        return [
            labels | dict(zip(_NAMES[type(counters)], astuple(counters), strict=True))
            for labels, counters in self._entries
        ]
