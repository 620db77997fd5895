"""
The client of the chat between its sockets and its terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProtocol, IReactorTime, IStreamClientEndpoint
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from tsservices.client.chat.cli import ChatOptions, userName
from tsservices.client.chat.json_view import JSONView
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.ports import View
from tsservices.client.chat.protocol import ChatFactory, ChatProtocol
from tsservices.client.chat.state import ClientState
from tsservices.client.chat.text_view import TextView, searchedFor
from tsservices.client.chat.ui.surface import Display, PlainDisplay
from tsservices.client.connection import ClientError, connectReason, place
from tsservices.client.terminal.console import Console

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase


#: Lines that are read ahead of what was sent: more stay where they come from.
LINES_AHEAD = 1000


class ChatClient:
    """
    One run of the client.

    @ivar link: decides everything.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        command: ChatOptions,
        console: Console,
        surface: Display,
        random: Callable[[], float],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._command = command
        self._console = console
        self._surface = surface
        self._there = place(command.host, command.port)
        self._done: Deferred[int] = Deferred()
        self._room: Deferred[None] | None = None
        self._connection: ChatProtocol | None = None
        self._connecting: Deferred[IProtocol] | None = None
        self._since = clock.seconds()
        self._finishing = False
        self._idle = False
        town = ClientState()
        self._people: TextView | None = None
        view: View
        if command.json:
            assert isinstance(surface, PlainDisplay)
            view = JSONView(surface.write)
        else:
            view = self._people = TextView(town, surface.show, surface.ask, marked=surface.editing)
        chosen = bool(command.nick)
        wish = LoginOptions(
            command.nick or userName(environ),
            chosen,
            command.account,
            command.password,
            list(command.rooms),
            attended=surface.editing,
            marks=surface.editing,
        )
        self.link = ClientMachine(wish, town, self, view, random)
        surface.attach(self.link)

    async def run(self) -> int:
        """
        Talk until one leaves.

        @raise ClientError: it can't go on.
        """
        ticking = LoopingCall(self._tick)
        ticking.clock = self._clock
        self._connect()
        ticked = ticking.start(1.0, now=False)
        # What goes wrong in here is a mistake of this program, and ends it.
        reading = Deferred.fromCoroutine(self._read())
        for each in (ticked, reading):
            each.addErrback(self._broken)
        try:
            return await self._done
        finally:
            if ticking.running:
                ticking.stop()
            if self._idle:
                reading.cancel()
            if self._connecting is not None:
                self._connecting.cancel()
            if self._connection is not None:
                self._connection.close()
            self._surface.ask("")

    def send(self, line: str) -> None:
        if self._connection is not None:
            self._connection.send(line)

    def hangUp(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    def connectIn(self, seconds: float) -> None:
        self._clock.callLater(seconds, self._connect)

    def ended(self, status: int, message: str = "") -> None:
        if self._done.called:
            return
        if message:
            self._done.errback(ClientError(message))
        else:
            refused = self.link.refusals and not self._console.interactive
            self._done.callback(1 if refused else status)

    def _connect(self) -> None:
        """Make a connection."""
        if self._done.called:
            return
        factory = ChatFactory(self._connected, self._received, self._lost)
        connecting = self._endpoint.connect(factory)
        self._connecting = connecting

        def failed(failure: Failure) -> None:
            self._connecting = None
            if self._done.called:
                return
            error = failure.value
            if not isinstance(error, ConnectError | OSError | ValueError):
                self._broken(failure)
                return
            reason = connectReason(error)
            self.link.lost(f"cannot connect to {self._there}: {reason}", self._now())
            self._after()

        connecting.addCallbacks(self._made, failed)
        connecting.addErrback(self._broken)

    def _made(self, connection: IProtocol) -> None:
        self._connecting = None

    def _connected(self, connection: ChatProtocol) -> None:
        self._connection = connection
        self._console.registerProducer(connection)
        self.link.connected(self._now())
        self._after()

    def _received(self, line: bytes) -> None:
        self.link.received(line, self._now())
        self._after()

    def _lost(self, reason: str) -> None:
        self._connection = None
        self._console.unregisterProducer()
        if not self._done.called:
            self.link.lost(f"connection to {self._there} lost: {reason}", self._now())
            self._after()

    async def _read(self) -> None:
        """Take what is typed."""
        console, link = self._console, self.link
        while not self._done.called:
            self._idle = True
            line = await console.readLine()
            self._idle = False
            if line is None and self._surface.editing:
                link.quit()
            elif line is None:
                self._finishing = True
                self._since = self._now()
                link.finish()
                return
            else:
                text = line.decode("utf-8", "backslashreplace")
                words = text.split(None, 1)
                if self._people is not None and len(words) > 1 and words[0] == "/search":
                    self._people.searched = searchedFor(words[1])
                link.input(text, self._now())
            self._after()
            while not self._surface.editing and len(link.exchange.outbox.waiting) >= LINES_AHEAD:
                self._room = Deferred()
                self._idle = True
                await self._room
                self._idle = False

    def _after(self) -> None:
        """Something has happened."""
        if self.link.phase is Phase.READY:
            self._since = self._now()
        if self._room is not None and len(self.link.exchange.outbox.waiting) < LINES_AHEAD:
            room, self._room = self._room, None
            room.callback(None)
        self._surface.changed()

    def _tick(self) -> None:
        """A second has passed."""
        now = self._now()
        self.link.tick(now)
        if self._finishing and now > self._since + self._command.timeout:
            self.link.fail(f"no connection to {self._there} within {self._command.timeout:g} s")

    def _now(self) -> float:
        return self._clock.seconds()

    def _broken(self, failure: Failure) -> None:
        if not self._done.called:
            self._done.errback(failure)


async def chat(
    reactor: ReactorBase,
    command: ChatOptions,
    console: Console,
    surface: Display,
    random: Callable[[], float],
) -> int:
    """
    Talk in the chat.

    @raise ClientError: it can't go on.
    """
    endpoint = HostnameEndpoint(reactor, command.host, command.port, command.timeout)
    clock = IReactorTime(reactor)
    return await ChatClient(clock, endpoint, command, console, surface, random).run()
