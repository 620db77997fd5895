"""
Which of the other nodes have been silent for too long.  Pure.

The stream is the only way between nodes, so a node that is cut off from it gets no messages.
It must not take all others for dead: only a node whose own messages come back all the time counts
seconds, and it begins again after each interruption.  What it finds is only proposed; whether the
other node is down is decided at the message's place in the stream, where a later heartbeat stands
against it.

Leases with a time to live, as the broker's key-value store has them, can't do this: the end of a
lease reaches no watcher.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsservices.chat.operations import NodeDown
from tsservices.chat.state import ChatState
from tsservices.cluster.broker import ACKNOWLEDGE_SECONDS

#: Seconds after which a node that has nothing to publish publishes a heartbeat.
HEARTBEAT_SECONDS = 3.0

#: Seconds of silence after which a node is proposed to be down: more than the broker takes to find
#: a new leader (5 to 8), in which nobody is heard.
SILENCE_SECONDS = 8.0

#: Seconds within which a message of this node has to come back: one heartbeat, and its answer.
STEADY_SECONDS = HEARTBEAT_SECONDS + ACKNOWLEDGE_SECONDS

#: Seconds between two ticks (0.25 is usual) after which this process did not run: it was stopped,
#: or its machine was asleep.
FROZEN_SECONDS = 1.0


@dataclass(slots=True)
class _PeerState:
    """The last message of another node."""

    incarnation: str
    position: int
    #: When it was noticed here, in seconds.
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
        """This node could not hear."""
        self._ownSeenAt = None

    def reset(self) -> None:
        """Forget what was proposed: each silence may be proposed again."""
        self._peers.clear()
        self.paused()

    def ages(self) -> dict[str, float]:
        """Seconds since the last message of each other node, by name."""
        now = self._clock()
        return {name: now - peer.seenAt for name, peer in self._peers.items()}

    def tick(self) -> list[NodeDown]:
        """The operations to propose now: each silence once."""
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
        # The state has the position of each node's last message.  To look at it four times a
        # second costs less than to be called for each message.
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
