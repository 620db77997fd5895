"""
The timestamp echo on stock Twisted, as a tutorial would write it.
"""

from __future__ import annotations

import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IReactorSSL, IReactorUDP, ITCPTransport, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Protocol, ServerFactory
from twisted.internet.task import LoopingCall

from benchmarks.echo.servers.shared import LatenessRecord, Stamp, serverParser, writePorts


class Echo(Protocol):
    """Puts the stamp in front of each chunk."""

    transport: ITCPTransport

    def connectionMade(self) -> None:
        # asyncio disables Nagle's algorithm by default, Twisted does not.
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(Stamp.text + data)


class EchoDatagrams(DatagramProtocol):
    """Puts the stamp in front of each datagram."""

    transport: IUDPTransport

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self.transport.write(Stamp.text + datagram, addr)


def main() -> None:
    """Listen, write the ports, and run until SIGTERM."""
    options = serverParser().parse_args()
    certificate: Path | None = options.certificate
    LoopingCall(Stamp.refresh).start(1)
    streams: ServerFactory = ServerFactory()
    streams.protocol = Echo
    streams.noisy = False
    if certificate is None:
        listening = reactor.listenTCP(0, streams, 4096, "127.0.0.1")
    else:
        from twisted.internet.ssl import PrivateCertificate

        own = PrivateCertificate.loadPEM(certificate.read_bytes())
        listening = IReactorSSL(reactor).listenSSL(0, streams, own.options(), 4096, "127.0.0.1")
    datagrams = IReactorUDP(reactor).listenUDP(0, EchoDatagrams(), "127.0.0.1", 8192)
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
