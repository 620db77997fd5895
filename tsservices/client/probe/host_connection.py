"""From a host to packets that reach it, for as long as a run lasts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tsservices.client.connection import ClientError
from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.schedule import NANOSECONDS
from tsservices.client.probe.source import Origin
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import Clocks, ProbeTransport
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.result import ProbeResult, ProbeState

#: Packets lost one after the other from which on the name is asked for again.
LOST_IN_A_ROW = 3

#: Seconds between two looks at this host's own address.  One takes 20 microseconds, and no packet.
ORIGIN_SECONDS = 1.0

#: Seconds between two questions for the name because of loss.
NAME_SECONDS = 10.0

#: Seconds until a host that could not be reached at the start is tried again: the first wait, which
#: is doubled each time, and the longest.
FIRST_RETRY = 1.0
LAST_RETRY = 60.0

#: Results of packets that did not come back.
LOST = (ProbeState.TIMEOUT, ProbeState.REFUSED, ProbeState.UNREACHABLE)


@dataclass(frozen=True)
class Network:
    """What a connection asks of this host and of the network."""

    #: Gives the addresses of a host, the best one first.
    resolve: Callable[[str], Awaitable[list[str]]]
    #: Gives the place from where packets to an address leave.
    findOrigin: Callable[[str], Origin]
    #: Tells whether this host still has an address.
    isOurs: Callable[[Origin], bool]
    createTransport: Callable[[str], ProbeTransport]


class ConnectionListener(Protocol):
    """Gets what a target reports, and what happens to the way there."""

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        pass

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def idle(self, target: ProbeTarget) -> None:
        pass

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        pass

    def joined(self, target: ProbeTarget) -> None:
        """A host that could not be reached at the start can be now."""

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        pass


class HostConnection:
    """
    Keeps the transport of a target on the way to its host.

    When packets are lost or cannot be sent, and from time to time, it compares: the address of this
    host that a new socket would have, and the addresses that the host's name has.  If they are not
    those in use, another transport replaces the target's.  It owns the transports.
    """

    def __init__(
        self,
        network: Network,
        clock: IReactorTime,
        clocks: Clocks,
        listener: ConnectionListener,
        timeout: float,
        nameSeconds: float,
    ) -> None:
        """
        @param timeout: seconds that replies by a replaced transport are waited for.
        @param nameSeconds: between two questions for the name; 0: it is asked for only once.
        """
        #: Set by who makes both, before anything else.
        self.target: ProbeTarget
        self._network = network
        self._clock = clock
        self._clocks = clocks
        self._listener = listener
        self._timeout = timeout
        self._nameSeconds = nameSeconds
        self._origin: Origin | None = None
        self._tried = False
        self._lostInARow = 0
        self._originAt = self._nameAt = -LAST_RETRY
        self._busy = False
        self._closed = False
        self._timer: IDelayedCall | None = None
        self._replaced: dict[ProbeTransport, IDelayedCall] = {}

    async def open(self) -> None:
        """
        Look for a way to the host, once.

        @raise ClientError: there is none now; the text says why.
        """
        addresses = await self._network.resolve(self.target.name)
        reason: Exception | None = None
        for address in addresses:
            try:
                origin = self._network.findOrigin(address)
                transport = self._network.createTransport(address)
                await transport.open(self.target)
            except (CannotListenError, OSError) as error:
                cause = error.socketError if isinstance(error, CannotListenError) else error
                reason = reason or ClientError(f"no way to {address}: {_reasonOf(cause)}")
                continue
            if self._closed:
                await transport.close()
                return
            self._use(transport, address, origin)
            return
        raise reason or ClientError(f"{self.target.name} has no address")

    def start(self, delay: float = 0.0) -> None:
        """
        Follow the host from now on.

        @param delay: seconds more until the name is asked for again, so that many connections do
            not ask at once.
        """
        if self._closed:
            return
        if not self.target.address:
            self._tried = True
            self._retryLater(FIRST_RETRY)
        elif self._nameSeconds:
            self._timer = self._clock.callLater(self._nameSeconds + delay, self._askAgain)

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        self._listener.resultReady(target, result)
        if result.state in LOST:
            self._lostInARow += 1
            self._look()
        else:
            self._lostInARow = 0

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        self._listener.overdue(target, sequence)
        # Replies may take longer than the interval, but the look is cheap.
        self._look()

    def idle(self, target: ProbeTarget) -> None:
        self._listener.idle(target)

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        self._listener.clockStepped(target, step)

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        self._listener.changed(target, change)

    async def close(self) -> None:
        """Close all transports."""
        self._closed = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for transport, timer in self._replaced.items():
            timer.cancel()
            await transport.close()
        self._replaced.clear()
        await self.target.transport.close()

    def _look(self) -> None:
        now = self._seconds()
        if self._busy or self._closed or now - self._originAt < ORIGIN_SECONDS:
            return
        self._originAt = now
        address = self.target.address
        origin = self._originOf(address)
        lost = self._lostInARow >= LOST_IN_A_ROW
        if origin is not None and origin != self._origin and (lost or self._isGone(origin)):
            self._run(self._replace(address, origin))
        elif lost and self._nameSeconds and now - self._nameAt >= NAME_SECONDS:
            self._run(self._followName())

    def _isGone(self, origin: Origin) -> bool:
        # While this host has the former address too, a single lost packet is no reason: where two
        # routes are equally good, each new socket may choose another one.
        former = self._origin
        return (
            former is None
            or origin.interface != former.interface
            or not self._network.isOurs(former)
        )

    def _askAgain(self) -> None:
        self._timer = self._clock.callLater(self._nameSeconds, self._askAgain)
        if not self._busy:
            self._run(self._followName())

    async def _followName(self) -> None:
        self._nameAt = self._seconds()
        try:
            addresses = await self._network.resolve(self.target.name)
        except ClientError:
            # The name is gone, or nobody can be asked: the address may be good all the same.
            return
        # A name with several addresses has them in another order each time.  One that is in use
        # stays, as long as there is a way to it.
        current = self.target.address
        for address in sorted(addresses, key=lambda found: found != current):
            origin = self._originOf(address)
            if origin is not None:
                if address != current:
                    await self._replace(address, origin)
                return

    async def _replace(self, address: str, origin: Origin) -> None:
        transport = self._network.createTransport(address)
        try:
            await transport.open(self.target)
        except (CannotListenError, OSError):
            return
        if self._closed:
            await transport.close()
            return
        # Replies to what the former one has sent may be on their way.
        former = self.target.transport
        self._replaced[former] = self._clock.callLater(self._timeout, self._drop, former)
        self._use(transport, address, origin)

    def _use(self, transport: ProbeTransport, address: str, origin: Origin) -> None:
        target = self.target
        former = "" if self._origin is None else self._origin.address
        change = TargetChange(
            target.statistics.transmitted,
            self._clocks.wall(),
            address,
            target.address,
            origin.address,
            former,
        )
        # At the start of a run an address is no news.
        news = bool(target.address) or self._tried
        self._origin = origin
        self._lostInARow = 0
        target.move(transport, change, news)

    def _drop(self, transport: ProbeTransport) -> None:
        del self._replaced[transport]
        transport.close()

    def _retryLater(self, wait: float) -> None:
        self._timer = self._clock.callLater(
            wait, lambda: self._run(self._retry(min(2 * wait, LAST_RETRY)))
        )

    async def _retry(self, nextWait: float) -> None:
        try:
            await self.open()
        except ClientError:
            if not self._closed:
                self._retryLater(nextWait)
            return
        if not self._closed:
            self._listener.joined(self.target)
            self.start()

    def _run(self, coroutine: Awaitable[None]) -> None:
        async def exclusively() -> None:
            self._busy = True
            try:
                await coroutine
            finally:
                self._busy = False

        Deferred.fromCoroutine(exclusively())

    def _originOf(self, address: str) -> Origin | None:
        try:
            return self._network.findOrigin(address)
        except OSError:
            # There is no way now.
            return None

    def _seconds(self) -> float:
        return self._clocks.monotonic() / NANOSECONDS


def _reasonOf(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
