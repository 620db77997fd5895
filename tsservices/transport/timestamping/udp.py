"""
A UDP port with the kernel's timestamps of its datagrams.

It passes each datagram to its protocol with a L{ReceiveInfo}: the time at which the kernel received
it (before delays in the reactor and in Python), the address of this host to which it was sent, and
its TTL.  It answers from the address to which the datagram was sent.  On request it also reports
when sent datagrams have left.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from errno import ECONNREFUSED, EINTR, EMSGSIZE, EWOULDBLOCK
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.common.bounded import BoundedDict
from tsservices.common.ratelimit import PEERS_REMEMBERED
from tsservices.common.sources import SockaddrTable
from tsservices.transport.capabilities import (
    IReflectingPort,
    RoundObserver,
    StampedAnswer,
    StampedBatchReply,
    StampedReply,
    TransmitListener,
)
from tsservices.transport.epoll.udp import FastUDPPort
from tsservices.transport.mmsg import DatagramBatch, joinControl, sharedBatch, splitControl
from tsservices.transport.timestamping import cmsg
from tsservices.transport.timestamping.cmsg import (
    CONTROL_BYTES,
    ERROR_CONTROL_BYTES,
    MAX_DESTINATIONS,
    PACKET_NUMBERS,
    ControlColumns,
    ControlFacts,
    ControlMessageReader,
    ReceiveInfo,
)
from tsservices.transport.timestamping.transmit import TransmitTimestamps
from tsservices.transport.wildcard import isWildcard

__all__ = ["ReceiveInfo", "TimestampedDatagramProtocol", "TimestampedUDPPort"]

#: The entries of the error queue that are read one by one before the rest is read as a batch.
#: Nearly always there is one, or none.
SINGLE_ERRORS = 2

#: The most entries of the error queue read at the end of a pass, so that a stream of ICMP messages
#: cannot block the reactor.
MAX_ERRORS_PER_DRAIN = 64


class TimestampedDatagramProtocol(DatagramProtocol):
    """A protocol that receives datagrams with their times from a L{TimestampedUDPPort}."""

    noisy = False

    def stampedDatagramReceived(
        self, datagram: bytes, address: tuple[str, int], arrival: ReceiveInfo
    ) -> None:
        raise NotImplementedError

    def transmitStamp(self, number: int, nanoseconds: int) -> None:
        """
        Called when a datagram has left this host: within C{write} if the kernel has the time by
        then, or later, or never.

        @param nanoseconds: the time since 1970.
        """


@implementer(IReflectingPort)
class TimestampedUDPPort(FastUDPPort):
    """
    A L{FastUDPPort} whose protocol receives each datagram with its L{ReceiveInfo}.

    @ivar sent: the number of datagrams sent, which is the number of the next one.
    @ivar stamping: whether the kernel takes the time of received datagrams.
    @ivar transmitting: whether the kernel takes the time of all sent datagrams.
    """

    protocol: TimestampedDatagramProtocol
    # This port reads the control messages itself, and gets the destinations from them.
    usesWildcardSocket = False
    # Only receiving is done in batches here.
    singleDatagrams = 10
    readsErrors = True

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
        @param port: 0 for any free port; L{None} for an existing socket.
        @param maxPacketSize: the number of bytes after which a datagram is cut off.
        @param nanoclock: nanoseconds since 1970, used where the kernel has no time.
        @raise InvalidAddressError: if C{interface} is not an address.
        """
        super().__init__(port, proto, interface, maxPacketSize, reactor, reusePort)
        self._transmit = transmit
        self._tos = tos
        self._nanoclock = nanoclock
        self._stampedReply: StampedReply = self._deliver
        self._stampedBatchReply: StampedBatchReply | None = None
        self._depart: Callable[[int, int], None] = lambda first, end: None
        self._departed: Callable[[], None] = lambda: None
        self._sources: dict[str, list[tuple[int, int, bytes]]] = {}
        self._joinedSources: BoundedDict[str | None, bytes] = BoundedDict(MAX_DESTINATIONS)
        self._peers = SockaddrTable(PEERS_REMEMBERED)
        self._countedFrom = 0
        self.sent = 0
        self.stamping = self.transmitting = False

    def _bindSocket(self) -> None:
        super()._bindSocket()
        self._wildcard = isWildcard(self.interface)
        self._controlReader = ControlMessageReader(None if self._wildcard else self.interface)
        self.stamping = cmsg.enableTimestamps(
            self.socket, self._transmit, self._wildcard, self._tos
        )
        self.transmitting = self._transmit and self.stamping
        self._transmitTimes = TransmitTimestamps(self.socket)

    def reflectWith(
        self, reply: StampedReply, unsent: Callable[[], None], *observers: RoundObserver
    ) -> None:
        """
        Do the same as L{replyWith}, for answers that need more than the datagram.

        They are sent from the address to which the datagram was sent.
        """
        self._stampedReply = reply
        self._unsent = unsent
        self._observers = observers
        self._useBatches()

    def reflectBatchesWith(
        self,
        reply: StampedBatchReply,
        depart: Callable[[int, int], None],
        departed: Callable[[], None],
    ) -> None:
        """As in L{IReflectingPort<tsservices.transport.capabilities.IReflectingPort>}."""
        self._stampedBatchReply = reply
        self._depart = depart
        self._departed = departed

    def _readSome(self, count: int) -> int | None:
        # A variant of FastUDPPort._readSome, which has the reason why this is not one loop.
        receive = self.socket.recvmsg
        readControl = self._controlReader.read
        nanoclock = self._nanoclock
        reply = self._stampedReply
        size = self.maxPacketSize
        shorten = self.addressFamily == socket.AF_INET6
        now = self._passBegan
        read = 0
        for _ in range(count):
            try:
                data, control, _, sockaddr = receive(size, CONTROL_BYTES)
            except OSError as error:
                if self._receiveFailed(error):
                    return None
                break
            ns, destination, ttl, tos = readControl(control)
            kernel = ns != 0
            if not kernel:
                ns = nanoclock()
            self._sockaddr = sockaddr
            source = sockaddr[:2] if shorten else sockaddr
            read += len(data)
            try:
                answer = reply(data, source, ns, kernel, destination, ttl, now, tos)
            except BaseException:
                self._logRaised(source)
                continue
            if answer is not None:
                self._sendAnswer(answer, sockaddr, destination)
        return read

    def _batchControlBytes(self) -> int:
        return CONTROL_BYTES

    def _serveBatch(self, batch: DatagramBatch) -> None:
        columns = self._controlReader.readColumns(batch)
        if columns is None:
            self._serveEach(batch, self._controlReader.readAll(batch.controls()))
        elif not self._serveTogether(batch, columns):
            self._serveEach(batch, columns.rows())

    def _serveTogether(self, batch: DatagramBatch, columns: ControlColumns) -> bool:
        seconds, nanoseconds, destinations, ttls, _ = columns
        reply = self._stampedBatchReply
        second, destination = seconds[0], destinations[0]
        # Datagrams without the kernel's time have to be counted, so each is served alone.
        if reply is None or not second or seconds.count(second) != batch.count:
            return False
        if self._wildcard and destinations.count(destination) != batch.count:
            return False
        known = ttls if isinstance(ttls, bytes) else None
        if not reply(batch, second, nanoseconds, destination, known, self._passBegan):
            return False
        control = b""
        if self._wildcard:
            control = self._joinedSources.get(destination) or self._joinSource(destination)
        batch.sendFrom([control] * batch.count)
        for number in batch.sendTimed(self.socket.fileno(), self._depart, self._departed):
            self._sendFailed(OSError(number, os.strerror(number)))
        return True

    def _serveEach(self, batch: DatagramBatch, facts: Sequence[ControlFacts]) -> None:
        peers = self._peers
        reply = self._stampedReply
        nanoclock = self._nanoclock
        now = self._passBegan
        for datagram, raw, (ns, destination, ttl, tos) in zip(
            batch.datagrams(), batch.sources(), facts, strict=True
        ):
            # The port may have been closed by its protocol.
            if self.maxThroughput < 0:
                return
            kernel = ns != 0
            if not kernel:
                ns = nanoclock()
            self._sockaddr = sockaddr = peers.get(raw) or peers.add(raw)
            source = sockaddr[:2]
            try:
                answer = reply(datagram, source, ns, kernel, destination, ttl, now, tos)
            except BaseException:
                self._logRaised(source)
                continue
            if answer is not None:
                self._sendAnswer(answer, sockaddr, destination)

    def _sendAnswer(self, answer: StampedAnswer, sockaddr: Any, destination: str | None) -> None:
        try:
            if isinstance(answer, tuple):
                self._sendSpecial(answer, sockaddr, destination)
            elif self._wildcard and destination:
                self.socket.sendmsg((answer,), self._sourceControl(destination), 0, sockaddr)
            else:
                self.socket.sendto(answer, sockaddr)
        except OSError as error:
            self._sendFailed(error)

    def _sendSpecial(
        self,
        answer: tuple[bytes, TransmitListener | None, int | None],
        sockaddr: Any,
        destination: str | None,
    ) -> None:
        datagram, listener, tos = answer
        control = self._sourceControl(destination) if self._wildcard and destination else []
        if tos:
            control = [*control, *cmsg.tosControl(self.addressFamily, tos)]
        if listener is not None and self.stamping and not self.transmitting:
            self._transmitTimes.send(datagram, sockaddr, control, listener)
            # It has left by now, unless the interface has a queue, so its time is in the error
            # queue.  Further entries are read once, at the end of the pass.
            self._takeError()
        else:
            # No time is requested, or `transmitStamp` reports the times of all sent datagrams.
            self.socket.sendmsg((datagram,), control, 0, sockaddr)

    def _deliver(
        self,
        datagram: bytes,
        address: tuple[str, int],
        ns: int,
        kernel: bool,
        destination: str | None,
        ttl: int | None,
        now: float,
        tos: int | None,
    ) -> None:
        self._source = address
        arrival = ReceiveInfo(ns, kernel, destination, ttl, tos)
        self.protocol.stampedDatagramReceived(datagram, address, arrival)

    def write(
        self,
        datagram: bytes,
        addr: tuple[str, int] | None = None,
        source: str | None = None,
    ) -> Any:
        """
        Send a datagram.

        @param addr: an IP address and a port; L{None} on a connected port.
        @param source: the address of this host to send from, as in L{ReceiveInfo.destination};
            empty or L{None} lets the system choose.
        @return: the number of bytes sent; L{None} when an earlier datagram was refused.
        @raise InvalidAddressError: if the address is not one of this port's family.
        @raise MessageLengthError: if the datagram is longer than the kernel can send.
        @raise OSError: if the kernel does not send it.
        """
        count = None
        try:
            if source and self._wildcard and not self._connectedAddr:
                count = self._writeFrom(datagram, addr, source)
            else:
                count = super().write(datagram, addr)
        finally:
            if count is not None:
                self.sent += 1
                if self.transmitting:
                    self._drainErrors()
            elif self.transmitting and self.connected:
                self._restartCounter()
        return count

    def _writeFrom(self, datagram: bytes, addr: tuple[str, int] | None, source: str) -> int | None:
        assert addr is not None
        if addr is self._source:
            addr = self._sockaddr
        elif not (isIPAddress if self.addressFamily == socket.AF_INET else isIPv6Address)(addr[0]):
            raise InvalidAddressError(addr[0], "not an address of this port's family")
        try:
            return self.socket.sendmsg((datagram,), self._sourceControl(source), 0, addr)
        except OSError as error:
            if error.errno == EMSGSIZE:
                raise MessageLengthError("message too long") from error
            if error.errno != ECONNREFUSED:
                raise
        return None

    def _sourceControl(self, source: str) -> list[tuple[int, int, bytes]]:
        choice = self._sources.get(source)
        if choice is None:
            if len(self._sources) >= MAX_DESTINATIONS:
                self._sources.clear()
            choice = self._sources[source] = cmsg.sourceControl(self.addressFamily, source)
        return choice

    def _joinSource(self, destination: str | None) -> bytes:
        control = joinControl(self._sourceControl(destination)) if destination else b""
        return self._joinedSources.put(destination, control)

    def readConnectionLost(self, reason: Failure) -> None:
        """Keep the port open after an error, or a time of a sent datagram, in the error queue."""
        super().readConnectionLost(reason)
        self._drainErrors()

    def _drainErrors(self) -> None:
        # While the error queue, which also has the times of sent datagrams, has an entry, each
        # `epoll_wait` reports the socket.
        for _ in range(SINGLE_ERRORS):
            if not self._takeError():
                return
        # The size 0 distinguishes this memory from that for datagrams.
        batch = sharedBatch(self.addressFamily, 0, ERROR_CONTROL_BYTES)
        if batch is None:
            for _ in range(MAX_ERRORS_PER_DRAIN):
                if not self._takeError():
                    return
        elif (count := batch.receiveErrors(self.socket.fileno())) > 0:
            # All entries are copied before the first is reported, because the protocol may send,
            # which reads the error queue again.
            for control in list(batch.controls()):
                if self.connected:
                    self._reportError(splitControl(control))
        elif -count not in (EWOULDBLOCK, EINTR):
            self._peerRefused(-count)

    def _takeError(self) -> bool:
        # Returns whether there was an entry.  The protocol may have closed the port.
        if not ((self.transmitting or self._transmitTimes.enabled) and self.connected):
            return False
        try:
            _, control, _, _ = self.socket.recvmsg(0, ERROR_CONTROL_BYTES, socket.MSG_ERRQUEUE)
        except OSError as error:
            if error.errno == EINTR:
                return True
            if error.errno != EWOULDBLOCK:
                self._peerRefused(error.errno)
            return False
        self._reportError(control)
        return True

    def _reportError(self, control: cmsg.Ancillary) -> None:
        stamp = cmsg.readTransmitTimestamp(control)
        if stamp is not None:
            self._transmitted(*stamp)

    def _transmitted(self, number: int, nanoseconds: int) -> None:
        if not self.transmitting:
            self._transmitTimes.onTimestamp(number, nanoseconds)
            return
        last = self.sent - 1 - self._countedFrom
        behind = (last - number) % PACKET_NUMBERS
        if behind > last:
            # The datagram was sent before the kernel's counter was restarted.
            return
        try:
            self.protocol.transmitStamp(self.sent - 1 - behind, nanoseconds)
        except BaseException:
            self._log.failure("{protocol} raised for a sent datagram", protocol=self.protocol)

    def _restartCounter(self) -> None:
        # A datagram was not sent.  Some kernels have given it a number, others have not, so the
        # kernel counts from 0 again.
        self._drainErrors()
        cmsg.restartCounter(self.socket)
        self._countedFrom = self.sent
