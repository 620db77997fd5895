"""
Connections that are not admitted: the peer gets one line with the reason.

L{tsservices.transport.admission}, which decides, is apart because it is pure.
"""

from __future__ import annotations

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tsservices.transport.context import StreamContext

#: The most connections that get the reason at the same time.  Further ones are closed without it:
#: a peer that does not finish its TLS handshakes could hold any number of connections open.
REJECTED_AT_ONCE = 64

#: Seconds that such a peer has to read the reason.
REJECTED_SECONDS = 2.0


class RejectProtocol(Protocol):
    """
    The protocol that sends the reason and closes.  Its connection is not admitted, and counts only
    in L{Admission.rejecting<tsservices.transport.admission.Admission>}.
    """

    transport: ITCPTransport

    def __init__(self, context: StreamContext, line: bytes) -> None:
        self._context = context
        self._line = line

    def connectionMade(self) -> None:
        self._context.admission.rejecting += 1
        # A close waits until all bytes are sent, and this peer may never read.
        self._deadline = self._context.clock.callLater(
            REJECTED_SECONDS, self.transport.abortConnection
        )
        self.transport.write(self._line)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._context.admission.rejecting -= 1
        if self._deadline.active():
            self._deadline.cancel()


def reject(context: StreamContext, line: bytes) -> RejectProtocol | None:
    """Make the protocol that sends the reason; L{None} to close the connection at once."""
    if context.admission.rejecting >= REJECTED_AT_ONCE:
        return None
    return RejectProtocol(context, line)
