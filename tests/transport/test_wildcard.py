"""Tests for L{tsservices.transport.wildcard}: answers leave from the address that was asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.protocol import DatagramProtocol

from tests.support.epoll import ManualReactor
from tsservices.transport import wildcard
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.stock import BoundedUDPPort
from tsservices.transport.wildcard import WildcardSocket

pytestmark = pytest.mark.skipif(not wildcard.LINUX, reason="Linux only")


class Echo(DatagramProtocol):
    """Answers at once, but C{later} only when the test says so."""

    transport: Any
    noisy = False

    def __init__(self) -> None:
        self.waiting: list[tuple[bytes, tuple[str, int]]] = []

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if datagram == b"later":
            self.waiting.append((datagram, addr))
        else:
            # Any address that is equal will do.
            self.transport.write(datagram, (addr[0], addr[1]))


@pytest.fixture
def closing() -> Iterator[list[Any]]:
    sockets: list[Any] = []
    yield sockets
    for each in sockets:
        each.close()


@pytest.fixture(params=[FastUDPPort, BoundedUDPPort])
def listen(request: pytest.FixtureRequest) -> Iterator[Any]:
    ports = []

    def make(interface: str) -> Any:
        port = request.param(0, Echo(), interface, 8192, ManualReactor())
        port.startListening()
        ports.append(port)
        return port

    yield make
    for port in ports:
        port.stopListening()
        port.reactor.advance(0)


def client(closing: list[Any], host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    closing.append(made)
    made.settimeout(5)
    # A connected socket gets nothing from any other address.
    made.connect((host, port))
    return made


@pytest.mark.parametrize(
    ("interface", "asked"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.2"),
        ("", "127.0.0.2"),
        ("::", "127.0.0.2"),
        ("::", "::1"),
        ("::ffff:0.0.0.0", "127.0.0.2"),
        ("127.0.0.2", "127.0.0.2"),
    ],
)
def test_connectedClient(listen: Any, closing: list[Any], interface: str, asked: str) -> None:
    port = listen(interface)
    assert isinstance(port.socket, WildcardSocket) == (interface != "127.0.0.2")
    assert port.fileno() == port.socket.fileno()
    peer = client(closing, asked, port._realPortNumber)
    peer.send(b"hello")
    port.doRead()
    assert peer.recv(10) == b"hello"


def test_severalAddresses(listen: Any, closing: list[Any]) -> None:
    """Each gets its answer from where it asked, also one that is answered later."""
    port = listen("0.0.0.0")
    peers = [client(closing, f"127.0.0.{last}", port._realPortNumber) for last in (1, 2, 3)]
    for peer in peers:
        peer.send(b"later")
    port.doRead()
    for datagram, source in port.protocol.waiting:
        port.write(datagram, source)
    assert [peer.recv(10) for peer in peers] == [b"later"] * 3


@pytest.mark.parametrize("interface", ["0.0.0.0", "::"])
def test_broadcast(listen: Any, closing: list[Any], interface: str) -> None:
    """The address of a group is none to answer from."""
    port = listen(interface)
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    closing.append(peer)
    peer.settimeout(5)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    peer.sendto(b"all", ("127.255.255.255", port._realPortNumber))
    port.doRead()
    answer, (host, _) = peer.recvfrom(10)
    assert (answer, host) == (b"all", "127.0.0.1")


def test_boundedMemory(listen: Any, closing: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wildcard, "MAX_SOURCES", 2)
    port = listen("0.0.0.0")
    for _ in range(5):
        client(closing, "127.0.0.2", port._realPortNumber).send(b"x")
    port.doRead()
    assert len(port.socket._answers) <= 2
    assert closing[-1].recv(10) == b"x"
