"""
The status of a node, its cluster and its broker, for C{/who nodes}, the counters and the log; and
the texts for users whose lines wait.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tsservices.chat.errors import NOT_STORED, ChatError
from tsservices.chat.handlers.nodes import Verdict
from tsservices.chat.notifications import Notice
from tsservices.cluster.outbox import OUTBOX_SECONDS
from tsservices.common.counters import ClusterCounters
from tsservices.common.text import plural

#: Messages that a node is behind when this is logged; the end is logged at half as many.
BEHIND = 1000

#: Seconds between two log lines about messages that can't be decoded.
GARBAGE_SECONDS = 60.0

CUT_OFF = ChatError(
    NOT_STORED,
    reason="this server was cut off from the others meanwhile; what you said is lost, say it again",
)
FULL = ChatError(NOT_STORED, reason="too much waits for the other servers")
EXPIRED = ChatError(NOT_STORED, reason="the other servers do not answer; what you said is lost")
TROUBLE = ChatError(NOT_STORED, reason="the other servers do not answer")

NOT_YET = Notice([f"not stored yet: {TROUBLE.facts['reason']}; what you said is told when it is"])
UNKNOWN = Notice(
    [
        f"whether what you said {OUTBOX_SECONDS:.0f} seconds ago is stored is not known:"
        " you are told when it is"
    ],
    "unknown",
)
#: Follows L{UNKNOWN} for users whose lines came back in the end.
STORED = Notice(["what you said is stored after all"], "known")


class BrokerStatus(Protocol):
    """The status of a broker."""

    #: The server that is connected; empty: none.
    where: str
    #: How many connections there were, one after the other.
    connections: int
    #: The last error, in one line.
    lastError: str

    @property
    def published(self) -> int:
        """How many messages of this node were sent to the stream."""
        ...

    @property
    def doubts(self) -> int:
        """How often the arrival of a message was uncertain."""
        ...

    @property
    def resubscriptions(self) -> int:
        """How often the node had to subscribe again."""
        ...


class ClusterListener(Protocol):
    """Starts and ends the node, and writes its log."""

    def ready(self) -> None:
        """Called once, when this node has applied the whole stream and the others know it."""
        ...

    def troubled(self, trouble: ChatError | None) -> None:
        """@param trouble: why proposals get no place; L{None}: they get one again."""
        ...

    def nodeBroken(self, reason: str) -> None:
        """Called when this node can't continue."""
        ...

    def log(self, text: str) -> None: ...

    def logError(self, error: Exception) -> None: ...


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """The status of a node among the others."""

    #: Empty before the node has begun to publish.
    incarnation: str
    #: The other nodes know this incarnation.
    up: bool
    #: The position of the last message read.
    position: int
    #: How many messages the stream is known to have after it.
    lag: int
    #: How many messages are in flight or wait.
    messages: int
    #: Bytes of these messages.
    size: int
    #: Seconds since a message of this node came back.
    quiet: float
    #: How many messages were applied; the next three fields: were not, by L{Verdict}.
    taken: int
    duplicates: int
    gaps: int
    strangers: int
    #: How many messages could not be decoded.
    garbage: int
    #: The nodes that are up: name, incarnation, and seconds since they were heard.
    nodes: tuple[tuple[str, str, float], ...]


def describe(node: str, status: NodeStatus, broker: BrokerStatus) -> list[str]:
    """Return lines for an operator."""
    lines = [
        f"{name}{' (this one)' if name == node else ''}:"
        f" heard {age:.1f} s ago, since its start {incarnation}"
        for name, incarnation, age in sorted(status.nodes)
    ]
    lines.append(
        f"{node} is at {status.position}, {status.lag} behind;"
        f" {plural(status.messages, 'message')} ({plural(status.size, 'byte')}) on the way"
    )
    lines.append(
        f"the engine: {broker.where or 'no connection'}, connection number {broker.connections};"
        f" {plural(broker.published, 'message')} sent, {plural(broker.doubts, 'doubt')},"
        f" asked anew {plural(broker.resubscriptions, 'time')}"
    )
    if broker.lastError:
        lines.append(f"its last error: {broker.lastError}")
    return lines


def updateCounters(counters: ClusterCounters, status: NodeStatus, broker: BrokerStatus) -> None:
    counters.connected = int(bool(broker.where))
    counters.connections = broker.connections
    counters.published = broker.published
    counters.doubts = broker.doubts
    counters.resubscriptions = broker.resubscriptions
    counters.nodes = len(status.nodes)
    counters.position = status.position
    counters.lag = status.lag
    counters.outbox = status.messages
    counters.outboxBytes = status.size
    counters.duplicates = status.duplicates
    counters.gaps = status.gaps
    counters.strangers = status.strangers
    counters.garbage = status.garbage


class StatusChangeLog:
    """Writes a log line when the set of nodes that are up changes, or the node falls behind."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._nodes: tuple[str, ...] = ()
        self._isBehind = False

    def update(self, status: NodeStatus) -> None:
        nodes = tuple(sorted(name for name, _, _ in status.nodes))
        if nodes != self._nodes:
            self._nodes = nodes
            self._log(f"nodes that are up: {', '.join(nodes) or 'none'}")
        behind = status.lag > (BEHIND // 2 if self._isBehind else BEHIND)
        if behind != self._isBehind:
            self._isBehind = behind
            self._log(
                f"{plural(status.lag, 'message')} behind" if behind else "not behind any more"
            )


class MessageCounters:
    """Counts received messages, and writes a log line about those that can't be decoded."""

    def __init__(self, clock: Callable[[], float], log: Callable[[str], object]) -> None:
        self._clock = clock
        self._log = log
        self._loggedAt = -GARBAGE_SECONDS
        self._unlogged = 0
        self.counts = dict.fromkeys(Verdict, 0)
        self.garbage = 0

    def countGarbage(self) -> None:
        self.garbage += 1
        self._unlogged += 1
        if self._clock() - self._loggedAt >= GARBAGE_SECONDS:
            self._log(f"the stream had {plural(self._unlogged, 'message')} that nobody understands")
            self._loggedAt, self._unlogged = self._clock(), 0
