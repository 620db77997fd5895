"""
An engine that does what the test says, when it says so.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.support.chat import NOON
from tsservices.cluster.broker import Delivery, EngineListener, Founding, Snapshot, Stream
from tsservices.common.timestamps import NANOSECONDS


class HandEngine:
    """The engine."""

    def __init__(self) -> None:
        self.founding: Founding | None = None
        self.opened: Callable[[Stream], object] | None = None
        self.failed: Callable[[str], object] | None = None
        self.newest: Snapshot | None = None
        self.slow = False
        self.asked: list[Callable[[Snapshot | None], object]] = []
        self.number = 0
        self.listener: EngineListener | None = None
        self.messages: list[bytes] = []
        self.placed: list[bytes] = []
        self.end = 0
        self.fetches: list[tuple[str, Callable[[str | None], object]]] = []
        self.offers: list[tuple[Snapshot, str, Callable[[str | None], object]]] = []
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
        founding: Founding | None,
        opened: Callable[[Stream], object],
        failed: Callable[[str], object],
    ) -> None:
        self.founding, self.opened, self.failed = founding, opened, failed

    def find(self, stream: Stream) -> None:
        self.where, self.connections, self.end = "nats://here:4222", 1, stream.last
        assert self.opened is not None
        self.opened(stream)

    def found(self) -> None:
        assert self.founding is not None
        self.find(Stream(self.founding, 1, 0, True))

    def subscribe(self, number: int, listener: EngineListener) -> None:
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
                [Delivery(first + place, stamp, data) for place, data in enumerate(messages)]
            )

    def pause(self, paused: bool) -> None:
        pass

    def last(self, found: Callable[[int | None], object]) -> None:
        found(self.end)

    def snapshot(self, found: Callable[[Snapshot | None], object]) -> None:
        if self.slow:
            self.asked.append(found)
        else:
            found(self.newest)

    def fetch(self, path: str, fetched: Callable[[str | None], object]) -> None:
        self.fetches.append((path, fetched))

    def offer(self, snapshot: Snapshot, path: str, offered: Callable[[str | None], object]) -> None:
        self.offers.append((snapshot, path, offered))

    def stop(self, stopped: Callable[[], object]) -> None:
        self.stops.append(stopped)
        if not self.dumb:
            stopped()
