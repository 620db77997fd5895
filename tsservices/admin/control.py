"""
Commands to a running server, through a UNIX socket in its state folder: the protocol, and the
service that listens.  L{tsservices.admin.commands} is the client.

A connection is one command: one JSON object on one line, answered by objects, one per line.
C{text} is a part of the answer, C{alive} a sign of life until the next part, and the last is
either C{done} with a count of messages or copies, or C{error} with the reason in one line.

  - C{backup}, with C{path}: copies all that the chat has stored to a file;
  - C{export}, with C{room}, C{since} and C{format}: writes the messages of a room.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any, ClassVar
from typing import Protocol as Interface

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure

from tsservices.admin.export import FORMATS, RoomExport
from tsservices.chat.controller import ChatContext
from tsservices.chat.errors import NO_ROOM, ChatError
from tsservices.chat.names import ROOM_SIGN, roomKey
from tsservices.chat.room import Room
from tsservices.chat.storage import Storage
from tsservices.common.lines import LineSplitter, LineTooLong
from tsservices.common.statedir import CONTROL_SOCKET, StateDirectory
from tsservices.transport.binder import Binder

#: The most bytes of a command: a path (Linux allows 4096) escaped in JSON, and some words.
CONTROL_LINE = 16_384

#: Commands at the same time, all from the shells of one operator.  Each holds a page in memory.
CONTROLS = 4

#: Seconds for a command to arrive, and for the end of its answer to be read.
CONTROL_SECONDS = 10.0

#: Seconds for a page of an answer to be read: the reader may use a pager.
CONTROL_UNREAD_SECONDS = 3600.0

#: Seconds between two signs of life during a long command: a tenth of the client's timeout.
CONTROL_ALIVE_SECONDS = 3.0

#: Every user with access to the socket can export private rooms.
_OWNER_ONLY = 0o600


class ControlError(Exception):
    """A command was refused.  The argument is one line that says why."""


class ControlledChat(Interface):
    """The part of the chat that commands use."""

    #: Whether users may connect; until then the state is not complete.
    open: bool
    storage: Storage
    #: Has the state of the chat.
    context: ChatContext


class ControlProtocol(Protocol):
    """
    The connection of one command.

    @ivar _begun: whether the command has arrived; data after it is ignored.
    @ivar _ended: whether the last answer is written, or the connection is lost.
    """

    factory: ControlFactory
    transport: Any
    _timer: IDelayedCall | None = None
    _begun = False
    _ended = False
    _exporting = False

    def connectionMade(self) -> None:
        self._lines = LineSplitter(CONTROL_LINE)
        connections = self.factory.connections
        connections.add(self)
        if len(connections) > CONTROLS:
            self.fail(f"{CONTROLS} commands are under way already")
        else:
            self._wait(CONTROL_SECONDS, self._late)

    def dataReceived(self, data: bytes) -> None:
        if self._begun or self._ended:
            return
        self._lines.feed(data)
        for line in self._lines.take(1):
            self._begun = True
            self.working()
            try:
                if isinstance(line, LineTooLong):
                    raise ControlError(f"a command has at most {line.limit} bytes")
                self._do(line)
            except (ControlError, ChatError) as reason:
                self.fail(str(reason))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._ended = True
        self._wait(None, self._late)
        self.factory.connections.discard(self)

    def working(self) -> None:
        """Write a sign of life every few seconds, because the answer takes a while."""
        if not self._ended:
            self._wait(CONTROL_ALIVE_SECONDS, self._alive)

    def text(self, text: str) -> None:
        if not self._ended:
            self._wait(CONTROL_UNREAD_SECONDS, self.transport.abortConnection)
            self._write({"text": text})

    def succeed(self, count: int) -> None:
        self._end({"done": count})

    def fail(self, reason: str) -> None:
        self._end({"error": reason})

    def _do(self, line: bytes) -> None:
        try:
            command = json.loads(line)
        except (ValueError, RecursionError):
            command = None
        word = command.get("command") if isinstance(command, dict) else None
        if not isinstance(word, str) or word not in self._DO:
            raise ControlError("this is no command that this server knows")
        if not self.factory.chat.open:
            raise ControlError("the chat is not open yet")
        self._DO[word](self, command)

    def _backup(self, command: dict[str, Any]) -> None:
        path = command.get("path")
        if not isinstance(path, str) or not _isPath(path):
            raise ControlError("a backup needs the absolute path of a file")
        if os.path.lexists(path):
            raise ControlError(f"{path} is there already")
        factory = self.factory
        if factory.copying:
            raise ControlError("a backup is being made already")
        factory.copying = True

        def copied(trouble: str | None) -> None:
            factory.copying = False
            if trouble is None:
                self.succeed(1)
            else:
                self.fail(trouble)

        factory.chat.storage.copy(path, copied)

    def _export(self, command: dict[str, Any]) -> None:
        name, since, form = map(command.get, ("room", "since", "format"))
        if (
            not isinstance(name, str)
            or not isinstance(since, int)
            or since < 0
            or not isinstance(form, str)
            or form not in FORMATS
        ):
            raise ControlError("an export needs a room, the number of a line, and a format")
        room = self._room(name)
        if since > room.storedSeq:
            # The caller, who continues an export, would assume that there are no newer messages.
            raise ControlError(
                f"there is no line {since} in {ROOM_SIGN}{room.record.name}, the last is"
                f" {room.storedSeq}: was the chat restored from a copy?"
            )
        write = FORMATS[form](self.factory.localtime)
        journal, key = self.factory.chat.storage, room.record.key
        export = RoomExport(journal, key, since + 1, room.storedSeq, write, self)
        self._exporting = True
        # A pull producer: each page is read from the storage when the previous one was sent.
        self.transport.registerProducer(export, False)

    def _room(self, name: str) -> Room:
        room = self.factory.chat.context.state.rooms.get(roomKey(name)[1])
        if room is None:
            raise ChatError(NO_ROOM, room=f"{ROOM_SIGN}{name.removeprefix(ROOM_SIGN)}")
        return room

    _DO: ClassVar[dict[str, Callable[[ControlProtocol, dict[str, Any]], None]]] = {
        "backup": _backup,
        "export": _export,
    }

    def _write(self, answer: dict[str, object]) -> None:
        self.transport.write(json.dumps(answer).encode("ascii") + b"\n")

    def _end(self, answer: dict[str, object]) -> None:
        if self._ended:
            return
        self._ended = True
        if self._exporting:
            # loseConnection waits while a producer is registered.
            self.transport.unregisterProducer()
        self._write(answer)
        self.transport.loseConnection()
        self._wait(CONTROL_SECONDS, self.transport.abortConnection)

    def _late(self) -> None:
        self._timer = None
        self.fail("no command has come")

    def _alive(self) -> None:
        self._timer = None
        self._write({"alive": True})
        self.working()

    def _wait(self, seconds: float | None, callback: Callable[[], object]) -> None:
        # Each step of a command has one timeout, so one timer is enough; a new one cancels the old.
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if seconds is not None:
            self._timer = self.factory.reactor.callLater(seconds, callback)


def _isPath(path: str) -> bool:
    # A path from JSON may have NUL and lone surrogates, which no file name can have.
    try:
        return os.path.isabs(path) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


class ControlFactory(ServerFactory):
    """
    Makes L{ControlProtocol}s, and holds their shared state.

    @ivar connections: the open connections.
    @ivar copying: whether a backup is running; only one may.
    """

    noisy = False

    def __init__(
        self,
        chat: ControlledChat,
        reactor: Any,
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        """@param localtime: converts seconds since 1970 to the local time of exported texts."""
        self.chat = chat
        self.reactor = reactor
        self.localtime = localtime
        self.connections: set[ControlProtocol] = set()
        self.copying = False

    def buildProtocol(self, address: IAddress | None) -> Protocol:
        protocol = ControlProtocol()
        protocol.factory = self
        return protocol


class ControlService(Service):
    """
    Listens for commands in the state folder.

    @ivar trouble: the reason why it can't; empty: it can.
    """

    name = "control"

    def __init__(self, chat: ControlledChat, folder: StateDirectory, reactor: Any) -> None:
        self._folder = folder
        self._binder = Binder(reactor, fast=False)
        self._factory = ControlFactory(chat, reactor)
        self.trouble = ""

    def bind(self) -> None:
        """Bind the socket.  If that fails, the server still starts: see C{trouble}."""
        if self._folder.owned:
            path = self._folder.path(CONTROL_SOCKET)
            try:
                self._binder.listenUNIX(path, self._factory, mode=_OWNER_ONLY)
            except CannotListenError as reason:
                self.trouble = f"{path}: {reason.socketError}"

    def discard(self) -> None:
        """Close the bound socket, because the start has failed."""
        self._binder.discard()

    def startService(self) -> None:
        super().startService()
        for port in self._binder.ports:
            port.startListening()

    def stopService(self) -> Deferred[None]:
        """Stop the running commands; fires when the socket is closed."""
        super().stopService()
        for connection in list(self._factory.connections):
            connection.fail("the server stops")
        for port in self._binder.ports:
            return port.stopListening()
        return succeed(None)
