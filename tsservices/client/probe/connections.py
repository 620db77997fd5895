"""The hosts of a run: their connections, and the time when the run can begin."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorPluggableNameResolver
from twisted.python.failure import Failure

from tsservices.client.connection import ClientError
from tsservices.client.probe.host_connection import ConnectionListener, HostConnection, Network
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.source import findOrigin, isOurs
from tsservices.client.probe.target import ProbeTarget, TargetConfig
from tsservices.client.probe.timers import TimerQueue
from tsservices.client.probe.wires.base import Clocks, ProbeTransport, TransportConfig
from tsservices.client.probe.wires.icmp import ICMPTransport
from tsservices.client.probe.wires.stamp import StampTransport
from tsservices.client.probe.wires.text_tcp import TCPTextTransport
from tsservices.client.probe.wires.text_udp import UDPTextTransport
from tsservices.client.resolve import resolve

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

#: Seconds after which a run begins without the hosts whose names are still looked up, if it has
#: others.
START_SECONDS = 3.0

#: The number of session identifiers of STAMP, including 0, which means none.
SSID_SPACE = 1 << 16


def createTransport(
    address: str, reactor: ReactorBase, clocks: Clocks, options: ProbeOptions, randomness: Random
) -> ProbeTransport:
    """
    Create the transport of the requested protocol.

    @param randomness: chooses the number of the session that all packets of the transport have, and
        those of another run through the same port of a NAT do not.
    """
    config = TransportConfig(
        address,
        options.port,
        options.size,
        options.tos,
        options.source,
        options.interval,
        options.ttl,
        options.mtuDiscovery,
        options.dscpBack,
        options.timeout,
    )
    if options.protocol == "stamp":
        ssid = randomness.randrange(1, SSID_SPACE)
        return StampTransport(reactor, clocks, config, options.key, options.followUp, ssid)
    if options.protocol == "icmp":
        return ICMPTransport(reactor, clocks, config, randomness.getrandbits(32))
    textTransport = TCPTextTransport if options.protocol == "tcp" else UDPTextTransport
    return textTransport(reactor, clocks, config, randomness.getrandbits(32))


async def resolveAddresses(reactor: ReactorBase, options: ProbeOptions, host: str) -> list[str]:
    """
    Look up the addresses of a host that the options allow.

    @raise ClientError: there is none.
    """
    source = options.source
    if source.interface and host.lower().startswith("fe80:") and "%" not in host:
        host = f"{host}%{source.interface}"
    resolver = IReactorPluggableNameResolver(reactor).nameResolver
    found = [address for address, _ in await resolve(resolver, host, options.port)]
    for family, reason in (
        (options.family, ""),
        (source.family, f", and -I {source.address} is one"),
    ):
        found = [item for item in found if not family or (":" in item) == (family == 6)]
        if not found:
            raise ClientError(f"{host} has no IPv{family} address{reason}")
    return found


class HostConnections:
    """All targets of a run, and their connections."""

    def __init__(
        self,
        reactor: ReactorBase,
        clocks: Clocks,
        options: ProbeOptions,
        listener: ConnectionListener,
        output: Output,
        randomness: Random,
    ) -> None:
        self._reactor = reactor
        self._options = options
        self._listener = listener
        self._output = output
        self._connections: list[HostConnection] = []
        self._tried = 0
        self._timeUp = False
        self._ready: Deferred[None] = Deferred()

        create = partial(
            createTransport, reactor=reactor, clocks=clocks, options=options, randomness=randomness
        )
        network = Network(
            partial(resolveAddresses, reactor, options),
            partial(findOrigin, port=options.port, source=options.source),
            isOurs,
            create,
        )
        timers = TimerQueue(reactor)
        for host in options.hosts:
            connection = HostConnection(
                network, reactor, clocks, listener, options.timeout, options.resolve
            )
            config = TargetConfig(host, "", options.port, options.timeout, options.stateful)
            # It is never opened: it only has the name of the protocol and the size of packets.
            placeholder = create("")
            connection.target = ProbeTarget(config, placeholder, timers, clocks, connection)
            self._connections.append(connection)

    @property
    def targets(self) -> list[ProbeTarget]:
        """One for each host, in their order; those without an address may get one later."""
        return [connection.target for connection in self._connections]

    async def open(self) -> bool:
        """
        Connect to the hosts; those that cannot be reached are tried again later.

        @return: whether any host can be reached now.
        """
        for number, connection in enumerate(self._connections):
            # Spreads the look-ups of names.
            delay = self._options.resolve * number / len(self._connections)
            Deferred.fromCoroutine(self._open(connection, delay)).addErrback(self._fail)
        timer: IDelayedCall = self._reactor.callLater(START_SECONDS, self._startWithout)
        try:
            await self._ready
        finally:
            if timer.active():
                timer.cancel()
        return any(target.address for target in self.targets)

    async def close(self) -> None:
        """Close all transports."""
        for connection in self._connections:
            await connection.close()

    async def _open(self, connection: HostConnection, delay: float) -> None:
        try:
            await connection.open()
        except ClientError as error:
            self._output.error(str(error))
        else:
            self._listener.joined(connection.target)
        connection.start(delay)
        self._tried += 1
        self._check()

    def _fail(self, failure: Failure) -> None:
        # An error of this program itself ends it.
        if not self._ready.called:
            self._ready.errback(failure)

    def _startWithout(self) -> None:
        self._timeUp = True
        self._check()

    def _check(self) -> None:
        everything = self._tried == len(self._connections)
        some = self._timeUp and any(target.address for target in self.targets)
        if (everything or some) and not self._ready.called:
            self._ready.callback(None)
