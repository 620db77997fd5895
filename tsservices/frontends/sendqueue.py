"""
The output queue of a reader that reads more slowly than others talk.  Pure.

While the reader keeps up, output goes directly to the transport's own C{write}.  When the
transport's buffer is full, or a replay has to be sent first, output waits here.  All queues hold
the same bytes object, so a thousand waiting readers cost little more than one.  Deferred output
waits here too, until it is due (L{tsservices.frontends.deferred}).
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

#: Multiple of the bound that may be queued for a reader that reads, but too slowly.
SLOW_FACTOR = 4


#: The shared queue of readers that were never slow: an empty deque takes 760 bytes.
_NOTHING: deque[bytes] = deque(maxlen=0)


class SendQueuePool:
    """
    The bytes queued for all readers together: an object in several queues counts once.

    @ivar size: the number of bytes.
    @ivar queues: the queues that are not empty.
    @ivar deferred: decides when deferred output is sent; L{None}: at once.
    """

    def __init__(self, deferred: DeferredWrites | None = None) -> None:
        self.deferred = deferred
        self.size = 0
        self.queues: set[SendQueue] = set()
        # By identity: two equal objects take memory twice.
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
    """The place where output is delivered.  The queue sets all four attributes."""

    #: Takes data to send next.
    write: Callable[[bytes], object]
    #: Takes the last data to send in this turn.
    writeLast: Callable[[bytes], object]
    #: Takes data that can wait for some milliseconds.
    writeLater: Callable[[bytes], object]
    #: For broadcasts, while nothing waits in the queue; otherwise L{None}.
    broadcastMember: BroadcastMember | None


class CountsSent(Protocol):
    """The transport below TLS."""

    @property
    def bytesSent(self) -> int:
        """Bytes that the kernel has taken so far."""
        ...

    def unacknowledgedBytes(self) -> int:
        """The number of sent bytes that the peer has not acknowledged; a system call."""
        ...


class ByteSink(Protocol):
    """
    The destination of a queue's output.

    @ivar write: takes bytes.
    @ivar writeLast: takes the last bytes of this turn, which may be cheaper.
    @ivar member: takes part in broadcasts; L{None}: not possible.
    @ivar bottomTransport: the transport at the bottom, which counts the sent bytes.
    """

    @property
    def write(self) -> Callable[[bytes], object]: ...

    @property
    def writeLast(self) -> Callable[[bytes], object]: ...

    @property
    def member(self) -> BroadcastMember | None: ...

    @property
    def bottomTransport(self) -> CountsSent: ...


class SendQueue:
    """
    The bytes queued for one reader.

    While the queue follows a backlog, it takes the place of its sink's broadcast member, which
    would have to leave broadcasts in the same cases.

    @ivar size: bytes, without deferred ones.
    @ivar paused: whether the transport takes no more for now.
    @ivar isIdle: always false, so that no broadcast serves it.
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
        @param overrun: called with the number of queued bytes when they are too many.
        """
        self._target = target
        self._sink = sink
        self._pool = pool
        self._limits = limits
        self._monotonic = monotonic
        self._overrun = overrun
        self._waiting = _NOTHING
        # Deferred output, with nothing queued before it; a list only while there is some.
        self._deferred: Sequence[bytes] = ()
        # Or the backlog with the deferred output, and the session for which it waits there.
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
        """Whether output is sent at once."""
        return not (self._waiting or self.paused or self._blocked)

    def pause(self) -> None:
        """Queue output: the transport takes no more for now."""
        data = self._endBacklog()
        deferred, self._deferred = [data] if data else self._deferred, ()
        self.paused = True
        self._begin()
        for data in deferred:
            self._wait(data)

    def resume(self) -> None:
        """Send queued output: the transport takes more."""
        # Also called without an earlier pause.
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
        """Send an answer; during a replay, the lines of the replay."""
        self.sendDeferred()
        if self._blocked or not self._waiting:
            self._sink.write(data)
        else:
            self._wait(data)

    def close(self) -> None:
        """Send the queued output; nothing more follows."""
        self.sendDeferred()
        # Not behind a replay that is cut short here: the client would not notice the missing
        # messages between.
        if not self._blocked:
            for data in self._waiting:
                self._sink.write(data)
        self.discard()

    def discard(self) -> None:
        """Drop the queued output; nothing more follows."""
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
        # Note how much the reader has received by now.
        bottom = self._sink.bottomTransport
        self._sent, self._since = bottom.bytesSent, self._monotonic()
        self._unacknowledged = bottom.unacknowledgedBytes()

    def _isStuck(self) -> bool:
        if self._sink.bottomTransport.bytesSent != self._sent:
            self._look()
            return False
        if self._monotonic() - self._since < self._limits.chatSlow:
            return False
        # The kernel may buffer megabytes for one reader, and takes more only when a third of the
        # buffer is free: a slow reader may have read all the time until then.
        unacknowledged = self._unacknowledged
        self._look()
        return self._unacknowledged >= unacknowledged

    def _defer(self, data: bytes) -> None:
        # The first deferred output since the last send.
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
        """Send the output that waited in the followed backlog."""
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
        """Stop following a backlog; its output for this reader waits here from now on."""
        if data := self._endBacklog():
            self._defer(data)

    def _endBacklog(self) -> bytes:
        # Returns the output that waits there.
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
        Send the deferred output, if there is any.

        @return: always false: nothing is left to send later.
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
        # Output behind a replay waits for this server, not for the reader.
        if (self.paused and self._isStuck()) or self.size > SLOW_FACTOR * limits.chatPending:
            self.overflow()

    def overflow(self) -> None:
        """Report that too many bytes wait."""
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
