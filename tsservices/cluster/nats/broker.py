"""
NATS JetStream as the engine of a cluster.

Its client runs in a thread of its own, with an event loop of asyncio, whatever reactor there
is; here is the reactor's side of it.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from tsservices.cluster.broker import (
    ENGINE_STOP_SECONDS,
    BrokerError,
    BrokerListener,
    ClusterIdentity,
    SnapshotInfo,
    StreamMessage,
    StreamState,
)
from tsservices.cluster.nats.config import JetStreamConfig, Noted
from tsservices.cluster.nats.loop_thread import AsyncioThread, ThreadBridge, Work, unforeseen

if TYPE_CHECKING:
    from tsservices.cluster.nats.consumer import ConsumerCredit
    from tsservices.cluster.nats.session import BrokerSession

#: Messages delivered in one turn of the reactor.
_DELIVERED_AT_ONCE = 256

#: Seconds after which the thread is not waited for any more.
_GOODBYE_SECONDS = ENGINE_STOP_SECONDS - 1.0


class JetStreamBroker:
    """
    The engine.

    @ivar where: the server there is a connection to, or nothing.
    @ivar connections: how many there were, one after the other.
    @ivar published: how many messages of this node were sent to the stream.
    @ivar doubts: how often it was not sure whether it has.
    @ivar delivered: how many messages came.
    @ivar resubscriptions: how often they had to be asked for anew.
    @ivar lastError: what went wrong last, in one line.
    @ivar lastErrorAt: when: by C{clock}.
    """

    def __init__(
        self,
        place: JetStreamConfig,
        callFromThread: Callable[..., object],
        clock: Callable[[], float],
        entropy: Callable[[int], bytes] = os.urandom,
        noted: Noted | None = None,
    ) -> None:
        """
        @param clock: gives seconds, and only goes forward.
        @param entropy: gives so many random bytes.
        @raise EngineError: it can't be used.
        """
        try:
            from tsservices.cluster.nats.session import BrokerSession
        except ImportError as error:
            raise BrokerError("a cluster needs: pip install 'tsservices[cluster]'") from error
        place.check()
        self._make: Callable[..., BrokerSession] = BrokerSession
        self._place = place
        self._clock = clock
        self._callFromThread = callFromThread
        self._random = Random(entropy(16))
        self._noted = noted
        self._said = ""
        self._up: ThreadBridge[Work | StreamMessage | ConsumerCredit] = ThreadBridge(
            callFromThread, self._arrived
        )
        self._held: deque[StreamMessage | ConsumerCredit] = deque()
        self._giving = False
        self._paused = False
        self._broken = False
        self._session: BrokerSession | None = None
        self._thread: AsyncioThread | None = None
        self._listener: BrokerListener | None = None
        self._stopping = self._stopped = False
        self._toldStopped: list[Callable[[], object]] = []
        self.where = ""
        self.connections = 0
        self.delivered = 0
        self.lastError = ""
        self.lastErrorAt: float | None = None

    @property
    def published(self) -> int:
        """How many messages of this node were sent to the stream."""
        return self._session.publisher.published if self._session else 0

    @property
    def doubts(self) -> int:
        """How often it was not sure whether it has."""
        return self._session.publisher.doubts if self._session else 0

    @property
    def resubscriptions(self) -> int:
        """How often messages had to be asked for anew."""
        return max(0, self._session.reader.resubscriptions) if self._session else 0

    def open(
        self,
        founding: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        if self._thread is None and not self._stopping:
            self._thread = AsyncioThread("engine", self._main, self._note)
            self._thread.start()
        self._do("open", founding, self._back(opened), self._back(failed))

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        self._listener = listener
        listener.connected(self.where)
        self._do("subscribe", number)

    def publish(self, data: bytes) -> None:
        self._do("publisher.publish", data)

    def pause(self, paused: bool) -> None:
        if paused != self._paused:
            self._paused = paused
            self._do("reader.pause", paused)
            self._giveSoon()

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        self._do("last", self._back(found))

    def snapshot(self, found: Callable[[SnapshotInfo | None], object]) -> None:
        self._do("snapshot", self._back(found))

    def getSnapshot(self, path: str, fetched: Callable[[str | None], object]) -> None:
        self._do("fetch", path, self._back(fetched))

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, offered: Callable[[str | None], object]
    ) -> None:
        self._do("offer", snapshot, path, self._back(offered))

    def stop(self, stopped: Callable[[], object]) -> None:
        self._toldStopped.append(stopped)
        if self._thread is None or self._stopped:
            self._callFromThread(self._end)
        elif not self._stopping:
            self._do("end")
        self._stopping = True

    def _do(self, what: str, *args: object) -> None:
        if self._thread is None or self._stopping:
            return

        def work() -> None:
            target: Any = self._session
            for name in what.split("."):
                target = getattr(target, name)
            target(*args)

        self._thread.do(work)

    def _back(self, then: Callable[[Any], object]) -> Callable[[Any], object]:

        def tell(outcome: Any) -> None:
            if not self._stopping:
                then(outcome)

        return lambda outcome: self._up.put(lambda: tell(outcome))

    async def _main(self) -> None:
        """Be all that the thread does."""
        up = self._up.put
        try:
            session = self._session = self._make(
                self._place,
                self._random,
                lambda where: up(lambda: self._connected(where)),
                up,
                lambda: up(self._unsure),
                self._fail,
                self._note,
            )
            running = asyncio.ensure_future(session.run())
            await session.ended()
            await asyncio.wait([running], timeout=_GOODBYE_SECONDS)
            running.cancel()
        except Exception as error:
            self._fail(unforeseen(error))
        finally:
            up(self._end)

    def _fail(self, reason: str) -> None:
        self._up.put(lambda: self._wasBroken(reason))

    def _note(self, words: str) -> None:
        self._up.put(lambda: self._wasNoted(words))

    def _wasNoted(self, words: str) -> None:
        self.lastError, self.lastErrorAt = words, self._clock()
        if self._noted is not None and words != self._said and not self._stopping:
            self._said = words
            self._noted(words)

    def _connected(self, where: str) -> None:
        self.where = where
        if where:
            self.connections += 1
            self._said = ""
        if self._listener is not None and not self._stopping:
            self._listener.connected(where)

    def _unsure(self) -> None:
        """Something may not have got there."""
        self._do("publisher.resume")
        if self._listener is not None and not self._stopping:
            self._listener.unsure()

    def _wasBroken(self, reason: str) -> None:
        if self._broken:
            return
        self._broken = True
        self._wasNoted(reason)
        if self._listener is not None and not self._stopping:
            self._listener.broken(reason)

    def _arrived(self, items: deque[Work | StreamMessage | ConsumerCredit]) -> None:
        while items:
            item = items.popleft()
            if callable(item):
                item()
            else:
                self._held.append(item)
        if not self._giving:
            self._give()

    def _giveSoon(self) -> None:
        """Go on in another turn."""
        if self._held and not self._giving:
            self._giving = True
            self._callFromThread(self._give)

    def _give(self) -> None:
        """Deliver some of what there is."""
        self._giving = False
        listener = self._listener
        some: list[StreamMessage] = []
        while self._held and len(some) < _DELIVERED_AT_ONCE:
            if self._paused or self._broken or self._stopping or listener is None:
                break
            item = self._held.popleft()
            if isinstance(item, StreamMessage):
                some.append(item)
            else:
                # It is said when those before it are done with.
                self._deliver(listener, some)
                some = []
                self._do("reader.allow", item)
        else:
            self._giveSoon()
        if listener is not None:
            self._deliver(listener, some)

    def _deliver(self, listener: BrokerListener, some: list[StreamMessage]) -> None:
        if some:
            self.delivered += len(some)
            listener.delivered(some)

    def _end(self) -> None:
        """Nothing is under way any more."""
        self._stopped = True
        self._held.clear()
        tell, self._toldStopped = self._toldStopped, []
        for stopped in tell:
            stopped()
