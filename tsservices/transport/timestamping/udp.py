"""
A UDP port that knows when its datagrams came, by the kernel's clock.

To its protocol it gives each datagram with an L{ReceiveInfo}: the time at which the kernel
had it (the reactor, other datagrams and Python come later), the address of this host
that it was sent to, and its TTL.  It answers from the address that was asked.  On
demand it also tells when what it sent has left.

What comes back as an error costs a datagram, not the port: one ICMP refusal ends a
connected port of Twisted's own without a word.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from errno import ECONNREFUSED, EINTR, EMSGSIZE, EWOULDBLOCK
from time import monotonic
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.transport.capabilities import (
    IReflectingPort,
    RoundObserver,
    StampedReply,
    TransmitListener,
)
from tsservices.transport.epoll.udp import PASS_SECONDS, ROUND_DATAGRAMS, FastUDPPort
from tsservices.transport.timestamping import cmsg as ancillary
from tsservices.transport.timestamping.cmsg import (
    CONTROL_BYTES,
    ERROR_CONTROL_BYTES,
    MAX_DESTINATIONS,
    PACKET_NUMBERS,
    ControlMessageReader,
    ReceiveInfo,
)
from tsservices.transport.timestamping.transmit import TransmitTimestamps

__all__ = ["ReceiveInfo", "TimestampedDatagramProtocol", "TimestampedUDPPort"]

#: Entries of the error queue read in one go.
MAX_ERRORS_PER_DRAIN = 64

#: Interfaces that are no address.
WILDCARDS = frozenset({"", "0.0.0.0", "::"})


class TimestampedDatagramProtocol(DatagramProtocol):
    """What a L{TimestampedUDPPort} calls."""

    noisy = False

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        raise NotImplementedError

    def transmitStamp(self, number: int, nanoseconds: int) -> None:
        """
        A datagram has left this host.  Comes from within C{write} where that is so at
        once, or later, or never.

        @param nanoseconds: when, since 1970.
        """


@implementer(IReflectingPort)
class TimestampedUDPPort(FastUDPPort):
    """
    A UDP port that gives its protocol, a L{TimestampedDatagramProtocol}, each datagram with its
    L{ReceiveInfo}.

    Built by its constructor, and started by C{startListening}, or around a bound socket by
    C{_fromListeningDescriptor}, as L{FastUDPPort}.

    @ivar sent: how many datagrams have been sent; the number of the next one.
    @ivar stamping: the kernel takes the time of what comes.
    @ivar transmitting: it is asked for the time of what is sent, and can tell.
    """

    protocol: TimestampedDatagramProtocol

    def __init__(
        self,
        port: int | None,
        proto: Any,
        interface: str = "",
        maxPacketSize: int = 8192,
        reactor: Any = None,
        reusePort: bool = False,
        transmit: bool = False,
        tos: bool = False,
        nanoclock: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        @param port: the number of the port, 0 for any; L{None} around an existing socket.
        @param maxPacketSize: the most bytes kept of a datagram.
        @param nanoclock: nanoseconds since 1970, where the kernel does not tell.
        @raise InvalidAddressError: if C{interface} is not an address.
        """
        super().__init__(port, proto, interface, maxPacketSize, reactor, reusePort)
        self._transmit = transmit
        self._tos = tos
        self._nanoclock = nanoclock
        self._stampedReply: StampedReply = self._deliver
        self._sources: dict[str, list[tuple[int, int, bytes]]] = {}
        self._numberedFrom = 0
        self._typeOfService: int | None = None
        self.sent = 0
        self.stamping = self.transmitting = False

    def _bindSocket(self) -> None:
        """Ask the kernel to tell more as soon as there is a socket."""
        super()._bindSocket()
        self._many = self.interface in WILDCARDS
        self._reader = ControlMessageReader(None if self._many else self.interface)
        self.stamping = ancillary.enableTimestamps(
            self.socket, self._transmit, self._many, self._tos
        )
        self.transmitting = self._transmit and self.stamping
        self._departures = TransmitTimestamps(self.socket)

    def reflectWith(
        self, reply: StampedReply, unsent: Callable[[], None], *watchers: RoundObserver
    ) -> None:
        """
        As L{replyWith}, for answers that need more than the datagram.  They go out from where it
        was sent to.
        """
        self._stampedReply = reply
        self._unsent = unsent
        self._watchers = watchers

    def doRead(self) -> None:
        """
        Receive until nothing is left, L{PASS_SECONDS} are over or C{maxThroughput} bytes were
        read.
        """
        receive = self.socket.recvmsg
        send = self.socket.sendto
        readAncillary = self._reader.read
        nanoclock = self._nanoclock
        reply = self._stampedReply
        size = self.maxPacketSize
        shorten = self.addressFamily == socket.AF_INET6
        many = self._many
        now = monotonic()
        deadline = now + PASS_SECONDS
        read = 0
        for watcher in self._watchers:
            watcher.roundBegan()
        try:
            # connectionLost makes maxThroughput negative.
            while read < self.maxThroughput:
                for _ in range(ROUND_DATAGRAMS):
                    try:
                        data, told, _, sockaddr = receive(size, CONTROL_BYTES)
                    except OSError as error:
                        if self._receiveFailed(error):
                            return
                        break
                    ns, destination, ttl, self._typeOfService = readAncillary(told)
                    kernel = ns != 0
                    if not kernel:
                        ns = nanoclock()
                    self._sockaddr = sockaddr
                    source = sockaddr[:2] if shorten else sockaddr
                    read += len(data)
                    try:
                        answer = reply(data, source, ns, kernel, destination, ttl, now)
                    except BaseException:
                        self._log.failure(
                            "{protocol} raised for a datagram from {source}",
                            protocol=self.protocol,
                            source=source,
                        )
                        continue
                    if answer is not None:
                        try:
                            if isinstance(answer, tuple):
                                self._sendTimed(answer, sockaddr, destination)
                            elif many and destination:
                                choice = self._sourceChoice(destination)
                                self.socket.sendmsg((answer,), choice, 0, sockaddr)
                            else:
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
            self._drainErrors()

    def _sendTimed(
        self, answer: tuple[bytes, TransmitListener], sockaddr: Any, destination: str | None
    ) -> None:
        """
        Send an answer of which somebody wants to know when it left.  On a port that tells this
        of everything, L{TimestampedDatagramProtocol.transmitStamp} is who is told.
        """
        datagram, left = answer
        choice = self._sourceChoice(destination) if self._many and destination else []
        if self.stamping and not self.transmitting:
            self._departures.send(datagram, sockaddr, choice, left)
            # It has left by now, unless there is a queue.  Whether this was all, one look at
            # the end of the pass tells for all of them.
            self._takeError()
        else:
            self.socket.sendmsg((datagram,), choice, 0, sockaddr)

    def _deliver(
        self,
        datagram: bytes,
        address: tuple[str, int],
        ns: int,
        kernel: bool,
        destination: str | None,
        ttl: int | None,
        now: float,
    ) -> None:
        """
        Give a datagram to the protocol, which answers by L{write}.  The parameters are those of
        L{StampedReply}.
        """
        self._source = address
        arrival = ReceiveInfo(ns, kernel, destination, ttl, self._typeOfService)
        self.protocol.stampedDatagramReceived(datagram, address, arrival)

    def write(
        self,
        datagram: bytes,
        addr: tuple[str, int] | None = None,
        source: str | None = None,
    ) -> Any:
        """
        Send a datagram.

        @param addr: a pair of an IP address and a port; L{None} on a connected port.
        @param source: the address of this host to send from, as in L{ReceiveInfo.destination};
            empty or L{None} lets the system choose.
        @return: how many bytes were sent, if any.
        @raise InvalidAddressError: if the address is not one of this port's family.
        @raise MessageLengthError: if the datagram is longer than the kernel can send.
        @raise OSError: if the kernel does not send it.
        """
        count = None
        try:
            if source and self._many and not self._connectedAddr:
                count = self._writeFrom(datagram, addr, source)
            else:
                count = super().write(datagram, addr)
        finally:
            if count is not None:
                self.sent += 1
                if self.transmitting:
                    self._drainErrors()
            elif self.transmitting and self.connected:
                self._numberAnew()
        return count

    def _writeFrom(self, datagram: bytes, addr: tuple[str, int] | None, source: str) -> int | None:
        """Send a datagram from one of several addresses of this host."""
        assert addr is not None
        if addr is self._source:
            addr = self._sockaddr
        elif not (isIPAddress if self.addressFamily == socket.AF_INET else isIPv6Address)(addr[0]):
            raise InvalidAddressError(addr[0], "not an address of this port's family")
        try:
            return self.socket.sendmsg((datagram,), self._sourceChoice(source), 0, addr)
        except OSError as error:
            if error.errno == EMSGSIZE:
                raise MessageLengthError("message too long") from error
            if error.errno != ECONNREFUSED:
                raise
        return None

    def _sourceChoice(self, source: str) -> list[tuple[int, int, bytes]]:
        choice = self._sources.get(source)
        if choice is None:
            if len(self._sources) >= MAX_DESTINATIONS:
                self._sources.clear()
            choice = self._sources[source] = ancillary.sourceControl(self.addressFamily, source)
        return choice

    def readConnectionLost(self, reason: Failure) -> None:
        """
        Stay open when the kernel has nothing but an error to report, or the time of something
        sent: the reactor takes both for the end of the port.
        """
        super().readConnectionLost(reason)
        self._drainErrors()

    def _drainErrors(self) -> None:
        """
        Take what waits in the error queue: the times of datagrams that have been sent.  With
        something in it the reactor would be woken for ever.
        """
        for _ in range(MAX_ERRORS_PER_DRAIN):
            if not self._takeError():
                return

    def _takeError(self) -> bool:
        """Take one entry of the error queue."""
        # The protocol may have closed the port.
        if not ((self.transmitting or self._departures.enabled) and self.connected):
            return False
        try:
            _, told, _, _ = self.socket.recvmsg(0, ERROR_CONTROL_BYTES, socket.MSG_ERRQUEUE)
        except OSError as error:
            if error.errno == EINTR:
                return True
            if error.errno != EWOULDBLOCK:
                self._peerRefused(error.errno)
            return False
        found = ancillary.readTransmitTimestamp(told)
        if found is not None:
            self._transmitted(*found)
        return True

    def _transmitted(self, number: int, nanoseconds: int) -> None:
        """Tell the protocol, or who asked for it, when a datagram was sent."""
        if not self.transmitting:
            self._departures.onTimestamp(number, nanoseconds)
            return
        last = self.sent - 1 - self._numberedFrom
        behind = (last - number) % PACKET_NUMBERS
        if behind > last:
            # Of a datagram from before the last count.
            return
        try:
            self.protocol.transmitStamp(self.sent - 1 - behind, nanoseconds)
        except BaseException:
            self._log.failure("{protocol} raised for a sent datagram", protocol=self.protocol)

    def _numberAnew(self) -> None:
        """
        A datagram was not sent.  Kernels differ in whether its number was used up, so that they
        are made to count anew.
        """
        self._drainErrors()
        ancillary.restartCounter(self.socket)
        self._numberedFrom = self.sent
