"""
Commands to a running server, which come through a UNIX socket in its state folder: the protocol,
and the service that listens.  L{tsservices.admin.commands} is the other end.

A connection is one command: one JSON object on one line, answered by objects, one a line.
C{text} is a part of the answer, C{alive} says that the next part takes a while, and the
last is either C{done}, which counts what was done, or C{error}, one line that says why not.

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

#: Bytes of a command: a path (Linux allows 4096) in the escapes of JSON, and some words.
CONTROL_LINE = 16_384

#: Commands at the same time.  They come from one operator's shells, and each holds a page.
CONTROLS = 4

#: Seconds until a command must have come, and that the end of its answer may wait to be read.
CONTROL_SECONDS = 10.0

#: Seconds that a page of an answer may wait: a person may read it with a pager.
CONTROL_UNREAD_SECONDS = 3600.0

#: Seconds between two signs of life while a command takes long: a tenth of the time after which
#: the client gives the server up.
CONTROL_ALIVE_SECONDS = 3.0

#: Whoever may write to the socket can read every private room.
_OWNER_ONLY = 0o600


class ControlError(Exception):
    """A command can't be done.  The argument is one line that says why."""


class ControlledChat(Interface):
    """The chat that commands are about, as far as they know it."""

    #: Whether people may connect; until then its state is not complete.
    open: bool
    #: Where it is stored.
    storage: Storage
    #: Has its state.
    context: ChatContext


class ControlProtocol(Protocol):
    """
    One command.

    @ivar _begun: the command has come; whatever follows it is not read.
    @ivar _ended: the last answer is written, or the connection is lost.
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
        """The answer takes a while: write a sign of life every few seconds."""
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
            # Whoever continues an export would take what is missing for what there is not.
            raise ControlError(
                f"there is no line {since} in {ROOM_SIGN}{room.record.name}, the last is"
                f" {room.storedSeq}: was the chat restored from a copy?"
            )
        write = FORMATS[form](self.factory.localtime)
        journal, key = self.factory.chat.storage, room.record.key
        export = RoomExport(journal, key, since + 1, room.storedSeq, write, self)
        self._exporting = True
        # A pull producer: a page is read from the storage when the one before it was sent.
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
            # loseConnection waits for as long as a producer is registered.
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
        # There is one timer: each step of a command has one time limit, and a new one ends the old.
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if seconds is not None:
            self._timer = self.factory.reactor.callLater(seconds, callback)


def _isPath(path: str) -> bool:
    # The path comes from JSON: it may hold NUL and halves of surrogate pairs, which no file has.
    try:
        return os.path.isabs(path) and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


class ControlFactory(ServerFactory):
    """
    Makes L{ControlProtocol}s, and owns what they share.

    @ivar connections: those that are open.
    @ivar copying: whether a backup is being made: there is one at a time.
    """

    noisy = False

    def __init__(
        self,
        chat: ControlledChat,
        reactor: Any,
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        """@param localtime: converts seconds since 1970; exported texts show local time."""
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

    @ivar trouble: why it can't, or nothing.
    """

    name = "control"

    def __init__(self, chat: ControlledChat, folder: StateDirectory, reactor: Any) -> None:
        self._folder = folder
        self._binder = Binder(reactor, fast=False)
        self._factory = ControlFactory(chat, reactor)
        self.trouble = ""

    def bind(self) -> None:
        """Bind the socket.  If that fails the server starts all the same: see C{trouble}."""
        if self._folder.owned:
            path = self._folder.path(CONTROL_SOCKET)
            try:
                self._binder.listenUNIX(path, self._factory, mode=_OWNER_ONLY)
            except CannotListenError as reason:
                self.trouble = f"{path}: {reason.socketError}"

    def discard(self) -> None:
        """Close what is bound, because the start has failed."""
        self._binder.discard()

    def startService(self) -> None:
        super().startService()
        for port in self._binder.ports:
            port.startListening()

    def stopService(self) -> Deferred[None]:
        """End what is under way; fires when the socket is closed."""
        super().stopService()
        for connection in list(self._factory.connections):
            connection.fail("the server stops")
        for port in self._binder.ports:
            return port.stopListening()
        return succeed(None)
