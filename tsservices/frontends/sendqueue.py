"""
What one reader has still to be sent, when it reads more slowly than others talk.  Pure.

As long as it reads, what is delivered goes to the transport's own C{write}: nothing stands
between.  When the transport has enough, or a replay is under way that goes first, it waits here:
as the same object for all who wait for it, so a thousand of them cost little more than one.  News
that can wait does so here too, until it is due (L{tsservices.frontends.deferred}).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tsservices.chat.outlet import Backlog, Broadcast, BroadcastMember
from tsservices.chat.session import Session
from tsservices.common.limits import Limits
from tsservices.frontends.deferred import DeferredWrites

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
    @ivar queues: those in which anything waits for its reader.
    @ivar deferred: decides when what can wait is sent; L{None}: at once.
    """

    def __init__(self, deferred: DeferredWrites | None = None) -> None:
        self.deferred = deferred
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
    """Where output is delivered.  The queue sets all four."""

    #: Takes what to send next.
    write: Callable[[bytes], object]
    #: Takes what is the last to send in this turn.
    writeLast: Callable[[bytes], object]
    #: Takes what can wait for some milliseconds.
    writeLater: Callable[[bytes], object]
    #: For broadcasts, as long as nothing waits in the queue; else L{None}.
    broadcastMember: BroadcastMember | None


class CountsSent(Protocol):
    """The transport below TLS."""

    @property
    def bytesSent(self) -> int:
        """Bytes that the kernel has taken so far."""
        ...

    def unacknowledgedBytes(self) -> int:
        """How many of them the peer's kernel has not taken yet; a system call."""
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

    While it follows a backlog, it stands in the place of its sink's member, which would have to
    leave broadcasts for the same reasons.

    @ivar size: bytes, without what can wait.
    @ivar paused: the transport has enough.
    @ivar isIdle: never: no broadcast serves it.
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
        # What can wait, and nothing stands before: a list only while there is some.
        self._deferred: Sequence[bytes] = ()
        # Or what can wait is there, for this session.
        self._backlog: Backlog | None = None
        self._follower: Session | None = None
        self.size = 0
        self._blocked = False
        self._sent = 0
        self._since = 0.0
        self._unacknowledged = 0
        self.paused = False
        self._ended = False
        self._direct()

    @property
    def direct(self) -> bool:
        """Whether what is delivered is sent at once."""
        return not (self._waiting or self.paused or self._blocked)

    def pause(self) -> None:
        """The transport has enough for now."""
        data = self._endBacklog()
        deferred, self._deferred = [data] if data else self._deferred, ()
        self.paused = True
        self._begin()
        for data in deferred:
            self._wait(data)

    def resume(self) -> None:
        """The transport takes more."""
        # It may say so although it had never enough.
        self.sendDeferred()
        self.paused = False
        self._flush()

    def block(self, blocked: bool) -> None:
        self.sendDeferred()
        self._blocked = blocked
        if blocked:
            self._begin()
        else:
            self._flush()

    def writeReply(self, data: bytes) -> None:
        """Send what was asked for: during a replay, the replay."""
        self.sendDeferred()
        if self._blocked or not self._waiting:
            self._sink.write(data)
        else:
            self._wait(data)

    def close(self) -> None:
        """Nothing more comes: what waits is sent."""
        self.sendDeferred()
        # But not what follows a replay that ends here: its reader would take the messages that are
        # missing between for ones it has.
        if not self._blocked:
            for data in self._waiting:
                self._sink.write(data)
        self.discard()

    def discard(self) -> None:
        """Nothing more comes, and what waits is not sent."""
        self._endBacklog()
        for data in self._waiting:
            self._pool.remove(data)
        self._waiting.clear()
        self._deferred = ()
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
        target.writeLater = sink.write if self._pool.deferred is None else self._defer

    def _redirect(self, write: Callable[[bytes], object]) -> None:
        target = self._target
        target.write = target.writeLast = target.writeLater = write
        target.broadcastMember = None
        if self._sink.member is not None:
            self._sink.member.leaveBroadcast()

    def _begin(self) -> None:
        if not self._ended:
            self._redirect(self._wait)
        self._look()

    def _look(self) -> None:
        # Note what the reader has got by now.
        measured = self._sink.measured
        self._sent, self._since = measured.bytesSent, self._monotonic()
        self._unacknowledged = measured.unacknowledgedBytes()

    def _isStuck(self) -> bool:
        if self._sink.measured.bytesSent != self._sent:
            self._look()
            return False
        if self._monotonic() - self._since < self._limits.chatSlow:
            return False
        # The kernel may keep megabytes for one reader, and takes more only when a third of that is
        # free: a slow one may have read all the time until then.
        unacknowledged = self._unacknowledged
        self._look()
        return self._unacknowledged >= unacknowledged

    def _defer(self, data: bytes) -> None:
        # The first since the last sending.
        self._redirect(self._writeAfterDeferred)
        deferred = self._deferred = [data]
        self._target.writeLater = deferred.append
        assert self._pool.deferred is not None
        self._pool.deferred.add(self)

    def follow(self, backlog: Backlog, session: Session) -> bool:
        """See L{Recipient.follow<tsservices.chat.outlet.Recipient.follow>}."""
        deferred = self._pool.deferred
        isFree = self._backlog is None and not self._deferred and not self._ended
        if deferred is None or not isFree or not self.direct:
            return False
        self._redirect(self._writeAfterDeferred)
        self._backlog, self._follower = backlog, session
        self._target.broadcastMember = self
        self._target.writeLater = self._deferAlone
        backlog.begin(self, deferred.add)
        return True

    def sendNow(self, data: bytes, last: bool) -> None:
        """Send what has waited in the backlog that it follows."""
        if last:
            self._sink.writeLast(data)
        else:
            self._sink.write(data)

    def _deferAlone(self, data: bytes) -> None:
        self.leaveBroadcast()
        self._target.writeLater(data)

    isIdle = False

    def broadcastWith(self, members: Sequence[Any]) -> Broadcast:
        """Never called: see C{isIdle}."""
        raise NotImplementedError

    def leaveBroadcast(self) -> None:
        """No longer follow a backlog; what waits there for its reader waits here."""
        if data := self._endBacklog():
            self._defer(data)

    def _endBacklog(self) -> bytes:
        # Returns what waits there.
        backlog, session = self._backlog, self._follower
        if backlog is None or session is None:
            return b""
        self._backlog = self._follower = None
        self._direct()
        return backlog.end(self, session)

    def _writeAfterDeferred(self, data: bytes) -> None:
        self.sendDeferred()
        self._target.write(data)

    def sendDeferred(self) -> bool:
        """
        Send what was to wait, if anything does.

        @return: no: there is nothing to send later.
        """
        if self._backlog is not None:
            if data := self._endBacklog():
                self._sink.write(data)
        elif deferred := self._deferred:
            self._deferred = ()
            self._direct()
            self._sink.write(deferred[0] if len(deferred) == 1 else b"".join(deferred))
        return False

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
        # What waits for a replay waits for this server, not for its reader.
        if (self.paused and self._isStuck()) or self.size > SLOW_FACTOR * limits.chatPending:
            self.overflow()

    def overflow(self) -> None:
        """Say that too much waits."""
        self._overrun(self.size)

    def _flush(self) -> None:
        waiting = self._waiting
        while waiting and not self.paused and not self._blocked:
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
        if not (waiting or self.paused or self._blocked or self._ended):
            self._direct()


def _nowhere(data: bytes) -> None:
    pass
