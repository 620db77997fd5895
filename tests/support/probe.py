"""Fakes for the probe: its clocks, its transport and its streams."""

from __future__ import annotations

import io
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.reports.base import Output, Reporter
from tsservices.client.probe.target import ProbeTarget, TargetConfig, TargetListener
from tsservices.client.probe.wires.base import (
    Clocks,
    PathMTU,
    Reading,
    Reply,
    SendError,
    TransportListener,
)
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.errors import ErrorReport
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.result import ProbeResult, ProbeState

#: Nanoseconds since 1970 at the start of each test.
EPOCH = 1_795_000_000_000_000_000

#: Nanoseconds.
MILLISECOND = 1_000_000


def clocksOf(clock: Clock, step: Callable[[], int] = lambda: 0) -> Clocks:
    def monotonic() -> int:
        return round(clock.seconds() * 1e9)

    return Clocks(monotonic, lambda: EPOCH + monotonic() + step())


class FakeTransport:
    """A transport whose replies are given by the test."""

    label = "STAMP"
    size = 44

    def __init__(self, clocks: Clocks) -> None:
        self.sent: list[int] = []
        self.failure: SendError | None = None
        self.closed = False
        self.drops = 0
        # The amount by which this host's clock was set.
        self.step = 0
        self.path: PathMTU | None = None
        self._times = clocks
        self._listener: TransportListener | None = None
        self._answer: Callable[[int], None] | None = None

    def open(self, listener: TransportListener) -> Deferred[None]:
        self._listener = listener
        return succeed(None)

    def replyWith(self, answer: Callable[[int], None]) -> None:
        self._answer = answer

    def send(self, sequence: int) -> Reading:
        self.sent.append(sequence)
        if self.failure is not None:
            raise self.failure
        sent = self._times.read()
        if self._answer is not None:
            self._answer(sequence)
        return sent

    def stamp(self, sequence: int, age: int = 0) -> None:
        assert self._listener is not None
        self._listener.stamped(sequence, self._times.wall() - age)

    def reply(
        self,
        sequence: int,
        up: int | None = None,
        server: int = 0,
        down: int = 0,
        number: int | None = None,
        followUp: FollowUpInfo | None = None,
        age: int = 0,
        kernel: bool = True,
    ) -> None:
        assert self._listener is not None
        received = self._times.wall() - age
        t3 = None if up is None else received - down
        self._listener.replied(
            Reply(
                sequence,
                self._times.monotonic(),
                received,
                kernel,
                44,
                None if t3 is None else t3 - server,
                t3,
                number,
                64,
                followUp,
            )
        )

    def fail(
        self,
        sequence: int | None,
        state: ProbeState,
        reason: str,
        error: ErrorReport | None = None,
    ) -> None:
        assert self._listener is not None
        self._listener.failed(sequence, state, reason, error)

    def overflowed(self) -> int:
        return self.drops

    def kernelTimes(self) -> dict[str, int | None]:
        return {}

    def pathMTU(self) -> PathMTU | None:
        return self.path

    def close(self) -> Deferred[None]:
        self.closed = True
        return succeed(None)


class RecordingListener:
    def __init__(self) -> None:
        self.results: list[ProbeResult] = []
        self.overdueSequences: list[int] = []
        self.idleCount = 0
        self.steps: list[ClockStep] = []
        self.changes: list[TargetChange] = []

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        self.changes.append(change)

    def joined(self, target: ProbeTarget) -> None:
        pass

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        self.results.append(result)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        self.overdueSequences.append(sequence)

    def idle(self, target: ProbeTarget) -> None:
        self.idleCount += 1

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        self.steps.append(step)

    def states(self) -> list[tuple[int, str]]:
        return [(result.sequence, result.state.value) for result in self.results]


def targetOn(
    clock: Clock,
    listener: TargetListener,
    timeout: float = 1.0,
    name: str = "host.example",
    stateful: bool | None = None,
) -> tuple[ProbeTarget, FakeTransport]:
    clocks = clocksOf(clock, lambda: transport.step)
    transport = FakeTransport(clocks)
    config = TargetConfig(name, "192.0.2.1", 21576, timeout, stateful)
    target = ProbeTarget(config, transport, clock, clocks, listener)
    transport.open(target)
    target.start(0)
    return target, transport


def play(clock: Clock, reporter: Reporter) -> ProbeTarget:
    """Simulate four packets: one answered, one refused, one answered late, one answered twice."""

    class Forwarding(RecordingListener):
        def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
            reporter.resultReady(target, result)

        def overdue(self, target: ProbeTarget, sequence: int) -> None:
            reporter.overdue(target, sequence)

        def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
            reporter.clockStepped(target, step)

    def answer(sequence: int, up: int, server: int, down: int, number: int) -> None:
        transport.stamp(sequence, age=(up + server + down) * MILLISECOND)
        transport.reply(
            sequence, up * MILLISECOND, server * MILLISECOND, down * MILLISECOND, number
        )

    target, transport = targetOn(clock, Forwarding())
    reporter.started([target])
    target.sendNext(0, 0)
    clock.advance(0.005)
    answer(0, 1, 1, 2, 0)
    target.sendNext(0, 0)
    transport.fail(1, ProbeState.REFUSED, "connection refused")
    target.sendNext(0, 0)
    target.sendNext(0, 0)
    clock.advance(0.005)
    answer(3, -6, 2, 10, 1)
    answer(3, -6, 2, 10, 1)
    clock.advance(0.995)
    transport.reply(2, up=0, server=MILLISECOND, down=999 * MILLISECOND, number=2)
    return target


class Streams:
    """Standard output and error of a test."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.errors = io.StringIO()
        self.closed = 0

    def output(self) -> Output:

        def closed() -> None:
            self.closed += 1

        return Output(self.out, self.errors, closed)
