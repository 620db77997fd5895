"""
Where commands to a running server come in.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError

from tsservices.chatservice import ChatService
from tsservices.control import ControlFactory
from tsservices.state import CONTROL_SOCKET, StateFolder
from tsservices.transport.binding import Binder

_OWNER_ONLY = 0o600


class ControlSeat(Service):
    """
    Lets commands come.

    @ivar trouble: why none can, if so.
    """

    name = "control"

    def __init__(self, chat: ChatService, folder: StateFolder, reactor: Any) -> None:
        """
        @param chat: what the commands are about.
        @param folder: where the socket goes.
        @param reactor: serves it.
        """
        self._folder = folder
        self._binder = Binder(reactor, fast=False)
        self._factory = ControlFactory(chat, reactor)
        self.trouble = ""

    def bind(self) -> None:
        """
        Bind the socket.  Without it the server serves all the same.
        """
        if self._folder.owned:
            path = self._folder.path(CONTROL_SOCKET)
            try:
                self._binder.listenUNIX(path, self._factory, mode=_OWNER_ONLY)
            except CannotListenError as reason:
                self.trouble = f"{path}: {reason.socketError}"

    def startService(self) -> None:
        """
        Let them come.
        """
        super().startService()
        for port in self._binder.ports:
            port.startListening()

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when none can come any more.
        """
        super().stopService()
        for connection in list(self._factory.connections):
            connection.fail("the server stops")
        for port in self._binder.ports:
            return port.stopListening()
        return succeed(None)
