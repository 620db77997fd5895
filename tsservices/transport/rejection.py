"""
What a peer is told that may not come in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from tsservices.transport.context import ServiceContext


#: Connections that are being told why they may not come in. Further ones are closed without a word:
#: below TLS a peer can draw out even that.
TURNED_AT_ONCE = 64

#: Seconds that such a peer has to listen.
TURNED_SECONDS = 2.0


class RejectProtocol(Protocol):
    """Tells a peer why it may not come in."""

    transport: ITCPTransport

    def __init__(self, environment: ServiceContext, words: bytes) -> None:
        self._environment = environment
        self._words = words

    def connectionMade(self) -> None:
        """Say so, and close."""
        self._environment.admission.turned += 1
        self._deadline = self._environment.clock.callLater(
            TURNED_SECONDS, self.transport.abortConnection
        )
        self.transport.write(self._words)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._environment.admission.turned -= 1
        if self._deadline.active():
            self._deadline.cancel()
