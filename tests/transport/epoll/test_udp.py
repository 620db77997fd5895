"""Tests for L{tsservices.transport.epoll.udp}."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import DatagramProtocol

from tests.support.udp_ports import UDPPortContract
from tsservices.transport.epoll.udp import FastUDPPort


class EchoDatagrams(DatagramProtocol):
    transport: FastUDPPort

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Any]] = []
        self.refused = 0

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.received.append((datagram, addr))
        if datagram == b"raise":
            raise ZeroDivisionError
        self.transport.write(datagram, addr)

    def connectionRefused(self) -> None:
        self.refused += 1


class FastUDPPortTests(UDPPortContract):
    __test__ = True
    portClass = FastUDPPort
    protocolClass = EchoDatagrams
    receive = "recvfrom"

    def test_zone(self) -> None:
        connected: list[Any] = []

        class Recording(socket.socket):
            def connect(self, address: Any) -> None:
                connected.append(address)

        port = self.listen()
        with Recording(socket.AF_INET6, socket.SOCK_DGRAM) as recording:
            port.socket, bound = recording, port.socket
            port.connect("fe80::1%1", 7)
            port.socket = bound
        assert connected == [("fe80::1", 7, 0, 1)]

    def test_reusePort(self) -> None:
        number = self.listen(reusePort=True).getHost().port
        second = FastUDPPort(
            number, EchoDatagrams(), "127.0.0.1", 8192, self.reactor, reusePort=True
        )
        assert self.start(second).getHost().port == number
