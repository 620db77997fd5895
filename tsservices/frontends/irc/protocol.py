"""The IRC frontend as a service."""

from __future__ import annotations

from tsservices.frontends.irc.connection import IRCConnection
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.protocol import ChatStreamFactory, ChatStreamProtocol
from tsservices.transport.context import StreamContext


class IRCProtocol(ChatStreamProtocol):
    """Connects a Twisted stream with an L{IRCConnection}."""

    textOnly = True
    connection: IRCConnection

    def expired(self, counter: str) -> None:
        if self.deadline is None or self.ending:
            super().expired(counter)
            return
        # Without a reason, a user whose log-in fails would search for the cause elsewhere.
        self.factory.counters.idle += 1
        self.expiredBy = counter
        self.write(self.factory.errorLine("you did not say who you are in time"))
        self.finish()


class IRCFactory(ChatStreamFactory):
    """
    The factory of L{IRCProtocol}s.

    @ivar server: the state that all IRC connections of the server share.
    """

    notOpen = b"ERROR :Closing Link: this server has not caught up yet, come again in a moment\r\n"

    def __init__(self, context: StreamContext, server: IRCServer) -> None:
        super().__init__(context, server.chat, IRCProtocol)
        self.server = server

    def errorLine(self, why: str) -> bytes:
        return f"ERROR :Closing Link: {why}\r\n".encode()

    def connect(self, protocol: IRCProtocol) -> IRCConnection:
        return IRCConnection(protocol, self.shared, self.server)
