"""
The time limits of all connections, kept by one timer.

Protocols only note that they heard something, which costs an assignment.  A timer
for each connection would cost 559 bytes and two heap operations for every read.
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

#: How often each connection's time limits are looked at, in seconds: a limit is kept to this, and
#: one timer serves all connections.
SWEEP_SECONDS = 2.0

#: Connections looked at in one turn of the reactor: well below a millisecond.
SWEEP_SLICE = 500


class TimedConnection(Interface):
    """
    A connection, as the sweep sees it.

    @ivar heard: set to true at each read; the sweep takes it back.
    @ivar measured: the transport at its bottom.
    @ivar idleLimit: seconds until it is ended for silence, 0 for never; L{None} for
        as long as others.
    @ivar deadline: when it is ended, whatever has come, in seconds of the monotonic
        clock; L{None} for never.
    """

    heard: bool
    measured: CountsBytes
    idleLimit: int | None
    deadline: float | None

    def expired(self, counter: str) -> None:
        """A time limit is over: end now."""
        ...

    def serverStopping(self) -> None:
        """The server stops: send what is pending, and end."""
        ...

    def abort(self) -> None:
        """End now, pending or not."""
        ...


class _Times:
    """
    When things last happened on one connection, in seconds.

    @ivar quiet: since when nothing has been read or sent.
    @ivar stuck: since when its peer has read nothing of what is pending.
    @ivar sent: bytes sent when it was last looked at.
    """

    __slots__ = ("quiet", "sent", "stuck")

    def __init__(self, now: float) -> None:
        self.quiet = now
        self.stuck = now
        self.sent = 0


class ConnectionTimeouts(Service):
    """
    All connections of one server, each ended when a limit is over, and all of
    them when the server stops.
    """

    name = "connections"

    def __init__(self, limits: Limits, clock: IReactorTime, monotonic: Callable[[], float]) -> None:
        """@param monotonic: the time in seconds, which nobody sets back."""
        self._limits = limits
        self._clock = clock
        self._monotonic = monotonic
        self._connections: dict[TimedConnection, _Times] = {}
        self._loop = LoopingCall(self._begin)
        self._loop.clock = clock
        self._round: list[TimedConnection] = []
        self._next: IDelayedCall | None = None
        self._emptied: Deferred[None] | None = None

    def add(self, connection: TimedConnection) -> None:
        self._connections[connection] = _Times(self._monotonic())

    def remove(self, connection: TimedConnection) -> None:
        self._connections.pop(connection, None)
        if self._emptied is not None and not self._connections:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)

    def startService(self) -> None:
        """Begin to sweep."""
        super().startService()
        self._loop.start(SWEEP_SECONDS, now=False)

    def stopService(self) -> Deferred[None]:
        """End all connections: what is pending is sent as long as the limit allows."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        if self._next is not None:
            self._next.cancel()
            self._next = None
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
        """The time to stop is over."""
        for connection in list(self._connections):
            connection.abort()

    def _begin(self) -> None:
        """Begin a round, unless the last one is still under way."""
        if self._next is None:
            self._round = list(self._connections)
            self._look()

    def _look(self) -> None:
        """
        Look at one slice of the round, and come back for the rest: a server with
        many connections must not be late for the busy ones.
        """
        self._next = None
        now = self._monotonic()
        for connection in self._round[:SWEEP_SLICE]:
            times = self._connections.get(connection)
            if times is not None:
                self._judge(connection, times, now)
        del self._round[:SWEEP_SLICE]
        if self._round:
            self._next = self._clock.callLater(0, self._look)

    def _judge(self, connection: TimedConnection, times: _Times, now: float) -> None:
        measured = connection.measured
        sent = measured.bytesSent
        if sent != times.sent:
            times.sent = sent
            times.quiet = times.stuck = now
        elif not measured.pendingBytes():
            times.stuck = now
        if connection.heard:
            connection.heard = False
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
