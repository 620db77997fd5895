"""Tests for L{tsservices.server.workers} and L{tsservices.server.worker}."""

from __future__ import annotations

import errno
import json
import signal
from typing import Any
from unittest.mock import Mock

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.logs import gather
from tsservices.common.counters import CounterRegistry, StreamCounters
from tsservices.server.worker import VARIABLE, WorkerError, WorkerPlace, WorkerReport
from tsservices.server.workers import WorkersRegistry, WorkersService, workerCommand

PLACES = (("timestamp", "tcp"), ("hello", "udp"))


class Process:
    """What the reactor has started."""

    def __init__(self, protocol: Any, args: list[str], environ: Any, descriptors: Any) -> None:
        self.protocol = protocol
        self.args = args
        self.place = WorkerPlace.fromEnvironment(dict(environ))
        self.descriptors = descriptors
        self.signals: list[str | int] = []
        self.pid = 1
        protocol.makeConnection(self)

    def signalProcess(self, name: str | int) -> None:
        # As Twisted does, which knows few names.
        self.signals.append(name if name in ("HUP", "STOP", "INT", "KILL", "TERM") else int(name))

    def report(self, received: int, open: int) -> None:
        line = json.dumps([{"offering": "timestamp", "received": received, "open": open}])
        half = len(line) // 2
        self.protocol.childDataReceived(3, line[:half].encode())
        self.protocol.childDataReceived(3, line[half:].encode() + b"\n")

    def end(self, status: int = 0, number: int | None = None) -> None:
        bad = status or number
        reason = ProcessTerminated(status, number) if bad else ProcessDone(None)
        self.protocol.processEnded(Failure(reason))


