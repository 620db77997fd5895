"""The line frontend as a service, for C{nc}, C{telnet} and programs."""

from __future__ import annotations

import time
from collections.abc import Callable

from tsservices.frontends.connection import Chat
from tsservices.frontends.formats.json import JSONFormatter
from tsservices.frontends.formats.text import TextFormatter
from tsservices.frontends.line.connection import LineConnection, LineFormats
from tsservices.frontends.protocol import ChatStreamFactory, ChatStreamProtocol
from tsservices.transport.context import StreamContext


class LineChatProtocol(ChatStreamProtocol):
    """Connects a Twisted stream with a L{LineConnection}."""

    textOnly = True
    connection: LineConnection


class LineChatFactory(ChatStreamFactory):
    """
    The factory of L{LineChatProtocol}s.

    @ivar formats: the formatters of their output.
    """

    notOpen = b"! this server has not caught up with the others yet: come again in a moment\n"

    def __init__(
        self,
        context: StreamContext,
        chat: Chat,
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        """@param localtime: gives the local time of seconds since 1970."""
        super().__init__(context, chat, LineChatProtocol)
        self.formats = LineFormats(
            TextFormatter(localtime, withRoom=False),
            TextFormatter(localtime, withRoom=True),
            JSONFormatter(),
        )

    def connect(self, protocol: LineChatProtocol) -> LineConnection:
        return LineConnection(protocol, self.shared, self.formats)
