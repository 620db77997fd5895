"""
The chat client between socket and terminal: passes events to L{tsservices.client.chat.machine}
and carries out its decisions.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProtocol, IReactorTime, IStreamClientEndpoint
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from tsservices.client.chat.cli import ChatOptions
from tsservices.client.chat.commands import SIGN
from tsservices.client.chat.json_view import JSONView
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.ports import View
from tsservices.client.chat.protocol import ChatFactory, ChatProtocol, ConnectionEvents
from tsservices.client.chat.state import ClientState
from tsservices.client.chat.text_view import TextView, searchWords
from tsservices.client.chat.ui.display import Display, PlainDisplay
from tsservices.client.chat.ui.typing import asTyped
from tsservices.client.connection import ClientError, HandshakeError, connectReason, place
from tsservices.client.runner import serverEndpoint
from tsservices.client.shared_file import SharedFileError
from tsservices.client.terminal.console import Console
from tsservices.client.token_file import TokenFile, bindingOf
from tsservices.frontends.formats.localtime import SystemZone
from tsservices.frontends.line.telnet import edit

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase


#: Asks the user a question and returns the typed answer.
Asker = Callable[[str], Coroutine[Deferred[Any], Any, str]]

#: The most unsent lines in the outbox; while it is full, no more input is read.
LINES_AHEAD = 1000


class ChatClient:
    """
    One run of the client.

    @ivar machine: the state machine that makes all decisions.
    """

    def __init__(
        self,
        clock: IReactorTime,
        openEndpoint: Callable[[Asker | None], IStreamClientEndpoint],
        options: ChatOptions,
        console: Console,
        display: Display,
        random: Callable[[], float],
    ) -> None:
        """
        @param openEndpoint: makes the endpoint of the server; takes a function to ask the user.
        @param random: returns numbers from 0 to 1.
        @raise ClientError: the endpoint can't be made.
        """
        self._clock = clock
        attended = console.attended and not options.json
        self._endpoint = openEndpoint(self._ask if attended else None)
        # Fires with the next typed line, which answers a question of the client.
        self._answer: Deferred[str] | None = None
        self._options = options
        self._console = console
        self._display = display
        self._server = place(options.host, options.port)
        self._done: Deferred[int] = Deferred()
        # Fires when the outbox has room for more lines, for which the reading waits.
        self._roomForLines: Deferred[None] | None = None
        self._connection: ChatProtocol | None = None
        self._connecting: Deferred[IProtocol] | None = None
        self._onlineAt = clock.seconds()
        self._finishing = False
        self._readingWaits = False
        self._zone = SystemZone()
        state = ClientState(encrypted=options.tls is not None)
        self._textView: TextView | None = None
        view: View
        if options.json:
            assert isinstance(display, PlainDisplay)
            view = JSONView(display.write, state.encrypted)
        else:
            view = display.openView(state)
            if isinstance(view, TextView):
                self._textView = view
        login = LoginOptions(
            options.nick or options.userName,
            bool(options.nick),
            options.account,
            options.password,
            [] if options.forget else list(options.rooms),
            attended=display.editing,
            canAsk=attended,
            marks=display.editing,
            remember=options.remember,
            device=socket.gethostname(),
        )
        self._login = login
        self._view = view
        self._tokens = TokenFile(options.state, options.host, options.port, console.complain)
        self.machine = ClientMachine(login, state, self, self._tokens, view, random)
        display.attach(self.machine, self.enter)

    async def run(self) -> int:
        """
        Talk until the user leaves.

        @return: the exit status.
        @raise ClientError: the client can't continue.
        """
        if not self._options.forget:
            return await self._talk()
        self._forget()
        if not self._login.revoke:
            return 0
        self._finishing = True
        self.machine.finish()
        try:
            return await self._talk()
        except ClientError as error:
            raise ClientError(f"{error}; the token is not revoked at the server") from error

    def _forget(self) -> None:
        account = self._options.account
        try:
            ident = self._tokens.forget(account)
        except SharedFileError as error:
            raise ClientError(f"the token is not removed: {error}") from error
        if not ident:
            self._view.note(f"no token of {account} is kept for {self._server}")
            return
        self._view.note(f"the token of {account} for {self._server} is removed from this computer")
        if self._options.password:
            self._login.revoke = ident
        else:
            self._view.note(
                "it is not revoked at the server, which takes the password: log in by that and "
                f"/token revoke {ident}"
            )

    async def _talk(self) -> int:
        ticking = LoopingCall(self._tick)
        ticking.clock = self._clock
        self._connect()
        ticked = ticking.start(1.0, now=False)
        # An exception in these tasks is a bug of this program, and ends it.
        reading = Deferred.fromCoroutine(self._read())
        for task in (ticked, reading):
            task.addErrback(self._broken)
        try:
            return await self._done
        finally:
            if ticking.running:
                ticking.stop()
            # If the reading does not wait, it is itself the caller that ended the talk.
            if self._readingWaits:
                reading.cancel()
            if self._connecting is not None:
                self._connecting.cancel()
            if self._connection is not None:
                self._connection.close()
            self._display.ask("")

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
            hadErrors = self.machine.hadErrors and not self._console.interactive
            self._done.callback(1 if hadErrors else status)

    async def _ask(self, question: str) -> str:
        for line in question.splitlines():
            self._display.show([("", line)], False)
        if self._finishing:
            # The input has ended.
            return ""
        self._answer = Deferred()
        self._display.question(True)
        try:
            return await self._answer
        finally:
            self._answer = None
            self._display.question(False)

    def _connect(self) -> None:
        if self._done.called:
            return
        events = ConnectionEvents(self._connected, self._received, self._connectionLost)
        connecting = self._endpoint.connect(ChatFactory(events))
        self._connecting = connecting

        def made(connection: IProtocol) -> None:
            self._connecting = None

        def failed(failure: Failure) -> None:
            self._connecting = None
            if self._done.called:
                return
            error = failure.value
            if isinstance(error, ClientError):
                # The server is not trusted: do not try again.
                self.machine.fail(str(error))
                return
            if not isinstance(error, ConnectError | HandshakeError | OSError | ValueError):
                self._broken(failure)
                return
            reason = f"cannot connect to {self._server}: {connectReason(error)}"
            self.machine.connectionLost(reason, self._now())
            self._changed()

        connecting.addCallbacks(made, failed)
        connecting.addErrback(self._broken)

    def _connected(self, connection: ChatProtocol) -> None:
        self._connection = connection
        peer = connection.transport.getPeer()
        host = peer.host if isinstance(peer, IPv4Address | IPv6Address) else ""
        # The endpoint has the key of the accepted server; without TLS there is none.
        self._tokens.binding = bindingOf(host, getattr(self._endpoint, "key", ""))
        # Back-pressure: a slow reader of the output pauses the connection.
        self._console.registerProducer(connection)
        self.machine.connected(self._now())
        self._changed()

    def _received(self, line: bytes) -> None:
        self.machine.received(line, self._now())
        self._changed()

    def _connectionLost(self, reason: str) -> None:
        self._connection = None
        self._console.unregisterProducer()
        if not self._done.called:
            message = f"connection to {self._server} lost: {reason}"
            self.machine.connectionLost(message, self._now())
            self._changed()

    def enter(self, text: str, window: str) -> None:
        """
        Take a line that was typed in a window.

        @param window: the name of the window; empty: it is not for a room or a person.
        """
        if self._done.called:
            return
        if self._answer is not None and not window and text.split()[:1] != ["/quit"]:
            self._answer.callback(text)
        else:
            self.machine.input(text, self._now(), window)
        self._changed()

    async def _read(self) -> None:
        console, machine = self._console, self.machine
        if self._login.revoke:
            return
        while not self._done.called:
            self._readingWaits = True
            line = await console.readLine()
            self._readingWaits = False
            if self._answer is not None and not self._leaves(line):
                # The end of the input does not count as yes.
                self._answer.callback((line or b"").decode("utf-8", "replace"))
            elif line is None and self._display.editing:
                machine.quit()
            elif line is None:
                self._finishing = True
                self._onlineAt = self._now()
                machine.finish()
                return
            else:
                # The server takes a carriage return as the end of a line, and applies control keys
                # as edits: do the same before the line is interpreted.
                for part in line.strip(b"\r").split(b"\r"):
                    text = edit(part).decode("utf-8", "backslashreplace")
                    # A doubled slash escapes a slash at the start, in piped input too.
                    isText = not self._console.interactive and not text.startswith(2 * SIGN)
                    self._typed(asTyped(text, isText))
            self._changed()
            while not self._display.editing and self._waitingLines() >= LINES_AHEAD:
                self._roomForLines = Deferred()
                self._readingWaits = True
                await self._roomForLines
                self._readingWaits = False

    def _leaves(self, line: bytes | None) -> bool:
        # Whether the user leaves instead of answering.
        if line is None:
            return self._display.editing
        return line.split()[:1] == [b"/quit"]

    def _typed(self, text: str) -> None:
        words = text.split(None, 1)
        if self._textView is not None and len(words) > 1 and words[0] == "/search":
            self._textView.searched = searchWords(words[1])
        self.machine.input(text, self._now())

    def _waitingLines(self) -> int:
        return len(self.machine.sender.outbox.waiting)

    def _changed(self) -> None:
        # Called after each event passed to the machine, because its state may have changed.
        if self.machine.phase is Phase.READY:
            self._onlineAt = self._now()
        if self._roomForLines is not None and self._waitingLines() < LINES_AHEAD:
            room, self._roomForLines = self._roomForLines, None
            room.callback(None)
        self._display.changed()

    def _tick(self) -> None:
        now = self._now()
        self._zone.refresh()
        self.machine.tick(now)
        timeout = self._options.timeout
        if self._finishing and now > self._onlineAt + timeout:
            self.machine.fail(f"no connection to {self._server} within {timeout:g} s")

    def _now(self) -> float:
        return self._clock.seconds()

    def _broken(self, failure: Failure) -> None:
        if not self._done.called:
            self._done.errback(failure)


async def chat(
    reactor: ReactorBase,
    options: ChatOptions,
    console: Console,
    display: Display,
    random: Callable[[], float],
) -> int:
    """
    Talk in the chat.

    @param random: returns numbers from 0 to 1.
    @return: the exit status.
    @raise ClientError: the client can't continue.
    """

    def openEndpoint(ask: Asker | None) -> IStreamClientEndpoint:
        return serverEndpoint(reactor, options, ask, console.complain)

    clock = IReactorTime(reactor)
    return await ChatClient(clock, openEndpoint, options, console, display, random).run()
