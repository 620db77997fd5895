"""
What one person has still to be sent, when they read more slowly than others talk.

As long as they read, what is pushed goes to the transport's own C{write}: nothing
stands between.  When the transport has enough, or a replay is under way that goes
first, it waits here: as the same object for all who wait for it, so a thousand of them
cost little more than one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from tsservices.chat.outlet import BroadcastMember
from tsservices.common.limits import Limits
from tsservices.transport.stock import CountsBytes

#: Bytes given to a transport at once for one who reads slowly.
PIECE_BYTES = 65_536

#: How many times the bound may wait for one who reads, but too slowly.
SLOW_FACTOR = 4


class SendQueuePool:
    """
    What waits for all people together: each object counts once.

    @ivar size: bytes.
    @ivar backlogs: of those for whom anything waits.
    """

    def __init__(self) -> None:
        """Nothing waits."""
        self.size = 0
        self.backlogs: set[SendQueue] = set()
        self._waiting: dict[int, int] = {}

    def add(self, data: bytes) -> None:
        times = self._waiting.get(id(data), 0)
        self._waiting[id(data)] = times + 1
        if not times:
            self.size += len(data)

    def remove(self, data: bytes) -> None:
        times = self._waiting[id(data)] - 1
        if times:
            self._waiting[id(data)] = times
        else:
            del self._waiting[id(data)]
            self.size -= len(data)


class SendTarget(Protocol):
    """
    What is pushed to.

    @ivar write: takes what to send next; set here, to what is to be done with it now.
    @ivar writeLast: the same for what is the last in this turn.
    @ivar wire: to what it is sent as long as nothing waits, if it may be sent together with
        others'.
    """

    write: Callable[[bytes], object]
    writeLast: Callable[[bytes], object]
    wire: BroadcastMember | None


class SendQueue:
    """
    What waits for one person.

    @ivar size: bytes.
    @ivar paused: the transport has enough.
    """

    def __init__(
        self,
        pushed: SendTarget,
        write: Callable[[bytes], object],
        writeLast: Callable[[bytes], object],
        wire: BroadcastMember | None,
        measured: CountsBytes,
        pool: SendQueuePool,
        limits: Limits,
        monotonic: Callable[[], float],
        overrun: Callable[[int], None],
    ) -> None:
        """
        @param monotonic: the time in seconds.
        @param overrun: told how many bytes wait when these are too many.
        """
        self._pushed = pushed
        self._write = write
        self._writeLast = writeLast
        self._wire = wire
        self._measured = measured
        self._pool = pool
        self._limits = limits
        self._monotonic = monotonic
        self._overrun = overrun
        self._waiting: deque[bytes] = deque()
        self.size = 0
        self._held = False
        self._sent = 0
        self._since = 0.0
        self.paused = False
        self._ended = False
        self._direct()

    def pause(self) -> None:
        """The transport has enough for now."""
        self.paused = True
        self._begin()

    def resume(self) -> None:
        """The transport takes more."""
        self.paused = False
        self._flush()

    def hold(self, held: bool) -> None:
        self._held = held
        if held:
            self._begin()
        else:
            self._flush()

    def writeReply(self, data: bytes) -> None:
        """Send what was asked for.  During a replay it is the replay."""
        if self._held or not self._waiting:
            self._write(data)
        else:
            self._wait(data)

    def close(self) -> None:
        """
        Nothing more comes.  What waits is sent, but for what follows a replay that ends
        here: its reader would take what is missing between for told.
        """
        if not self._held:
            for data in self._waiting:
                self._write(data)
        self.discard()

    def discard(self) -> None:
        """Nobody will read it any more."""
        for data in self._waiting:
            self._pool.remove(data)
        self._waiting.clear()
        self._pool.backlogs.discard(self)
        self.size = 0
        self._ended = True
        self._redirect(_nowhere)

    def _direct(self) -> None:
        """From now on what is pushed is sent."""
        self._pushed.write, self._pushed.writeLast = self._write, self._writeLast
        self._pushed.wire = self._wire

    def _redirect(self, push: Callable[[bytes], object]) -> None:
        """From now on what is pushed is not sent."""
        self._pushed.write = self._pushed.writeLast = push
        self._pushed.wire = None
        if self._wire is not None:
            self._wire.leaveBroadcast()

    def _begin(self) -> None:
        """From now on what is pushed waits, if anybody is to read it at all."""
        if not self._ended:
            self._redirect(self._wait)
        self._sent, self._since = self._measured.bytesSent, self._monotonic()

    def _wait(self, data: bytes) -> None:
        self._waiting.append(data)
        self.size += len(data)
        pool, limits = self._pool, self._limits
        pool.add(data)
        pool.backlogs.add(self)
        if pool.size > limits.chatPendingAll:
            max(pool.backlogs, key=lambda backlog: backlog.size).overflow()
        if self.size <= limits.chatPending:
            return
        sent, now = self._measured.bytesSent, self._monotonic()
        if sent != self._sent:
            self._sent, self._since = sent, now
        # What waits for a replay waits for this server, not for its reader.
        stuck = self.paused and now - self._since >= limits.chatSlow
        if stuck or self.size > SLOW_FACTOR * limits.chatPending:
            self.overflow()

    def overflow(self) -> None:
        """Too much waits."""
        self._overrun(self.size)

    def _flush(self) -> None:
        """Send what waits, as far as it goes."""
        waiting = self._waiting
        while waiting and not self.paused and not self._held:
            pieces: list[bytes] = []
            size = 0
            while waiting and size < PIECE_BYTES:
                data = waiting.popleft()
                self._pool.remove(data)
                pieces.append(data)
                size += len(data)
            self.size -= size
            self._write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if not waiting:
            self._pool.backlogs.discard(self)
        if not (waiting or self.paused or self._held or self._ended):
            self._direct()


def _nowhere(data: bytes) -> None:
    pass
