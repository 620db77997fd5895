"""
What one reader has still to be sent, when it reads more slowly than others talk.  Pure.

As long as it reads, what is delivered goes to the transport's own C{write}: nothing stands
between.  When the transport has enough, or a replay is under way that goes first, it waits here:
as the same object for all who wait for it, so a thousand of them cost little more than one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from tsservices.chat.outlet import BroadcastMember
from tsservices.common.limits import Limits

#: Bytes given to a transport at once: about as many as make it pause its producer again.
PIECE_BYTES = 65_536

#: How many times the bound may wait for a reader that reads, but too slowly.
SLOW_FACTOR = 4


#: What waits for the many readers who never were slow: an empty deque takes 760 bytes.
_NOTHING: deque[bytes] = deque(maxlen=0)


class SendQueuePool:
    """
    The bytes that wait for all readers together: each object counts once.

    @ivar size: bytes.
    @ivar queues: those in which anything waits.
    """

    def __init__(self) -> None:
        self.size = 0
        self.queues: set[SendQueue] = set()
        # By identity: what costs memory is objects, and two that are equal are two.
        self._uses: dict[int, int] = {}

    def add(self, data: bytes) -> None:
        uses = self._uses.get(id(data), 0)
        self._uses[id(data)] = uses + 1
        if not uses:
            self.size += len(data)

    def remove(self, data: bytes) -> None:
        uses = self._uses[id(data)] - 1
        if uses:
            self._uses[id(data)] = uses
        else:
            del self._uses[id(data)]
            self.size -= len(data)


class SendTarget(Protocol):
    """Where output is delivered.  The queue sets all three."""

    #: Takes what to send next.
    write: Callable[[bytes], object]
    #: Takes what is the last to send in this turn.
    writeLast: Callable[[bytes], object]
    #: For broadcasts, as long as nothing waits in the queue; else L{None}.
    broadcastMember: BroadcastMember | None


class CountsSent(Protocol):
    """The transport below TLS."""

    @property
    def bytesSent(self) -> int:
        """Bytes that the kernel has taken so far."""
        ...


class ByteSink(Protocol):
    """
    What a queue sends to.

    @ivar write: takes bytes.
    @ivar writeLast: takes the last bytes of this turn, which may be cheaper.
    @ivar member: what sends together with others; L{None} if it can't.
    @ivar measured: counts what is sent.
    """

    @property
    def write(self) -> Callable[[bytes], object]: ...

    @property
    def writeLast(self) -> Callable[[bytes], object]: ...

    @property
    def member(self) -> BroadcastMember | None: ...

    @property
    def measured(self) -> CountsSent: ...


class SendQueue:
    """
    The bytes that wait for one reader.

    @ivar size: bytes.
    @ivar paused: the transport has enough.
    """

    def __init__(
        self,
        target: SendTarget,
        sink: ByteSink,
        pool: SendQueuePool,
        limits: Limits,
        monotonic: Callable[[], float],
        overrun: Callable[[int], None],
    ) -> None:
        """
        @param monotonic: the time in seconds.
        @param overrun: gets how many bytes wait when these are too many.
        """
        self._target = target
        self._sink = sink
        self._pool = pool
        self._limits = limits
        self._monotonic = monotonic
        self._overrun = overrun
        self._waiting = _NOTHING
        self.size = 0
        self._held = False
        self._sent = 0
        self._since = 0.0
        self.paused = False
        self._ended = False
        self._direct()

    @property
    def direct(self) -> bool:
        """Whether what is delivered is sent at once."""
        return not (self._waiting or self.paused or self._held)

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
        """Send what was asked for: during a replay, the replay."""
        if self._held or not self._waiting:
            self._sink.write(data)
        else:
            self._wait(data)

    def close(self) -> None:
        """Nothing more comes: what waits is sent."""
        # But not what follows a replay that ends here: its reader would take the messages that are
        # missing between for ones it has.
        if not self._held:
            for data in self._waiting:
                self._sink.write(data)
        self.discard()

    def discard(self) -> None:
        """Nothing more comes, and what waits is not sent."""
        for data in self._waiting:
            self._pool.remove(data)
        self._waiting.clear()
        self._pool.queues.discard(self)
        self.size = 0
        self._ended = True
        self._redirect(_nowhere)

    def _direct(self) -> None:
        sink, target = self._sink, self._target
        target.write, target.writeLast, target.broadcastMember = (
            sink.write,
            sink.writeLast,
            sink.member,
        )

    def _redirect(self, write: Callable[[bytes], object]) -> None:
        self._target.write = self._target.writeLast = write
        self._target.broadcastMember = None
        if self._sink.member is not None:
            self._sink.member.leaveBroadcast()

    def _begin(self) -> None:
        if not self._ended:
            self._redirect(self._wait)
        self._sent, self._since = self._sink.measured.bytesSent, self._monotonic()

    def _wait(self, data: bytes) -> None:
        if self._waiting is _NOTHING:
            self._waiting = deque()
        self._waiting.append(data)
        self.size += len(data)
        pool, limits = self._pool, self._limits
        pool.add(data)
        pool.queues.add(self)
        if pool.size > limits.chatPendingAll:
            max(pool.queues, key=lambda queue: queue.size).overflow()
        if self.size <= limits.chatPending:
            return
        sent, now = self._sink.measured.bytesSent, self._monotonic()
        if sent != self._sent:
            self._sent, self._since = sent, now
        # What waits for a replay waits for this server, not for its reader.
        stuck = self.paused and now - self._since >= limits.chatSlow
        if stuck or self.size > SLOW_FACTOR * limits.chatPending:
            self.overflow()

    def overflow(self) -> None:
        """Say that too much waits."""
        self._overrun(self.size)

    def _flush(self) -> None:
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
            self._sink.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if not waiting:
            self._pool.queues.discard(self)
        if not (waiting or self.paused or self._held or self._ended):
            self._direct()


def _nowhere(data: bytes) -> None:
    pass
