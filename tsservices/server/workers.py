"""
Several processes that serve the same ports: the main process, which starts them, and stops them.

The main process serves nothing itself.  It binds the sockets of all workers
(L{tsservices.transport.shared_sockets}), starts each worker with its own, starts it again when it
dies, adds up what the workers count, and ends all of them with itself.  Twisted's
L{ProcessMonitor} decides when a worker is started again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import directlyProvides

from tsservices.common.counters import CounterRegistry
from tsservices.common.lines import LineSplitter, LineTooLong
from tsservices.server.listeners import BoundListener, PortsFile
from tsservices.server.log import DEFAULT_FILE
from tsservices.server.shutdown import FatalShutdown
from tsservices.server.worker import FIRST_SOCKET, REPORT_DESCRIPTOR, WorkerPlace
from tsservices.transport.shared_sockets import WorkersSockets

if TYPE_CHECKING:
    from twisted.runner.procmon import LoggingProtocol

# Options of twistd that a worker has too: where the log goes.  Those that change the process (user,
# folder, umask) a worker inherits.
_OF_TWISTD = ("reactor", "logfile", "logger", "prefix")

#: The module that a worker runs.
MODULE = "tsservices.server.worker"

#: Bytes of a report, and of a line on a worker's standard error.
REPORT_BYTES = 1 << 20

#: Seconds that workers have to stop in order: what a server takes at most, and some more.
STOP_SECONDS = 8.0

#: Seconds until a worker that dies again and again is started once more.
LONGEST_DELAY = 60.0

#: A worker that dies sooner, in seconds, is started again later each time.  On a slow machine one
#: that cannot start takes some of them until it has found that out.
SHORT_LIFE = 20.0

#: Counters of what there is now.  Of a process that has died there is nothing.
GAUGES = frozenset({"open"})

_LOG = Logger("tsservices")


def workerCommand(parent: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """
    The arguments of twistd for a worker.

    @param parent: the options of twistd; a daemon's log has its place in there by now.
    @param words: the arguments of the server.
    """
    options = [f"--{key}={parent[key]}" for key in _OF_TWISTD if parent.get(key)]
    if parent.get("syslog"):
        options.append("--syslog")
    elif not parent.get("logfile") and not parent.get("nodaemon", True):
        options.append(f"--logfile={DEFAULT_FILE}")
    return ["--nodaemon", "--pidfile=", *options, "tsserver", *words]


class WorkersRegistry(CounterRegistry):
    """
    The counters of all workers, added up.

    @ivar running: workers that run now.
    @ivar started: workers that were started, each time that one was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running = self.started = 0
        self._ended: list[Counter[str]] = []
        self._reported: dict[int, list[dict[str, Any]]] = {}

    def report(self, worker: int, entries: list[dict[str, Any]]) -> None:
        """@param entries: all that a worker has counted: the snapshot of its registry."""
        self._reported[worker] = entries

    def end(self, worker: int) -> None:
        """A worker has ended: keep what it has counted."""
        for index, entry in enumerate(self._reported.pop(worker, ())):
            while len(self._ended) <= index:
                self._ended.append(Counter())
            _add(self._ended[index], {key: entry[key] for key in entry if key not in GAUGES})

    def snapshot(self) -> list[dict[str, object]]:
        # Each worker has the places of this process, in the same order.
        total = super().snapshot()
        for index, entry in enumerate(total):
            sums: Counter[str] = Counter()
            counted: list[Sequence[Mapping[str, Any]]] = [self._ended, *self._reported.values()]
            for entries in counted:
                if index < len(entries):
                    _add(sums, entries[index])
            entry.update({key: count for key, count in sums.items() if key in entry})
        counts = {"running": self.running, "started": self.started}
        return [*total, {"offering": "processes", **counts}]


def _add(sums: Counter[str], entry: Mapping[str, Any]) -> None:
    for key, value in entry.items():
        # The others are labels; the number of a port is one of them.
        if type(value) is int and key != "port":
            sums[key] += value


class WorkerProcess(ProcessProtocol):
    """
    A worker that runs, as the main process sees it.

    @ivar serves: it has reported.
    """

    serves = False

    def __init__(self, number: int, owner: WorkersService, monitored: LoggingProtocol) -> None:
        """@param monitored: what L{ProcessMonitor} has made for it, and waits for."""
        self.number = number
        self._owner = owner
        self._monitored = monitored
        self._reports = LineSplitter(REPORT_BYTES)
        self._errors = LineSplitter(REPORT_BYTES)

    def connectionMade(self) -> None:
        self._monitored.makeConnection(self.transport)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        lines = self._reports if childFD == REPORT_DESCRIPTOR else self._errors
        lines.feed(data)
        for line in lines.take(sys.maxsize):
            if isinstance(line, LineTooLong):
                continue
            if lines is self._reports:
                self._owner.reported(self.number, json.loads(line))
            else:
                self._owner.complained(self.number, line.decode("utf-8", "backslashreplace"))

    def processEnded(self, reason: Failure) -> None:
        self._owner.ended(self.number, _how(reason))
        self._monitored.processEnded(reason)

    def notStarted(self, error: OSError) -> None:
        """The system does not start it."""
        # As one that has ended at once: the monitor would log a traceback for the error.
        self.makeConnection(None)
        self._owner.ended(self.number, str(error))
        self._monitored.processEnded(Failure(ProcessTerminated()))

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess(number)  # type: ignore[union-attr]