class Spawning(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[Process] = []
        self.error: OSError | None = None

    def spawnProcess(
        self, protocol: Any, executable: str, args: Any, childFDs: Any, env: Any, **rest: Any
    ) -> None:
        if self.error is not None:
            raise self.error
        self.spawned.append(Process(protocol, args, env, childFDs))


class Sockets:
    closed = False

    def descriptors(self, first: list[int]) -> list[list[int]]:
        return [first, [21, 22]]

    def close(self) -> None:
        self.closed = True


class WorkersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.logged = gather(self)
        self.reactor = Spawning()
        self.sockets = Sockets()
        self.fatal: Any = Mock()
        self.ports: Any = Mock()
        self.listeners: list[Any] = [Mock(), Mock()]
        for index, listener in enumerate(self.listeners):
            listener.spec.service.name, listener.spec.transport = PLACES[index]
            listener.port.descriptor = 11 + index
        self.registry = WorkersRegistry()
        self.registry.add({"offering": "timestamp"}, StreamCounters())
        self.workers = WorkersService(
            ["--nodaemon", "tsserver"],
            self.listeners,
            self.sockets,  # type: ignore[arg-type]
            self.ports,
            self.registry,
            self.reactor,
            self.fatal,
        )
        before = signal.getsignal(signal.SIGUSR1)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        self.rotated: list[int] = []
        signal.signal(signal.SIGUSR1, lambda number, frame: self.rotated.append(number))
        self.workers.startService()
        self.spawned = self.reactor.spawned

    def counts(self) -> dict[str, object]:
        entry = self.registry.snapshot()[0]
        return {key: entry[key] for key in ("received", "open")}

    def test_descriptors(self) -> None:
        first, second = self.spawned
        self.assertEqual(first.descriptors, {0: "w", 1: 1, 2: "r", 3: "r", 4: 11, 5: 12})
        self.assertEqual(second.descriptors, {0: "w", 1: 1, 2: "r", 3: "r", 4: 21, 5: 22})
        self.assertEqual(second.place, WorkerPlace(2, PLACES))
        self.assertEqual(second.args[-3:], ["2", "--nodaemon", "tsserver"])
        self.ports.write.assert_called_once_with(self.listeners)

    def test_counters(self) -> None:
        first, second = self.spawned
        first.report(3, 1)
        second.report(4, 2)
        second.report(5, 2)
        self.assertEqual(self.counts(), {"received": 8, "open": 3})
        second.end(number=9)
        self.assertEqual(self.counts(), {"received": 8, "open": 1})
        self.reactor.advance(1)
        self.spawned[2].report(10, 1)
        self.assertEqual(self.counts(), {"received": 18, "open": 2})
        self.assertEqual(
            self.registry.snapshot()[-1], {"offering": "processes", "running": 2, "started": 3}
        )

    def test_startsAgain(self) -> None:
        first, second = self.spawned
        first.report(0, 0)
        self.reactor.advance(60)
        first.end(number=9)
        self.reactor.advance(0)
        third = self.spawned[2]
        self.assertEqual(third.descriptors, first.descriptors)
        self.assertEqual(third.place, first.place)
        self.assertIn("worker 1 has ended: signal SIGKILL", self.logged)
        # A successor that dies soon is no reason to stop: it is started again, ever later.
        self.reactor.advance(3)
        third.end(1)
        self.reactor.advance(0.9)
        self.assertEqual(len(self.spawned), 3)
        self.reactor.advance(0.1)
        self.assertEqual(len(self.spawned), 4)
        self.fatal.stop.assert_not_called()
        self.assertEqual(second.signals, [])

    def test_neverServed(self) -> None:
        first = self.spawned[0]
        first.protocol.childDataReceived(2, b"tsservices: no sock")
        first.protocol.childDataReceived(2, b"ets\n")
        first.end(1)
        self.assertIn("worker 1: tsservices: no sockets", self.logged)
        reason = "worker 1 has ended before it served: status 1"
        self.assertIn(reason, self.logged)
        self.fatal.stop.assert_called_once_with(reason)

    def test_notStarted(self) -> None:
        first, second = self.spawned
        first.report(0, 0)
        self.reactor.error = PermissionError(errno.EACCES, "Permission denied", "python")
        for process in (first, second):
            process.end(number=9)
        self.fatal.reset_mock()
        for seconds in (1, 2, 4):
            self.reactor.advance(seconds)
        self.assertEqual(
            self.logged.count("worker 1 has ended: [Errno 13] Permission denied: 'python'"), 3
        )
        self.fatal.stop.assert_called_with(
            "worker 2 has ended before it served: [Errno 13] Permission denied: 'python'"
        )
        self.successResultOf(self.workers.stopService())

    def test_stop(self) -> None:
        first, second = self.spawned
        first.report(0, 0)
        stopped = self.workers.stopService()
        self.ports.remove.assert_called_once_with()
        self.assertEqual([first.signals, second.signals], [["TERM"], ["TERM"]])
        first.report(7, 0)
        first.end()
        self.assertNoResult(stopped)
        self.assertFalse(self.sockets.closed)
        self.reactor.advance(8)
        self.assertEqual(second.signals, ["TERM", "KILL"])
        second.end(number=9)
        self.successResultOf(stopped)
        self.assertTrue(self.sockets.closed)
        self.assertEqual(self.counts(), {"received": 7, "open": 0})
        self.reactor.advance(100)
        self.assertEqual(len(self.spawned), 2)

    def test_log(self) -> None:
        first, second = self.spawned
        first.report(0, 0)
        signal.raise_signal(signal.SIGUSR1)
        self.assertEqual(self.rotated, [signal.SIGUSR1])
        self.assertEqual([first.signals, second.signals], [[signal.SIGUSR1], []])


@pytest.mark.parametrize(
    ("parent", "options"),
    [
        ({"nodaemon": True}, []),
        ({"nodaemon": True, "logfile": "-", "reactor": "poll"}, ["--reactor=poll", "--logfile=-"]),
        ({"nodaemon": False}, ["--logfile=twistd.log"]),
        ({"nodaemon": False, "syslog": True, "prefix": "ts"}, ["--prefix=ts", "--syslog"]),
        ({"nodaemon": False, "uid": 7, "pidfile": "x", "logfile": "/l"}, ["--logfile=/l"]),
    ],
)
def test_command(parent: dict[str, Any], options: list[str]) -> None:
    words = workerCommand(parent, ["--port", "1"])
    assert words == ["--nodaemon", "--pidfile=", *options, "tsserver", "--port", "1"]


class TestPlace:
    def test_environment(self) -> None:
        place = WorkerPlace(2, PLACES)
        environ = {"HOME": "/", **place.asEnvironment()}
        assert WorkerPlace.fromEnvironment(environ) == place
        assert list(place.descriptors) == [4, 5]
        # A program that a worker starts is none.
        assert VARIABLE not in environ
        assert WorkerPlace.fromEnvironment(environ) is None

    def test_check(self) -> None:
        place = WorkerPlace(2, PLACES)
        place.check(list(PLACES))
        with pytest.raises(WorkerError, match="has changed"):
            place.check([("timestamp", "tcp"), ("ack", "tcp")])


class StoppingClock(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.stop = Mock()


class ReportTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = StoppingClock()
        self.counters = StreamCounters()
        registry = CounterRegistry()
        registry.add({"offering": "ack"}, self.counters)
        self.transport = StringTransport()
        self.link: list[Any] = []

        def connect(protocol: Any) -> None:
            self.link.append(protocol)
            protocol.makeConnection(self.transport)

        self.report = WorkerReport(registry, self.reactor, connect)
        self.report.startService()

    def received(self) -> list[int]:
        data = self.transport.value()
        self.transport.clear()
        return [json.loads(line)[0]["received"] for line in data.splitlines()]

    def test_reports(self) -> None:
        self.assertEqual(self.received(), [0])
        self.reactor.advance(2)
        self.assertEqual(self.received(), [])
        self.counters.received = 3
        self.reactor.advance(2)
        self.assertEqual(self.received(), [3])
        self.counters.received = 4
        stopped = self.report.stopService()
        self.assertEqual(self.received(), [4])
        self.assertTrue(self.transport.disconnecting)
        self.assertNoResult(stopped)
        self.link[0].connectionLost()
        self.successResultOf(stopped)
        self.reactor.stop.assert_not_called()

    def test_mainProcessIsStopped(self) -> None:
        """What it does not read does not grow, and keeps nobody from stopping."""
        producer: Any = self.transport.producer
        producer.pauseProducing()
        self.counters.received = 3
        self.reactor.advance(2)
        self.assertEqual(self.received(), [0])
        producer.resumeProducing()
        self.reactor.advance(2)
        self.assertEqual(self.received(), [3])
        producer.pauseProducing()
        self.successResultOf(self.report.stopService())
        self.assertEqual(self.received(), [])

    def test_mainProcessEnds(self) -> None:
        self.link[0].connectionLost()
        self.reactor.stop.assert_called_once_with()
        self.successResultOf(self.report.stopService())
        self.assertEqual(self.received(), [0])

    def test_endsWhileStopping(self) -> None:
        self.report.stopService()
        self.link[0].connectionLost()
        self.reactor.stop.assert_not_called()
