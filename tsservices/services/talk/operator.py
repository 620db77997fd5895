"""
The consoles of the operator of talk: the server's terminal, and a UNIX socket to which another
terminal can attach.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.stdio import StandardIO

from tsservices.common.statedir import OPERATOR_SOCKET, StateDirectory
from tsservices.services.talk.protocol import OperatorFactory, OperatorProtocol
from tsservices.services.talk.switchboard import Switchboard
from tsservices.transport.binder import Binder

_OWNER_ONLY = 0o600


class OperatorService(Service):
    """
    Connects operators with the switchboard.  The socket is bound before the server becomes a
    daemon, and served from C{startService} on.

    @ivar trouble: the reason why no operator can attach through the socket; empty: one can.
    """

    name = "operator"

    def __init__(
        self, switchboard: Switchboard, folder: StateDirectory, reactor: Any, onTerminal: bool
    ) -> None:
        self._switchboard = switchboard
        self._folder = folder
        self._reactor = reactor
        self._onTerminal = onTerminal
        self._binder = Binder(reactor, fast=False)
        self._console: StandardIO | None = None
        self.trouble = ""

    def bind(self) -> None:
        """Bind the socket.  If that fails, the server still starts: see C{trouble}."""
        if self._folder.owned:
            try:
                self._binder.listenUNIX(
                    self._folder.path(OPERATOR_SOCKET),
                    OperatorFactory(self._switchboard),
                    mode=_OWNER_ONLY,
                )
            except CannotListenError as reason:
                self.trouble = f"{self._folder.path(OPERATOR_SOCKET)}: {reason.socketError}"

    def discard(self) -> None:
        """Close the bound socket, because the start has failed."""
        self._binder.discard()

    def startService(self) -> None:
        super().startService()
        for port in self._binder.ports:
            port.startListening()
        if self._onTerminal:
            console = OperatorProtocol(self._switchboard)
            self._console = StandardIO(console, reactor=self._reactor)

    def stopService(self) -> Deferred[None]:
        """Stop; fires when the socket is closed."""
        super().stopService()
        self._switchboard.close()
        for port in self._binder.ports:
            return port.stopListening()
        return succeed(None)