class _Starter:
    # What the monitor takes for the reactor: it knows nothing of descriptors.
    def __init__(self, reactor: Any, owner: WorkersService) -> None:
        self._reactor = reactor
        self._owner = owner
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds
        self.getDelayedCalls = reactor.getDelayedCalls
        directlyProvides(self, IReactorTime)

    def spawnProcess(
        self, protocol: LoggingProtocol, executable: str, args: Sequence[str], **options: Any
    ) -> Any:
        process, descriptors = self._owner.starting(protocol)
        try:
            return self._reactor.spawnProcess(
                process, executable, args, childFDs=descriptors, **options
            )
        except OSError as error:
            process.notStarted(error)
            return None


class WorkersService(Service):
    """
    Starts the workers and stops them, and keeps C{ports.json}.

    It owns the bound sockets, from L{startService} on.
    """

    name = "workers"
    _log: ClassVar[Logger] = _LOG

    def __init__(
        self,
        command: Sequence[str],
        listeners: list[BoundListener],
        sockets: WorkersSockets,
        ports: PortsFile,
        registry: WorkersRegistry,
        reactor: Any,
        fatal: FatalShutdown | None = None,
    ) -> None:
        """@param command: the arguments of twistd for a worker."""
        self._listeners = listeners
        self._sockets = sockets
        self._ports = ports
        self._registry = registry
        self._fatal = fatal or FatalShutdown(reactor)
        places = tuple(
            (listener.spec.service.name, listener.spec.transport) for listener in listeners
        )
        rows = sockets.descriptors([listener.port.descriptor for listener in listeners])
        self._descriptors = dict(enumerate(rows, 1))
        self._running: dict[int, WorkerProcess] = {}
        self._served: set[int] = set()
        self._stopped: Deferred[None] | None = None
        # Here because it imports the reactor, which is not chosen when this module is imported.
        from twisted.runner.procmon import ProcessMonitor

        self._monitor = ProcessMonitor(cast(Any, _Starter(reactor, self)))
        self._monitor.killTime = STOP_SECONDS  # type: ignore[assignment]
        self._monitor.maxRestartDelay = LONGEST_DELAY  # type: ignore[assignment]
        self._monitor.threshold = SHORT_LIFE  # type: ignore[assignment]
        for number in self._descriptors:
            # The number is an argument too, so that ps shows it.
            words = [sys.executable, "-m", MODULE, str(number), *command]
            environ = {**os.environ, **WorkerPlace(number, places).asEnvironment()}
            self._monitor.addProcess(str(number), words, env=environ)

    def startService(self) -> None:
        super().startService()
        self._followLog()
        self._monitor.startService()
        # All sockets listen already, and what comes waits until the workers serve.
        self._ports.write(self._listeners)

    def stopService(self) -> Deferred[None]:
        """Stop all workers; fires when they have ended and nothing listens any more."""
        super().stopService()
        self._ports.remove()
        stopped = self._stopped = Deferred()
        self._monitor.stopService()
        if not self._running:
            self._close()
        return stopped

    def starting(self, monitored: LoggingProtocol) -> tuple[WorkerProcess, dict[int, Any]]:
        """The protocol of a worker that is started, and what its descriptors are to be."""
        number = int(monitored.name)
        process = self._running[number] = WorkerProcess(number, self, monitored)
        self._registry.started += 1
        self._registry.running = len(self._running)
        descriptors: dict[int, Any] = {0: "w", 1: 1, 2: "r", REPORT_DESCRIPTOR: "r"}
        descriptors.update(enumerate(self._descriptors[number], FIRST_SOCKET))
        return process, descriptors

    def reported(self, number: int, entries: list[dict[str, Any]]) -> None:
        process = self._running[number]
        if not process.serves:
            process.serves = True
            self._served.add(number)
            self._log.info("worker {number} serves", number=number)
        self._registry.report(number, entries)

    def complained(self, number: int, line: str) -> None:
        self._log.warn("worker {number}: {line}", number=number, line=line)

    def ended(self, number: int, how: str) -> None:
        """@param how: what ended it, or why it could not be started."""
        del self._running[number]
        self._registry.end(number)
        self._registry.running = len(self._running)
        if self._stopped is not None:
            if not self._running:
                self._close()
        elif number not in self._served:
            # What keeps the first one from serving would keep each one from it.
            reason = f"worker {number} has ended before it served: {how}"
            # A daemon has no terminal.
            self._log.error("{reason}", reason=reason)
            self._fatal.stop(reason)
        else:
            self._log.warn("worker {number} has ended: {how}", number=number, how=how)

    def _close(self) -> None:
        for listener in self._listeners:
            listener.port.stopListening()
        self._sockets.close()
        stopped, self._stopped = self._stopped, None
        assert stopped is not None
        stopped.callback(None)

    def _followLog(self) -> None:
        # The files of the log are the same: all begin anew when the main process is asked to.
        before = signal.getsignal(signal.SIGUSR1)
        if not callable(before):
            return

        def handle(number: int, frame: Any) -> None:
            before(number, frame)
            for process in list(self._running.values()):
                # Before it serves, the signal would end it; and it is about to open the new file.
                if process.serves:
                    process.signal(signal.SIGUSR1)

        signal.signal(signal.SIGUSR1, handle)


def _how(reason: Failure) -> str:
    value: Any = reason.value
    if getattr(value, "signal", None) is not None:
        return f"signal {signal.Signals(value.signal).name}"
    return f"status {value.exitCode}"
