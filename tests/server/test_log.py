"""Tests for L{tsservices.server.log}."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any

from twisted.application.service import Application
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tsservices.server import log
from tsservices.server.log import LogError, LoggedService, RotatedLogFile, formatLine, openLog


class RotatedLogFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(log, "LOG_BYTES", 100)
        self.patch(log, "LOG_FILES", 3)
        self.folder: str = self.mktemp()
        os.mkdir(self.folder)

    def open(self) -> Any:
        file = RotatedLogFile(self.path("a.log"))
        self.addCleanup(file.close)
        return file

    def files(self) -> dict[str, int]:
        names = sorted(os.listdir(self.folder))
        return {name: os.path.getsize(os.path.join(self.folder, name)) for name in names}

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def test_oldestGoes(self) -> None:
        file = self.open()
        for _ in range(20):
            file.write("x" * 100)
        self.assertEqual(
            self.files(), dict.fromkeys(("a.log", "a.log.1", "a.log.2", "a.log.3"), 100)
        )

    def test_whatIsThereIsBoundedToo(self) -> None:
        for number in (1, 3, 4, 30_000):
            with open(self.path(f"a.log.{number}"), "w"):
                pass
        others = ["a.log.09", "a.log.20261130", "a.log.gz"]
        for name in others:
            with open(self.path(name), "w"):
                pass
        file = self.open()
        self.assertEqual(sorted(self.files()), ["a.log", *sorted(["a.log.1", "a.log.3", *others])])
        for _ in range(5):
            file.write("x" * 100)
        self.assertEqual(
            sorted(self.files()),
            ["a.log", *sorted(["a.log.1", "a.log.2", "a.log.3", *others])],
        )

    def test_beginAnew(self) -> None:
        file = self.open()
        file.rotateOrReopen()
        self.assertEqual(self.files(), {"a.log": 0})
        file.write("one")
        file.rotateOrReopen()
        file.write("two2")
        self.assertEqual(self.files(), {"a.log": 4, "a.log.1": 3})
        os.rename(self.path("a.log"), self.path("moved"))
        file.rotateOrReopen()
        file.write("three")
        self.assertEqual(self.files(), {"a.log": 5, "a.log.1": 3, "moved": 4})

    def test_cutByOthers(self) -> None:
        """Nothing stands before what comes next, and it counts from there."""
        file = self.open()
        file.write("x" * 100)
        os.truncate(self.path("a.log"), 0)
        file.write("y" * 60)
        file.write("z" * 60)
        self.assertEqual(self.files(), {"a.log": 120})
        os.rename(self.path("a.log"), self.path("a.log.1"))
        file.write("by another process")
        self.assertEqual(self.files(), {"a.log": 18, "a.log.1": 120})

    def test_noNewFile(self) -> None:
        """The one that is open goes on, until a new one can be made."""
        file = self.open()
        for begin in (file.rotateOrReopen, lambda: file.write("x" * 100)):
            file.write("x" * 100)
            os.rename(self.path("a.log"), self.path("moved"))
            os.mkdir(self.path("a.log"))
            begin()
            file.write("x")
            os.rmdir(self.path("a.log"))
            file.rotateOrReopen()
            file.write("y")
            self.assertEqual(self.files()["a.log"], 1)
            self.assertGreater(self.files()["moved"], 100)

    def test_lineAfterFullDisk(self) -> None:
        """A line that was cut off does not take the next one with it."""
        written, room = os.write, 4

        def write(descriptor: int, data: bytes) -> int:
            nonlocal room
            if not room:
                raise OSError(errno.ENOSPC, "full")
            count = written(descriptor, data[:room])
            room -= count
            return count

        self.patch(os, "write", write)
        file = self.open()
        for text in ("first\n", "lost\n"):
            self.assertRaises(OSError, file.write, text)
        room = 15
        file.write("second\n")
        self.assertRaises(OSError, file.write, "torn too\n")
        room = 100
        self.open().write("third\n")
        with open(self.path("a.log")) as lines:
            self.assertEqual(lines.read().split(), ["firs", "second", "torn", "to", "third"])

    def test_bytesThatAreNoText(self) -> None:
        self.open().write("a\udcff\n")
        self.assertEqual(self.files(), {"a.log": 8})

    def test_devices(self) -> None:
        """What is no file is not renamed."""
        os.mkfifo(self.path("a.log"))
        reader = os.open(self.path("a.log"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        file = self.open()
        for _ in range(3):
            file.write("x" * 100)
        file.rotateOrReopen()
        self.assertEqual(list(self.files()), ["a.log"])


class LinesTests(SynchronousTestCase):
    def test_namespaces(self) -> None:
        lines: list[str | None] = []
        for namespace in (
            "tsservices.admin.metrics.CountersFile",
            "tsservices.audit",
            "twisted.internet.base",
            "other.package",
        ):
            publisher = LogPublisher(lambda event: lines.append(formatLine(event)))  # type: ignore[arg-type]
            Logger(namespace, observer=publisher).info("{a}", a="b")
        self.assertEqual(
            [line and line.split(" ", 1)[1] for line in lines],
            [
                "[tsservices#info] b\n",
                "[tsservices.audit#info] b\n",
                "[twisted#info] b\n",
                "[other.package#info] b\n",
            ],
        )

    def test_noiseOfPorts(self) -> None:
        for text, isLogged in (
            ("timestamp starting on 7", False),
            ("control starting on b'/state/control.sock'", False),
            ("(TCP Port 7 Closed)", False),
            ("(UNIX Port /state/control.sock Closed)", False),
            ("set uid/gid 7/7", True),
        ):
            event = {"log_namespace": "log_legacy", "log_system": "-", "log_text": text}
            line = formatLine({**event, "log_format": "{log_text}", "log_time": 0.0})
            self.assertEqual(line is not None, isLogged, text)


class OpenLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.handlers: dict[int, Any] = {}
        self.patch(signal, "signal", self.handlers.__setitem__)
        self.patch(signal, "getsignal", lambda number: signal.SIG_DFL)
        self.folder: str = self.mktemp()
        os.mkdir(self.folder)
        self.path = os.path.abspath(os.path.join(self.folder, "a.log"))

    def test_places(self) -> None:
        for parent, place in (
            ({}, None),
            ({"nodaemon": 1}, "stdout"),
            ({"nodaemon": 1, "logfile": "-"}, "stdout"),
            # twistd has words for this.
            ({"nodaemon": 0, "logfile": "-"}, None),
            ({"nodaemon": 1, "syslog": 1}, None),
            ({"nodaemon": 1, "logger": object()}, None),
        ):
            observer: Any = openLog(parent, None)
            self.assertEqual(observer is None, place is None, parent)
            if observer is not None:
                self.assertIs(observer._outFile, sys.stdout)
        # The signal must not end a server without a file.
        self.assertEqual(self.handlers, {signal.SIGUSR1: signal.SIG_IGN})

    def test_file(self) -> None:
        observer: Any = openLog({"nodaemon": 0, "logfile": self.path}, CallsAtOnce())
        self.addCleanup(lambda: observer._outFile.close())
        observer._outFile.write("one")
        self.handlers[signal.SIGUSR1](signal.SIGUSR1, None)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.log", "a.log.1"])

    def test_owner(self) -> None:
        """Only a file that is made is given to the user that the server becomes."""
        given: list[tuple[int, int]] = []
        self.patch(os, "fchown", lambda descriptor, *owner: given.append(owner))
        for _ in range(2):
            observer: Any = openLog({"nodaemon": 1, "logfile": self.path}, None, 0, (7, 8))
            observer._outFile.close()
        self.assertEqual(given, [(7, 8)])

    def test_cannotBeOpened(self) -> None:
        where = os.path.join(self.folder, "no", "a.log")
        reason = self.assertRaises(LogError, openLog, {"nodaemon": 1, "logfile": where}, None)
        self.assertEqual(str(reason), f"the log {where}: No such file or directory")

    def test_component(self) -> None:
        observer: Any = openLog({"nodaemon": 1}, None)
        application = Application("tsserver")
        LoggedService(observer).setServiceParent(application)
        self.assertIs(application.getComponent(ILogObserver), observer)
        application = Application("tsserver")
        LoggedService(None).setServiceParent(application)
        self.assertIsNone(application.getComponent(ILogObserver, None))


class CallsAtOnce(MemoryReactorClock):
    def callFromThread(self, call: Any, *arguments: Any) -> None:
        call(*arguments)
