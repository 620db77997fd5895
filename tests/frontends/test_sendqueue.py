"""Tests for L{tsservices.frontends.sendqueue}."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from twisted.internet.task import Clock

from tsservices.chat.outlet import Broadcast, BroadcastMember
from tsservices.common.limits import Limits
from tsservices.frontends.deferred import DeferredWrites
from tsservices.frontends.sendqueue import PIECE_BYTES, SLOW_FACTOR, SendQueue, SendQueuePool

#: The bounds of these tests.
LIMITS = Limits(chatPending=65_536, chatPendingAll=1_048_576, chatSlow=10)


class Sink:
    def __init__(self, reader: Reader) -> None:
        self.write = self.writeLast = reader.take
        self.member = self.bottomTransport = reader


class Reader:
    """
    One who is written to.

    @ivar overruns: how many bytes waited when these were too many.
    """

    write: Callable[[bytes], object]
    writeLast: Callable[[bytes], object]
    writeLater: Callable[[bytes], object]
    broadcastMember: BroadcastMember | None
    isIdle = True

    def __init__(self, pool: SendQueuePool) -> None:
        self.bytesSent = 0
        self.unacknowledged = 0
        self.departures = 0
        self.written: list[bytes] = []
        self.overruns: list[int] = []
        self.now = 0.0
        self.room = 1_000_000
        self.sink = Sink(self)
        self.queue = SendQueue(
            self, self.sink, pool, LIMITS, lambda: self.now, self.overruns.append
        )

    def pendingBytes(self) -> int:
        return 0

    def unacknowledgedBytes(self) -> int:
        return self.unacknowledged

    def take(self, data: bytes) -> None:
        self.written.append(data)
        self.room -= 1
        if self.room == 0:
            self.queue.pause()

    def broadcastWith(self, members: Sequence[BroadcastMember]) -> Broadcast:
        raise NotImplementedError

    def leaveBroadcast(self) -> None:
        self.departures += 1

    def text(self) -> bytes:
        return b"".join(self.written)


class TestPool:
    def test_sharedObjectCountsOnce(self) -> None:
        pool = SendQueuePool()
        one, equal = bytes(bytearray(b"12345")), bytes(bytearray(b"12345"))
        for _ in range(3):
            pool.add(one)
        assert pool.size == 5
        pool.add(equal)
        assert pool.size == 10
        for _ in range(3):
            pool.remove(one)
        assert pool.size == 5
        pool.remove(equal)
        assert (pool.size, pool._uses) == (0, {})


class TestSendQueue:
    def setup_method(self) -> None:
        self.pool = SendQueuePool()
        self.reader = Reader(self.pool)
        self.queue = self.reader.queue

    def test_direct(self) -> None:
        self.reader.write(b"a")
        self.queue.writeReply(b"b")
        assert self.reader.written == [b"a", b"b"]
        assert self.pool.size == 0

    def test_paused(self) -> None:
        self.queue.pause()
        parts = [bytes([number]) * (PIECE_BYTES // 2) for number in range(1, 6)]
        for part in parts:
            self.reader.write(part)
        assert self.reader.written == []
        assert self.pool.size == sum(map(len, parts))
        self.reader.room = 2
        self.queue.resume()
        assert [len(item) for item in self.reader.written] == [PIECE_BYTES, PIECE_BYTES]
        assert self.queue.paused
        self.reader.write(b"last")
        self.queue.writeReply(b"answer")
        self.reader.room = 100
        self.queue.resume()
        assert self.reader.text() == b"".join(parts) + b"lastanswer"
        assert self.pool.size == 0
        self.reader.write(b"direct")
        assert self.reader.written[-1] == b"direct"

    def test_heldDuringReplay(self) -> None:
        self.queue.block(True)
        self.reader.write(b"live")
        self.queue.writeReply(b"page")
        self.queue.pause()
        self.queue.resume()
        assert self.reader.text() == b"page"
        self.queue.block(False)
        assert self.reader.text() == b"pagelive"

    def test_heldAndPaused(self) -> None:
        self.queue.block(True)
        self.queue.pause()
        self.reader.write(b"live")
        self.queue.block(False)
        assert self.reader.text() == b""
        self.queue.resume()
        assert self.reader.text() == b"live"

    def fill(self, size: int) -> None:
        for _ in range(size // 1024):
            self.reader.write(bytes(1024))

    def test_slowReader(self) -> None:
        self.queue.pause()
        self.fill(LIMITS.chatPending)
        self.reader.now = 1000.0
        self.reader.write(b"")
        assert self.reader.overruns == []
        self.reader.write(b"x")
        assert self.reader.overruns == [LIMITS.chatPending + 1]

    def test_slowReaderThatReads(self) -> None:
        self.queue.pause()
        self.fill(LIMITS.chatPending)
        for step in range(1, 20):
            self.reader.now = step * (LIMITS.chatSlow - 1.0)
            self.reader.bytesSent += 1
            self.reader.write(b"x")
        assert self.reader.overruns == []
        self.fill((SLOW_FACTOR - 1) * LIMITS.chatPending)
        assert len(self.reader.overruns) == 1
        assert self.reader.overruns[0] > SLOW_FACTOR * LIMITS.chatPending

    def test_slowReaderOfWhatTheKernelHas(self) -> None:
        self.reader.unacknowledged = 3_000_000
        self.queue.pause()
        self.fill(LIMITS.chatPending)
        for step in range(1, 20):
            self.reader.now = step * LIMITS.chatSlow
            self.reader.unacknowledged -= 1
            self.reader.write(b"x")
        assert self.reader.overruns == []
        self.reader.now += LIMITS.chatSlow
        self.reader.write(b"x")
        assert len(self.reader.overruns) == 1

    def test_poolIsBounded(self) -> None:
        shared = bytes(LIMITS.chatPending)
        readers = [Reader(self.pool) for _ in range(100)]
        for reader in readers:
            reader.queue.pause()
            reader.write(shared)
        assert self.pool.size == len(shared)
        for reader in readers:
            reader.queue.discard()
        assert self.pool.size == 0
        others = [Reader(self.pool) for _ in range(17)]
        for reader in others:
            reader.queue.pause()
            reader.write(bytes(bytearray(LIMITS.chatPending)))
        assert sum(len(reader.overruns) for reader in others) == 1

    @pytest.mark.parametrize("again", ["pause", "hold"])
    def test_clear(self, again: str) -> None:
        self.queue.pause()
        self.reader.write(b"a")
        self.queue.discard()
        if again == "pause":
            self.queue.pause()
        else:
            self.queue.block(True)
        self.reader.write(b"b")
        assert (self.pool.size, len(self.queue._waiting)) == (0, 0)
        self.queue.block(False)
        self.queue.resume()
        self.reader.write(b"c")
        assert self.reader.text() == b""

    def test_close(self) -> None:
        self.queue.pause()
        self.reader.write(b"a")
        self.reader.write(b"b")
        self.queue.close()
        self.reader.write(b"c")
        assert self.reader.text() == b"ab"
        assert self.pool.size == 0

    def test_closeDuringReplay(self) -> None:
        self.queue.block(True)
        self.reader.write(b"live")
        self.queue.close()
        assert self.reader.text() == b""
        assert self.pool.size == 0

    def test_pausedReaderIsNotDropped(self) -> None:
        others = [Reader(self.pool) for _ in range(16)]
        for reader in others:
            reader.queue.pause()
            reader.write(bytes(bytearray(LIMITS.chatPending)))
        self.queue.pause()
        self.reader.write(b"hello")
        assert self.reader.overruns == []


class TestDeferred:
    def setup_method(self) -> None:
        self.clock = Clock()
        self.jobs: list[Callable[[], None]] = []
        self.deferred = DeferredWrites(self.clock.seconds, self.clock.callLater, self.jobs.append)
        self.pool = SendQueuePool(self.deferred)
        self.reader = Reader(self.pool)
        self.queue = self.reader.queue

    def turn(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()

    def test_sentTogether(self) -> None:
        for data in (b"a", b"b", b"c"):
            self.reader.writeLater(data)
        assert self.reader.written == []
        assert self.reader.broadcastMember is None
        assert self.reader.departures == 1
        self.turn()
        assert self.reader.written == [b"abc"]
        assert self.reader.broadcastMember is self.reader
        self.reader.writeLater(b"d")
        self.turn()
        assert self.reader.written == [b"abc", b"d"]

    @pytest.mark.parametrize("way", ["write", "writeLast", "reply"])
    def test_whatFollowsComesAfter(self, way: str) -> None:
        write = self.queue.writeReply if way == "reply" else None
        self.reader.writeLater(b"1")
        self.reader.writeLater(b"2")
        (write or getattr(self.reader, way))(b"3")
        assert self.reader.text() == b"123"
        self.reader.writeLater(b"4")
        self.turn()
        assert self.reader.text() == b"1234"

    def test_slowReader(self) -> None:
        self.reader.writeLater(b"1")
        self.queue.pause()
        assert (self.queue.size, self.pool.size) == (1, 1)
        self.reader.writeLater(b"2")
        self.turn()
        assert self.reader.text() == b""
        assert self.queue.size == 2
        self.queue.resume()
        assert self.reader.text() == b"12"
        assert self.pool.size == 0

    def test_resumedWithoutAPause(self) -> None:
        self.reader.writeLater(b"1")
        self.queue.resume()
        self.reader.write(b"2")
        self.turn()
        assert self.reader.text() == b"12"

    def test_pausedByWhatWaited(self) -> None:
        self.reader.room = 1
        self.reader.writeLater(b"1")
        self.turn()
        assert self.queue.paused
        self.reader.writeLater(b"2")
        self.turn()
        assert self.reader.text() == b"1"
        self.reader.room = 9
        self.queue.resume()
        assert self.reader.text() == b"12"

    def test_beforeAReplay(self) -> None:
        self.reader.writeLater(b"1")
        self.queue.block(True)
        self.queue.writeReply(b"2")
        self.reader.writeLater(b"3")
        self.turn()
        assert self.reader.text() == b"12"
        self.queue.block(False)
        assert self.reader.text() == b"123"

    def test_close(self) -> None:
        self.reader.writeLater(b"1")
        self.queue.close()
        assert self.reader.text() == b"1"
        self.reader.writeLater(b"2")
        self.turn()
        assert self.reader.text() == b"1"

    def test_discard(self) -> None:
        self.reader.writeLater(b"1")
        self.queue.discard()
        self.turn()
        assert self.reader.text() == b""

    def test_nobodyDefers(self) -> None:
        reader = Reader(SendQueuePool())
        reader.writeLater(b"1")
        assert reader.text() == b"1"
