"""
A worker: one of several processes that serve the same ports.  The main process,
L{tsservices.server.workers}, starts it by running this module.

The worker gets its bound sockets from the main process, and reports its counters to it.  It also
ends if the main process is killed: its standard input is a pipe from there that closes then.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from tsservices.admin.metrics import REFRESH_SECONDS
from tsservices.common.commandline import PROGRAM
from tsservices.common.counters import CounterRegistry

#: The environment variable that makes a process a worker.
VARIABLE = "TSSERVICES_WORKER"

#: The descriptor to which a worker writes its reports.
REPORT_DESCRIPTOR = 3

#: The first descriptor of the sockets of a worker.
FIRST_SOCKET = REPORT_DESCRIPTOR + 1


class WorkerError(Exception):
    """A worker can't serve the sockets of the main process.  The argument says why."""


@dataclass(frozen=True)
class WorkerPlace:
    """The number of a worker, and its sockets."""

    #: From 1 on.
    number: int
    #: The service and the transport of each socket, in their order.
    places: tuple[tuple[str, str], ...]

    def asEnvironment(self) -> dict[str, str]:
        """Make the variable that L{fromEnvironment} reads."""
        return {VARIABLE: json.dumps({"number": self.number, "places": self.places})}

    @classmethod
    def fromEnvironment(cls, environ: Any = os.environ) -> WorkerPlace | None:
        """Read and remove the variable; L{None}: this process is no worker."""
        text = environ.pop(VARIABLE, "")
        if not text:
            return None
        said = json.loads(text)
        return cls(said["number"], tuple((name, transport) for name, transport in said["places"]))

    @property
    def descriptors(self) -> Sequence[int]:
        """The descriptors of the sockets."""
        return range(FIRST_SOCKET, FIRST_SOCKET + len(self.places))

    def check(self, places: Sequence[tuple[str, str]]) -> None:
        """
        @param places: the service and the transport of each place that the options ask for.
        @raise WorkerError: the main process has bound other places.
        """
        if tuple(places) != self.places:
            raise WorkerError("what is to be served has changed since the server was started")


class WorkerReport(Service):
    """Reports the counters to the main process when they have changed, and at the end."""

    name = "report"

    def __init__(
        self,
        registry: CounterRegistry,
        reactor: Any,
        connect: Callable[[Protocol], Any] | None = None,
    ) -> None:
        """@param connect: connects a protocol with the main process; L{None}: uses the pipes."""
        self._registry = registry
        self._reactor = reactor
        self._connect = connect or self._connectPipes
        self._link = _Link(self._mainEnded)
        self._written: Any = None
        self._loop = LoopingCall(self.write)
        self._loop.clock = IReactorTime(reactor)

    def startService(self) -> None:
        super().startService()
        self._connect(self._link)
        # The first report also shows that this process serves.
        self._loop.start(REFRESH_SECONDS)

    def stopService(self) -> Deferred[None]:
        """Write the last report; fires when it is written, or can't be."""
        super().stopService()
        self._loop.stop()
        self.write()
        return self._link.close()

    def write(self) -> None:
        if self._link.full:
            # The main process does not read (SIGSTOP, for example).  The next report has totals.
            return
        counters = self._registry.snapshot()
        if counters != self._written:
            self._written = counters
            self._link.write(json.dumps(counters).encode("ascii") + b"\n")

    def _connectPipes(self, protocol: Protocol) -> None:
        # mypy takes the StandardIO of Windows.
        make: Any = StandardIO
        make(protocol, stdin=0, stdout=REPORT_DESCRIPTOR, reactor=self._reactor)

    def _mainEnded(self) -> None:
        if self.running:
            with contextlib.suppress(ReactorNotRunning):
                self._reactor.stop()


@implementer(IPushProducer)
class _Link(Protocol):
    def __init__(self, ended: Callable[[], None]) -> None:
        self.full = False
        self._ended = ended
        self._lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]

    def pauseProducing(self) -> None:
        self.full = True

    def resumeProducing(self) -> None:
        self.full = False

    def stopProducing(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        if not self._lost.called:
            self.transport.write(data)  # type: ignore[union-attr]

    def close(self) -> Deferred[None]:
        if self.full:
            # The waiting data may never be read.
            return succeed(None)
        if not self._lost.called:
            self.transport.unregisterProducer()  # type: ignore[union-attr]
            self.transport.loseConnection()  # type: ignore[union-attr]
        return self._lost

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost.callback(None)
        self._ended()


def main() -> None:
    """Run twistd in the foreground, with the arguments from the main process."""
    from twisted.scripts.twistd import run

    # A terminal sends these to all its foreground processes; the main process ends this one.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Removes the worker's number, which is an argument only to appear in ps.
    sys.argv[:2] = [PROGRAM]
    run()


if __name__ == "__main__":
    main()
