"""
The time limits of all connections, checked by one timer.

Protocols only set a flag when they have read something.  A timer for each connection would cost 559
bytes of memory, and two heap operations for every read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Interface

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall

from tsservices.common.limits import Limits
from tsservices.transport.stock import CountsBytes

#: Seconds between two checks of a connection, by which a limit can be exceeded.
SWEEP_SECONDS = 2.0

#: Connections checked in one turn of the reactor, which takes well below a millisecond.
SWEEP_SLICE = 500


class TimedConnection(Interface):
    """A connection with time limits."""

    #: Set to true at each read, and to false in this module.
    hasRead: bool
    #: The bottom transport.
    bottomTransport: CountsBytes
    #: Seconds without reading and sending after which the connection is ended, 0 for never;
    #: L{None} for the limit of the server.
    idleLimit: int | None
    #: When the connection is ended in any case, in monotonic seconds; L{None} for never.
    deadline: float | None

    def expired(self, counter: str) -> None:
        """End the connection now for a time limit, and count that in C{counter} (a name)."""
        ...

    def serverStopping(self) -> None:
        """Send what is pending, and close, because the server stops."""
        ...

    def abort(self) -> None:
        """Close now, and discard pending bytes."""
        ...


class _Times:
    """
    The state of one connection at its last check.  Times are in monotonic seconds.

    @ivar quiet: when data was last read or sent.
    @ivar stuck: when the peer last read data, or had none to read.
    @ivar sent: the number of bytes sent.
    @ivar unacknowledged: how many of them the peer had not acknowledged, if that was asked for.
    """

    __slots__ = ("quiet", "sent", "stuck", "unacknowledged")

    def __init__(self, now: float) -> None:
        self.quiet = now
        self.stuck = now
        self.sent = 0
        self.unacknowledged = 0


class ConnectionTimeouts(Service):
    """
    All admitted connections of one server.  A connection is ended when it exceeds a limit, and all
    are ended when the server stops.
    """

    name = "connections"

    def __init__(self, limits: Limits, clock: IReactorTime, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._monotonic = monotonic
        self._connections: dict[TimedConnection, _Times] = {}
        self._loop = LoopingCall(self._beginRound)
        self._loop.clock = clock
        self._unchecked: list[TimedConnection] = []
        self._nextSlice: IDelayedCall | None = None
        self._emptied: Deferred[None] | None = None

    def add(self, connection: TimedConnection) -> None:
        self._connections[connection] = _Times(self._monotonic())

    def remove(self, connection: TimedConnection) -> None:
        self._connections.pop(connection, None)
        if self._emptied is not None and not self._connections:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def startService(self) -> None:
        super().startService()
        self._loop.start(SWEEP_SECONDS, now=False)

    def stopService(self) -> Deferred[None]:
        """End all connections; pending bytes are sent for C{stop-limit} seconds at most."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        if self._nextSlice is not None:
            self._nextSlice.cancel()
            self._nextSlice = None
        for connection in list(self._connections):
            connection.serverStopping()
        if not self._connections:
            return succeed(None)
        emptied: Deferred[None] = Deferred()
        self._emptied = emptied
        deadline = self._clock.callLater(self._limits.stopLimit, self._abortAll)

        def cancel(result: None) -> None:
            if deadline.active():
                deadline.cancel()

        return emptied.addCallback(cancel)

    def _abortAll(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    def _beginRound(self) -> None:
        # With many connections the last round may still be running.
        if self._nextSlice is None:
            self._unchecked = list(self._connections)
            self._lookAtSlice()

    def _lookAtSlice(self) -> None:
        # One slice in each turn of the reactor, so that busy connections do not wait.
        self._nextSlice = None
        now = self._monotonic()
        for connection in self._unchecked[:SWEEP_SLICE]:
            times = self._connections.get(connection)
            if times is not None:
                self._check(connection, times, now)
        del self._unchecked[:SWEEP_SLICE]
        if self._unchecked:
            self._nextSlice = self._clock.callLater(0, self._lookAtSlice)

    def _check(self, connection: TimedConnection, times: _Times, now: float) -> None:
        bottom = connection.bottomTransport
        sent = bottom.bytesSent
        if sent != times.sent:
            times.sent = sent
            times.quiet = times.stuck = now
        elif not bottom.pendingBytes():
            # A peer that has nothing to read is not slow.
            times.stuck = now
        else:
            # The kernel may buffer megabytes for one connection, and accepts more only when a third
            # of the buffer is free.  Until then a slow peer may have been reading all the time.
            unacknowledged = bottom.unacknowledgedBytes()
            if unacknowledged < times.unacknowledged:
                times.quiet = times.stuck = now
            times.unacknowledged = unacknowledged
        if connection.hasRead:
            connection.hasRead = False
            times.quiet = now
        limits = self._limits
        idleLimit = connection.idleLimit
        if idleLimit is None:
            idleLimit = limits.idleLimit
        if limits.writeLimit and now - times.stuck >= limits.writeLimit:
            connection.expired("stalled")
        elif (idleLimit and now - times.quiet >= idleLimit) or (
            connection.deadline is not None and now >= connection.deadline
        ):
            connection.expired("idle")
