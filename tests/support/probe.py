"""
Stand-ins for what surrounds the measuring client: its clocks and its wire.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tsservices.client.probe.reports.base import Output
from tsservices.client.probe.target import Target, Watcher
from tsservices.client.probe.wires.base import Listener, Reply, Sent, Times, WireError
from tsservices.stamp.stats.result import Departure, Outcome, State
from tsservices.stamp.stats.summary import Tally

EPOCH = 1_795_000_000_000_000_000
"""
Nanoseconds since 1970 at the start of each test.
"""

MILLISECOND = 1_000_000
"""
Nanoseconds.
"""


def timesOf(clock: Clock) -> Times:
    """
    @param clock: of the test.
    @return: clocks that go as it does.
    """
    return Times(lambda: round(clock.seconds() * 1e9), lambda: EPOCH + round(clock.seconds() * 1e9))


class FakeWire:
    """
    A wire on which the test answers.

    @ivar sent: the numbers of all packets.
    @ivar failure: what the next packets meet.
    """

    label = "STAMP"
    size = 44

    def __init__(self, times: Times) -> None:
        """
        @param times: of the test.
        """
        self.sent: list[int] = []
        self.failure: WireError | None = None
        self.closed = False
        self._times = times
        self._listener: Listener | None = None
        self._answer: Callable[[int], None] | None = None

    def open(self, listener: Listener) -> Deferred[None]:
        """
        @param listener: is told what happens.
        @return: has fired.
        """
        self._listener = listener
        return succeed(None)

    def answering(self, answer: Callable[[int], None]) -> None:
        """
        @param answer: is called with the number of each packet.
        """
        self._answer = answer

    def send(self, sequence: int) -> Sent:
        """
        @param sequence: the number of the packet.
        @return: when.
        @raise WireError: the test wants it.
        """
        self.sent.append(sequence)
        if self.failure is not None:
            raise self.failure
        sent = Sent(self._times.monotonic(), self._times.wall())
        if self._answer is not None:
            self._answer(sequence)
        return sent

    def stamp(self, sequence: int, before: int = 0) -> None:
        """
        Say when a packet left.

        @param sequence: its number.
        @param before: nanoseconds before now.
        """
        assert self._listener is not None
        self._listener.stamped(sequence, self._times.wall() - before)

    def reply(
        self,
        sequence: int,
        up: int | None = None,
        server: int = 0,
        down: int = 0,
        counted: int | None = None,
        departure: Departure | None = None,
    ) -> None:
        """
        Have a reply arrive now.

        @param sequence: the number of the packet.
        @param up: nanoseconds of the way up; L{None} for a server that does not tell.
        @param server: nanoseconds in the server.
        @param down: nanoseconds of the way down, offset of the clocks included.
        @param counted: the reflector's number.
        @param departure: what the reply tells of the one before it.
        """
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

    def fail(self, sequence: int | None, state: State, reason: str) -> None:
        """
        Have the network tell of a packet.

        @param sequence: its number.
        @param state: what became of it.
        @param reason: in words.
        """
        assert self._listener is not None
        self._listener.failed(sequence, state, reason)

    def facts(self) -> dict[str, int | None]:
        """
        @return: nothing.
        """
        return {}

    def close(self) -> Deferred[None]:
        """
        @return: has fired.
        """
        self.closed = True
        return succeed(None)


class Witness:
    """
    Keeps what happens.

    @ivar outcomes: of all packets.
    @ivar waiting: packets that were still waited for.
    @ivar ends: how often nothing was on its way.
    """

    def __init__(self) -> None:
        """
        Nothing has happened.
        """
        self.outcomes: list[Outcome] = []
        self.waiting: list[int] = []
        self.ends = 0

    def happened(self, target: Target, outcome: Outcome) -> None:
        """
        @param target: the one.
        @param outcome: is kept.
        """
        self.outcomes.append(outcome)

    def waited(self, target: Target, sequence: int) -> None:
        """
        @param target: the one.
        @param sequence: is kept.
        """
        self.waiting.append(sequence)

    def settled(self, target: Target) -> None:
        """
        @param target: the one.
        """
        self.ends += 1

    def states(self) -> list[tuple[int, str]]:
        """
        @return: numbers and states of all outcomes.
        """
        return [(each.sequence, each.state.value) for each in self.outcomes]


def targetOn(
    clock: Clock, watcher: Watcher, timeout: float = 1.0, name: str = "host.example"
) -> tuple[Target, FakeWire]:
    """
    @param clock: of the test.
    @param watcher: is told what happens.
    @param timeout: seconds.
    @param name: of the host.
    @return: a target that has begun, and the wire to it.
    """
    times = timesOf(clock)
    wire = FakeWire(times)
    target = Target(name, "192.0.2.1", 21576, wire, Tally(), clock, times, timeout, watcher)
    wire.open(target)
    target.begin(0)
    return target, wire


class Streams:
    """
    Standard output and error of a test.

    @ivar out: the output.
    @ivar errors: the other.
    @ivar gone: how often it was told that nobody reads.
    """

    def __init__(self) -> None:
        """
        Nothing is written yet.
        """
        self.out = io.StringIO()
        self.errors = io.StringIO()
        self.gone = 0

    def output(self) -> Output:
        """
        @return: what writes to them.
        """

        def gone() -> None:
            """
            Nobody reads any more.
            """
            self.gone += 1

        return Output(self.out, self.errors, gone)
