"""
Counters: one record for each listener, for a node of a cluster, and for a database.
Pure.

Code that counts adds to the attributes directly: a method would be one more call for each datagram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass


@dataclass(slots=True)
class StreamCounters:
    """Of one TCP or UNIX listener."""

    #: Connections taken.
    accepted: int = 0
    #: Connections that are open now.
    open: int = 0
    #: Connections turned away by a limit on their number.
    refused: int = 0
    #: Chunks read.
    received: int = 0
    #: Bytes read.
    receivedBytes: int = 0
    #: Lines over the limit, which were skipped.
    overlong: int = 0
    #: Connections closed because nothing happened on them.
    idle: int = 0
    #: Connections closed because their peer read nothing.
    stalled: int = 0
    #: Connections closed for want of a good PROXY header.
    unproxied: int = 0
    #: Requests that were answered with an error.
    refusals: int = 0
    #: How often a connection was slowed down for sending too fast.
    delayed: int = 0
    #: Connections dropped because too much waited that their peer did not read.
    slow: int = 0
    #: TLS handshakes that failed; at a place without TLS, clients that began one.
    tlsFailures: int = 0


@dataclass(slots=True)
class WebCounters(StreamCounters):
    """Of one listener for browsers."""

    #: Requests of HTTP that were taken.
    requests: int = 0
    #: Requests that were refused before a resource was asked: wrong host, origin, size or form.
    badRequests: int = 0
    #: Connections that have become WebSockets.
    upgrades: int = 0
    #: WebSockets that are open now.
    sockets: int = 0
    #: Messages that browsers have sent.
    messages: int = 0
    #: WebSockets that were closed because their peer has answered no pings.
    unanswered: int = 0
    #: Browsers that have signed in to an account.
    signIns: int = 0
    #: Attempts at that which were refused.
    signInsRefused: int = 0


@dataclass(slots=True)
class DatagramCounters:
    """Of one UDP listener.  The drops are in the order of the guards."""

    #: Datagrams read.
    received: int = 0
    #: Bytes read.
    receivedBytes: int = 0
    #: Datagrams answered.
    answered: int = 0
    #: Dropped; no honest client has such an address or port.
    badSource: int = 0
    #: Dropped; it looks like an answer of a server like this one.
    ownFormat: int = 0
    #: Dropped; empty or too long.
    badSize: int = 0
    #: Dropped; its source asks too often.
    overRate: int = 0
    #: Dropped; its source gets nothing for a while, for asking too often.
    muted: int = 0
    #: Answers that the system would not send.
    unsent: int = 0


@dataclass(slots=True)
class StampCounters(DatagramCounters):
    """Of one STAMP reflector."""

    #: Dropped; its authentication is wrong.
    forged: int = 0
    #: Dropped; it has come before.
    replayed: int = 0
    #: Received without a time from the kernel; the time they were read counts.
    unstamped: int = 0


@dataclass(slots=True)
class ClusterCounters:
    """Of one node of a cluster."""

    #: 1 if there is a connection to the broker.
    connected: int = 0
    #: How many there were, one after the other.
    connections: int = 0
    #: Messages of this node that the broker has acknowledged.
    published: int = 0
    #: How often it was not known whether the broker has one.
    doubts: int = 0
    #: How often the consumer had to begin again.
    resubscriptions: int = 0
    #: Nodes that are up.
    nodes: int = 0
    #: The position of the last message that was applied.
    position: int = 0
    #: Messages that the broker has and this node has not.
    lag: int = 0
    #: Messages that are not acknowledged yet.
    outbox: int = 0
    #: Bytes of these.
    outboxBytes: int = 0
    #: Messages that came again, and were ignored.
    duplicates: int = 0
    #: Messages that came before their turn, and were sent again.
    gaps: int = 0
    #: Messages of nodes that were not up.
    strangers: int = 0
    #: Messages that can't be decoded.
    garbage: int = 0


@dataclass(slots=True)
class StorageCounters:
    """Of one database."""

    #: Bytes of the write-ahead log, as it was left by the last checkpoint.
    logBytes: int = 0
    #: How often nothing could be stored for a while.
    waits: int = 0
    #: Queries that failed, but not for want of time.
    readErrors: int = 0


#: Why datagrams are dropped, by the counter, in the order of the guards.
DROPS = {
    "badSource": "no honest client has such an address or port",
    "ownFormat": "it looks like an answer of a server like this one",
    "badSize": "it is empty, too short or too long",
    "forged": "its authentication is wrong",
    "overRate": "its source asks too often",
    "muted": "its source asked too often, and gets nothing for a while",
    "replayed": "it has come before",
}

AnyCounters = StreamCounters | DatagramCounters | ClusterCounters | StorageCounters

_STREAM_NAMES = (
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
    "tlsFailures",
)

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
    StreamCounters: _STREAM_NAMES,
    WebCounters: (
        *_STREAM_NAMES,
        "requests",
        "badRequests",
        "upgrades",
        "sockets",
        "messages",
        "unanswered",
        "signIns",
        "signInsRefused",
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
    StorageCounters: ("walBytes", "storageWaits", "readErrors"),
}


class CounterRegistry:
    """All counters of one server."""

    def __init__(self) -> None:
        self._entries: list[tuple[dict[str, object], AnyCounters]] = []

    def add(self, labels: dict[str, object], counters: AnyCounters) -> None:
        """@param labels: what says whose counters they are: service, transport, address."""
        self._entries.append((labels, counters))

    @property
    def entries(self) -> Sequence[tuple[dict[str, object], AnyCounters]]:
        """All records as they were added, each with what says whose counters they are."""
        return self._entries

    def snapshot(self) -> list[dict[str, object]]:
        """One entry for each record: its labels and its counters, by the names that are public."""
        return [
            labels | dict(zip(_NAMES[type(counters)], astuple(counters), strict=True))
            for labels, counters in self._entries
        ]
