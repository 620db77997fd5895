"""
A connection that is not admitted: its peer gets one line with the reason.

Apart from L{tsservices.transport.admission}, which is pure and decides.
"""

from __future__ import annotations

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tsservices.transport.context import StreamContext

#: Connections that get the reason at the same time. Further ones are closed without it: a peer
#: that does not finish its TLS handshake could hold any number of them open.
REJECTED_AT_ONCE = 64

#: Seconds in which such a peer has to take the reason.
REJECTED_SECONDS = 2.0


class RejectProtocol(Protocol):
    """
    Sends the reason and closes.  Such a connection is not admitted, so it is counted in
    L{Admission.rejecting<tsservices.transport.admission.Admission>} only.
    """

    transport: ITCPTransport

    def __init__(self, context: StreamContext, line: bytes) -> None:
        self._context = context
        self._line = line

    def connectionMade(self) -> None:
        self._context.admission.rejecting += 1
        # A close waits until all is sent, and this peer may never read.
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
