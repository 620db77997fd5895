"""Tests for L{tsservices.client.echo_udp} and L{tsservices.client.resolve}."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.client import FakeConsole, FakeReactor
from tsservices.client.connection import ClientError
from tsservices.client.echo_udp import (
    LARGEST_DATAGRAM,
    UDPClient,
    answers,
    exchangeDatagrams,
    sameHost,
)
from tsservices.client.resolve import resolve

SERVER = ("127.0.0.1", 21567)
SERVER6 = ("::1", 21567)


class DatagramFixture:
    def __init__(
        self,
        console: FakeConsole,
        *addresses: tuple[str, int],
        failure: Exception | None = None,
    ) -> None:
        self.reactor = FakeReactor()
        self.reactor.udpFailure = failure
        self.console = console
        client = UDPClient(self.reactor, self.reactor, addresses or [SERVER], 2.0, 3)
        self.status = Deferred.fromCoroutine(exchangeDatagrams(client, "there", console))

    def receive(self, datagram: bytes, address: tuple[str, int] = SERVER, port: int = -1) -> None:
        self.reactor.udpPorts[port].protocol.datagramReceived(datagram, address)


class ExchangeTests(SynchronousTestCase):
    def test_answers(self) -> None:
        """An empty line of a pipe is skipped: an empty datagram has no answer."""
        fixture = DatagramFixture(FakeConsole(b"a", b"", b"\xff"))
        [port] = fixture.reactor.udpPorts
        assert port.sent == [(b"a", SERVER)]
        assert (port.interface, port.size) == ("0.0.0.0", LARGEST_DATAGRAM)
        fixture.receive(b"[stamp] a")
        fixture.receive(b"[stamp] \xff")
        assert self.successResultOf(fixture.status) == 0
        assert fixture.console.written == b"[stamp] a\n[stamp] \xff\n"
        assert not any(port.listening for port in fixture.reactor.udpPorts)

    def test_emptyLineEnds(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"", ended=False, interactive=True))
        assert self.successResultOf(fixture.status) == 0

    def test_retries(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a"))
        fixture.reactor.advance(2)
        fixture.reactor.advance(1.9)
        [port] = fixture.reactor.udpPorts
        assert port.sent == [(b"a", SERVER)] * 2
        fixture.receive(b"[stamp] a")
        assert self.successResultOf(fixture.status) == 0

    def test_noAnswer(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"x" * 50, b"b"))
        for _ in range(3):
            fixture.reactor.advance(2)
        assert len(fixture.reactor.udpPorts[0].sent) == 3
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
        fixture.reactor.advance(2)
        fixture.receive(b"[1] a")
        fixture.receive(b"[2] a", port=0)
        self.assertNoResult(fixture.status)
        fixture.receive(b"[3] a")
        fixture.receive(b"[4] a")
        assert fixture.console.written == b"[1] a\n[3] a\n"

    def test_answeringAddressIsUsedFurther(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a", b"b"), SERVER, SERVER6)
        fixture.reactor.advance(2)
        first, second = fixture.reactor.udpPorts
        assert first.sent == [(b"a", SERVER)]
        assert second.sent == [(b"a", SERVER6)]
        assert second.interface == "::"
        fixture.receive(b"[stamp] a", SERVER6)
        assert fixture.reactor.udpPorts[2].sent == [(b"b", SERVER6)]

    def test_slowAnswerCounts(self) -> None:
        fixture = DatagramFixture(FakeConsole(b"a"), SERVER, SERVER6)
        fixture.reactor.advance(2)
        fixture.receive(b"[1] a", SERVER, port=0)
        assert self.successResultOf(fixture.status) == 0
        assert fixture.console.written == b"[1] a\n"

    def test_refusedByNetwork(self) -> None:
        for failure, words in [
            (MessageLengthError("x"), "too long for one datagram"),
            (OSError(101, "Network is unreachable"), "Network is unreachable"),
            (OSError("odd"), "odd"),
            (CannotListenError("::", 0, OSError("no IPv6")), "no IPv6"),
        ]:
            fixture = DatagramFixture(FakeConsole(b"a"), failure=failure)
            assert self.successResultOf(fixture.status) == 1
            assert fixture.console.complaints == [f"there: {words}: a"]
            assert not fixture.reactor.udpPorts[0].listening

    def test_unreachableAddressIsSkipped(self) -> None:
        fixture = DatagramFixture(
            FakeConsole(b"a"), SERVER6, SERVER, failure=OSError(101, "Network is unreachable")
        )
        assert [port.interface for port in fixture.reactor.udpPorts] == ["::", "0.0.0.0"]
        assert fixture.console.complaints == ["there: Network is unreachable: a"]


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
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("0.0.0.0", "127.0.0.1"),
            ("::", "::1"),
        ]:
            assert self.successResultOf(self.resolve(resolver, host)) == [(address, 7)]
        assert resolver.asked == []

    def test_unknown(self) -> None:
        for host, asked in (("nowhere", 1), ("a..b", 0)):
            resolver = FakeResolver()
            error = self.failureResultOf(self.resolve(resolver, host), ClientError)
            assert str(error.value) == f"cannot reach {host} port 7: the host name is unknown"
            assert len(resolver.asked) == asked
