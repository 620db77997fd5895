"""
TLS between the accepted connections of a listener and their protocols.

Twisted's wrapper connects a protocol before the handshake, so a service would greet, and count,
peers that never speak TLS.  Here the protocol is made when the handshake is done.  Until then the
connection is counted by admission only and has a deadline.  It gets an OpenSSL object with its
first byte: ten thousand silent peers take little memory.

This module needs pyOpenSSL, which the extra C{tls} installs: import it only where TLS is served.
"""

from __future__ import annotations

from typing import Any

from OpenSSL.SSL import Error, WantReadError, ZeroReturnError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from tsservices.common.text import TLS_ONLY_REASON
from tsservices.transport.admission import AdmissionDenied
from tsservices.transport.capabilities import IReplyingTransport, Reply, RoundObserver, capability
from tsservices.transport.context import StreamContext
from tsservices.transport.openssl import sessionOf
from tsservices.transport.stock import CountsBytes
from tsservices.transport.stream import UNIX, StreamFactory, bottomOf, peerName, placeName

#: Seconds in which a peer that has read all data has to answer the end of TLS.  Without this bound
#: a connection whose peer never answers would stay open.
CLOSE_SECONDS = 5.0

#: The last part of the time for a handshake, in seconds, with a timer of its own.  After a pause of
#: the whole machine, timers run before sockets are read: with one timer, a peer whose bytes already
#: wait in the kernel would be treated as late.
LAST_SECONDS = 1.0

#: The first byte of TLS: a record of the handshake.
HANDSHAKE = 0x16

#: Log texts by a part of OpenSSL's message, in lower case; the first match counts.
_REASONS = (
    ("unexpected eof", "ended during the TLS handshake"),
    ("unsupported protocol", "offers no TLS version that is served"),
    ("version too low", "offers no TLS version that is served"),
    ("alert protocol version", "takes no TLS version that is served"),
    ("no shared cipher", "offers no cipher that is served"),
    ("no suitable", "offers no key exchange or signature that is served"),
    ("alert unknown ca", "does not trust the certificate"),
    ("alert bad certificate", "does not trust the certificate"),
    ("alert certificate", "does not trust the certificate"),
    ("alert unsupported certificate", "does not trust the certificate"),
    ("alert", "refused the TLS handshake"),
)


def explain(reason: str) -> str:
    """Describe, for the log, what the peer did when a handshake fails with OpenSSL's reason."""
    reason = reason.lower()
    for words, meaning in _REASONS:
        if words in reason:
            # "unexpected eof" adds nothing for the reader of the log.
            return meaning if words == "unexpected eof" else f"{meaning} ({reason})"
    return f"sent no good TLS handshake ({reason})"


