"""
A UDP port that receives until no datagram is left, and sends at once.

It differs from Twisted's port in six points:

  - An answer to the datagram being served is sent without Twisted's four checks of the address: the
    address comes from the kernel, so they cannot fail.

  - A pass is bounded by time as well as by bytes, so that empty datagrams cannot block the reactor.

  - An ICMP error about an unreachable peer does not close the port.

  - An answer to a link-local address uses the right interface: the kernel's whole address is used,
    and not only host and port.

  - On a wildcard address an answer is sent from the address to which the datagram was sent
    (L{tsservices.transport.wildcard}).

  - While more than one datagram waits, and the protocol can answer batches, a batch is received by
    one system call and answered by another one (L{tsservices.transport.mmsg}).

The port is in the real reactor, and not in an L{EpollSet
<tsservices.transport.epoll.set.EpollSet>}: one more C{epoll_wait} for each wake-up would cost
more than it saves, since a port has one descriptor for all of its peers.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from errno import (
    EBADF,
    ECONNREFUSED,
    EHOSTUNREACH,
    EINTR,
    EMSGSIZE,
    ENETDOWN,
    ENETUNREACH,
    ENOBUFS,
    ENOMEM,
    EWOULDBLOCK,
)
from time import monotonic
from typing import Any, ClassVar

from twisted.internet import udp
from twisted.internet.error import MessageLengthError
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.common.bounded import BoundedDict
from tsservices.transport.capabilities import (
    BatchReply,
    DatagramReply,
    IBatchingPort,
    IDirectDescriptor,
    IReplyingPort,
    RoundObserver,
)
from tsservices.transport.mmsg import (
    REFUSALS,
    DatagramBatch,
    findCalls,
    joinControl,
    sharedBatch,
    splitControl,
)
from tsservices.transport.wildcard import (
    CONTROL_BYTES,
    MAX_SOURCES,
    WildcardSocket,
    answerControl,
    answering,
)

#: The longest time of a pass, in seconds, after which the port returns to the reactor.
PASS_SECONDS = 0.001

#: The number of datagrams between two checks of the time: these take about a tenth of
#: L{PASS_SECONDS}, by which a pass may be too long.
ROUND_DATAGRAMS = 16

#: Errors of a receive that are about a peer.
_UNREACHABLE = frozenset({ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN})

#: Further errors into which Linux translates ICMP messages, on connected ports only: in IPv6 a
#: rejecting firewall is EACCES.  On other ports EACCES may be permanent, from a security module.
_REJECTED = frozenset(
    getattr(errno, name)
    for name in ("EACCES", "EHOSTDOWN", "EMSGSIZE", "ENONET", "ENOPROTOOPT", "EOPNOTSUPP", "EPROTO")
    # Not every platform has all of them.
    if hasattr(errno, name)
)

#: Temporary errors: the datagrams wait.
_LATER = frozenset({EWOULDBLOCK, ENOMEM, ENOBUFS})


@implementer(IReplyingPort, IBatchingPort, IDirectDescriptor)
class FastUDPPort(udp.Port):
    """
    A UDP port with a short loop.

    Made by its constructor, or for a bound socket by
    L{adoptPort<tsservices.transport.twisted_internals.adoptPort>}.

    @ivar _reply: makes the answer to send, or passes the datagram to the protocol.
    @ivar _unsent: called when an answer was not sent.
    @ivar _source: the source of the datagram being served, in the form for the protocol.
    @ivar _sockaddr: the same source in the kernel's form: in IPv6 with the interface.
    """

    usesWildcardSocket: ClassVar[bool] = True
    #: The number of datagrams that are served one by one before batches begin, because a smaller
    #: batch costs more: 6.3 microseconds, and 1.2 for each datagram, against 2.5 and 2.5.  After a
    #: pass with more datagrams than this, the next one begins with a batch.
    singleDatagrams: ClassVar[int] = 3
    #: Whether the error queue is read after each pass.
    readsErrors: ClassVar[bool] = False
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
        @param port: 0 for any free port; L{None} for an existing socket.
        @param maxPacketSize: the number of bytes after which a datagram is cut off.
        @raise InvalidAddressError: if C{interface} is not an address.
        """
        super().__init__(port, proto, interface, maxPacketSize, reactor)
        self._reusePort = reusePort
        self._source: tuple[str, int] | None = None
        self._sockaddr: Any = None
        self._reply: DatagramReply = self._deliverDatagram
        self._unsent: Callable[[], None] = lambda: None
        self._observers: tuple[RoundObserver, ...] = ()
        self._batchReply: BatchReply | None = None
        self._batch: DatagramBatch | None = None
        self._crowded = False
        self._answersFromAsked = False
        self._passBegan = 0.0
        self._answerControls: BoundedDict[bytes, bytes] = BoundedDict(MAX_SOURCES)

    def replyWith(
        self, reply: DatagramReply, unsent: Callable[[], None], *observers: RoundObserver
    ) -> None:
        """
        Let a function answer the datagrams in place of the protocol, to save a C{write} for each.

        Not for a protocol that connects its port.
        """
        self._reply = reply
        self._unsent = unsent
        self._observers = observers

    def answerBatchesWith(self, reply: BatchReply) -> None:
        """
        Let a function answer batches; the function of L{replyWith} answers single datagrams.

        Where the system lacks the calls for batches, the function is not used.
        """
        self._batchReply = reply
        self._useBatches()

    def _useBatches(self) -> None:
        self._batch = sharedBatch(self.addressFamily, self.maxPacketSize, self._batchControlBytes())
        if self._batch is None:
            self._log.debug("no batches of datagrams: {reason}", reason=findCalls())

    def _batchControlBytes(self) -> int:
        return CONTROL_BYTES if self._answersFromAsked else 0

    def connect(self, host: str, port: int) -> None:
        """@raise OSError: there is no route to that address."""
        if "%" not in host:
            super().connect(host, port)
            return
        # Keeps the zone of a link-local address, which a pair of host and port has not.
        ((*_, address), *_) = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
        self._connectedAddr = host, port
        self.socket.connect(address)

    def createInternetSocket(self) -> socket.socket:
        """
        Make a socket, with SO_REUSEPORT if requested.

        @raise OSError: if the platform cannot share ports.
        """
        created = super().createInternetSocket()
        if self._reusePort:
            # `listenUDP` does not accept the Binding by which `listenTCP` takes this option.
            created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return created

    def _bindSocket(self) -> None:
        super()._bindSocket()
        if self.usesWildcardSocket:
            self.socket = answering(self.socket)
            self._answersFromAsked = isinstance(self.socket, WildcardSocket)
            self.fileno = self.socket.fileno  # type: ignore[method-assign]

    def doRead(self) -> None:
        """Serve datagrams until none waits, or L{PASS_SECONDS} or C{maxThroughput} is reached."""
        self._passBegan = monotonic()
        for observer in self._observers:
            observer.roundBegan()
        try:
            if self._batch is None:
                self._readEach()
            elif self._crowded or self._readSome(self.singleDatagrams) is not None:
                self._readBatches(self._batch)
        finally:
            self._source = None
            for observer in self._observers:
                observer.roundEnded()
            if self.readsErrors:
                self._drainErrors()

    def _readEach(self) -> None:
        deadline = self._passBegan + PASS_SECONDS
        read = 0
        # `connectionLost` makes maxThroughput negative, so a closed port ends the loop.
        while read < self.maxThroughput:
            count = self._readSome(ROUND_DATAGRAMS)
            if count is None or monotonic() >= deadline:
                return
            read += count

    def _readBatches(self, batch: DatagramBatch) -> None:
        if batch.busy:
            # Another port uses the batch: its protocol runs the reactor while it answers.
            self._readEach()
            return
        batch.busy = True
        try:
            self._readBatchesInto(batch)
        finally:
            batch.busy = False

    def _readBatchesInto(self, batch: DatagramBatch) -> None:
        deadline = self._passBegan + PASS_SECONDS
        read = 0
        served = 0 if self._crowded else self.singleDatagrams
        while read < self.maxThroughput:
            count = batch.receive(self.socket.fileno())
            if count == -EWOULDBLOCK:
                break
            if count < 0:
                if -count in REFUSALS and not self._connectedAddr:
                    # A filter of system calls was set after the port was opened.
                    self._batch = None
                    self._readEach()
                    break
                if self._receiveFailed(OSError(-count, os.strerror(-count))):
                    break
            else:
                served += count
                read += sum(batch.lengths())
                self._serveBatch(batch)
                if count < batch.slots:
                    break
            if monotonic() >= deadline:
                break
        self._crowded = served > self.singleDatagrams

    def _readSome(self, count: int) -> int | None:
        """Serve some datagrams; return the number of their bytes, or L{None} if no more wait."""
        # TimestampedUDPPort has a copy of this loop, with the kernel's times.  One loop for both is
        # slower, measured in paired runs with 16 datagrams in a pass (and with one).  With hooks
        # for receiving, answering and sending the other port takes 3.7 % (6.7 %) longer; with a
        # flag in place of the first hook it still takes 2 % (4 %) longer, and this port 0.7 %
        # (2.5 %).  The code for failures is shared.
        receive = self.socket.recvfrom
        send = self.socket.sendto
        reply = self._reply
        size = self.maxPacketSize
        shorten = self.addressFamily == socket.AF_INET6
        read = 0
        for _ in range(count):
            try:
                data, sockaddr = receive(size)
            except OSError as error:
                if self._receiveFailed(error):
                    return None
                break
            self._sockaddr = sockaddr
            source = sockaddr[:2] if shorten else sockaddr
            read += len(data)
            try:
                answer = reply(data, source)
            except BaseException:
                self._logRaised(source)
                continue
            if answer is not None:
                try:
                    send(answer, sockaddr)
                except OSError as error:
                    self._sendFailed(error)
        return read

    def _serveBatch(self, batch: DatagramBatch) -> None:
        assert self._batchReply is not None
        answers = self._batchReply(batch, self._logRaised)
        if self._answersFromAsked:
            batch.sendFrom([self._answerControl(control) for control in batch.controls()])
        self._sendBatch(batch, answers)

    def _sendBatch(self, batch: DatagramBatch, answers: bytes | Sequence[bytes | None]) -> None:
        if self.maxThroughput < 0:
            # The protocol has closed the port, whose descriptor may already be in use again.
            count = (
                batch.count
                if isinstance(answers, bytes)
                else sum(answer is not None for answer in answers)
            )
            errors = [EBADF] * count
        elif isinstance(answers, bytes):
            errors = batch.sendPrefixed(self.socket.fileno(), answers)
        else:
            errors = batch.sendAnswers(self.socket.fileno(), answers)
        for number in errors:
            self._sendFailed(OSError(number, os.strerror(number)))

    def _answerControl(self, received: bytes) -> bytes:
        control = self._answerControls.get(received)
        if control is None:
            control = joinControl(answerControl(splitControl(received)))
            self._answerControls.put(received, control)
        return control

    def _drainErrors(self) -> None:
        """Do nothing.  Overridden by ports that read errors."""

    def _deliverDatagram(self, datagram: bytes, source: tuple[str, int]) -> None:
        self._source = source
        self.protocol.datagramReceived(datagram, source)

    def _logRaised(self, source: tuple[str, int]) -> None:
        self._log.failure(
            "{protocol} raised for a datagram from {source}", protocol=self.protocol, source=source
        )

    def _sendFailed(self, error: OSError) -> None:
        # ECONNREFUSED is about an earlier datagram, by ICMP.  The kernel reports it once, by the
        # next call, so it is no failure of this answer.
        if error.errno != ECONNREFUSED:
            self._unsent()

    def _receiveFailed(self, error: OSError) -> bool:
        # Returns whether the pass is over.  An error about one peer does not end it: others wait.
        if error.errno in _LATER or self.maxThroughput < 0:
            return True
        if error.errno == EINTR:
            return False
        if error.errno in _UNREACHABLE or (self._connectedAddr and error.errno in _REJECTED):
            self._peerRefused(error.errno)
            return False
        raise error

    def _peerRefused(self, number: int | None) -> None:
        if self._connectedAddr and number == ECONNREFUSED:
            try:
                self.protocol.connectionRefused()
            except BaseException:
                self._log.failure("{protocol} raised when refused", protocol=self.protocol)

    def readConnectionLost(self, reason: Failure) -> None:
        """Keep the port open after an error of the socket."""
        # Poll and epoll report an ICMP message to a connected port as a hang-up.  The reactor takes
        # that as the end of the port, and has stopped reading from it.
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.startReading()
        self._peerRefused(number)

    def write(self, datagram: bytes, addr: tuple[str, int] | None = None) -> Any:
        """
        Send a datagram.

        @param addr: an IP address and a port; L{None} on a connected port.
        @return: the number of bytes sent; L{None} when an earlier datagram was refused.
        @raise InvalidAddressError: if the address is not one of this port's family.
        @raise MessageLengthError: if the datagram is longer than the kernel can send.
        @raise OSError: if the kernel does not send it.
        """
        if addr is None or addr != self._source or self._connectedAddr:
            return super().write(datagram, addr)
        try:
            return self.socket.sendto(datagram, self._sockaddr)
        except OSError as error:
            if error.errno == EMSGSIZE:
                raise MessageLengthError("message too long") from error
            if error.errno != ECONNREFUSED:
                raise
        return None
