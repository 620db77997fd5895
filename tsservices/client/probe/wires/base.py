"""The interface between targets and the transports of their packets."""

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
    """How packets go to one target."""

    address: str
    port: int
    #: Octets of each packet; L{None} for the usual.
    size: int | None = None
    #: Type of service, or traffic class.
    tos: int = 0


@dataclass(frozen=True)
class Clocks:
    """The two clocks of this host, in nanoseconds."""

    #: Cannot be set, so round trips and timeouts are right.
    monotonic: Callable[[], int] = time.monotonic_ns
    #: Since 1970.
    wall: Callable[[], int] = time.time_ns


class SendTimes(NamedTuple):
    """When this program gave a packet to the kernel, by the two L{Clocks}."""

    monotonic: int
    wall: int


class Reply(NamedTuple):
    """The reply to one packet; L{None} for what the protocol does not have."""

    #: The number of the packet that is answered.
    sequence: int
    #: When this program had it, by the monotonic clock.
    monotonic: int
    #: T4, in nanoseconds since 1970; L{None} in a stream, whose octets have no time.
    received: int | None
    #: The kernel took T4.
    kernel: bool
    #: Octets.
    size: int
    #: T2 and T3.
    reflectorReceived: int | None = None
    reflectorSent: int | None = None
    #: The reflector's own number of the reply.
    reflectorSequence: int | None = None
    ttl: int | None = None
    #: What it says of the reply before it; L{None} if the reflector does not know the extension.
    followUp: FollowUpInfo | None = None


class TransportListener(Protocol):
    """Gets the events of a transport."""

    def replied(self, reply: Reply) -> None:
        pass

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        """@param nanoseconds: T1 by the kernel, since 1970."""

    def failed(self, sequence: int | None, state: ProbeState, reason: str) -> None:
        """@param sequence: of a packet that will not be answered; L{None} for the newest."""

    def unmatched(self) -> None:
        """A datagram or line came that is no reply."""


class ProbeTransport(Protocol):
    """Sends packets to one target, and reads the replies."""

    #: The name of the protocol; it is public as C{wire} in JSON.
    label: str
    #: Octets of each packet.
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
