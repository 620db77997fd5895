"""A broker whose answers and deliveries are controlled by the test."""

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


class ScriptedBroker:
    def __init__(self) -> None:
        self.identity: ClusterIdentity | None = None
        self.onOpened: Callable[[StreamState], object] | None = None
        self.onFailed: Callable[[str], object] | None = None
        self.newestSnapshot: SnapshotInfo | None = None
        self.delaySnapshots = False
        self.snapshotRequests: list[Callable[[SnapshotInfo | None], object]] = []
        self.firstSequence = 0
        self.listener: BrokerListener | None = None
        self.pending: list[bytes] = []
        self.stored: list[bytes] = []
        self.streamEnd = 0
        self.snapshotGets: list[tuple[str, Callable[[str | None], object]]] = []
        self.snapshotPuts: list[tuple[SnapshotInfo, str, Callable[[str | None], object]]] = []
        self.neverStops = False
        self.stops: list[Callable[[], object]] = []
        self.where = ""
        self.connections = 0
        self.lastError = ""
        self.published = 0
        self.doubts = 0
        self.resubscriptions = 0

    def open(
        self,
        identity: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        self.identity, self.onOpened, self.onFailed = identity, opened, failed

    def openStream(self, stream: StreamState) -> None:
        self.where, self.connections, self.streamEnd = "nats://here:4222", 1, stream.last
        assert self.onOpened is not None
        self.onOpened(stream)

    def createStream(self) -> None:
        assert self.identity is not None
        self.openStream(StreamState(self.identity, 1, 0, True))

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        self.firstSequence, self.listener = number, listener

    def publish(self, data: bytes) -> None:
        self.pending.append(data)

    def deliver(self, *foreign: bytes) -> None:
        # Also delivers the messages published as a result.
        assert self.listener is not None
        self.pending[:0] = foreign
        while self.pending:
            messages, self.pending = self.pending, []
            self.stored += messages
            first = self.streamEnd + 1
            self.streamEnd += len(messages)
            self.published += len(messages)
            stamp = NOON + self.streamEnd * NANOSECONDS
            self.listener.delivered(
                [StreamMessage(first + place, stamp, data) for place, data in enumerate(messages)]
            )

    def pause(self, paused: bool) -> None:
        pass

    def lastSequence(self, done: Callable[[int | None], object]) -> None:
        done(self.streamEnd)

    def latestSnapshot(self, done: Callable[[SnapshotInfo | None], object]) -> None:
        if self.delaySnapshots:
            self.snapshotRequests.append(done)
        else:
            done(self.newestSnapshot)

    def getSnapshot(self, path: str, done: Callable[[str | None], object]) -> None:
        self.snapshotGets.append((path, done))

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, done: Callable[[str | None], object]
    ) -> None:
        self.snapshotPuts.append((snapshot, path, done))

    def stop(self, stopped: Callable[[], object]) -> None:
        self.stops.append(stopped)
        if not self.neverStops:
            stopped()
