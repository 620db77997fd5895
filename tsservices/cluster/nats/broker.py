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
    STOP_SECONDS,
    BrokerError,
    BrokerListener,
    ClusterIdentity,
    SnapshotInfo,
    StreamMessage,
    StreamState,
)
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.loop_thread import AsyncioThread, ThreadBridge, Work, describeCrash

if TYPE_CHECKING:
    from tsservices.cluster.nats.consumer import ConsumerCredit
    from tsservices.cluster.nats.session import BrokerSession

#: Messages delivered in one turn of the reactor.
_DELIVERED_PER_TURN = 256

#: Seconds after which the thread is not waited for any more.
_SESSION_END_SECONDS = STOP_SECONDS - 1.0


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
        config: JetStreamConfig,
        callFromThread: Callable[..., object],
        clock: Callable[[], float],
        entropy: Callable[[int], bytes] = os.urandom,
        log: Log | None = None,
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
        config.check()
        self._sessionType: Callable[..., BrokerSession] = BrokerSession
        self._config = config
        self._clock = clock
        self._callFromThread = callFromThread
        self._random = Random(entropy(16))
        self._log = log
        self._lastLogged = ""
        self._toReactor: ThreadBridge[Work | StreamMessage | ConsumerCredit] = ThreadBridge(
            callFromThread, self._arrived
        )
        self._undelivered: deque[StreamMessage | ConsumerCredit] = deque()
        self._deliveryScheduled = False
        self._paused = False
        self._broken = False
        self._session: BrokerSession | None = None
        self._thread: AsyncioThread | None = None
        self._listener: BrokerListener | None = None
        self._stopping = self._stopped = False
        self._onStopped: list[Callable[[], object]] = []
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
        return max(0, self._session.consumer.resubscriptions) if self._session else 0

    def open(
        self,
        founding: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        if self._thread is None and not self._stopping:
            self._thread = AsyncioThread("engine", self._main, self._reportError)
            self._thread.start()
        self._do("open", founding, self._inReactor(opened), self._inReactor(failed))

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
            self._scheduleDelivery()

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        self._do("last", self._inReactor(found))

    def latestSnapshot(self, found: Callable[[SnapshotInfo | None], object]) -> None:
        self._do("snapshot", self._inReactor(found))

    def getSnapshot(self, path: str, fetched: Callable[[str | None], object]) -> None:
        self._do("fetch", path, self._inReactor(fetched))

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, offered: Callable[[str | None], object]
    ) -> None:
        self._do("offer", snapshot, path, self._inReactor(offered))

    def stop(self, stopped: Callable[[], object]) -> None:
        self._onStopped.append(stopped)
        if self._thread is None or self._stopped:
            self._callFromThread(self._ended)
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

        self._thread.call(work)

    def _inReactor(self, then: Callable[[Any], object]) -> Callable[[Any], object]:

        def tell(outcome: Any) -> None:
            if not self._stopping:
                then(outcome)

        return lambda outcome: self._toReactor.put(lambda: tell(outcome))

    async def _main(self) -> None:
        """Be all that the thread does."""
        up = self._toReactor.put
        try:
            session = self._session = self._sessionType(
                self._config,
                self._random,
                lambda where: up(lambda: self._connected(where)),
                up,
                lambda: up(self._publishUncertain),
                self._reportBroken,
                self._reportError,
            )
            running = asyncio.ensure_future(session.run())
            await session.waitForStop()
            await asyncio.wait([running], timeout=_SESSION_END_SECONDS)
            running.cancel()
        except Exception as error:
            self._reportBroken(describeCrash(error))
        finally:
            up(self._ended)

    def _reportBroken(self, reason: str) -> None:
        self._toReactor.put(lambda: self._brokenReported(reason))

    def _reportError(self, words: str) -> None:
        self._toReactor.put(lambda: self._errorReported(words))

    def _errorReported(self, words: str) -> None:
        self.lastError, self.lastErrorAt = words, self._clock()
        if self._log is not None and words != self._lastLogged and not self._stopping:
            self._lastLogged = words
            self._log(words)

    def _connected(self, where: str) -> None:
        self.where = where
        if where:
            self.connections += 1
            self._lastLogged = ""
        if self._listener is not None and not self._stopping:
            self._listener.connected(where)

    def _publishUncertain(self) -> None:
        """Something may not have got there."""
        self._do("publisher.resume")
        if self._listener is not None and not self._stopping:
            self._listener.publishUncertain()

    def _brokenReported(self, reason: str) -> None:
        if self._broken:
            return
        self._broken = True
        self._errorReported(reason)
        if self._listener is not None and not self._stopping:
            self._listener.streamBroken(reason)

    def _arrived(self, items: deque[Work | StreamMessage | ConsumerCredit]) -> None:
        while items:
            item = items.popleft()
            if callable(item):
                item()
            else:
                self._undelivered.append(item)
        if not self._deliveryScheduled:
            self._deliverNext()

    def _scheduleDelivery(self) -> None:
        """Go on in another turn."""
        if self._undelivered and not self._deliveryScheduled:
            self._deliveryScheduled = True
            self._callFromThread(self._deliverNext)

    def _deliverNext(self) -> None:
        """Deliver some of what there is."""
        self._deliveryScheduled = False
        listener = self._listener
        some: list[StreamMessage] = []
        while self._undelivered and len(some) < _DELIVERED_PER_TURN:
            if self._paused or self._broken or self._stopping or listener is None:
                break
            item = self._undelivered.popleft()
            if isinstance(item, StreamMessage):
                some.append(item)
            else:
                # It is said when those before it are done with.
                self._deliver(listener, some)
                some = []
                self._do("reader.allow", item)
        else:
            self._scheduleDelivery()
        if listener is not None:
            self._deliver(listener, some)

    def _deliver(self, listener: BrokerListener, some: list[StreamMessage]) -> None:
        if some:
            self.delivered += len(some)
            listener.delivered(some)

    def _ended(self) -> None:
        """Nothing is under way any more."""
        self._stopped = True
        self._undelivered.clear()
        tell, self._onStopped = self._onStopped, []
        for stopped in tell:
            stopped()