@implementer(IReplyingTransport)
class TLSProtocol(TLSMemoryBIOProtocol):
    """
    One connection.

    @ivar _tlsConnection: OpenSSL's object; L{None} before the first byte.
    @ivar _awaiting: whether the connection is admitted and in its handshake.
    @ivar _peerEnded: whether the peer has ended its half of TLS.
    """

    # Twisted's default joins small writes, by a timer for each turn.  Here the transport below does
    # so: it sends once for a round of reads.  The timer was a quarter of the cost of a line sent to
    # a member of a room.

    factory: TLSFactory
    transport: Any
    wrappedProtocol: Any
    _tlsConnection: Any = None
    _session: Any = None
    _reply: Any = None
    _awaiting = False
    _peerEnded = False
    _reported = False
    _deadline: IDelayedCall | None = None
    _closing: IDelayedCall | None = None
    _bottomTransport: CountsBytes

    def __init__(
        self,
        factory: TLSFactory,
        address: IAddress | None,
        source: tuple[int, int] | None,
        rejecting: IProtocol | None,
    ) -> None:
        """
        @param source: from L{Admission.enter<tsservices.transport.admission.Admission.enter>}.
        @param rejecting: if the connection is not admitted, the protocol that sends the reason.
        """
        super().__init__(factory, rejecting or Protocol(), False)
        self._address = address
        self._source = source
        self._rejects = rejecting is not None

    def makeConnection(self, transport: ITransport) -> None:
        factory, context = self.factory, self.factory.context
        self._appSendBuffer: list[bytes] = []
        # Not half-close, which a wrapper below may provide: the end of the TCP stream ends TLS.
        directlyProvides(self, providedBy(transport) - IHalfCloseableProtocol)
        Protocol.makeConnection(self, transport)
        factory.registerProtocol(self)
        self._bottomTransport = bottomOf(transport)
        if not factory.place:
            # Now, because a closed socket has no address for the log any more.
            factory.place = placeName(self._bottomTransport)
        if self._rejects:
            self.wrappedProtocol.makeConnection(self)
        else:
            self._awaiting = True
            seconds = context.limits.handshakeLimit - LAST_SECONDS
            self._deadline = context.clock.callLater(seconds, self._nearlyLate)

    def dataReceived(self, data: bytes) -> None:
        if not self._handshakeDone:
            if self._tlsConnection is None and not self._begin(data):
                return
            self._session.feed(data)
            self._checkHandshakeStatus()
            if not self._handshakeDone:
                return
            data = b""
        if self._appSendBuffer:
            self._session.feed(data)
            data = b""
            self._unbufferPendingWrites()
        self._received(self._session.decrypt(data))

    def _begin(self, data: bytes) -> bool:
        if self._aborted or self._reported:
            return False
        if data[0] != HANDSHAKE:
            self._speaksNoTLS("spoke plain text")
            return False
        self._tlsConnection = self.factory.connectionFor(self)
        self._session = sessionOf(self._tlsConnection)
        return True

    def _speaksNoTLS(self, what: str) -> None:
        self._report(what)
        self._aborted = self.disconnecting = True
        # A silent peer gets this line too: it may wait for a greeting.
        self.transport.write(self.factory.wrappedFactory.errorLine(TLS_ONLY_REASON))
        self.transport.loseConnection()

    def _checkHandshakeStatus(self) -> None:
        if self._aborted or self._lostTLSConnection:
            return
        try:
            self._tlsConnection.do_handshake()
        except WantReadError:
            self._flushSendBIO()
        except Error as error:
            self._report(explain(reasonOf(error)))
            self._tlsShutdownFinished(Failure())
        else:
            self._flushSendBIO()
            self._handshakeDone = True
            if self._awaiting:
                self._connect()

    def _connect(self) -> None:
        # Before the protocol enters the admission: otherwise the connection would count twice.
        self._admissionDone()
        protocol = self.factory.wrappedFactory.buildProtocol(self._address)
        if protocol is None:
            self.abortConnection()
            return
        self.wrappedProtocol = protocol
        # The messages of a handshake are longer than those of most services.
        self._bottomTransport.expectShort()
        protocol.makeConnection(self)

    def replyWith(self, reply: Reply, observer: RoundObserver) -> None:
        if (below := capability(self.transport, IReplyingTransport)) is not None:
            self._reply = reply
            below.replyWith(self._answer, observer)

    def _answer(self, data: bytes) -> bytes:
        # The same as dataReceived and write, for the usual case of one record in a chunk.  The
        # transport below sends the answer at once, which must not overtake other bytes: it calls
        # this only while nothing waits there, and here nothing else is written.
        if self._appSendBuffer or self.disconnecting:
            self.dataReceived(data)
            return b""
        session = self._session
        chunk = session.decrypt(data)
        if not chunk or session.end is not None:
            self._received(chunk)
            return b""
        answer = self._reply(chunk)
        try:
            # Joined, because each part would be a record.
            encrypted: bytes = session.encrypt(
                answer if isinstance(answer, bytes) else b"".join(answer)
            )
        except Error:
            self._tlsShutdownFinished(Failure())
            return b""
        if session.untaken:
            self._bufferedWrite(session.untaken)
        return encrypted

    def _nearlyLate(self) -> None:
        self._deadline = self.factory.context.clock.callLater(LAST_SECONDS, self._late)

    def _late(self) -> None:
        seconds = self.factory.context.limits.handshakeLimit
        if self._tlsConnection is None:
            self._speaksNoTLS(f"began no TLS handshake within {seconds} s")
        else:
            self._report(f"did not finish the TLS handshake within {seconds} s")
            self.abortConnection()

    def _report(self, what: str) -> None:
        if not self._reported:
            self._reported = True
            self.factory.context.counters.tlsFailures += 1
            host = getattr(self._address, "host", None) or UNIX
            self.factory.context.peerLog.warn(
                host,
                "{peer} {what}, at {place} with TLS",
                peer=peerName(self._address),
                what=what,
                place=self.factory.place,
            )

    def _admissionDone(self) -> None:
        if self._awaiting:
            self._awaiting = False
            self.factory.context.admission.leave(self._source)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    # What follows is Twisted's code for an open connection, with three differences: a peer that has
    # half-closed may still be answered (RFC 8446, 6.1; Twisted drops later answers), a close does
    # not wait for ever, and one write is one call of OpenSSL for each direction.

    def _flushReceiveBIO(self) -> None:
        self._received(self._session.decrypt(b""))

    def _received(self, data: bytes) -> None:
        if data and not self._aborted:
            self.wrappedProtocol.dataReceived(data)
        why = self._session.end
        if why is not None and not self._lostTLSConnection:
            if isinstance(why, ZeroReturnError):
                self._inputEnded()
            else:
                self._tlsShutdownFinished(Failure(why))
        self._flushSendBIO()

    def _inputEnded(self) -> None:
        if self._peerEnded:
            return
        self._peerEnded = True
        protocol = self.wrappedProtocol
        if not self.disconnecting and IHalfCloseableProtocol.providedBy(protocol):
            protocol.readConnectionLost()
            return
        self._shutdownTLS()
        self._tlsShutdownFinished(None)

    def write(self, bytes: bytes) -> None:
        if (
            self._handshakeDone
            and not (self.disconnecting or self._lostTLSConnection or self._appSendBuffer)
            and bytes
        ):
            session = self._session
            try:
                self.transport.write(session.encrypt(bytes))
            except Error:
                self._tlsShutdownFinished(Failure())
            else:
                if session.untaken:
                    self._bufferedWrite(session.untaken)
        elif self._tlsConnection is None:
            # Only the reason for a rejection is written before TLS has begun.
            if not self._aborted:
                self._bufferedWrite(bytes)
        else:
            super().write(bytes)

    def _flushSendBIO(self) -> None:
        if self._tlsConnection is not None and (data := self._session.output()):
            self.transport.write(data)

    def _shutdownTLS(self) -> None:
        if self._tlsConnection is None:
            return
        super()._shutdownTLS()
        if self._closing is None and self.connected and not self._aborted:
            self._closing = self.factory.context.clock.callLater(CLOSE_SECONDS, self._closeLate)

    def _closeLate(self) -> None:
        self._closing = None
        if not self.connected:
            return
        if self._bottomTransport.pendingBytes():
            # The peer may read slowly; `write-limit` bounds that.
            self._closing = self.factory.context.clock.callLater(CLOSE_SECONDS, self._closeLate)
        else:
            self.transport.abortConnection()

    def abortConnection(self) -> None:
        if self._tlsConnection is None:
            self._aborted = self.disconnecting = True
            self.transport.abortConnection()
        else:
            super().abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._admissionDone()
        if not self._handshakeDone and self._tlsConnection is not None and not self._aborted:
            self._report("ended during the TLS handshake")
        if self._tlsConnection is None:
            self._lostTLSConnection = True
        super().connectionLost(reason)
        # Breaks a reference cycle (`_reply` is a method of the protocol), which otherwise only the
        # garbage collector would free.
        self._reply = self._session = None
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None


