"""Tests for L{tsservices.client.echo_udp} and L{tsservices.client.resolve}."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, ConnectionDone, MessageLengthError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.client import FakeConsole, FakePorts
from tests.support.epoll import ManualReactor
from tsservices.client.connection import ClientError
from tsservices.client.echo_udp import (
    UDPClient,
    UDPPorts,
    UDPQuery,
    UDPQueryProtocol,
    answers,
    errorReason,
    exchangeDatagrams,
    sameHost,
)
from tsservices.client.resolve import checkZone, resolve

SERVER = ("127.0.0.1", 21567)
SERVER6 = ("::1", 21567)


class DatagramFixture:
    def __init__(
        self,
        console: FakeConsole,
        *addresses: tuple[str, int],
        failure: Exception | None = None,
    ) -> None:
        self.clock = Clock()
        self.network = FakePorts(failure)
        self.ports = self.network.opened
        self.console = console
        client = UDPClient(self.network, self.clock, addresses or [SERVER], 2.0, 3)
        self.status = Deferred.fromCoroutine(exchangeDatagrams(client, "there", console))

    def receive(self, datagram: bytes, address: tuple[str, int] = SERVER, port: int = -1) -> None:
        self.ports[port].protocol.datagramReceived(datagram, address)


class ExchangeTests(SynchronousTestCase):
    def test_answers(self) -> None:
        """An empty line of a pipe is skipped: an empty datagram has no answer."""
        fixture = DatagramFixture(FakeConsole(b"a", b"", b"\xff"))
        [port] = fixture.ports
        assert port.sent == [(b"a", SERVER)]
        fixture.receive(b"[stamp] a")
        fixture.receive(b"[stamp] \xff")
        assert self.successResultOf(fixture.status) == 0
        assert fixture.console.written == b"[stamp] a\n[stamp] \xff\n"
        assert not any(port.listening for port in fixture.ports)

    def test_emptyLineEnds(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"", ended=False, interactive=True))
        assert self.successResultOf(fixture.status) == 0

    def test_retries(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a"))
        fixture.clock.advance(2)
        fixture.clock.advance(1.9)
        [port] = fixture.ports
        assert port.sent == [(b"a", SERVER)] * 2
        fixture.receive(b"[stamp] a")
        assert self.successResultOf(fixture.status) == 0

    def test_noAnswer(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"x" * 50, b"b"))
        for _ in range(3):
            fixture.clock.advance(2)
        assert len(fixture.ports[0].sent) == 3
        fixture.receive(b"[stamp] b")
        assert self.successResultOf(fixture.status) == 1
        assert fixture.console.complaints == [f"there: no answer: {'x' * 40}..."]
        assert fixture.console.written == b"[stamp] b\n"

    def test_straysAreIgnored(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a", b"b"))
        fixture.receive(b"[stamp] a", ("127.0.0.2", 21567))
        fixture.receive(b"[stamp] a", ("127.0.0.1", 21568))
        fixture.receive(b"[stamp] b")
        fixture.receive(b"[stamp] ba")
        assert fixture.console.written == b""
        fixture.receive(b"[stamp] a")
        fixture.receive(b"[stamp] b", port=0)
        assert fixture.console.written == b"[stamp] a\n"

    def test_lateDuplicate(self) -> None:
        """A late second answer must not count for an equal line that follows."""
        fixture = DatagramFixture(FakeConsole(b"a", b"a"))
        fixture.clock.advance(2)
        fixture.receive(b"[1] a")
        fixture.receive(b"[2] a", port=0)
        self.assertNoResult(fixture.status)
        fixture.receive(b"[3] a")
        fixture.receive(b"[4] a")
        assert fixture.console.written == b"[1] a\n[3] a\n"

    def test_answeringAddressIsUsedFurther(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a", b"b"), SERVER, SERVER6)
        fixture.clock.advance(2)
        first, second = fixture.ports
        assert first.sent == [(b"a", SERVER)]
        assert second.sent == [(b"a", SERVER6)]
        fixture.receive(b"[stamp] a", SERVER6)
        assert fixture.ports[2].sent == [(b"b", SERVER6)]

    def test_slowAnswerCounts(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a"), SERVER, SERVER6)
        fixture.clock.advance(2)
        fixture.receive(b"[1] a", SERVER, port=0)
        assert self.successResultOf(fixture.status) == 0
        assert fixture.console.written == b"[1] a\n"

    def test_unsendable(self) -> None:
        for failure, words in [
            (MessageLengthError("x"), "too long for one datagram"),
            (OSError(101, "Network is unreachable"), "Network is unreachable"),
            (OSError(1, "Not permitted"), "Not permitted (by a firewall of this host?)"),
            (OSError("odd"), "odd"),
            (CannotListenError("::", 0, OSError("no IPv6")), "no IPv6"),
        ]:
            fixture = DatagramFixture(FakeConsole(b"a"), failure=failure)
            assert self.successResultOf(fixture.status) == 1
            assert fixture.console.complaints == [f"there: {words}: a"]
            assert not any(port.listening for port in fixture.ports)

    def test_unreachableAddressIsSkipped(self) -> None:
        fixture = DatagramFixture(
            FakeConsole(b"a"), SERVER6, SERVER, failure=OSError(101, "Network is unreachable")
        )
        assert [port.protocol.address for port in fixture.ports] == [SERVER6, SERVER]
        assert fixture.console.complaints == ["there: Network is unreachable: a"]

    def test_refused(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a", b"b"))
        fixture.ports[0].protocol.connectionRefused()
        fixture.ports[0].protocol.connectionRefused()
        fixture.ports[1].protocol.refused(errno.EHOSTUNREACH)
        assert self.successResultOf(fixture.status) == 1
        assert fixture.console.complaints == [
            "there: refused: a",
            "there: No route to host: b",
        ]
        assert self.clockIsIdle(fixture)

    def test_refusedByOneOfTwo(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a", b"b"), SERVER, SERVER6)
        first = fixture.ports[0]
        first.protocol.connectionRefused()
        for _ in range(2):
            fixture.clock.advance(2)
        second = fixture.ports[1]
        assert (len(first.sent), len(second.sent)) == (1, 3)
        # What the first says later is no news of the second.
        first.protocol.connectionRefused()
        fixture.receive(b"[stamp] a", SERVER6)
        assert fixture.console.written == b"[stamp] a\n"
        # The other line asks the one that answers first.
        assert fixture.ports[2].protocol.address == SERVER6
        fixture.ports[2].protocol.connectionRefused()
        fixture.ports[3].protocol.connectionRefused()
        assert self.successResultOf(fixture.status) == 1
        assert fixture.console.complaints == ["there: refused: b"]

    def clockIsIdle(self, fixture: DatagramFixture) -> bool:
        return not fixture.clock.getDelayedCalls() and not any(
            port.listening for port in fixture.ports
        )


class QueryPortTests(SynchronousTestCase):
    """Real sockets: what the system says of a closed port."""

    def test_closedPort(self) -> None:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as server:
                server.bind((host, 0))
                number = server.getsockname()[1]
            reactor = ManualReactor()
            query = UDPQuery(b"a")
            protocol = UDPQueryProtocol(query, (host, number))
            UDPPorts(reactor).open(protocol)
            answered = query.send(protocol.transport, protocol.address)
            protocol.transport.readConnectionLost(Failure(ConnectionDone()))
            error = self.failureResultOf(answered, OSError).value
            assert errorReason(error) == "refused"
            assert protocol.transport.connected
            protocol.transport.stopListening()
            reactor.advance(0)

    def test_noWay(self) -> None:
        reactor = ManualReactor()
        protocol = UDPQueryProtocol(UDPQuery(b"a"), ("255.255.255.255", 9))
        with pytest.raises(PermissionError):
            UDPPorts(reactor).open(protocol)
        reactor.advance(0)
        assert not protocol.transport


class TestAnswers:
    @given(st.binary(min_size=1, max_size=20), st.binary(min_size=1, max_size=20))
    def test_forms(self, line: bytes, other: bytes) -> None:
        for stamp in (
            b"[Fri Nov 20 12:10:00 2026] ",
            b"[2026-11-20T12:10:00.123456Z] ",
            b"[1763640600123456789] ",
        ):
            assert answers(stamp + line, line)
            assert not answers(stamp + other + line, line)
            assert answers(stamp + other, line) == (other == line)
        assert answers(line, line)

    def test_otherServers(self) -> None:
        assert answers(b"12:10 a", b"a")
        assert not answers(b"12:10 ab", b"a")

    def test_sameHost(self) -> None:
        assert sameHost("::1", "0:0:0:0:0:0:0:1")
        assert sameHost("fe80::1", "fe80::1%eth0")
        assert not sameHost("127.0.0.1", "127.0.0.2")

    def test_samePath(self, tmp_path: Path) -> None:
        path = str(tmp_path)
        assert sameHost(path, os.path.join(path, "..", os.path.basename(path)))
        for other in (os.path.dirname(path), f"{path}/nothing", "\0abstract", "", "::1"):
            assert not sameHost(other, path)


@implementer(IHostnameResolver)
class FakeResolver:
    def __init__(self, *addresses: IAddress) -> None:
        self.asked: list[tuple[str, int, str]] = []
        self._addresses = addresses

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        resolution = cast(IHostResolution, object())
        resolutionReceiver.resolutionBegan(resolution)
        self.asked.append((hostName, portNumber, transportSemantics))
        for address in self._addresses:
            resolutionReceiver.addressResolved(address)
        resolutionReceiver.resolutionComplete()
        return resolution


class ResolveTests(SynchronousTestCase):
    def resolve(self, resolver: FakeResolver, host: str) -> Deferred[list[tuple[str, int]]]:
        return Deferred.fromCoroutine(resolve(resolver, host, 7))

    def test_name(self) -> None:
        resolver = FakeResolver(IPv6Address("UDP", "::1", 7), IPv4Address("UDP", "127.0.0.1", 7))
        assert self.successResultOf(self.resolve(resolver, "localhost")) == [
            ("127.0.0.1", 7),
            ("::1", 7),
        ]
        assert resolver.asked == [("localhost", 7, "UDP")]

    def test_literalsAreNotLookedUp(self) -> None:
        resolver = FakeResolver()
        for host, address in [
            ("192.0.2.1", "192.0.2.1"),
            ("fe80::1%1", "fe80::1%1"),
            ("0.0.0.0", "127.0.0.1"),
            ("::", "::1"),
        ]:
            assert self.successResultOf(self.resolve(resolver, host)) == [(address, 7)]
        assert resolver.asked == []

    def test_zones(self) -> None:
        """An address that comes with the number of an interface keeps it."""
        resolver = FakeResolver(IPv6Address("UDP", "fe80::1", 7, 0, 3))
        assert self.successResultOf(self.resolve(resolver, "router")) == [("fe80::1%3", 7)]
        (number, name), *_ = socket.if_nameindex()
        for host in (f"fe80::1%{name}", f"fe80::1%{number}", "fe80::1.example", "127.0.0.1", "x%y"):
            checkZone(host)
        for host, reason in (
            ("fe80::1", "fe80::1 is link-local: add the interface, like fe80::1%"),
            ("fe80::1%", "link-local: add the interface"),
            ("fe80::1%nosuch", "there is no interface nosuch"),
            ("fe80::1%99999", "there is no interface 99999"),
            ("2001:db8::1%1", "only link-local addresses"),
        ):
            with pytest.raises(ClientError, match=reason):
                checkZone(host)

    def test_unknown(self) -> None:
        for host, asked in (("nowhere", 1), ("a..b", 0)):
            resolver = FakeResolver()
            error = self.failureResultOf(self.resolve(resolver, host), ClientError)
            assert str(error.value) == f"cannot reach {host} port 7: the host name is unknown"
            assert len(resolver.asked) == asked
