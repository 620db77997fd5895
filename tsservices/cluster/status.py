"""
How a node and its engine are, in words and in numbers.  Pure.

How a node gets on with the others, and what is said of that.  Pure.
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

#: Messages that a node is behind when the log tells of it.
BEHIND = 1000


class BrokerStatus(Protocol):
    """
    What an engine says of itself.

    @ivar where: the server there is a connection to, or nothing.
    @ivar connections: how many there were, one after the other.
    @ivar published: how many messages the stream has taken from this node.
    @ivar doubts: how often it was not sure whether it has.
    @ivar delivered: how many messages came.
    @ivar resubscriptions: how often they had to be asked for anew.
    @ivar lastError: what went wrong last, in one line.
    """

    where: str
    connections: int
    delivered: int
    lastError: str

    @property
    def published(self) -> int: ...

    @property
    def doubts(self) -> int: ...

    @property
    def resubscriptions(self) -> int: ...


def describe(node: str, status: NodeStatus, broker: BrokerStatus) -> list[str]:
    """The same for an operator, a line each."""
    lines = [
        f"{name}{' (this one)' if name == node else ''}:"
        f" heard {age:.1f} s ago, since its start {incarnation}"
        for name, incarnation, age in sorted(status.nodes)
    ]
    lines.append(
        f"{node} is at {status.position}, {status.lag} behind;"
        f" {status.messages} messages ({status.size} bytes) on their way"
    )
    lines.append(
        f"the engine: {broker.where or 'no connection'}, connection number {broker.connections};"
        f" {broker.published} messages sent, {broker.doubts} doubts,"
        f" asked anew {broker.resubscriptions} times"
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
    """What of all this is worth a line in the log."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._nodes: tuple[str, ...] = ()
        self._behind = False

    def update(self, standing: NodeStatus) -> None:
        nodes = tuple(sorted(name for name, _, _ in standing.nodes))
        if nodes != self._nodes:
            self._nodes = nodes
            self._log(f"nodes that are up: {', '.join(nodes) or 'none'}")
        behind = standing.lag > (BEHIND // 2 if self._behind else BEHIND)
        if behind != self._behind:
            self._behind = behind
            self._log(f"{standing.lag} messages behind" if behind else "not behind any more")


#: Seconds between two log lines about messages that nobody understands.
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
#: What people are told of their proposals, apart from what comes of them.
STORED = Notice(["what you said is stored after all"], "known")


class ClusterListener(Protocol):
    """Who is told how a node gets on with the others."""

    def ready(self) -> None:
        """This node knows all that was said before it came, and the others know of it: once."""
        ...

    def troubled(self, trouble: ChatError | None) -> None:
        """
        @param trouble: why nothing gets its place at present, of which those who wait are
            told already; L{None}: that is over.
        """
        ...

    def nodeBroken(self, reason: str) -> None:
        """This node can't go on."""
        ...

    def log(self, text: str) -> None: ...

    def logError(self, error: Exception) -> None: ...


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """
    How a node stands among the others.

    @ivar incarnation: of its beginning; nothing before it has begun.
    @ivar up: whether the others know of that.
    @ivar position: of the last message that was read.
    @ivar lag: how many more the stream is known to have.
    @ivar messages: how many are under way, or wait.
    @ivar size: bytes of these.
    @ivar quiet: seconds since something of this node came back.
    @ivar taken: how many messages counted.
    @ivar duplicates: how many came twice.
    @ivar gaps: how many came before their turn.
    @ivar strangers: how many came of nodes that are not up.
    @ivar garbage: how many nobody understands.
    @ivar nodes: those that are up: name, incarnation, and seconds since they were heard.
    """

    incarnation: str
    up: bool
    position: int
    lag: int
    messages: int
    size: int
    quiet: float
    taken: int
    duplicates: int
    gaps: int
    strangers: int
    garbage: int
    nodes: tuple[tuple[str, str, float], ...]


class MessageCounters:
    """
    Counts what came.

    @ivar counts: how many messages were of each kind.
    @ivar garbage: how many nobody understands.
    """

    def __init__(self, clock: Callable[[], float], log: Callable[[str], object]) -> None:
        self._clock = clock
        self._log = log
        self._loggedAt = -GARBAGE_SECONDS
        self._unlogged = 0
        self.counts = dict.fromkeys(Verdict, 0)
        self.garbage = 0

    def countGarbage(self) -> None:
        """Something came that is no message."""
        self.garbage += 1
        self._unlogged += 1
        if self._clock() - self._loggedAt >= GARBAGE_SECONDS:
            self._log(f"the stream had {self._unlogged} messages that nobody understands")
            self._loggedAt, self._unlogged = self._clock(), 0
