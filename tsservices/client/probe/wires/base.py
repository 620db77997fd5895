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
    Return the unlimited number of a wrapping one, as near as possible to another number.

    @param space: how many different numbers there are.
    """
    return near + ((number - near + space // 2) % space) - space // 2


class SendError(Exception):
    """
    A packet could not be sent.

    @ivar state: the result of the packet.
    @ivar error: the report of the error; L{None} if its source is not known.
    """

    def __init__(self, state: ProbeState, reason: str, error: ErrorReport | None = None) -> None:
        super().__init__(reason)
        self.state = state
        self.error = error


@dataclass(frozen=True)
class TransportConfig:
    """The settings of the transport to one target."""

    address: str
    port: int
    #: Octets of each packet; L{None} for the default.
    size: int | None = None
    #: Type of service, or traffic class.
    tos: int = 0
    #: The address or interface from which packets leave this host.
    source: Source = ANYWHERE
    #: Seconds between two packets.
    interval: float = INTERVAL
    #: Time to live, or hop limit; L{None} for the system's default.
    ttl: int | None = None
    #: L{None} for the system's default.
    mtuDiscovery: MTUDiscovery | None = None
    #: The DSCP to request for replies (RFC 8972, 4.4); L{None} to request nothing.
    dscpBack: int | None = None
    #: Seconds until a packet without a reply is lost.
    timeout: float = 1.0


class PathMTU(NamedTuple):
    """The path MTU to the target, as far as the kernel knows it."""

    #: Octets of an IP packet.
    mtu: int
    #: Octets of the payload: the largest C{-s} without fragments.
    largest: int
    #: The MTU when the run began.
    first: int
    #: Octets of the IP packets of this run: longer packets were not tried.
    tried: int
    #: Whether to show it: the user has set the discovery, or the MTU has changed.
    notable: bool


#: Nanoseconds between the clocks of one reading, at most: if it takes longer, the program has lost
#: the processor in between, and the clocks are read again.
MAXIMUM_READING = 20_000

#: How often the clocks are read at most.
READING_ATTEMPTS = 4


class Reading(NamedTuple):
    """One moment, by all L{Clocks} of this host."""

    monotonic: int
    wall: int
    #: Nanoseconds since this host was booted.
    running: int

    @property
    def base(self) -> int:
        """The time of boot by this host's wall clock: it changes only when that clock is set."""
        return self.wall - self.running

    @property
    def slept(self) -> int:
        """Nanoseconds for which this host has slept since it was booted."""
        return self.running - self.monotonic


@dataclass(frozen=True)
class Clocks:
    """The clocks of this host, in nanoseconds."""

    #: Cannot be set, so round trips and timeouts are right.  It stops while the host sleeps.
    monotonic: Callable[[], int] = time.monotonic_ns
    #: Since 1970.
    wall: Callable[[], int] = time.time_ns
    #: Cannot be set, and continues while the host sleeps; L{None} where there is no such clock.
    running: Callable[[], int] | None = None

    def read(self) -> Reading:
        """Read all clocks at one moment, as far as possible."""
        monotonic = self.monotonic
        running = self.running or monotonic
        for _ in range(READING_ATTEMPTS):
            start = monotonic()
            reading = Reading(start, self.wall(), running())
            if monotonic() - start <= MAXIMUM_READING:
                break
        return reading


def systemClocks() -> Clocks:
    """Return the clocks of this host, with the one that continues in sleep if there is one."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return Clocks()
    return Clocks(running=partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME))


class Reply(NamedTuple):
    """The reply to one packet; values that the protocol does not have are L{None}."""

    #: The number of the packet that is answered.
    sequence: int
    #: When this program read it, by the monotonic clock.
    monotonic: int
    #: T4, in nanoseconds since 1970; L{None} in a stream, whose octets have no time.
    received: int | None
    #: Whether the kernel took T4.
    kernel: bool
    #: Octets.
    size: int
    #: T2 and T3.
    reflectorReceived: int | None = None
    reflectorSent: int | None = None
    #: The number that the reflector gave to the reply.
    reflectorSequence: int | None = None
    ttl: int | None = None
    #: The follow-up of the previous reply; L{None} if the reflector does not know the extension.
    followUp: FollowUpInfo | None = None
    #: DSCP and ECN in both directions, if the packet requested them.
    marks: Marks | None = None


class TransportListener(Protocol):
    """The receiver of a transport's events."""

    def replied(self, reply: Reply) -> None:
        pass

    def stamped(self, sequence: int, nanoseconds: int) -> None:
        """@param nanoseconds: the kernel's T1, since 1970."""

    def failed(
        self,
        sequence: int | None,
        state: ProbeState,
        reason: str,
        error: ErrorReport | None = None,
    ) -> None:
        """@param sequence: the number of the packet without a reply; L{None} for the newest."""

    def reconnected(self, reason: str) -> None:
        """
        Called when a lost connection has been replaced by another one.

        @param reason: why it was lost.
        """

    def unmatched(self) -> None:
        """Called when a datagram or line is received that is no reply."""


class ProbeTransport(Protocol):
    """A transport that sends packets to one target and reads the replies."""

    #: The name of the protocol; it is public as C{wire} in JSON.
    label: str
    #: Octets of each packet.
    size: int

    def open(self, listener: TransportListener) -> Deferred[None]:
        """
        Open; the result fires when packets can be sent or are known to fail in each C{send}.

        @raise CannotListenError: the system gives no socket.
        """

    def send(self, sequence: int) -> Reading:
        """
        Send a packet, and return the time at which this program gave it to the kernel.

        @raise SendError: this host does not send it.
        """

    def kernelTimes(self) -> dict[str, int | None]:
        """Return the kernel's own measurements of the connection, by name, in nanoseconds."""

    def overflowed(self) -> int:
        """Return how many datagrams this host has dropped because they were not read in time."""

    def pathMTU(self) -> PathMTU | None:
        """Return the path MTU, or the last known one; L{None} if the kernel knows none."""

    def close(self) -> Deferred[None]:
        """Close; the result fires when all is closed."""
