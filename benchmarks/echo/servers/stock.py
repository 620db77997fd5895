"""
The timestamp echo on stock Twisted, as a tutorial would write it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IReactorUDP, ITCPTransport, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Protocol, ServerFactory
from twisted.internet.task import LoopingCall

from benchmarks.echo.servers.lateness import LatenessRecord, writePorts


class Clock:
    """
    The time's text, made once a second as our own server does.

    @cvar stamp: The beginning of every reply.
    """

    stamp = b""

    @classmethod
    def refresh(cls) -> None:
        """Make the text of this second."""
        cls.stamp = f"[{time.ctime()}] ".encode()


class Stamp(Protocol):
    """Puts the stamp in front of each chunk."""

    transport: ITCPTransport

    def connectionMade(self) -> None:
        # asyncio switches Nagle's delay off by itself, Twisted does not.
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(Clock.stamp + data)


class StampDatagrams(DatagramProtocol):
    """Puts the stamp in front of each datagram."""

    transport: IUDPTransport

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self.transport.write(Clock.stamp + datagram, addr)


def main() -> None:
    """Listen, write the ports, and run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--lateness", action="store_true")
    options = parser.parse_args()
    LoopingCall(Clock.refresh).start(1)
    streams: ServerFactory = ServerFactory()
    streams.protocol = Stamp
    streams.noisy = False
    listening = reactor.listenTCP(0, streams, 4096, "127.0.0.1")
    datagrams = IReactorUDP(reactor).listenUDP(0, StampDatagrams(), "127.0.0.1", 8192)
    record = LatenessRecord(time.monotonic)

    def tick() -> None:
        record.fired()
        reactor.callLater(record.arm(), tick)

    if options.lateness:
        reactor.callLater(record.arm(), tick)
    addresses = [port.getHost() for port in (listening, datagrams)]
    tcpPort, udpPort = (at.port for at in addresses if isinstance(at, IPv4Address))
    writePorts(options.state, tcpPort, udpPort)
    reactor.run()
    if options.lateness:
        record.write(options.state)


if __name__ == "__main__":
    main()
