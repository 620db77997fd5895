"""
How a node and its engine are, in words and in numbers.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tsservices.cluster.standing import Standing
from tsservices.counters import ClusterCounters

BEHIND = 1000
"""
Messages that a node is behind when the log tells of it.
"""


class Connected(Protocol):
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


def describe(node: str, standing: Standing, engine: Connected) -> list[str]:
    """
    @param node: the name of this node.
    @param standing: how it is.
    @param engine: how that is.
    @return: the same for an operator, a line each.
    """
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


def count(counters: ClusterCounters, standing: Standing, engine: Connected) -> None:
    """
    @param counters: get what is so now.
    @param standing: of the node.
    @param engine: its engine.
    """
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


class Changes:
    """
    What of all this is worth a line in the log.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        """
        @param tell: gets it.
        """
        self._tell = tell
        self._nodes: tuple[str, ...] = ()
        self._behind = False

    def look(self, standing: Standing) -> None:
        """
        @param standing: of the node, now.
        """
        nodes = tuple(sorted(name for name, _, _ in standing.nodes))
        if nodes != self._nodes:
            self._nodes = nodes
            self._tell(f"nodes that are up: {', '.join(nodes) or 'none'}")
        behind = standing.lag > (BEHIND // 2 if self._behind else BEHIND)
        if behind != self._behind:
            self._behind = behind
            self._tell(f"{standing.lag} messages behind" if behind else "not behind any more")
