"""
The interface between targets and the transports of their packets.
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

    @ivar state: what became of the packet.
    """

    def __init__(self, state: ProbeState, reason: str) -> None:
        super().__init__(reason)
        self.state = state


@dataclass(frozen=True)
class TransportConfig:
    """
    How packets go to one target.

    @ivar size: octets of each packet; L{None} for the usual.
    @ivar tos: type of service, or traffic class.
    """

    address: str
    port: int
    size: int | None = None
    tos: int = 0


@dataclass(frozen=True)
class Clocks:
    """
    The two clocks of this host.

    @ivar monotonic: nanoseconds of a clock that cannot be set.
    @ivar wall: nanoseconds since 1970.
    """

    monotonic: Callable[[], int] = time.monotonic_ns
    wall: Callable[[], int] = time.time_ns


class SendTimes(NamedTuple):
    """
    When this program gave a packet to the kernel.

    @ivar monotonic: by the monotonic clock.
    @ivar wall: in nanoseconds since 1970.
    """

    monotonic: int
    wall: int


class Reply(NamedTuple):
    """
    What came back.

    @ivar sequence: the number of the packet that is answered.
    @ivar monotonic: when this program had it, by the monotonic clock.
    @ivar received: T4, in nanoseconds since 1970; L{None} in a stream, whose octets have no time.
    @ivar kernel: the kernel took T4.
    @ivar size: octets.
    @ivar reflectorReceived: T2; L{None} if the protocol has none.
    @ivar reflectorSent: T3; L{None} if the protocol has none.
    @ivar reflectorSequence: the reflector's own number; L{None} if the protocol has none.
    @ivar ttl: of the reply; L{None} if it is unknown.
    @ivar followUp: what it says of the reply before it; L{None} if the reflector does not
        know the extension.
    """

    sequence: int
    monotonic: int
    received: int | None
    kernel: bool
    size: int
    reflectorReceived: int | None = None
    reflectorSent: int | None = None
    reflectorSequence: int | None = None
    ttl: int | None = None
    followUp: FollowUpInfo | None = None


class TransportListener(Protocol):
    """What a transport calls."""

    def replied(self, reply: Reply) -> None:
        pass

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        """@param nanoseconds: T1 by the kernel, since 1970."""

    def failed(self, sequence: int | None, state: ProbeState, reason: str) -> None:
        """@param sequence: of a packet that will not be answered; L{None} for the newest."""

    def unmatched(self) -> None:
        """A datagram or line came that is no reply."""


class ProbeTransport(Protocol):
    """
    Sends packets to one target, and reads the replies.

    @ivar label: the name of the protocol, for a person.
    @ivar size: octets of each packet.
    """

    label: str
    size: int

    def open(self, listener: TransportListener) -> Deferred[None]:
        """
        Fires when packets can be sent, or when it is known why not: then each C{send} fails.

        @raise CannotListenError: the system has no socket for it.
        """

    def send(self, sequence: int) -> SendTimes:
        """@raise SendError: this host does not send it."""

    def kernelTimes(self) -> dict[str, int | None]:
        """The kernel's own measurements of the connection, by name, in nanoseconds."""

    def close(self) -> Deferred[None]:
        """Fires when all is closed."""
