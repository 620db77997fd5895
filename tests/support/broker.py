"""
An engine that does what the test says, when it says so.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.support.chat import NOON
from tsservices.cluster.broker import Delivery, EngineListener, Founding, Snapshot, Stream
from tsservices.common.timestamps import NANOSECONDS


class HandEngine:
    """
    The engine.

    @see: L{tsservices.cluster.broker.Engine}
    @see: L{tsservices.cluster.status.Connected}
    @ivar founding: what the stream was to be made with.
    @ivar newest: the snapshot that there is.
    @ivar asked: who wants to know of it, while C{slow}.
    @ivar slow: whether that waits for the test.
    @ivar number: of the message from which on they are wanted.
    @ivar messages: that were published, and have no place yet.
    @ivar placed: those that have.
    @ivar end: the number of the last message of the stream.
    @ivar fetches: where snapshots are to go, and who waits for them.
    @ivar offers: snapshots, their files, and who waits for that.
    @ivar dumb: whether it does not even say that it has ended.
    @ivar stops: who waits for that.
    """

    def __init__(self) -> None:
        """
        Nothing was asked for.
        """
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
        """
        @param founding: noted.
        @param opened: noted.
        @param failed: noted.
        """
        self.founding, self.opened, self.failed = founding, opened, failed

    def find(self, stream: Stream) -> None:
        """
        @param stream: is what there is.
        """
        self.where, self.connections, self.end = "nats://here:4222", 1, stream.last
        assert self.opened is not None
        self.opened(stream)

    def found(self) -> None:
        """
        The stream was not there, and has been made.
        """
        assert self.founding is not None
        self.find(Stream(self.founding, 1, 0, True))

    def subscribe(self, number: int, listener: EngineListener) -> None:
        """
        @param number: noted.
        @param listener: noted.
        """
        self.number, self.listener = number, listener

    def publish(self, data: bytes) -> None:
        """
        @param data: waits for L{deliver}.
        """
        self.messages.append(data)

    def deliver(self, *others: bytes) -> None:
        """
        All that was published gets its place, and what comes of it does, too.

        @param others: what other nodes have published before.
        """
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
        """
        @param paused: not looked at.
        """

    def last(self, found: Callable[[int | None], object]) -> None:
        """
        @param found: gets the number of the last message.
        """
        found(self.end)

    def snapshot(self, found: Callable[[Snapshot | None], object]) -> None:
        """
        @param found: gets the newest one, or waits for the test.
        """
        if self.slow:
            self.asked.append(found)
        else:
            found(self.newest)

    def fetch(self, path: str, fetched: Callable[[str | None], object]) -> None:
        """
        @param path: noted.
        @param fetched: noted.
        """
        self.fetches.append((path, fetched))

    def offer(self, snapshot: Snapshot, path: str, offered: Callable[[str | None], object]) -> None:
        """
        @param snapshot: noted.
        @param path: noted.
        @param offered: noted.
        """
        self.offers.append((snapshot, path, offered))

    def stop(self, stopped: Callable[[], object]) -> None:
        """
        @param stopped: is called at once, or never.
        """
        self.stops.append(stopped)
        if not self.dumb:
            stopped()
