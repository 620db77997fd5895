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


def describe(node: str, standing: NodeStatus, engine: BrokerStatus) -> list[str]:
    """The same for an operator, a line each."""
    lines = [
        f"{name}{' (this one)' if name == node else ''}:"
        f" heard {age:.1f} s ago, since its start {incarnation}"
        for name, incarnation, age in sorted(standing.nodes)
    ]
    lines.append(
        f"{node} is at {standing.position}, {standing.lag} behind;"
        f" {standing.messages} messages ({standing.size} bytes) on their way"
    )
    lines.append(
        f"the engine: {engine.where or 'no connection'}, connection number {engine.connections};"
        f" {engine.published} messages sent, {engine.doubts} doubts,"
        f" asked anew {engine.resubscriptions} times"
    )
    if engine.lastError:
        lines.append(f"its last error: {engine.lastError}")
    return lines


def count(counters: ClusterCounters, standing: NodeStatus, engine: BrokerStatus) -> None:
    counters.connected = int(bool(engine.where))
    counters.connections = engine.connections
    counters.published = engine.published
    counters.doubts = engine.doubts
    counters.resubscriptions = engine.resubscriptions
    counters.nodes = len(standing.nodes)
    counters.position = standing.position
    counters.lag = standing.lag
    counters.outbox = standing.messages
    counters.outboxBytes = standing.size
    counters.duplicates = standing.duplicates
    counters.gaps = standing.gaps
    counters.strangers = standing.strangers
    counters.garbage = standing.garbage


class StatusChangeLog:
    """What of all this is worth a line in the log."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._nodes: tuple[str, ...] = ()
        self._behind = False

    def look(self, standing: NodeStatus) -> None:
        nodes = tuple(sorted(name for name, _, _ in standing.nodes))
        if nodes != self._nodes:
            self._nodes = nodes
            self._tell(f"nodes that are up: {', '.join(nodes) or 'none'}")
        behind = standing.lag > (BEHIND // 2 if self._behind else BEHIND)
        if behind != self._behind:
            self._behind = behind
            self._tell(f"{standing.lag} messages behind" if behind else "not behind any more")


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

    def broken(self, reason: str) -> None:
        """This node can't go on."""
        ...

    def noted(self, text: str) -> None: ...

    def failed(self, error: Exception) -> None: ...


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

    def __init__(self, seconds: Callable[[], float], noted: Callable[[str], object]) -> None:
        self._seconds = seconds
        self._noted = noted
        self._told = -GARBAGE_SECONDS
        self._untold = 0
        self.counts = dict.fromkeys(Verdict, 0)
        self.garbage = 0

    def misunderstood(self) -> None:
        """Something came that is no message."""
        self.garbage += 1
        self._untold += 1
        if self._seconds() - self._told >= GARBAGE_SECONDS:
            self._noted(f"the stream had {self._untold} messages that nobody understands")
            self._told, self._untold = self._seconds(), 0
