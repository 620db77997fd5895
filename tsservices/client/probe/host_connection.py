"""The connection to one host for the whole run, also when addresses change."""

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

#: Packets lost in a row after which the name is looked up again.
LOST_IN_A_ROW = 3

#: Seconds between two checks of this host's own address.  One takes 20 microseconds, and no packet.
ORIGIN_SECONDS = 1.0

#: Seconds between two look-ups of the name because of loss.
NAME_SECONDS = 10.0

#: Seconds until a host that could not be reached at the start is tried again: the first wait, which
#: is doubled each time, and the longest.
FIRST_RETRY = 1.0
LAST_RETRY = 60.0

#: Results of packets that were not answered.
LOST = (ProbeState.TIMEOUT, ProbeState.REFUSED, ProbeState.UNREACHABLE)


@dataclass(frozen=True)
class Network:
    """The functions of this host and of the network that a connection uses."""

    #: Returns the addresses of a host, the best one first.
    resolve: Callable[[str], Awaitable[list[str]]]
    #: Returns the origin of packets to an address.
    findOrigin: Callable[[str], Origin]
    #: Returns whether this host still has an address.
    isOurs: Callable[[Origin], bool]
    createTransport: Callable[[str], ProbeTransport]


class ConnectionListener(Protocol):
    """The receiver of a target's reports, and of changes of its connection."""

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        pass

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def idle(self, target: ProbeTarget) -> None:
        pass

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        pass

    def joined(self, target: ProbeTarget) -> None:
        """Called when a host that could not be reached at the start becomes reachable."""

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        pass


class HostConnection:
    """
    The connection of a target, which replaces the target's transport when addresses change.

    When packets are lost or cannot be sent, and at intervals, it checks the address of this host
    that a new socket would have, and the addresses of the host's name.  If they are not those in
    use, another transport replaces the target's.  It owns the transports.
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
        @param timeout: seconds to wait for replies by a replaced transport.
        @param nameSeconds: seconds between two look-ups of the name; 0: it is looked up only once.
        """
        #: Set by the creator of both objects, before anything else.
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
        Look for a route to the host, once.

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
        Follow changes of addresses from now on.

        @param delay: additional seconds until the first look-up of the name, so that many
            connections do not look up at the same time.
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
        # Replies may take longer than the interval, but the check is cheap.
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
        # While this host still has the former address, a single lost packet is no reason: with two
        # equally good routes, each new socket may choose another one.
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
            # The name no longer exists, or no server answers: the address may still be valid.
            return
        # The addresses of a name are in another order each time.  The one in use is kept while
        # there is a route to it.
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
        # Replies to packets of the former transport may be under way.
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
        # The address at the start of a run is not reported as a change.
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
            # There is no route now.
            return None

    def _seconds(self) -> float:
        return self._clocks.monotonic() / NANOSECONDS


def _reasonOf(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
