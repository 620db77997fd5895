"""
What targets and the wires to them have to say to each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.result import ProbeState


class SendError(Exception):
    """
    A packet could not be sent.

    @ivar state: what became of it.
    """

    def __init__(self, state: ProbeState, reason: str) -> None:
        super().__init__(reason)
        self.state = state


@dataclass(frozen=True)
class Clocks:
    """
    The two clocks of this host.

    @ivar monotonic: gives nanoseconds of a clock that nobody sets.
    @ivar wall: gives nanoseconds since 1970.
    """

    monotonic: Callable[[], int] = time.monotonic_ns
    wall: Callable[[], int] = time.time_ns


class SendTimes(NamedTuple):
    """
    When this program gave a packet to the kernel.

    @ivar at: by the monotonic clock.
    @ivar wall: in nanoseconds since 1970.
    """

    at: int
    wall: int


class Reply(NamedTuple):
    """
    What came back.

    @ivar sequence: the number of the packet that is answered.
    @ivar at: when this program had it, by the monotonic clock.
    @ivar received: T4, in nanoseconds since 1970; L{None} where there is none worth the
        name, as in a stream.
    @ivar kernel: whether the kernel took T4.
    @ivar size: bytes.
    @ivar arrived: T2, if it is told.
    @ivar returned: T3, if it is told.
    @ivar counted: the reflector's own number, if it has one.
    @ivar ttl: of the reply, if known.
    @ivar departure: what it tells of the reply before it; L{None} if the other side does
        not know how to.
    """

    sequence: int
    at: int
    received: int | None
    kernel: bool
    size: int
    arrived: int | None = None
    returned: int | None = None
    counted: int | None = None
    ttl: int | None = None
    departure: FollowUpInfo | None = None


class TransportListener(Protocol):
    """What a wire calls."""

    def replied(self, reply: Reply) -> None:
        pass

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        """@param nanoseconds: when, by the kernel, since 1970."""

    def failed(self, sequence: int | None, state: ProbeState, reason: str) -> None:
        """
        @param sequence: of a packet that will not be answered; L{None} when it can only
            be the newest, or when it is all of them.
        """

    def unmatched(self) -> None:
        """Something came that is no reply."""


class ProbeTransport(Protocol):
    """
    How packets get to one target.

    @ivar label: what is spoken.
    @ivar size: bytes of each packet.
    """

    label: str
    size: int

    def open(self, listener: TransportListener) -> Deferred[None]:
        """
        Fires when packets can be sent, or it is known why not: that is then told for each packet.

        @raise CannotListenError: there is no socket to be had.
        """

    def send(self, sequence: int) -> SendTimes:
        """
        When.

        @raise WireError: it could not be sent.
        """

    def facts(self) -> dict[str, int | None]:
        """What the system knows of this wire, by name, in nanoseconds."""

    def close(self) -> Deferred[None]:
        """Fires when nothing of it is left."""
