"""
A UDP port that receives until nothing is left and sends at once.

Against Twisted's own port: an answer to the datagram being served goes out without the four
address checks, which what the kernel gave as a source cannot fail; a pass is bounded by time and
by count as well as by bytes, so that empty datagrams cannot hold the reactor; an unreachable peer
costs a datagram, not the port; and an answer to a link-local address finds its interface.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from errno import ECONNREFUSED, EHOSTUNREACH, EINTR, EMSGSIZE, ENETDOWN, ENETUNREACH, EWOULDBLOCK
from time import monotonic
from typing import Any, ClassVar

from twisted.internet import udp
from twisted.internet.error import MessageLengthError
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.transport.capabilities import DatagramReply, IReplyingPort, RoundObserver

#: How long, in seconds, a pass may go on before the reactor gets its turn.
PASS_SECONDS = 0.001

#: How many datagrams are served between two looks at the clock.
ROUND_DATAGRAMS = 16

_UNREACHABLE = frozenset({ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN})


@implementer(IReplyingPort)
class FastUDPPort(udp.Port):
    """
    A UDP port with a tight loop.

    Built by its constructor, or around a bound socket by
    C{_fromListeningDescriptor(reactor, descriptor, family, protocol, maxPacketSize)}, which
    duplicates the descriptor.

    @ivar _reply: makes the answer to send, or hands the datagram to the protocol.
    @ivar _unsent: is told when an answer was not sent.
    @ivar _watchers: are told when datagrams are going to be read.
    @ivar _source: the source of the datagram being served, as the protocol has it.
    @ivar _sockaddr: the same as the kernel has it: with the interface, in IPv6.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        port: int | None,
        proto: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        reactor: Any = None,
        reusePort: bool = False,
    ) -> None:
        """
        @param port: the number of the port, 0 for any; L{None} around an existing socket.
        @param maxPacketSize: the most bytes kept of a datagram.
        @raise InvalidAddressError: if C{interface} is not an address.
        """
        super().__init__(port, proto, interface, maxPacketSize, reactor)
        self._reusePort = reusePort
        self._source: tuple[str, int] | None = None
        self._sockaddr: Any = None
        self._reply: DatagramReply = self._handOn
        self._unsent: Callable[[], None] = lambda: None
        self._watchers: tuple[RoundObserver, ...] = ()

    def replyWith(
        self, reply: DatagramReply, unsent: Callable[[], None], *watchers: RoundObserver
    ) -> None:
        """
        Let a function answer the datagrams in place of the protocol: saves a C{write} for each.
        Not for a protocol that connects its port.
        """
        self._reply = reply
        self._unsent = unsent
        self._watchers = watchers

    def createInternetSocket(self) -> socket.socket:
        """
        A new socket, which shares its port if that was asked for.

        @raise OSError: if the platform cannot share ports.
        """
        skt = super().createInternetSocket()
        if self._reusePort:
            skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return skt

    def doRead(self) -> None:
        """
        Receive until nothing is left, L{PASS_SECONDS} are over or C{maxThroughput} bytes were
        read.
        """
        receive = self.socket.recvfrom
        send = self.socket.sendto
        reply = self._reply
        size = self.maxPacketSize
        shorten = self.addressFamily == socket.AF_INET6
        deadline = monotonic() + PASS_SECONDS
        read = 0
        for watcher in self._watchers:
            watcher.roundBegan()
        try:
            # connectionLost makes maxThroughput negative.
            while read < self.maxThroughput:
                for _ in range(ROUND_DATAGRAMS):
                    try:
                        data, sockaddr = receive(size)
                    except OSError as error:
                        if self._receiveFailed(error):
                            return
                        break
                    self._sockaddr = sockaddr
                    source = sockaddr[:2] if shorten else sockaddr
                    read += len(data)
                    try:
                        answer = reply(data, source)
                    except BaseException:
                        self._log.failure(
                            "{protocol} raised for a datagram from {source}",
                            protocol=self.protocol,
                            source=source,
                        )
                        continue
                    if answer is not None:
                        try:
                            send(answer, sockaddr)
                        except OSError as error:
                            if error.errno != ECONNREFUSED:
                                self._unsent()
                if monotonic() >= deadline:
                    return
        finally:
            self._source = None
            for watcher in self._watchers:
                watcher.roundEnded()

    def _handOn(self, datagram: bytes, source: tuple[str, int]) -> None:
        """Give a datagram to the protocol, which answers by L{write}."""
        self._source = source
        self.protocol.datagramReceived(datagram, source)

    def _receiveFailed(self, error: OSError) -> bool:
        """
        Tell a moment without datagrams from news about the peer and from trouble with the socket.
        """
        if error.errno == EWOULDBLOCK or self.maxThroughput < 0:
            return True
        if error.errno == EINTR:
            return False
        if error.errno in _UNREACHABLE:
            self._peerRefused(error.errno)
            return False
        raise error

    def _peerRefused(self, number: int | None) -> None:
        """Tell the protocol of a connected port that its peer does not listen."""
        if self._connectedAddr and number == ECONNREFUSED:
            try:
                self.protocol.connectionRefused()
            except BaseException:
                self._log.failure("{protocol} raised when refused", protocol=self.protocol)

    def readConnectionLost(self, reason: Failure) -> None:
        """
        Stay open when the kernel has nothing but an error to report.

        Under poll and epoll the reactor takes that for the end of the port; for a connected port
        it is what one ICMP message from a peer that does not listen looks like.
        """
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.startReading()
        self._peerRefused(number)

    def write(self, datagram: bytes, addr: tuple[str, int] | None = None) -> Any:
        """
        Send a datagram.

        @param addr: a pair of an IP address and a port; L{None} on a connected port.
        @return: how many bytes were sent, if any.
        @raise InvalidAddressError: if the address is not one of this port's family.
        @raise MessageLengthError: if the datagram is longer than the kernel can send.
        @raise OSError: if the kernel does not send it.
        """
        if addr is None or addr is not self._source or self._connectedAddr:
            return super().write(datagram, addr)
        try:
            return self.socket.sendto(datagram, self._sockaddr)
        except OSError as error:
            if error.errno == EMSGSIZE:
                raise MessageLengthError("message too long") from error
            if error.errno != ECONNREFUSED:
                raise
        return None
