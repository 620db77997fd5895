"""The interface between targets and the transports of their packets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

from tsservices.client.probe.options import INTERVAL, MTUDiscovery
from tsservices.client.probe.source import ANYWHERE, Source
from tsservices.stamp.stats.errors import ErrorReport
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.marks import Marks
from tsservices.stamp.stats.result import ProbeState


def unwrap(number: int, near: int, space: int) -> int:
    """
    The number without end that stands for one that wraps, nearest to another one.

    @param space: how many different numbers there are.
    """
    return near + ((number - near + space // 2) % space) - space // 2


class SendError(Exception):
    """
    A packet could not be sent.

    @ivar state: what became of the packet.
    @ivar error: who says so; L{None} if it is not known.
    """

    def __init__(self, state: ProbeState, reason: str, error: ErrorReport | None = None) -> None:
        super().__init__(reason)
        self.state = state
        self.error = error


@dataclass(frozen=True)
class TransportConfig:
    """How packets go to one target."""

    address: str
    port: int
    #: Octets of each packet; L{None} for the usual.
    size: int | None = None
    #: Type of service, or traffic class.
    tos: int = 0
    #: Where packets leave this host.
    source: Source = ANYWHERE
    #: Seconds between two packets.
    interval: float = INTERVAL
    #: Time to live, or hop limit; L{None} for the system's.
    ttl: int | None = None
    #: L{None} for the system's.
    mtuDiscovery: MTUDiscovery | None = None
    #: The DSCP to ask for on replies (RFC 8972, 4.4); L{None} to ask nothing.
    dscpBack: int | None = None


class PathMTU(NamedTuple):
    """How long packets to the target may be, as far as the kernel knows."""

    #: Octets of an IP packet.
    mtu: int
    #: Octets of its payload: the largest C{-s} without fragments.
    largest: int
    #: The MTU when the run began.
    first: int
    #: Octets of the IP packets of this run: longer ones were not tried.
    tried: int
    #: The user has asked about it, or it has changed: a person wants to read it.
    notable: bool


#: Nanoseconds between the clocks of one reading, at most: if it takes longer, this program has lost
#: the processor in between, and reads them again.
MAXIMUM_READING = 20_000

#: How often they are read again.
READING_ATTEMPTS = 4


class Reading(NamedTuple):
    """One moment, by all L{Clocks} of this host."""

    monotonic: int
    wall: int
    #: Nanoseconds since this host was started.
    running: int

    @property
    def base(self) -> int:
        """When this host was started, by its wall clock: it changes only when that is set."""
        return self.wall - self.running

    @property
    def slept(self) -> int:
        """Nanoseconds for which this host has slept since its start."""
        return self.running - self.monotonic


@dataclass(frozen=True)
class Clocks:
    """The clocks of this host, in nanoseconds."""

    #: Cannot be set, so round trips and timeouts are right.  It stands still while the host sleeps.
    monotonic: Callable[[], int] = time.monotonic_ns
    #: Since 1970.
    wall: Callable[[], int] = time.time_ns
    #: Cannot be set, and goes on while the host sleeps; L{None} where there is none.
    running: Callable[[], int] | None = None

    def read(self) -> Reading:
        """All of them at one moment, as far as that can be."""
        monotonic = self.monotonic
        running = self.running or monotonic
        for _ in range(READING_ATTEMPTS):
            start = monotonic()
            reading = Reading(start, self.wall(), running())
            if monotonic() - start <= MAXIMUM_READING:
                break
        return reading


def systemClocks() -> Clocks:
    """The clocks of this host, with the one that goes on while it sleeps if the system has it."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return Clocks()
    return Clocks(running=partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME))


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
    #: DSCP and ECN each way, if the packet asked for them.
    marks: Marks | None = None


class TransportListener(Protocol):
    """Gets the events of a transport."""

    def replied(self, reply: Reply) -> None:
        pass

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        """@param nanoseconds: T1 by the kernel, since 1970."""

    def failed(
        self,
        sequence: int | None,
        state: ProbeState,
        reason: str,
        error: ErrorReport | None = None,
    ) -> None:
        """@param sequence: of a packet that will not be answered; L{None} for the newest."""

    def reconnected(self, reason: str) -> None:
        """
        The connection was lost, and there is another one.

        @param reason: why it was lost.
        """

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

    def send(self, sequence: int) -> Reading:
        """
        When this program gave the packet to the kernel.

        @raise SendError: this host does not send it.
        """

    def kernelTimes(self) -> dict[str, int | None]:
        """The kernel's own measurements of the connection, by name, in nanoseconds."""

    def overflowed(self) -> int:
        """Datagrams that this host has dropped because they were not read in time."""

    def pathMTU(self) -> PathMTU | None:
        """The path MTU, or the last one that was known; L{None} if the kernel knows none."""

    def close(self) -> Deferred[None]:
        """Fires when all is closed."""