def reasonOf(error: Error) -> str:
    """Get the text of an error of OpenSSL."""
    try:
        queue = error.args[0]
        return str(queue[-1][2] or queue[-1][1]) if queue else "unexpected eof"
    except (IndexError, TypeError):
        # An error of the system: its number and its text.
        return str(error.args[-1]) if error.args else type(error).__name__


class TLSFactory(TLSMemoryBIOFactory):
    """
    The factory that puts TLS below the protocols of a listener.

    @ivar context: that of the listener.
    @ivar place: the name of the listener for the log, from the first connection on.
    """

    place = ""

    wrappedFactory: StreamFactory

    def __init__(
        self, connectionCreator: Any, wrapped: StreamFactory, context: StreamContext
    ) -> None:
        """@param connectionCreator: makes OpenSSL's object of each connection; see the base."""
        super().__init__(connectionCreator, False, wrapped, context.clock)
        self.context = context
        self.connectionFor = self._creatorCallable

    def buildProtocol(  # type: ignore[override]
        self, address: IAddress | None
    ) -> IProtocol | None:
        """Make the protocol of the handshake; L{None} to close at once."""
        host: str | None = getattr(address, "host", None)
        rejecting = source = None
        try:
            source = self.context.admission.enter(host)
        except AdmissionDenied:
            # The wrapped factory denies it too: it counts and logs that, and may send the reason.
            rejecting = self.wrappedFactory.buildProtocol(address)
            if rejecting is None:
                return None
        return TLSProtocol(self, address, source, rejecting)
