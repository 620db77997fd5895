"""
The context of one listener for its protocols: limits, clocks, guards and counters.

It contains nothing of a particular service.  The constructor of a service takes as arguments what
that service needs besides.
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
    The context of a TCP or UNIX listener for its protocols.

    All listeners of a server share everything but the counters.
    """

    #: The limits set by the operator.
    limits: Limits
    #: Schedules calls.
    clock: IReactorTime
    #: The monotonic time in seconds.
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
    #: Logs connects and disconnects; L{None}: they are not logged.
    connectionLog: ConnectionLog | None = None
    #: Whether the connections of this listener are safe from eavesdropping; L{None}: that is
    #: decided for each connection.
    secure: bool | None = None


@dataclass(frozen=True)
class DatagramContext:
    """
    The context of a datagram listener for its protocol.

    All listeners of a server share everything but the counters and the policy.
    """

    #: The limits set by the operator.
    limits: Limits
    #: The networks that a policy may trust.
    trusted: TrustedNetworks
    #: Source ports to which no answer is sent.  Do not copy this set: the server's own UDP ports
    #: are added when they are bound, which is after the protocols are made.
    closedPorts: Set[int]
    #: Schedules calls.
    clock: IReactorTime
    #: The monotonic time in seconds.
    monotonic: Callable[[], float]
    #: For log lines about peers, so that a peer cannot fill the log.
    peerLog: PeerLog
    counters: DatagramCounters = field(default_factory=DatagramCounters)
    #: The name of the service, for the log.
    service: str = "a service"
    #: Logs the sources of datagrams, and the reasons for drops; L{None}: they are not logged.
    connectionLog: ConnectionLog | None = None
    # The default is the strictest one: a service that sets no policy does not become a reflector.
    #: The rules of the guard.
    policy: GuardPolicy = field(default_factory=GuardPolicy)
    #: Whether it is a UNIX socket, whose peers have paths in place of addresses.
    local: bool = False
    #: The same as C{closedPorts} for a UNIX socket.
    closedPaths: Set[str] = frozenset()

    def guard(self) -> Guard:
        """Make the guard of this listener, which admits or drops each datagram and counts drops."""
        guard = DatagramGuard(
            self.policy,
            self.limits,
            self.trusted,
            self.closedPorts,
            self.counters,
            self.monotonic,
            PathTable(self.policy.trusting, self.closedPaths) if self.local else None,
        )
        # Chosen here, once, so that datagrams cost no more when they are not logged.
        if (observer := self.dropObserver()) is not None:
            return ObservedGuard(guard, observer)
        return guard

    def dropObserver(self) -> DropObserver | None:
        """Make the observer that logs datagrams of this listener; L{None}: they are not logged."""
        log = self.connectionLog
        if log is None:
            return None
        return DropObserver(self.counters, partial(log.datagram, self.service))
