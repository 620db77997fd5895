"""
How the same bytes reach many people at one go: what the core of the chat asks of whatever
carries them.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Broadcast(Protocol):
    """
    Some wires that are sent the same.

    @ivar valid: none of them has left since this was made.
    """

    @property
    def valid(self) -> bool:
        """Whether none of them has left."""
        ...

    def send(self, data: bytes, without: Sequence[Any]) -> bool:
        """Whether it was done; if not, nobody was sent anything."""
        ...

    def dissolve(self) -> None:
        """From now on each of them is sent to alone."""
        ...


class BroadcastMember(Protocol):
    """What carries bytes to one peer."""

    @property
    def isIdle(self) -> bool:
        """Whether bytes go as they are to a peer that takes them."""
        ...

    def broadcastWith(self, wires: Sequence[Any]) -> Broadcast:
        """What sends to them at one go."""
        ...

    def leaveBroadcast(self) -> None:
        """
        Dissolve the broadcasts in which it is.  Whoever changes anything that decides what
        this peer is to be sent, or whether it takes it, has to call this first.
        """
        ...
