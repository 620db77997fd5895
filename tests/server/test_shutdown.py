"""Tests for L{tsservices.server.shutdown}."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.error import ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tsservices.server.shutdown import FatalShutdown, SignalService


class StoppingReactor:
    stops = 0

    def callWhenRunning(self, call: Callable[[], None]) -> None:
        call()

    def stop(self) -> None:
        self.stops += 1


class FailingStopTests(SynchronousTestCase):
    def test_stop(self) -> None:
        reactor = StoppingReactor()
        asked: list[Callable[[], None]] = []
        statuses: list[int] = []
        output = io.StringIO()
        self.patch(sys, "__stderr__", output)
        failing = FatalShutdown(reactor, asked.append, statuses.append)
        failing.stop("the disk is gone")
        failing.stop("once more")
        self.assertEqual(output.getvalue(), "twistd tsserver: the disk is gone\n")
        self.assertEqual(reactor.stops, 1)
        self.assertEqual(statuses, [])
        (end,) = asked
        end()
        self.assertEqual(statuses, [1])

    def test_alreadyStopping(self) -> None:
        class Stopping(StoppingReactor):
            def stop(self) -> None:
                raise ReactorNotRunning

        output = io.StringIO()
        output.close()
        self.patch(sys, "__stderr__", output)
        asked: list[Callable[[], None]] = []
        FatalShutdown(Stopping(), asked.append, lambda status: None).stop("the disk is gone")
        self.assertEqual(len(asked), 1)

    def test_beforeTheReactorRuns(self) -> None:
        self.patch(sys, "__stderr__", None)
        reactor = StoppingReactor()
        waiting: list[Callable[[], None]] = []
        reactor.callWhenRunning = waiting.append  # type: ignore[method-assign, assignment]
        FatalShutdown(reactor, lambda end: None, lambda status: None).stop("no such program")
        self.assertEqual(reactor.stops, 0)
        (stop,) = waiting
        stop()
        self.assertEqual(reactor.stops, 1)

    def test_signalWhileStopping(self) -> None:
        """A failure has begun the stop before the signal came."""

        class Stopping(MemoryReactorClock):
            def stop(self) -> None:
                raise ReactorNotRunning

        reactor = Stopping()
        # What the handler of a signal has the reactor call.
        reactor.callFromThread = lambda call: call()  # type: ignore[attr-defined]
        SignalService(reactor)._stop(signal.SIGTERM, None)

    def test_signalWithinTheStart(self) -> None:
        self.assertTrue(hasattr(ReactorBase, "_exitSignal"))
        reactor: Any = MemoryReactorClock()
        # As the reactor's own handler leaves it.
        reactor._exitSignal = signal.SIGTERM
        self.patch(signal, "signal", lambda number, handler: None)
        SignalService(reactor)._ignore()
        self.assertIsNone(reactor._exitSignal)

    def test_noStandardError(self) -> None:
        reactor = StoppingReactor()
        self.patch(sys, "__stderr__", None)
        FatalShutdown(reactor, lambda end: None, lambda status: None).stop("the disk is gone")
        self.assertEqual(reactor.stops, 1)
