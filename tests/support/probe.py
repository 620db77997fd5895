"""
Stand-ins for what surrounds the measuring client: its clocks and its wire.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tsservices.client.probe.reports.base import Output, Reporter
from tsservices.client.probe.target import ProbeTarget, TargetConfig, TargetListener
from tsservices.client.probe.wires.base import (
    Clocks,
    Reply,
    SendError,
    SendTimes,
    TransportListener,
)
from tsservices.stamp.stats.follow_up import FollowUpInfo
from tsservices.stamp.stats.result import ProbeResult, ProbeState

#: Nanoseconds since 1970 at the start of each test.
EPOCH = 1_795_000_000_000_000_000

#: Nanoseconds.
MILLISECOND = 1_000_000


def clocksOf(clock: Clock) -> Clocks:
    return Clocks(
        lambda: round(clock.seconds() * 1e9), lambda: EPOCH + round(clock.seconds() * 1e9)
    )


class FakeTransport:
    """A wire on which the test answers."""

    label = "STAMP"
    size = 44

    def __init__(self, times: Clocks) -> None:
        self.sent: list[int] = []
        self.failure: SendError | None = None
        self.closed = False
        self._times = times
        self._listener: TransportListener | None = None
        self._answer: Callable[[int], None] | None = None

    def open(self, listener: TransportListener) -> Deferred[None]:
        self._listener = listener
        return succeed(None)

    def replyWith(self, answer: Callable[[int], None]) -> None:
        self._answer = answer

    def send(self, sequence: int) -> SendTimes:
        self.sent.append(sequence)
        if self.failure is not None:
            raise self.failure
        sent = SendTimes(self._times.monotonic(), self._times.wall())
        if self._answer is not None:
            self._answer(sequence)
        return sent

    def stamp(self, sequence: int, before: int = 0) -> None:
        assert self._listener is not None
        self._listener.stamped(sequence, self._times.wall() - before)

    def reply(
        self,
        sequence: int,
        up: int | None = None,
        server: int = 0,
        down: int = 0,
        counted: int | None = None,
        departure: FollowUpInfo | None = None,
    ) -> None:
        assert self._listener is not None
        received = self._times.wall()
        returned = None if up is None else received - down
        self._listener.replied(
            Reply(
                sequence,
                self._times.monotonic(),
                received,
                True,
                44,
                None if returned is None else returned - server,
                returned,
                counted,
                64,
                departure,
            )
        )

    def fail(self, sequence: int | None, state: ProbeState, reason: str) -> None:
        assert self._listener is not None
        self._listener.failed(sequence, state, reason)

    def kernelTimes(self) -> dict[str, int | None]:
        return {}

    def close(self) -> Deferred[None]:
        self.closed = True
        return succeed(None)


class RecordingListener:
    """Keeps what happens."""

    def __init__(self) -> None:
        self.results: list[ProbeResult] = []
        self.overdueSequences: list[int] = []
        self.idleCount = 0

    def resultReady(self, target: ProbeTarget, outcome: ProbeResult) -> None:
        self.results.append(outcome)

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        self.overdueSequences.append(sequence)

    def idle(self, target: ProbeTarget) -> None:
        self.idleCount += 1

    def states(self) -> list[tuple[int, str]]:
        return [(each.sequence, each.state.value) for each in self.results]


def targetOn(
    clock: Clock, watcher: TargetListener, timeout: float = 1.0, name: str = "host.example"
) -> tuple[ProbeTarget, FakeTransport]:
    times = clocksOf(clock)
    wire = FakeTransport(times)
    config = TargetConfig(name, "192.0.2.1", 21576, timeout)
    target = ProbeTarget(config, wire, clock, times, watcher)
    wire.open(target)
    target.start(0)
    return target, wire


def play(clock: Clock, reporter: Reporter) -> ProbeTarget:
    """Four packets: one answered, one refused, one answered late, one answered twice."""

    class Telling(RecordingListener):
        def resultReady(self, target: ProbeTarget, outcome: ProbeResult) -> None:
            reporter.resultReady(target, outcome)

        def overdue(self, target: ProbeTarget, sequence: int) -> None:
            reporter.overdue(target, sequence)

    def answer(sequence: int, up: int, server: int, down: int, counted: int) -> None:
        wire.stamp(sequence, before=(up + server + down) * MILLISECOND)
        wire.reply(sequence, up * MILLISECOND, server * MILLISECOND, down * MILLISECOND, counted)

    target, wire = targetOn(clock, Telling())
    reporter.started([target])
    target.sendNext(0, 0)
    clock.advance(0.005)
    answer(0, 1, 1, 2, 0)
    target.sendNext(0, 0)
    wire.fail(1, ProbeState.REFUSED, "connection refused")
    target.sendNext(0, 0)
    target.sendNext(0, 0)
    clock.advance(0.005)
    answer(3, -6, 2, 10, 1)
    answer(3, -6, 2, 10, 1)
    clock.advance(0.995)
    wire.reply(2, up=0, server=MILLISECOND, down=999 * MILLISECOND, counted=2)
    return target


class Streams:
    """Standard output and error of a test."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.errors = io.StringIO()
        self.gone = 0

    def output(self) -> Output:

        def gone() -> None:
            self.gone += 1

        return Output(self.out, self.errors, gone)
