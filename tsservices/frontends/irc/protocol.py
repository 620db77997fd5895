"""The IRC frontend as a service."""

from __future__ import annotations

from tsservices.frontends.irc.connection import IRCConnection
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.protocol import ChatStreamFactory, ChatStreamProtocol
from tsservices.transport.context import StreamContext


class IRCProtocol(ChatStreamProtocol):
    """Connects a Twisted stream with an L{IRCConnection}."""

    connection: IRCConnection


class IRCFactory(ChatStreamFactory):
    """
    Makes L{IRCProtocol}s.

    @ivar server: what all IRC connections of the server share.
    """

    notOpen = b"ERROR :Closing Link: this server has not caught up yet, come again in a moment\r\n"

    def __init__(self, context: StreamContext, server: IRCServer) -> None:
        super().__init__(context, server.chat, IRCProtocol)
        self.server = server

    def connect(self, protocol: IRCProtocol) -> IRCConnection:
        return IRCConnection(protocol, self.shared, self.server)
