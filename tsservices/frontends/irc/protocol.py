"""The IRC frontend as a service."""

from __future__ import annotations

from tsservices.frontends.irc.connection import IRCConnection
from tsservices.frontends.irc.server import IRCServer
from tsservices.frontends.pings import Pings
from tsservices.frontends.protocol import ChatStreamFactory, ChatStreamProtocol
from tsservices.transport.context import StreamContext

#: Seconds between two PINGs to a client.  Many clients connect again if they receive nothing for
#: some minutes, and routers forget silent connections.
PING_SECONDS = 120


class IRCProtocol(ChatStreamProtocol):
    """Connects a Twisted stream with an L{IRCConnection}."""

    textOnly = True
    factory: IRCFactory
    connection: IRCConnection

    def connectionReady(self) -> None:
        super().connectionReady()
        self.factory.pings.add(self)

    def closed(self) -> None:
        self.factory.pings.discard(self)
        super().closed()

    def ping(self) -> None:
        """Send PING.  The answer does not matter: TCP keep-alive detects lost peers."""
        # An unregistered client has a deadline.  Pending output shows that the server is there.
        if self.deadline is None and not self.ending and not self.bottomTransport.pendingBytes():
            self.write(self.factory.pingLine)

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
    @ivar pings: the open connections.
    """

    notOpen = b"ERROR :Closing Link: this server has not caught up yet, come again in a moment\r\n"

    def __init__(self, context: StreamContext, server: IRCServer) -> None:
        super().__init__(context, server.chat, IRCProtocol)
        self.server = server
        self.pings = Pings(context.clock, PING_SECONDS)
        self.pingLine = f"PING :{server.name}\r\n".encode()

    def errorLine(self, why: str) -> bytes:
        return f"ERROR :Closing Link: {why}\r\n".encode()

    def connect(self, protocol: IRCProtocol) -> IRCConnection:
        return IRCConnection(protocol, self.shared, self.server)
