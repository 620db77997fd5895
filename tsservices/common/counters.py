"""
What happened, in numbers: one record for each place where something listens, and one for
a node of a cluster.  Pure.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(slots=True)
class StreamCounters:
    """
    Of one TCP or UNIX listening place.

    @ivar accepted: connections taken.
    @ivar open: connections there are now.
    @ivar refused: connections turned away by a limit on their number.
    @ivar received: chunks read.
    @ivar receivedBytes: bytes read.
    @ivar overlong: lines over the limit, refused and skipped.
    @ivar idle: connections closed because nothing happened on them.
    @ivar stalled: connections closed because their peer read nothing.
    @ivar unproxied: connections without a good PROXY header, closed.
    @ivar refusals: requests of people that were not done, with the reason told.
    @ivar delayed: how often somebody was slowed down for sending too fast.
    @ivar slow: people dropped because too much waited that they did not read.
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
    Of one UDP listening place.  The drops are in the order of the guards.

    @ivar received: datagrams read.
    @ivar receivedBytes: bytes read.
    @ivar answered: datagrams answered.
    @ivar badSource: dropped; nobody honest asks from such an address or port.
    @ivar ownFormat: dropped; it looks like an answer of a server like this one.
    @ivar badSize: dropped; empty or too long.
    @ivar overRate: dropped; its source asks too often.
    @ivar muted: dropped; its source is silenced for asking too often.
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
    Of one place where STAMP is reflected.

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

    @ivar connected: 1 if there is a connection to the engine.
    @ivar connections: how many there were, one after the other.
    @ivar published: messages that the engine has taken from this node.
    @ivar doubts: how often it was not sure whether it has.
    @ivar resubscriptions: how often messages had to be asked for anew.
    @ivar nodes: those that are up.
    @ivar position: of the last message that was applied.
    @ivar lag: messages that the engine has and this node has not.
    @ivar outbox: messages that are under way, or wait.
    @ivar outboxBytes: bytes of these.
    @ivar duplicates: messages that came again; they do not count.
    @ivar gaps: messages that came before their turn, and were sent again.
    @ivar strangers: messages of nodes that were not up.
    @ivar garbage: messages that nobody understands.
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

#: What C{counters.json} calls the counters, in the order of the fields: programs know these.
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
        """There are none yet."""
        self._entries: list[tuple[dict[str, object], AnyCounters]] = []

    def add(self, place: dict[str, object], counters: AnyCounters) -> None:
        self._entries.append((place, counters))

    def snapshot(self) -> list[dict[str, object]]:
        """Place and every counter, one entry for each place."""
        return [
            place | dict(zip(_NAMES[type(counters)], astuple(counters), strict=True))
            for place, counters in self._entries
        ]
