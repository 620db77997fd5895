"""Tests for L{tsservices.server.password_hasher}."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from tests.support.hasher import ImmediateHasher
from tsservices.chat.errors import BUSY_HASHING, HASHING_FAILED, PASSWORD_SHORT, ChatError
from tsservices.chat.passwords import verifier
from tsservices.server import password_hasher as hashing
from tsservices.server.password_hasher import PasswordHasherThread

#: Seconds after which the thread is not heard of any more.
PATIENCE = 10.0

#: Of the only right password here.
VERIFIER = verifier("correct horse", bytes(16), 1)


class HasherTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.calls: queue.SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]]
        self.calls = queue.SimpleQueue()
        self.hasher = PasswordHasherThread(
            lambda call, *given: self.calls.put((call, given)), bytes, 1, 3
        )
        self.addCleanup(self.hasher.stop)
        self.results: list[object] = []

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            call, given = self.calls.get(timeout=PATIENCE)
            call(*given)

    def test_derive(self) -> None:
        self.hasher.start()
        self.hasher.derive("correct horse", self.results.append)
        self.assertEqual(self.results, [])
        self.turn()
        self.assertEqual(self.results, [VERIFIER])
        self.assertEqual(self.hasher.waiting, 0)

    def test_check(self) -> None:
        self.hasher.start()
        for password in ("wrong horse", "correct horse", "\0\ud800"):
            self.hasher.check(VERIFIER, password, self.results.append)
        self.turn(3)
        self.assertEqual(self.results, [False, True, False])

    def test_badPassword(self) -> None:
        refused = self.assertRaises(ChatError, self.hasher.derive, "short", self.results.append)
        self.assertIs(refused.code, PASSWORD_SHORT)
        self.assertEqual(self.hasher.waiting, 0)

    def test_queueIsBounded(self) -> None:
        for _ in range(3):
            self.hasher.check(VERIFIER, "correct horse", self.results.append)
        for item in (
            lambda: self.hasher.check(VERIFIER, "x", self.results.append),
            lambda: self.hasher.derive("long enough", self.results.append),
        ):
            self.assertEqual(self.assertRaises(ChatError, item), ChatError(BUSY_HASHING, most=3))
        self.hasher.start()
        self.turn()
        self.hasher.check(VERIFIER, "x", self.results.append)
        self.turn(3)
        self.assertEqual(self.results, [True, True, True, False])

    def test_thread(self) -> None:
        found: list[int] = []
        own = threading.get_native_id()

        def look(stored: str, password: str) -> bool:
            found.append(threading.get_native_id())
            if sys.platform == "linux":
                found.append(os.getpriority(os.PRIO_PROCESS, found[0]))
            return True

        self.patch(hashing, "matches", look)
        before = os.getpriority(os.PRIO_PROCESS, own)
        self.hasher.start()
        self.hasher.check(
            VERIFIER, "x", lambda right: self.results.append(threading.get_native_id())
        )
        self.turn()
        self.assertEqual(self.results, [own])
        self.assertNotEqual(found[0], own)
        if sys.platform == "linux":
            # Above this there is none: the tests may run under nice themselves.
            self.assertEqual(found[1], min(before + 10, 19))
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, own), before)

    def test_noThreadBefore(self) -> None:
        """A thread that runs before the start would be lost in a fork."""
        self.hasher.check(VERIFIER, "correct horse", self.results.append)
        self.assertNotIn("hasher", [item.name for item in threading.enumerate()])
        self.hasher.start()
        self.assertIn("hasher", [item.name for item in threading.enumerate()])
        self.turn()
        self.hasher.stop()
        self.assertNotIn("hasher", [item.name for item in threading.enumerate()])

    def test_noThreadWithoutPasswords(self) -> None:
        self.hasher.start()
        self.assertNotIn("hasher", [item.name for item in threading.enumerate()])

    def test_stop(self) -> None:
        self.hasher.start()
        self.hasher.check(VERIFIER, "correct horse", self.results.append)
        call, given = self.calls.get(timeout=PATIENCE)
        for _ in range(2):
            self.hasher.check(VERIFIER, "correct horse", self.results.append)
        self.hasher.stop()
        call(*given)
        while not self.calls.empty():
            self.turn()
        self.assertEqual(self.results, [])

    def test_failureIsLoggedWithoutPassword(self) -> None:
        logged: list[str] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            logged.append(str(event))

        def fail(stored: str, password: str) -> bool:
            raise MemoryError(password)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.hasher.start()
        self.patch(hashing, "matches", fail)
        self.hasher.check(VERIFIER, "correct horse", self.results.append)
        self.turn()
        self.hasher.derive("correct horse", self.results.append)
        self.turn()
        self.assertEqual(self.results, [ChatError(HASHING_FAILED), VERIFIER])
        self.assertEqual(self.hasher.waiting, 0)
        self.assertEqual(len(logged), 1)
        self.assertNotIn("horse", logged[0])


class ImmediateHasherTests(SynchronousTestCase):
    def test_immediateHasher(self) -> None:
        hasher = ImmediateHasher()
        results: list[object] = []
        hasher.derive("correct horse", results.append)
        self.assertEqual(results, [VERIFIER])
        hasher.suspended = True
        hasher.check(VERIFIER, "wrong horse", results.append)
        self.assertEqual(hasher.waiting, 1)
        hasher.work()
        self.assertEqual(results, [VERIFIER, False])
        self.assertEqual(hasher.waiting, 0)
