"""The orderly stop of a server: on a signal with exit status 0, or on an error with status 1."""

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

from tsservices.common.commandline import serverProgram
from tsservices.transport.twisted_internals import forgetExitSignal


class FatalShutdown:
    """
    Stops the server in order, with exit status 1, so that a supervisor sees the failure.

    twistd exits with 0 whenever its reactor has stopped.  Therefore the status is set at the exit
    of the interpreter, where only C{os._exit} can still do it.
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
        # While services start, the reactor does not run yet, and can't be stopped.
        self._reactor.callWhenRunning(self._stopReactor)
        # Standard error may be a file on the disk that has failed.
        with contextlib.suppress(OSError, ValueError):
            if sys.__stderr__ is not None:
                sys.__stderr__.write(f"{serverProgram()}: {reason}\n")

    def _stopReactor(self) -> None:
        # If the reactor is stopping already, only the status changes.
        with contextlib.suppress(ReactorNotRunning):
            self._reactor.stop()

    def _end(self) -> None:
        # os._exit flushes nothing.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self._leave(1)


class OrderedMultiService(MultiService):
    """
    Stops its services one after another, the last started first.  The counters, for example, still
    count while connections end.

    @ivar stopped: whether it was stopped; its services then do the cleanup.
    """

    stopped = False

    def stopService(self) -> Deferred[None]:
        # MultiService stops all of them at once.
        self.running = False
        self.stopped = True
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for service in reversed(list(self)):
            await maybeDeferred(service.stopService)


#: The signals of Control-C, a supervisor, and a closed terminal.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalService(Service):
    """
    Handles signals with an orderly stop and exit status 0.

    With Twisted's own handlers, twistd kills itself with the same signal after the stop, which
    supervisors report as a crash.
    """

    name = "signals"

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._stopping = False

    def startService(self) -> None:
        super().startService()
        # Now, because the services after this one write files that a stop has to remove.  And again
        # later, because the reactor sets its own handlers when it starts to run.
        self._install()
        self._reactor.callWhenRunning(self._install)
        self._reactor.addSystemEventTrigger("after", "shutdown", self._ignore)

    def _install(self) -> None:
        for number in STOPPING:
            # nohup, or a shell that starts the server in the background, makes it ignore some.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    def _ignore(self) -> None:
        # Everything has stopped: the exit status must stay 0 after one more signal, and after one
        # that came at the start between the reactor's handlers and these.
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        forgetExitSignal(self._reactor)

    def _stop(self, number: int, frame: object) -> None:
        # A handler can interrupt the reactor anywhere; callFromThread is safe, and wakes the
        # reactor.  If the reactor does not run yet, the call waits for that.
        self._reactor.callFromThread(self._stopOnce)

    def _stopOnce(self) -> None:
        if not self._stopping:
            self._stopping = True
            # The server may be stopping already, after a failure.
            with contextlib.suppress(ReactorNotRunning):
                self._reactor.stop()
