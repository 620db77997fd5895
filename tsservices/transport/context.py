"""
What one listener gives to its protocols: limits, clocks, guards and counters.

Nothing of a particular service is in here.  What a service needs beside this, it names as an
argument of its own constructor.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from functools import partial

from twisted.internet.interfaces import IReactorTime

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.counters import DatagramCounters, StreamCounters
from tsservices.common.limits import Limits
from tsservices.common.logs import ConnectionLog, PeerLog
from tsservices.common.sources import PathTable
from tsservices.transport.admission import Admission
from tsservices.transport.timeouts import ConnectionTimeouts
from tsservices.transport.udp_guard import (
    DatagramGuard,
    DropObserver,
    Guard,
    GuardPolicy,
    ObservedGuard,
)


@dataclass(frozen=True)
class StreamContext:
    """
    What a TCP or UNIX listener gives to its protocols.

    All listeners of a server share everything but the counters.
    """

    #: What the operator has set.
    limits: Limits
    #: Schedules calls.
    clock: IReactorTime
    #: Seconds since some time in the past; nobody sets this clock.
    monotonic: Callable[[], float]
    #: Limits the number of connections.
    admission: Admission
    #: Ends connections that are idle or do not read.
    timeouts: ConnectionTimeouts
    #: For log lines about peers, so that a peer cannot fill the log.
    peerLog: PeerLog
    counters: StreamCounters = field(default_factory=StreamCounters)
    #: The name of the service, for the log.
    service: str = "a service"
    #: Logs who comes and goes; L{None}: that is not logged.
    connectionLog: ConnectionLog | None = None
    #: Whether nobody on the way can read what is sent at this place; L{None}: that depends on where
    #: the client comes from.
    secure: bool | None = None


@dataclass(frozen=True)
class DatagramContext:
    """
    What a listener for datagrams gives to its protocol.

    All listeners of a server share everything but the counters and the policy.
    """

    #: What the operator has set.
    limits: Limits
    #: The networks that a policy may trust.
    trusted: TrustedNetworks
    #: Source ports from which nothing is answered.  The server's own UDP ports are added when they
    #: are bound, which is after the protocols are made: ask each time.
    closedPorts: Set[int]
    #: Schedules calls.
    clock: IReactorTime
    #: Seconds since some time in the past; nobody sets this clock.
    monotonic: Callable[[], float]
    #: For log lines about peers, so that a peer cannot fill the log.
    peerLog: PeerLog
    counters: DatagramCounters = field(default_factory=DatagramCounters)
    #: The name of the service, for the log.
    service: str = "a service"
    #: Logs whose datagrams come, and why some are dropped; L{None}: that is not logged.
    connectionLog: ConnectionLog | None = None
    # The strictest one: a service that forgets to name a policy does not become a reflector.
    #: How its guard judges.
    policy: GuardPolicy = field(default_factory=GuardPolicy)
    #: Whether it is a UNIX socket, whose peers have paths in place of addresses.
    local: bool = False
    #: Its counterpart to C{closedPorts}.
    closedPaths: Set[str] = frozenset()

    def guard(self) -> Guard:
        """Make the guard of this listener, which decides about each datagram and counts."""
        guard = DatagramGuard(
            self.policy,
            self.limits,
            self.trusted,
            self.closedPorts,
            self.counters,
            self.monotonic,
            PathTable(self.policy.trusting, self.closedPaths) if self.local else None,
        )
        # Chosen once: without the log a datagram costs nothing more.
        if (observer := self.dropObserver()) is not None:
            return ObservedGuard(guard, observer)
        return guard

    def dropObserver(self) -> DropObserver | None:
        """Make what logs the datagrams of this listener; L{None}: they are not logged."""
        log = self.connectionLog
        if log is None:
            return None
        return DropObserver(self.counters, partial(log.datagram, self.service))
