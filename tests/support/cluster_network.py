"""
A stream shared by several simulated nodes, with its own clock and all faults of a network.
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

#: The identity of every simulated stream.
IDENTITY = ClusterIdentity("epoch", "log", 1000, bytes(32))

#: Calls a function after a number of seconds.
CallLater = Callable[[float, Callable[[], object]], object]


class Timeline:
    """A clock and its scheduled calls."""

    def __init__(self) -> None:
        self.now = 100.0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def seconds(self) -> float:
        return self.now

    def stamp(self) -> int:
        return NOON + int(self.now * NANOSECONDS)

    def callLater(self, delay: float, call: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay, self._count, call))

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            self.now, _, call = heapq.heappop(self._queue)
            call()
        self.now = until


class SimulatedNetwork:
    """The stream: it stores messages, unless it is leaderless, and loses or duplicates some."""

    def __init__(self, timeline: Timeline, random: Random) -> None:
        self.timeline = timeline
        self.random = random
        self.messages: list[StreamMessage] = []
        self.leaderless = False
        self.faultRate = 0.0
        self._brokers: list[SimulatedBroker] = []

    def connect(self, later: CallLater) -> SimulatedBroker:
        broker = SimulatedBroker(self, later)
        self._brokers.append(broker)
        return broker

    def disconnect(self, broker: SimulatedBroker) -> None:
        self._brokers.remove(broker)

    def append(self, data: bytes) -> None:
        if self.leaderless:
            # The network holds the message, and retries until there is a leader.
            self.timeline.callLater(0.5, lambda: self.append(data))
            return
        self.messages.append(StreamMessage(len(self.messages) + 1, self.timeline.stamp(), data))
        for broker in self._brokers:
            broker.scheduleDelivery()


class SimulatedBroker:
    """
    The broker of one node.

    @ivar delay: seconds that each delivery takes.
    """

    def __init__(self, net: SimulatedNetwork, later: CallLater) -> None:
        self._network = net
        self._callLater = later
        self._next = 1
        self._listener: BrokerListener | None = None
        self.isCut = False
        self.delay = 0.0
        self.paused = False

    def open(
        self,
        identity: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        self.lastSequence(
            lambda last: (
                opened(StreamState(IDENTITY, 1, last))
                if last is not None
                else self._callLater(0.5, lambda: self.open(identity, opened, failed))
            )
        )

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        self._next, self._listener = number, listener
        self.scheduleDelivery()

    def scheduleDelivery(self) -> None:
        delay = 0.004 + self._network.random.random() * (0.01 + self.delay)
        self._callLater(delay, self._deliver)

    def _deliver(self) -> None:
        if self.isCut or self.paused or self._listener is None:
            return
        end = self._next - 1 + self._network.random.randint(1, 20)
        messages = self._network.messages[self._next - 1 : end]
        if messages:
            self._next += len(messages)
            self._listener.delivered(messages)
            self.scheduleDelivery()

    def publish(self, data: bytes) -> None:
        net = self._network
        random = net.random
        later = net.timeline.callLater
        faulty = random.random() < net.faultRate
        fate = random.choice(("lost", "late", "unanswered", "twice")) if faulty else ""
        if self.isCut:
            fate = "lost"
        if fate == "late":
            later(random.random() * 15, lambda: net.append(data))
        elif fate != "lost":
            later(0.004, lambda: net.append(data))
        if fate == "twice":
            later(random.random() * 3, lambda: net.append(data))
        if net.leaderless or fate in ("lost", "late", "unanswered"):
            self._callLater(ACKNOWLEDGE_SECONDS, self._reportUncertain)

    def _reportUncertain(self) -> None:
        if self._listener is not None:
            self._listener.publishUncertain()

    def reconnect(self) -> None:
        self.isCut = False
        if self._listener is not None:
            self._listener.connected("there")
        self.scheduleDelivery()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        self.scheduleDelivery()

    def lastSequence(self, done: Callable[[int | None], object]) -> None:
        if self.isCut or self._network.leaderless:
            self._callLater(0.4, lambda: done(None))
            return
        last = len(self._network.messages)
        self._callLater(0.004, lambda: done(last))

    def latestSnapshot(self, done: Callable[[SnapshotInfo | None], object]) -> None:
        done(None)

    def getSnapshot(self, path: str, done: Callable[[str | None], object]) -> None:
        done("there are no snapshots here")

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, done: Callable[[str | None], object]
    ) -> None:
        done("there are no snapshots here")

    def stop(self, stopped: Callable[[], object]) -> None:
        self._listener = None
        stopped()
