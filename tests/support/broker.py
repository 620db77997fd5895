"""
An engine that does what the test says, when it says so.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.support.chat import NOON
from tsservices.cluster.broker import (
    BrokerListener,
    ClusterIdentity,
    SnapshotInfo,
    StreamMessage,
    StreamState,
)
from tsservices.common.timestamps import NANOSECONDS


class HandEngine:
    """The engine."""

    def __init__(self) -> None:
        self.founding: ClusterIdentity | None = None
        self.opened: Callable[[StreamState], object] | None = None
        self.failed: Callable[[str], object] | None = None
        self.newest: SnapshotInfo | None = None
        self.slow = False
        self.asked: list[Callable[[SnapshotInfo | None], object]] = []
        self.number = 0
        self.listener: BrokerListener | None = None
        self.messages: list[bytes] = []
        self.placed: list[bytes] = []
        self.end = 0
        self.fetches: list[tuple[str, Callable[[str | None], object]]] = []
        self.offers: list[tuple[SnapshotInfo, str, Callable[[str | None], object]]] = []
        self.dumb = False
        self.stops: list[Callable[[], object]] = []
        self.where = ""
        self.connections = 0
        self.delivered = 0
        self.lastError = ""
        self.published = 0
        self.doubts = 0
        self.resubscriptions = 0

    def open(
        self,
        founding: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        self.founding, self.opened, self.failed = founding, opened, failed

    def find(self, stream: StreamState) -> None:
        self.where, self.connections, self.end = "nats://here:4222", 1, stream.last
        assert self.opened is not None
        self.opened(stream)

    def found(self) -> None:
        assert self.founding is not None
        self.find(StreamState(self.founding, 1, 0, True))

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        self.number, self.listener = number, listener

    def publish(self, data: bytes) -> None:
        self.messages.append(data)

    def deliver(self, *others: bytes) -> None:
        """All that was published gets its place, and what comes of it does, too."""
        assert self.listener is not None
        self.messages[:0] = others
        while self.messages:
            messages, self.messages = self.messages, []
            self.placed += messages
            first = self.end + 1
            self.end += len(messages)
            self.published += len(messages)
            stamp = NOON + self.end * NANOSECONDS
            self.listener.delivered(
                [StreamMessage(first + place, stamp, data) for place, data in enumerate(messages)]
            )

    def pause(self, paused: bool) -> None:
        pass

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        found(self.end)

    def snapshot(self, found: Callable[[SnapshotInfo | None], object]) -> None:
        if self.slow:
            self.asked.append(found)
        else:
            found(self.newest)

    def getSnapshot(self, path: str, fetched: Callable[[str | None], object]) -> None:
        self.fetches.append((path, fetched))

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, offered: Callable[[str | None], object]
    ) -> None:
        self.offers.append((snapshot, path, offered))

    def stop(self, stopped: Callable[[], object]) -> None:
        self.stops.append(stopped)
        if not self.dumb:
            stopped()
