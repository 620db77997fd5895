"""
A stop that is a failure.

A server: services that start one after another and stop the other way round.

Signals that stop the server.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ReactorNotRunning


class FatalShutdown:
    """
    Stops the server in order, with exit status 1: supervisors are to see that it
    failed, and twistd itself ends with 0 when its reactor has stopped.
    """

    def __init__(
        self,
        reactor: Any,
        atExit: Callable[[Callable[[], None]], object] = atexit.register,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._reactor = reactor
        self._atExit = atExit
        self._leave = leave
        self._stopping = False

    def stop(self, reason: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._atExit(self._end)
        # It may be stopping already: then only the status is another.
        with contextlib.suppress(ReactorNotRunning):
            self._reactor.stop()
        # It may go to the very disk that has failed.
        with contextlib.suppress(OSError, ValueError):
            if sys.__stderr__ is not None:
                sys.__stderr__.write(f"tsserver: {reason}\n")

    def _end(self) -> None:
        """All is stopped and logged."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self._leave(1)


class OrderedMultiService(MultiService):
    """
    Stops each service when the one started after it has stopped, so that what
    counts still counts while what serves comes to its end.
    """

    def stopService(self) -> Deferred[None]:
        """Fires when all have stopped."""
        self.running = False
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """Stop one after another."""
        for service in reversed(list(self)):
            await maybeDeferred(service.stopService)


#: What people, service supervisors and terminals that close send.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalService(Service):
    """
    Makes an orderly stop an exit with status 0.

    Twisted's own handlers note the signal, and twistd then kills itself with it:
    supervisors would see a crash.
    """

    name = "signals"

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._stopping = False

    def startService(self) -> None:
        """Take the signals over, once the reactor has set its own handlers."""
        super().startService()
        self._reactor.callWhenRunning(self._install)
        self._reactor.addSystemEventTrigger("after", "shutdown", self._ignore)

    def _install(self) -> None:
        """Set the handlers."""
        for number in STOPPING:
            signal.signal(number, self._stop)

    def _ignore(self) -> None:
        """All is done: one more signal shall not make a failure of it."""
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)

    def _stop(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._stopOnce)

    def _stopOnce(self) -> None:
        """Stop, unless that is under way."""
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()
