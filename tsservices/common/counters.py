"""
Counters: one record for each listener, for a node of a cluster, and for a database.  Pure.

Callers add to the attributes directly: a method would be one more call for each datagram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass


@dataclass(slots=True)
class StreamCounters:
    """The counters of one TCP or UNIX listener."""

    #: Connections accepted.
    accepted: int = 0
    #: Connections that are open now.
    open: int = 0
    #: Connections refused by a limit on their number.
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
    #: Connections closed because they had no valid PROXY header.
    unproxied: int = 0
    #: Requests that were answered with an error.
    refusals: int = 0
    #: How often a connection was slowed down because it sent too fast.
    delayed: int = 0
    #: Connections dropped because their peer did not read and too many bytes were pending.
    slow: int = 0
    #: TLS handshakes that failed; on a listener without TLS, clients that began one.
    tlsFailures: int = 0


@dataclass(slots=True)
class WebCounters(StreamCounters):
    """The counters of one listener for browsers."""

    #: HTTP requests accepted.
    requests: int = 0
    #: Requests that were refused before they reached a resource: wrong host, origin, size or form.
    badRequests: int = 0
    #: Connections that have become WebSockets.
    upgrades: int = 0
    #: WebSockets that are open now.
    sockets: int = 0
    #: Messages that browsers have sent.
    messages: int = 0
    #: WebSockets that were closed because their peer did not answer pings.
    unanswered: int = 0
    #: Browsers that have signed in to an account.
    signIns: int = 0
    #: Attempts to sign in that were refused.
    signInsRefused: int = 0


@dataclass(slots=True)
class DatagramCounters:
    """The counters of one UDP listener.  The drops are in the order of the checks."""

    #: Datagrams read.
    received: int = 0
    #: Bytes read.
    receivedBytes: int = 0
    #: Datagrams answered.
    answered: int = 0
    #: Dropped; no honest client has such an address or port.
    badSource: int = 0
    #: Dropped; it looks like an answer of this suite.
    ownFormat: int = 0
    #: Dropped; empty or too long.
    badSize: int = 0
    #: Dropped; its source sends too often.
    overRate: int = 0
    #: Dropped; its source is muted, because it sent too often.
    muted: int = 0
    #: Answers that the system did not send.
    unsent: int = 0


@dataclass(slots=True)
class StampCounters(DatagramCounters):
    """The counters of one STAMP reflector."""

    #: Dropped; its authentication is wrong.
    forged: int = 0
    #: Dropped; it was received before.
    replayed: int = 0
    #: Received without a time from the kernel; the time of the read is used.
    unstamped: int = 0


@dataclass(slots=True)
class ClusterCounters:
    """The counters of one node of a cluster."""

    #: 1 if there is a connection to the broker.
    connected: int = 0
    #: Connections to the broker so far.
    connections: int = 0
    #: Messages of this node that the broker has acknowledged.
    published: int = 0
    #: How often it was unknown whether the broker has received a message.
    doubts: int = 0
    #: How often the consumer had to be restarted.
    resubscriptions: int = 0
    #: Nodes that are up.
    nodes: int = 0
    #: The position of the last message that was applied.
    position: int = 0
    #: Messages of the broker that this node has not received yet.
    lag: int = 0
    #: Messages that are not acknowledged yet.
    outbox: int = 0
    #: Bytes of these messages.
    outboxBytes: int = 0
    #: Messages that were received again, and ignored.
    duplicates: int = 0
    #: Messages that were received out of order, and had to be sent again.
    gaps: int = 0
    #: Messages of nodes that were not up.
    strangers: int = 0
    #: Messages that can't be decoded.
    garbage: int = 0


@dataclass(slots=True)
class StorageCounters:
    """The counters of one database."""

    #: Bytes of the write-ahead log after the last checkpoint.
    logBytes: int = 0
    #: How often nothing could be stored for a while.
    waits: int = 0
    #: Queries that failed for other reasons than a timeout.
    readErrors: int = 0


#: The reasons for dropped datagrams, by counter, in the order of the checks.
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

#: The names of the counters in C{counters.json}, in the order of the fields.  They are separate
#: because other programs use them: fields can be renamed, these can't.
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
        """@param labels: identify the owner of the counters: service, transport, address."""
        self._entries.append((labels, counters))

    @property
    def entries(self) -> Sequence[tuple[dict[str, object], AnyCounters]]:
        """All records in the order in which they were added, each with its labels."""
        return self._entries

    def snapshot(self) -> list[dict[str, object]]:
        """Get an entry for each record: its labels, and its counters by their public names."""
        return [
            labels | dict(zip(_NAMES[type(counters)], astuple(counters), strict=True))
            for labels, counters in self._entries
        ]
