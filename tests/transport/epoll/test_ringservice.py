"""Tests for L{tsservices.transport.epoll.ringservice}."""

from __future__ import annotations

import sys
from array import array
from typing import Any
from unittest import skipIf, skipUnless
from unittest.mock import patch

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import gather
from tests.support.send_ring import NO_RING
from tsservices.transport.epoll import ringservice
from tsservices.transport.epoll.ringservice import RingService
from tsservices.transport.epoll.set import available, epollSetOf


class Process:
    def __init__(self) -> None:
        self.signals: list[str] = []

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)
        raise ProcessExitedAlready


class ProcessReactor(MemoryReactorClock):
    """A reactor that remembers which processes were started."""

    failure: OSError | None = None

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[Any, ...]] = []
        self.process = Process()

    def spawnProcess(self, *arguments: Any) -> Process:
        if self.failure is not None:
            raise self.failure
        self.started.append(arguments)
        return self.process

    def begin(self) -> None:
        for function, positional, named in self.whenRunningHooks:
            function(*positional, **named)


@skipUnless(available(), "this platform has no epoll")
class RingServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor: Any = ProcessReactor()
        self.set = epollSetOf(self.reactor)
        self.service = RingService(self.reactor)
        self.logged = gather(self)
        self.service.startService()

    def answer(self, *data: bytes, reason: Exception | None = None) -> list[str]:
        self.reactor.begin()
        for part in data:
            self.service.outReceived(part)
        self.service.processEnded(Failure(reason or ProcessDone(0)))
        return self.logged

    def test_started(self) -> None:
        self.assertEqual(self.reactor.started, [])
        self.reactor.begin()
        ((service, program, words, environment),) = self.reactor.started
        self.assertIs(service, self.service)
        self.assertEqual(program, sys.executable)
        self.assertEqual(words[1:], ["-m", "tsservices.transport.epoll.sendtrial"])
        self.assertIn("PYTHONPATH", environment)

    @skipIf(NO_RING, NO_RING)
    def test_ring(self) -> None:
        logged = self.answer(b"25", b"6\n")
        self.assertEqual(logged, ["rooms of 256 members and more are sent to by io_uring"])
        ring = self.set.sendRing
        assert ring is not None
        self.assertEqual(ring.smallest, 256)
        self.service.stopService()
        self.assertIsNone(self.set.sendRing)
        self.assertEqual(ring.send(array("I", [1]), b"x"), (0, {}))
        self.assertEqual(self.reactor.process.signals, [])

    def test_refused(self) -> None:
        logged = self.answer(b"it is no faster here\n")
        self.assertEqual(logged, ["io_uring is not used: it is no faster here"])
        self.assertIsNone(self.set.sendRing)

    def test_killed(self) -> None:
        (logged,) = self.answer(reason=ProcessTerminated(signal=31))
        self.assertIn("io_uring is not used:", logged)
        self.assertIn("31", logged)
        self.assertIsNone(self.set.sendRing)

    def test_refusedHere(self) -> None:
        """The trial had a ring, and the server has no more descriptors."""
        with patch.object(ringservice, "SendRing", side_effect=OSError(24, "none left")):
            logged = self.answer(b"256\n")
        self.assertEqual(logged, ["io_uring is not used: [Errno 24] none left"])

    def test_noProcess(self) -> None:
        self.reactor.failure = OSError(11, "no more processes")
        self.reactor.begin()
        self.assertEqual(self.logged, ["io_uring is not used: no more processes"])
        self.service.stopService()

    def test_stoppedBefore(self) -> None:
        self.service.stopService()
        self.reactor.begin()
        self.assertEqual(self.reactor.started, [])

    def test_stoppedMeanwhile(self) -> None:
        self.reactor.begin()
        self.service.stopService()
        self.assertEqual(self.reactor.process.signals, ["KILL"])
        self.service.outReceived(b"256")
        self.service.processEnded(Failure(ProcessTerminated(signal=9)))
        self.assertIsNone(self.set.sendRing)
        self.assertEqual(self.logged, [])
