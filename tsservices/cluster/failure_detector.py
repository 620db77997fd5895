"""
Which nodes have fallen silent, as this one hears it.  Pure.

Who can't hear can't tell that others are silent: only a node whose own messages have come
back all the time counts the seconds, and begins again after each interruption.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat.operations import NodeDown
from tsservices.chat.state import ChatState
from tsservices.cluster.broker import ACKNOWLEDGE_SECONDS

#: Seconds after which a node that has nothing to say says that it is there.
HEARTBEAT_SECONDS = 3.0

#: Seconds of silence after which a node is taken for gone: more than the engine takes to find a new
#: leader.
SILENCE_SECONDS = 8.0


#: Seconds within which something of this node has to come back, if it hears well.
STEADY_SECONDS = HEARTBEAT_SECONDS + ACKNOWLEDGE_SECONDS

#: Seconds without a tick after which this node has not been listening.
FROZEN_SECONDS = 1.0


@dataclass(slots=True)
class _PeerState:
    """
    What was heard of another node.

    @ivar incarnation: of which beginning.
    @ivar position: of the last message.
    @ivar seenAt: when that was noticed here, in seconds.
    @ivar reported: whether it was said to be gone since.
    """

    incarnation: str
    position: int
    seenAt: float
    reported: bool = False


class FailureDetector:
    """Listens to the other nodes."""

    def __init__(self, node: str, state: ChatState, clock: Callable[[], float]) -> None:
        self._node = node
        self._state = state
        self._clock = clock
        self._peers: dict[str, _PeerState] = {}
        self._ownSeenAt: float | None = None
        self._steadySince = 0.0
        self._tickedAt = clock()

    def ownMessageSeen(self) -> None:
        """A message of this node has come back."""
        now = self._clock()
        if self._ownSeenAt is None or now - self._ownSeenAt > STEADY_SECONDS:
            self._steadySince = now
        self._ownSeenAt = now

    def paused(self) -> None:
        """This node can't hear."""
        self._ownSeenAt = None

    def reset(self) -> None:
        """What this node has said of others does not count any more."""
        self._peers.clear()
        self.paused()

    def ages(self) -> dict[str, float]:
        """How many seconds ago each other node was heard, by name."""
        now = self._clock()
        return {name: now - ear.seenAt for name, ear in self._peers.items()}

    def tick(self) -> list[NodeDown]:
        """Some time has gone by."""
        now = self._clock()
        if now - self._tickedAt > FROZEN_SECONDS:
            self.paused()
        self._tickedAt = now
        self._updatePeers(now)
        if self._ownSeenAt is None or now - self._ownSeenAt > STEADY_SECONDS:
            return []
        gone = []
        for name, ear in self._peers.items():
            if not ear.reported and now - max(ear.seenAt, self._steadySince) >= SILENCE_SECONDS:
                ear.reported = True
                gone.append(NodeDown("", name, ear.incarnation, ear.position))
        return gone

    def _updatePeers(self, now: float) -> None:
        """Note who was heard since the last look."""
        ears: dict[str, _PeerState] = {}
        for name, node in self._state.nodes.items():
            if name == self._node:
                continue
            ear = self._peers.get(name)
            if ear is None or (ear.incarnation, ear.position) != (node.incarnation, node.position):
                ear = _PeerState(node.incarnation, node.position, now)
            ears[name] = ear
        self._peers = ears
