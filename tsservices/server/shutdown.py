"""How a server stops: in order, by a signal with exit status 0, or for an error with status 1."""

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

    twistd ends with 0 whenever its reactor has stopped.  So the status is set at the very end of
    the interpreter, where only C{os._exit} can still do it.
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
        # While services start it does not run yet, and cannot be stopped.
        self._reactor.callWhenRunning(self._stopReactor)
        # Standard error may be a file on the very disk that has failed.
        with contextlib.suppress(OSError, ValueError):
            if sys.__stderr__ is not None:
                sys.__stderr__.write(f"{serverProgram()}: {reason}\n")

    def _stopReactor(self) -> None:
        # It may be stopping already: then only the status is new.
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
    Stops its services one after another, the last started first: the counters, say, still
    count while connections come to their end.

    @ivar stopped: whether it was stopped, and has cleaned up itself.
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


#: What a person (Control-C), a supervisor, and a terminal that closes send.
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
        super().startService()
        # At once: the services after this one write files that a stop has to remove.  And again,
        # since the reactor sets its own handlers when it starts to run, later than this.
        self._install()
        self._reactor.callWhenRunning(self._install)
        self._reactor.addSystemEventTrigger("after", "shutdown", self._ignore)

    def _install(self) -> None:
        for number in STOPPING:
            # nohup, or a shell that has put the server into the background, has some ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    def _ignore(self) -> None:
        # All is stopped: one more signal must not make a failure of it, nor one that came at the
        # start, after the reactor had set its handlers and before these were set again.
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        forgetExitSignal(self._reactor)

    def _stop(self, number: int, frame: object) -> None:
        # A handler runs between any two instructions of the reactor; this also wakes it.  Before
        # the reactor runs, this waits for that.
        self._reactor.callFromThread(self._stopOnce)

    def _stopOnce(self) -> None:
        if not self._stopping:
            self._stopping = True
            # The server may be stopping by itself, after a failure.
            with contextlib.suppress(ReactorNotRunning):
                self._reactor.stop()
