"""
A stream that several nodes share, with a clock of its own and every fault a network has.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

from tests.support.chat import NOON
from tsservices.cluster.broker import (
    ACKNOWLEDGE_SECONDS,
    BrokerListener,
    ClusterIdentity,
    SnapshotInfo,
    StreamMessage,
    StreamState,
)
from tsservices.common.timestamps import NANOSECONDS

#: Of every stream here.
IDENTITY = ClusterIdentity("epoch", "log", 1000, bytes(32))

#: Has something called after so many seconds.
CallLater = Callable[[float, Callable[[], object]], object]


class Timeline:
    """
    What is to happen when.

    @ivar now: the time in seconds.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def seconds(self) -> float:
        return self.now

    def stamp(self) -> int:
        return NOON + int(self.now * NANOSECONDS)

    def later(self, delay: float, what: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay, self._count, what))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            self.now, _, what = heapq.heappop(self._queue)
            what()
        self.now = until


class SimulatedNetwork:
    """The stream."""

    def __init__(self, timeline: Timeline, chance: Random) -> None:
        self.timeline = timeline
        self.random = chance
        self.messages: list[StreamMessage] = []
        self.leaderless = False
        self.faultRate = 0.0
        self._brokers: list[SimulatedBroker] = []

    def connect(self, later: CallLater) -> SimulatedBroker:
        engine = SimulatedBroker(self, later)
        self._brokers.append(engine)
        return engine

    def disconnect(self, engine: SimulatedBroker) -> None:
        self._brokers.remove(engine)

    def append(self, data: bytes) -> None:
        if self.leaderless:
            # Who has it tries until somebody takes it.
            self.timeline.later(0.5, lambda: self.append(data))
            return
        self.messages.append(StreamMessage(len(self.messages) + 1, self.timeline.stamp(), data))
        for engine in self._brokers:
            engine.wake()


class SimulatedBroker:
    """
    What one node reaches the stream by.

    @ivar delay: seconds that everything takes on its way to it.
    """

    def __init__(self, net: SimulatedNetwork, later: CallLater) -> None:
        self._network = net
        self._later = later
        self._next = 1
        self._listener: BrokerListener | None = None
        self.isCut = False
        self.delay = 0.0
        self.paused = False

    def open(
        self,
        founding: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        self.lastSequence(
            lambda last: (
                opened(StreamState(IDENTITY, 1, last))
                if last is not None
                else self._later(0.5, lambda: self.open(founding, opened, failed))
            )
        )

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        self._next, self._listener = number, listener
        self.wake()

    def wake(self) -> None:
        delay = 0.004 + self._network.random.random() * (0.01 + self.delay)
        self._later(delay, self._deliver)

    def _deliver(self) -> None:
        if self.isCut or self.paused or self._listener is None:
            return
        most = self._next - 1 + self._network.random.randint(1, 20)
        found = self._network.messages[self._next - 1 : most]
        if found:
            self._next += len(found)
            self._listener.delivered(found)
            self.wake()

    def publish(self, data: bytes) -> None:
        net = self._network
        chance = net.random
        later = net.timeline.later
        faulty = chance.random() < net.faultRate
        fate = chance.choice(("lost", "late", "unheard", "twice")) if faulty else ""
        if self.isCut:
            fate = "lost"
        if fate == "late":
            later(chance.random() * 15, lambda: net.append(data))
        elif fate != "lost":
            later(0.004, lambda: net.append(data))
        if fate == "twice":
            later(chance.random() * 3, lambda: net.append(data))
        if net.leaderless or fate in ("lost", "late", "unheard"):
            self._later(ACKNOWLEDGE_SECONDS, self._reportUncertain)

    def _reportUncertain(self) -> None:
        if self._listener is not None:
            self._listener.publishUncertain()

    def reconnect(self) -> None:
        self.isCut = False
        if self._listener is not None:
            self._listener.connected("there")
        self.wake()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        self.wake()

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        if self.isCut or self._network.leaderless:
            self._later(0.4, lambda: found(None))
            return
        last = len(self._network.messages)
        self._later(0.004, lambda: found(last))

    def latestSnapshot(self, found: Callable[[SnapshotInfo | None], object]) -> None:
        found(None)

    def getSnapshot(self, path: str, fetched: Callable[[str | None], object]) -> None:
        fetched("there are no snapshots here")

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, offered: Callable[[str | None], object]
    ) -> None:
        offered("there are no snapshots here")

    def stop(self, stopped: Callable[[], object]) -> None:
        self._listener = None
        stopped()
