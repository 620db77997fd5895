"""
Detection of other nodes that have been silent for too long.  Pure.

The stream is the only connection between nodes, so a node that is cut off from it gets no messages.
It must not conclude that all others are down: a node counts seconds only while its own messages
come back without a pause, and begins again after each interruption.  It only proposes that another
node is down; this is decided at the message's place in the stream, where a later heartbeat of the
other node refutes it.

Leases with a time to live in the broker's key-value store can't replace this, because watchers are
not notified when a lease ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat.operations import NodeDown
from tsservices.chat.state import ChatState
from tsservices.cluster.broker import ACKNOWLEDGE_SECONDS

#: Seconds after which a node that has nothing to publish publishes a heartbeat.
HEARTBEAT_SECONDS = 3.0

#: Seconds of silence after which a node is proposed to be down: more than the broker needs to elect
#: a leader (5 to 8), during which no node is heard.
SILENCE_SECONDS = 8.0

#: Seconds within which a message of this node has to come back: a heartbeat and its answer.
STEADY_SECONDS = HEARTBEAT_SECONDS + ACKNOWLEDGE_SECONDS

#: Seconds between two ticks (normally 0.25) that show that this process did not run: it was stopped
#: or its machine was asleep.
FROZEN_SECONDS = 1.0


@dataclass(slots=True)
class _PeerState:
    """The last message of another node."""

    incarnation: str
    position: int
    #: When this node noticed it, in seconds.
    seenAt: float
    #: A L{NodeDown} was proposed since then.
    reported: bool = False


class FailureDetector:
    """Finds silent nodes, while messages of this node itself come back."""

    def __init__(self, node: str, state: ChatState, clock: Callable[[], float]) -> None:
        self._node = node
        self._state = state
        self._clock = clock
        self._peers: dict[str, _PeerState] = {}
        self._ownSeenAt: float | None = None
        self._steadySince = 0.0
        self._tickedAt = clock()

    def ownMessageSeen(self) -> None:
        now = self._clock()
        if self._ownSeenAt is None or now - self._ownSeenAt > STEADY_SECONDS:
            self._steadySince = now
        self._ownSeenAt = now

    def paused(self) -> None:
        """Note that this node could not hear the others."""
        self._ownSeenAt = None

    def reset(self) -> None:
        """Forget all proposals: each silent node may be proposed again."""
        self._peers.clear()
        self.paused()

    def ages(self) -> dict[str, float]:
        """Return the seconds since the last message of each other node, by name."""
        now = self._clock()
        return {name: now - peer.seenAt for name, peer in self._peers.items()}

    def tick(self) -> list[NodeDown]:
        """Return the operations to propose now, one for each silence of a node."""
        now = self._clock()
        if now - self._tickedAt > FROZEN_SECONDS:
            self.paused()
        self._tickedAt = now
        self._updatePeers(now)
        if self._ownSeenAt is None or now - self._ownSeenAt > STEADY_SECONDS:
            return []
        silent = []
        for name, peer in self._peers.items():
            if not peer.reported and now - max(peer.seenAt, self._steadySince) >= SILENCE_SECONDS:
                peer.reported = True
                silent.append(NodeDown("", name, peer.incarnation, peer.position))
        return silent

    def _updatePeers(self, now: float) -> None:
        # The state has the position of each node's last message.  Checking it four times a second
        # costs less than a call for each message.
        peers: dict[str, _PeerState] = {}
        for name, node in self._state.nodes.items():
            if name == self._node:
                continue
            peer = self._peers.get(name)
            if peer is None or (peer.incarnation, peer.position) != (
                node.incarnation,
                node.position,
            ):
                peer = _PeerState(node.incarnation, node.position, now)
            peers[name] = peer
        self._peers = peers
