"""Tests for L{tsservices.admin.control} and L{tsservices.admin.export}."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.protocol import connectionDone

from tests.support.line_clients import LineFrontendCase
from tsservices.admin.control import (
    CONTROL_ALIVE_SECONDS,
    CONTROL_LINE,
    CONTROL_SECONDS,
    CONTROL_UNREAD_SECONDS,
    CONTROLS,
    ControlFactory,
    ControlProtocol,
    ControlService,
)
from tsservices.chat.errors import READ_SLOW, ChatError
from tsservices.chat.storage import HISTORY_PAGE
from tsservices.common.statedir import StateDirectory
from tsservices.testing import MemoryTransport

#: An export of all lines.
EXPORT: dict[str, object] = {"command": "export", "room": "lobby", "since": 0, "format": "text"}


class ControlCase(LineFrontendCase):
    def setUp(self) -> None:
        super().setUp()
        self.control = ControlFactory(self.chat, self.clock, time.gmtime)
        self.copies: list[tuple[str, Callable[[str | None], None]]] = []
        self.patch(self.storage, "copy", lambda path, copied: self.copies.append((path, copied)))

    def call(self, **command: object) -> tuple[ControlProtocol, MemoryTransport]:
        protocol = self.control.buildProtocol(None)
        assert isinstance(protocol, ControlProtocol)
        transport = MemoryTransport()
        protocol.makeConnection(transport)
        if command:
            protocol.dataReceived(json.dumps(command).encode() + b"\n")
        return protocol, transport

    def backup(self) -> tuple[ControlProtocol, MemoryTransport]:
        return self.call(command="backup", path=os.path.abspath("copy"))

    def heard(self, transport: MemoryTransport) -> list[dict[str, Any]]:
        lines = transport.value().splitlines()
        transport.clear()
        return [json.loads(line) for line in lines]

    def pull(self, transport: MemoryTransport) -> None:
        producer: Any = transport.producer
        producer.resumeProducing()

    def ask(self, **command: object) -> list[dict[str, Any]]:
        protocol, transport = self.call(**command)
        answers = self.heard(transport)
        while transport.producer is not None and not transport.disconnecting:
            self.pull(transport)
            answers += self.heard(transport)
        self.assertTrue(transport.disconnecting or self.copies)
        protocol.connectionLost(connectionDone)
        return answers

    def error(self, **command: object) -> str:
        (answer,) = self.ask(**command)
        self.assertEqual(list(answer), ["error"])
        reason: str = answer["error"]
        self.assertEqual(len(reason.splitlines()), 1)
        return reason


class ControlTests(ControlCase):
    def test_unknownCommand(self) -> None:
        for line in (
            b"",
            b"x",
            b"[]",
            b"1",
            b'{"command": "dance"}',
            b'{"command": ["backup"]}',
            b"[" * 10_000,
            b"\xff",
            b"x" * (CONTROL_LINE + 1),
        ):
            protocol, transport = self.call()
            protocol.dataReceived(line + b"\n")
            (answer,) = self.heard(transport)
            self.assertEqual(list(answer), ["error"])
            self.assertTrue(transport.disconnecting)
            protocol.connectionLost(connectionDone)
        self.assertEqual(self.control.connections, set())

    def test_notOpen(self) -> None:
        self.patch(self.chat, "open", False)
        for command in (
            {"command": "backup", "path": os.path.abspath("x")},
            {"command": "export", "room": "lobby", "since": 0, "format": "text"},
        ):
            self.assertEqual(self.error(**command), "the chat is not open yet")
        self.assertEqual(self.copies, [])
        self.assertIn("no command", self.error(command="dance"))
        self.patch(self.chat, "open", True)
        self.assertIn("no room", self.error(**(command | {"room": "nowhere"})))

    def test_anyCut(self) -> None:
        protocol, transport = self.call()
        for byte in json.dumps({"command": "backup", "path": os.path.abspath("x")}).encode():
            protocol.dataReceived(bytes([byte]))
        self.assertEqual(self.copies, [])
        protocol.dataReceived(b'\n{"command": "dance"}\n')
        self.assertEqual([path for path, _ in self.copies], [os.path.abspath("x")])
        self.assertEqual(transport.value(), b"")

    def test_timeouts(self) -> None:
        protocol, transport = self.call()
        protocol.dataReceived(b"{")
        self.clock.advance(CONTROL_SECONDS)
        self.assertEqual(self.heard(transport), [{"error": "no command has come"}])
        self.assertFalse(transport.aborted)
        self.clock.advance(CONTROL_SECONDS)
        self.assertTrue(transport.aborted)

    def test_concurrentCommandsAreBounded(self) -> None:
        calls = [self.call() for _ in range(CONTROLS)]
        protocol, transport = self.call()
        (answer,) = self.heard(transport)
        self.assertIn(f"{CONTROLS} commands", answer["error"])
        for item in (protocol, calls[0][0]):
            item.connectionLost(connectionDone)
        protocol, transport = self.call()
        self.assertEqual(self.heard(transport), [])
        for item in (protocol, *(item for item, _ in calls[1:])):
            item.connectionLost(connectionDone)
        self.assertEqual(self.clock.getDelayedCalls()[1:], [])


class BackupTests(ControlCase):
    def test_backup(self) -> None:
        path = os.path.abspath("copy")
        _, transport = self.backup()
        self.assertEqual(self.heard(transport), [])
        for _ in range(3):
            self.clock.advance(CONTROL_ALIVE_SECONDS)
            self.assertEqual(self.heard(transport), [{"alive": True}])
        self.assertIn("already", self.error(command="backup", path=os.path.abspath("other")))
        ((asked, copied),) = self.copies
        self.assertEqual(asked, path)
        copied(None)
        self.assertEqual(self.heard(transport), [{"done": 1}])
        self.assertTrue(transport.disconnecting)

    def test_failed(self) -> None:
        for reason in ("no room on the disk", "no disk"):
            _, transport = self.backup()
            self.copies.pop()[1](reason)
            self.assertEqual(self.heard(transport), [{"error": reason}])

    def test_hungUp(self) -> None:
        protocol, transport = self.backup()
        protocol.connectionLost(connectionDone)
        self.clock.advance(CONTROL_ALIVE_SECONDS)
        self.copies.pop()[1](None)
        self.assertEqual(transport.value(), b"")
        self.assertFalse(self.control.copying)

    def test_badPath(self) -> None:
        there = os.path.abspath("there")
        with open(there, "w", encoding="utf-8"):
            pass
        dangling = os.path.abspath("dangling")
        os.symlink("/nowhere/at/all", dangling)
        for path in (there, dangling, "relative", "", None, 5, "/a\0b", "/\ud800"):
            self.error(command="backup", path=path)
        self.error(command="backup")
        self.assertEqual(self.copies, [])


class ExportTests(ControlCase):
    def setUp(self) -> None:
        super().setUp()
        (self.ann,) = self.join("ann")
        for number in range(1, 3 * HISTORY_PAGE + 1):
            self.ann.send(f"line {number}\n")
        self.ann.send("/me waves\n/topic tea\n")
        self.tick()
        self.last = 3 * HISTORY_PAGE + 2
        self.storage.reads.clear()

    def text(self, **command: object) -> tuple[list[str], int]:
        *pages, end = self.ask(**(EXPORT | command))
        written = "".join(item["text"] for item in pages if "text" in item)
        return written.splitlines(), end["done"]

    def test_text(self) -> None:
        lines, count = self.text(format="text")
        self.assertEqual(count, self.last)
        self.assertEqual(lines[0], "* Friday 20 November 2026")
        self.assertEqual(lines[1], "[12:10:00] <ann> line 1")
        self.assertEqual(lines[-2], "[12:10:00] * ann waves")
        self.assertEqual(lines[-1], "* [12:10:00] ann changed the topic of #lobby to: tea")
        self.assertEqual(len(lines), self.last + 1)

    def test_json(self) -> None:
        lines, count = self.text(format="json", room="#Lobby")
        self.assertEqual(count, self.last)
        objects = [json.loads(line) for line in lines]
        self.assertEqual([item["seq"] for item in objects], list(range(1, self.last + 1)))
        self.assertEqual(objects[0]["text"], "line 1")
        self.assertNotIn("replay", objects[0])

    def test_dateOncePerDay(self) -> None:
        self.clock.advance(86_400)
        for _ in range(HISTORY_PAGE):
            self.ann.send("later\n")
        lines, _ = self.text(format="text")
        self.assertEqual(
            [line for line in lines if line.endswith("2026")],
            ["* Friday 20 November 2026", "* Saturday 21 November 2026"],
        )

    def test_since(self) -> None:
        lines, count = self.text(format="text", since=self.last - 1)
        self.assertEqual((len(lines), count), (2, 1))
        self.assertEqual(self.text(format="text", since=self.last), ([], 0))
        error = self.error(command="export", room="lobby", since=self.last + 1, format="text")
        self.assertIn(f"there is no line {self.last + 1} in #lobby", error)

    def test_asFastAsItIsRead(self) -> None:
        """A page is read when the last one was sent, not before."""
        _, transport = self.call(**(EXPORT | {"format": "json"}))
        self.assertEqual(self.storage.reads, [])
        self.pull(transport)
        self.assertEqual(self.storage.reads, [("lobby", 1, self.last)])
        self.assertEqual(len(self.heard(transport)), 1)
        self.clock.advance(CONTROL_ALIVE_SECONDS * 10)
        self.assertEqual(self.heard(transport), [])
        self.ann.send("more\n")
        self.storage.slowReads = True
        self.pull(transport)
        self.pull(transport)
        self.assertEqual(self.storage.reads[1:], [("lobby", HISTORY_PAGE + 1, self.last)])
        self.clock.advance(CONTROL_ALIVE_SECONDS)
        self.assertEqual(self.heard(transport), [{"alive": True}])
        self.storage.answerRead()
        self.assertEqual(len(self.heard(transport)), 1)
        self.clock.advance(CONTROL_UNREAD_SECONDS)
        self.assertTrue(transport.aborted)

    def test_hungUp(self) -> None:
        protocol, transport = self.call(**(EXPORT | {"format": "json"}))
        self.storage.slowReads = True
        self.pull(transport)
        producer: Any = transport.producer
        producer.stopProducing()
        protocol.connectionLost(connectionDone)
        self.storage.answerRead()
        producer.resumeProducing()
        self.assertEqual(transport.value(), b"")
        self.assertEqual(len(self.storage.reads), 1)

    def test_failureSaysHowToGoOn(self) -> None:
        _, transport = self.call(**(EXPORT | {"format": "json"}))
        self.pull(transport)
        self.storage.failure = ChatError(READ_SLOW)
        self.pull(transport)
        _, error = self.heard(transport)
        self.assertIn("takes too long", error["error"])
        self.assertIn(f"--since {HISTORY_PAGE} goes on", error["error"])
        self.assertTrue(transport.disconnecting)

    def test_rejected(self) -> None:
        self.assertIn(
            "no room #nowhere",
            self.error(command="export", room="#nowhere", since=0, format="text"),
        )
        for change in (
            {"room": 5},
            {"room": "no name"},
            {"room": ""},
            {"since": -1},
            {"since": "1"},
            {"since": 1.5},
            {"format": "xml"},
            {"format": ["text"]},
            {"format": None},
        ):
            self.error(**(EXPORT | change))


class ControlSeatTests(ControlCase):
    def seat(self, path: str) -> ControlService:
        folder = StateDirectory(path)
        folder.create()
        folder.lock()
        self.addCleanup(folder.release)
        return ControlService(self.chat, folder, self.clock)

    def test_socketIsOwnersOnly(self) -> None:
        # Sockets have short paths.
        place = TemporaryDirectory()
        self.addCleanup(place.cleanup)
        seat = self.seat(place.name)
        seat.bind()
        self.assertEqual(seat.trouble, "")
        status = os.stat(os.path.join(place.name, "control.sock"))
        self.assertEqual(status.st_mode & 0o777, 0o600)
        seat._binder.discard()

    def test_cannotListen(self) -> None:
        place = self.mktemp()
        os.makedirs(os.path.join(place, "control.sock"))
        seat = self.seat(place)
        seat.bind()
        self.assertIn("control.sock", seat.trouble)
        seat.startService()
        self.successResultOf(seat.stopService())

    def test_stop(self) -> None:
        seat = self.seat(self.mktemp())
        self.control = seat._factory
        _, transport = self.backup()
        seat.startService()
        self.successResultOf(seat.stopService())
        self.assertEqual(self.heard(transport), [{"error": "the server stops"}])
