"""Tests for L{tsservices.client.probe.host_connection}, on a network that is a table."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.probe import FakeTransport, RecordingListener, clocksOf
from tsservices.client.connection import ClientError
from tsservices.client.probe.host_connection import LAST_RETRY, HostConnection, Network
from tsservices.client.probe.source import Origin
from tsservices.client.probe.target import ProbeTarget, TargetConfig
from tsservices.client.probe.wires.base import SendError
from tsservices.stamp.stats.result import ProbeState
from tsservices.stamp.stats.target import PieceReason

#: Addresses for documentation.
ONE, TWO, HERE, THERE = "192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2"


class Listener(RecordingListener):
    def __init__(self) -> None:
        super().__init__()
        self.joins = 0

    def joined(self, target: ProbeTarget) -> None:
        self.joins += 1


class HostConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clocks = clocksOf(self.clock)
        self.addresses = [ONE]
        self.origins = {ONE: Origin(HERE, 0), TWO: Origin(HERE, 0)}
        self.ours = [Origin(HERE, 0)]
        self.asked = 0
        self.looked = 0
        self.transports: list[FakeTransport] = []
        self.failure: Exception | None = None
        self.listener = Listener()

    async def resolve(self, host: str) -> list[str]:
        self.asked += 1
        if not self.addresses:
            raise ClientError("unknown")
        return list(self.addresses)

    def findOrigin(self, address: str) -> Origin:
        self.looked += 1
        if address not in self.origins:
            raise OSError(101, "Network is unreachable")
        return self.origins[address]

    def isOurs(self, origin: Origin) -> bool:
        return origin in self.ours

    def create(self, address: str) -> FakeTransport:
        transport = FakeTransport(self.clocks)
        if self.failure is not None:
            transport.open = self.refuse  # type: ignore[method-assign]
        self.transports.append(transport)
        return transport

    def refuse(self, listener: object) -> Deferred[None]:
        assert self.failure is not None
        raise self.failure

    def connect(self, nameSeconds: float = 300.0) -> HostConnection:
        network = Network(self.resolve, self.findOrigin, self.isOurs, self.create)
        connection = HostConnection(
            network, self.clock, self.clocks, self.listener, 1.0, nameSeconds
        )
        placeholder = FakeTransport(self.clocks)
        self.target = ProbeTarget(
            TargetConfig("host.example", "", 7, 1.0),
            placeholder,
            self.clock,
            self.clocks,
            connection,
        )
        connection.target = self.target
        self.target.start(0)
        self.addCleanup(lambda: Deferred.fromCoroutine(connection.close()))
        return connection

    def opened(self, nameSeconds: float = 300.0) -> HostConnection:
        connection = self.connect(nameSeconds)
        self.successResultOf(Deferred.fromCoroutine(connection.open()))
        connection.start()
        return connection

    def send(self, count: int, interval: float = 1.0) -> None:
        for _ in range(count):
            self.target.sendNext(0, 0)
            self.clock.pump([interval / 10] * 10)

    def changes(self) -> list[str]:
        return [str(change) for change in self.listener.changes]

    def test_nothingHappens(self) -> None:
        self.opened()
        self.transports[0].replyWith(self.transports[0].reply)
        self.send(5)
        assert (self.asked, self.looked, self.changes()) == (1, 1, [])
        assert self.target.address == ONE

    def test_ownAddress(self) -> None:
        self.opened()
        self.transports[0].failure = SendError(ProbeState.UNREACHABLE, "no way")
        del self.origins[ONE]
        self.ours = []
        self.send(3)
        assert self.changes() == []
        self.origins[ONE] = Origin(THERE, 0)
        self.send(1)
        assert self.changes() == [f"now from {THERE} (was {HERE})"]
        assert self.target.transport is self.transports[1]
        assert self.target.statistics.pieces[PieceReason.SESSION] == 1
        assert self.listener.changes[0].sequence == 4
        self.send(2)
        assert self.transports[1].sent == [4, 5]

    def test_silence(self) -> None:
        """An address that is gone may send and hear nothing: the unanswered packet is a hint."""
        self.opened()
        self.ours = []
        self.origins[ONE] = Origin(THERE, 0)
        self.send(1, 0.5)
        assert self.changes() == []
        self.send(1, 0.1)
        assert self.changes() == [f"now from {THERE} (was {HERE})"]

    def test_anotherWay(self) -> None:
        """While the address is there, one lost packet is no reason to leave it."""
        self.opened()
        self.origins[ONE] = Origin(THERE, 0)
        self.send(2)
        assert self.changes() == []
        self.transports[0].replyWith(self.transports[0].reply)
        self.send(5)
        self.transports[0].replyWith(lambda sequence: None)
        self.send(2)
        assert self.changes() == []
        self.send(3)
        assert self.changes() == [f"now from {THERE} (was {HERE})"]

    def test_looksAreFew(self) -> None:
        self.opened()
        self.transports[0].failure = SendError(ProbeState.UNREACHABLE, "no way")
        self.send(500, 0.01)
        assert 4 <= self.looked <= 8
        assert self.asked == 2

    def test_interface(self) -> None:
        self.opened()
        self.origins[ONE] = Origin(HERE, 5)
        self.send(3)
        assert self.changes() == [f"now from {HERE} (the interface is a new one)"]

    def test_nameMoves(self) -> None:
        self.opened(60.0)
        first = self.transports[0]
        self.clock.advance(60)
        assert (self.asked, self.changes()) == (2, [])
        self.addresses = [TWO]
        self.target.sendNext(0, 0)
        self.clock.advance(59.9)
        self.target.sendNext(0, 0)
        self.clock.advance(0.1)
        assert self.changes() == [f"now to {TWO} (was {ONE})"]
        assert self.target.address == TWO
        assert self.target.statistics.pieces[PieceReason.REFLECTOR] == 1
        # What was on its way counts, and was sent to the former address.
        first.reply(1)
        assert self.listener.states()[-1] == (1, "ok")
        assert [self.target.addressOf(number) for number in (1, 2)] == [ONE, TWO]
        assert not first.closed
        self.clock.advance(1)
        assert first.closed

    def test_addressThatStays(self) -> None:
        self.opened(60.0)
        self.addresses = [TWO, ONE]
        self.clock.advance(60)
        self.addresses = []
        self.clock.advance(60)
        assert (self.asked, self.changes()) == (3, [])
        # A way is needed too.
        self.addresses = [ONE, TWO]
        del self.origins[ONE]
        self.clock.advance(60)
        assert self.changes() == [f"now to {TWO} (was {ONE})"]

    def test_nameAtLoss(self) -> None:
        self.opened()
        self.addresses = [TWO]
        self.send(2)
        assert self.asked == 1
        self.send(3)
        assert self.changes() == [f"now to {TWO} (was {ONE})"]

    def test_never(self) -> None:
        self.opened(0.0)
        self.addresses = [TWO]
        self.send(30)
        self.clock.advance(10_000)
        assert (self.asked, self.changes()) == (1, [])

    def test_both(self) -> None:
        self.opened(60.0)
        self.addresses = [TWO]
        self.origins = {TWO: Origin(THERE, 0)}
        self.clock.advance(60)
        assert self.changes() == [f"now to {TWO} (was {ONE}); now from {THERE} (was {HERE})"]

    def test_failedReplacement(self) -> None:
        self.opened(60.0)
        self.addresses = [TWO]
        self.failure = CannotListenError("", 0, OSError(24, "Too many open files"))
        self.clock.advance(60)
        assert (self.target.address, self.changes()) == (ONE, [])
        self.failure = None
        self.clock.advance(60)
        assert self.target.address == TWO

    def test_secondAddress(self) -> None:
        self.addresses = [TWO, ONE]
        del self.origins[TWO]
        self.opened()
        assert self.target.address == ONE

    def test_noWay(self) -> None:
        self.origins.clear()
        opening = Deferred.fromCoroutine(self.connect().open())
        error = self.failureResultOf(opening, ClientError).value
        assert str(error) == f"no way to {ONE}: Network is unreachable"
        self.addresses = []
        opening = Deferred.fromCoroutine(self.connect().open())
        self.failureResultOf(opening, ClientError)

    def test_joins(self) -> None:
        self.addresses = []
        connection = self.connect()
        self.failureResultOf(Deferred.fromCoroutine(connection.open()), ClientError)
        connection.start()
        self.clock.pump([1.0] * 200)
        # After 1, 2, 4, 8, 16, 32 seconds, then each minute.
        assert self.asked == 1 + 6 + 2
        self.addresses = [ONE]
        self.clock.pump([1.0] * int(LAST_RETRY))
        assert self.listener.joins == 1
        assert self.changes() == [f"now to {ONE}"]
        assert sum(self.target.statistics.pieces.values()) == 0
        self.clock.advance(300)
        assert self.asked == 11

    def test_closedWhileItOpens(self) -> None:
        connection = self.connect()
        waiting: Deferred[list[str]] = Deferred()

        async def resolve(host: str) -> list[str]:
            return await waiting

        connection._network = Network(resolve, self.findOrigin, self.isOurs, self.create)
        opening = Deferred.fromCoroutine(connection.open())
        self.successResultOf(Deferred.fromCoroutine(connection.close()))
        waiting.callback([ONE])
        self.successResultOf(opening)
        connection.start()
        assert self.transports[0].closed
        assert self.target.address == ""
        assert self.clock.getDelayedCalls() == []

    def test_closed(self) -> None:
        connection = self.opened(60.0)
        self.addresses = [TWO]
        self.clock.advance(60)
        self.successResultOf(Deferred.fromCoroutine(connection.close()))
        assert [transport.closed for transport in self.transports] == [True, True]
        assert self.clock.getDelayedCalls() == []
