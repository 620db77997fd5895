"""
The main process of several workers that serve the same ports.

The main process serves nothing itself.  It binds the sockets of all workers
(L{tsservices.transport.shared_sockets}), starts each worker with its sockets, starts it again
when it has ended, adds up the counters of the workers, and stops them when it stops.  Twisted's
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

# Options of twistd that are passed on to workers, mainly about the log.  User, folder and umask
# need no options, because child processes inherit them.
_OF_TWISTD = ("reactor", "logfile", "logger", "prefix")

#: The module that a worker runs.
MODULE = "tsservices.server.worker"

#: The most bytes of a report, and of a line on a worker's standard error.
REPORT_BYTES = 1 << 20

#: Seconds until a worker that does not stop is killed: a little more than a stop can take.
STOP_SECONDS = 8.0

#: The longest delay in seconds before a worker that keeps failing is started again.
LONGEST_DELAY = 60.0

#: If a worker ends within so many seconds, the delay before its next start grows.  On a slow
#: machine a failing start takes several seconds itself.
SHORT_LIFE = 20.0

#: Counters of the present state.  They are not added up for processes that have ended.
GAUGES = frozenset({"open"})

_LOG = Logger("tsservices")


def workerCommand(parent: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """
    Make the arguments of twistd for a worker.

    @param parent: the options of twistd.
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
    The sums of the counters of all workers.

    @ivar running: the number of workers that run now.
    @ivar started: the number of starts of workers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running = self.started = 0
        self._ended: list[Counter[str]] = []
        self._reported: dict[int, list[dict[str, Any]]] = {}

    def report(self, worker: int, entries: list[dict[str, Any]]) -> None:
        """@param entries: the snapshot of the worker's registry."""
        self._reported[worker] = entries

    def end(self, worker: int) -> None:
        """Keep the counts of a worker that has ended."""
        for index, entry in enumerate(self._reported.pop(worker, ())):
            while len(self._ended) <= index:
                self._ended.append(Counter())
            _add(self._ended[index], {key: entry[key] for key in entry if key not in GAUGES})

    def snapshot(self) -> list[dict[str, object]]:
        # Each worker has the same places as this process, in the same order.
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
        # Other values are labels, and so is the port number.
        if type(value) is int and key != "port":
            sums[key] += value


class WorkerProcess(ProcessProtocol):
    """
    The main process's protocol of a running worker.

    @ivar serves: whether the worker has reported, which means that it serves.
    """

    serves = False

    def __init__(self, number: int, owner: WorkersService, monitored: LoggingProtocol) -> None:
        """@param monitored: the protocol by which L{ProcessMonitor} watches the process."""
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
        """Handle a failed start as an end, since the monitor would log a traceback of the error."""
        self.makeConnection(None)
        self._owner.ended(self.number, str(error))
        self._monitored.processEnded(Failure(ProcessTerminated()))

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess(number)  # type: ignore[union-attr]


class _Starter:
    # A stand-in for the reactor: adds the descriptors, which ProcessMonitor does not support.
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
    Starts and stops the workers, and maintains C{ports.json}.

    It owns the bound sockets from L{startService} on.
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
        # Imported here because it imports the reactor, which has to be chosen before.
        from twisted.runner.procmon import ProcessMonitor

        self._monitor = ProcessMonitor(cast(Any, _Starter(reactor, self)))
        self._monitor.killTime = STOP_SECONDS  # type: ignore[assignment]
        self._monitor.maxRestartDelay = LONGEST_DELAY  # type: ignore[assignment]
        self._monitor.threshold = SHORT_LIFE  # type: ignore[assignment]
        for number in self._descriptors:
            # The number is also an argument, so that ps shows it.
            words = [sys.executable, "-m", MODULE, str(number), *command]
            environ = {**os.environ, **WorkerPlace(number, places).asEnvironment()}
            self._monitor.addProcess(str(number), words, env=environ)

    def startService(self) -> None:
        super().startService()
        self._followLog()
        self._monitor.startService()
        # All sockets listen already; connections and datagrams wait until the workers serve.
        self._ports.write(self._listeners)

    def stopService(self) -> Deferred[None]:
        """Stop all workers; fires when they have ended and all sockets are closed."""
        super().stopService()
        self._ports.remove()
        stopped = self._stopped = Deferred()
        self._monitor.stopService()
        if not self._running:
            self._close()
        return stopped

    def starting(self, monitored: LoggingProtocol) -> tuple[WorkerProcess, dict[int, Any]]:
        """Make the protocol of a starting worker, and the map of its descriptors."""
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
        """@param how: the signal or status of the worker, or why it could not be started."""
        del self._running[number]
        self._registry.end(number)
        self._registry.running = len(self._running)
        if self._stopped is not None:
            if not self._running:
                self._close()
        elif number not in self._served:
            # A worker that never served would fail again at each start.
            reason = f"worker {number} has ended before it served: {how}"
            # Logged too, because a daemon has no terminal.
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
        # All processes write the same log files, so all reopen them when the main process does.
        before = signal.getsignal(signal.SIGUSR1)
        if not callable(before):
            return

        def handle(number: int, frame: Any) -> None:
            before(number, frame)
            for process in list(self._running.values()):
                # Before a worker serves, the signal would end it; and it will open the new file.
                if process.serves:
                    process.signal(signal.SIGUSR1)

        signal.signal(signal.SIGUSR1, handle)


def _how(reason: Failure) -> str:
    value: Any = reason.value
    if getattr(value, "signal", None) is not None:
        return f"signal {signal.Signals(value.signal).name}"
    return f"status {value.exitCode}"
