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
from tsservices.cluster.broker import ENGINE_DOUBT_SECONDS

#: Seconds after which a node that has nothing to say says that it is there.
HEARTBEAT_SECONDS = 3.0

#: Seconds of silence after which a node is taken for gone: more than the engine takes to find a new
#: leader.
SILENCE_SECONDS = 8.0


#: Seconds within which something of this node has to come back, if it hears well.
STEADY_SECONDS = HEARTBEAT_SECONDS + ENGINE_DOUBT_SECONDS

#: Seconds without a tick after which this node has not been listening.
FROZEN_SECONDS = 1.0


@dataclass(slots=True)
class _Ear:
    """
    What was heard of another node.

    @ivar incarnation: of which beginning.
    @ivar position: of the last message.
    @ivar heard: when that was noticed here, in seconds.
    @ivar accused: whether it was said to be gone since.
    """

    incarnation: str
    position: int
    heard: float
    accused: bool = False


class FailureDetector:
    """Listens to the other nodes."""

    def __init__(self, node: str, state: ChatState, seconds: Callable[[], float]) -> None:
        self._node = node
        self._state = state
        self._seconds = seconds
        self._ears: dict[str, _Ear] = {}
        self._returned: float | None = None
        self._since = 0.0
        self._ticked = seconds()

    def ownMessageSeen(self) -> None:
        """A message of this node has come back."""
        now = self._seconds()
        if self._returned is None or now - self._returned > STEADY_SECONDS:
            self._since = now
        self._returned = now

    def paused(self) -> None:
        """This node can't hear."""
        self._returned = None

    def reset(self) -> None:
        """What this node has said of others does not count any more."""
        self._ears.clear()
        self.paused()

    def ages(self) -> dict[str, float]:
        """How many seconds ago each other node was heard, by name."""
        now = self._seconds()
        return {name: now - ear.heard for name, ear in self._ears.items()}

    def tick(self) -> list[NodeDown]:
        """Some time has gone by."""
        now = self._seconds()
        if now - self._ticked > FROZEN_SECONDS:
            self.paused()
        self._ticked = now
        self._listen(now)
        if self._returned is None or now - self._returned > STEADY_SECONDS:
            return []
        gone = []
        for name, ear in self._ears.items():
            if not ear.accused and now - max(ear.heard, self._since) >= SILENCE_SECONDS:
                ear.accused = True
                gone.append(NodeDown("", name, ear.incarnation, ear.position))
        return gone

    def _listen(self, now: float) -> None:
        """Note who was heard since the last look."""
        ears: dict[str, _Ear] = {}
        for name, node in self._state.nodes.items():
            if name == self._node:
                continue
            ear = self._ears.get(name)
            if ear is None or (ear.incarnation, ear.position) != (node.incarnation, node.position):
                ear = _Ear(node.incarnation, node.position, now)
            ears[name] = ear
        self._ears = ears
