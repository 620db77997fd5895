"""
The broker's side in the reactor's thread.

The two threads share only two queues.  Calls of the broker become functions that run in the
client's thread, with the L{session<tsservices.cluster.nats.session>}.  Messages, answers and errors
come back through one queue, which keeps their order: an answer to C{lastSequence} follows all
messages received before it.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, TypeVar

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

Outcome = TypeVar("Outcome")

#: Messages delivered in one turn of the reactor; between two turns client sockets are served.
_DELIVERED_PER_TURN = 256

#: Seconds for the session to end, after which its thread is abandoned: a second less than the node
#: waits for the broker.
_SESSION_END_SECONDS = STOP_SECONDS - 1.0


class JetStreamBroker:
    """
    NATS JetStream behind the port L{Broker<tsservices.cluster.broker.Broker>}.

    @ivar where: the server that is connected; empty: none.
    @ivar connections: how many connections there were, one after the other.
    @ivar delivered: how many messages were delivered.
    @ivar lastError: the last error, in one line.
    """

    def __init__(
        self,
        config: JetStreamConfig,
        callFromThread: Callable[..., object],
        entropy: Callable[[int], bytes] = os.urandom,
        log: Log | None = None,
    ) -> None:
        """
        @param entropy: returns the given number of random bytes.
        @raise BrokerError: the client is not installed, or the configuration can't be used.
        """
        try:
            from tsservices.cluster.nats.session import BrokerSession, SessionEvents
        except ImportError as error:
            raise BrokerError("a cluster needs: pip install 'tsservices[cluster]'") from error
        config.check()
        self._callFromThread = callFromThread
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
        random, put = Random(entropy(16)), self._toReactor.put
        events = SessionEvents(
            connected=lambda where: put(lambda: self._connected(where)),
            delivered=put,
            uncertain=lambda: put(self._publishUncertain),
            broken=self._reportBroken,
            log=self._reportError,
        )
        # The session is made in the thread, because it belongs to the event loop there.
        self._makeSession = lambda: BrokerSession(config, random, events)
        self.where = ""
        self.connections = 0
        self.delivered = 0
        self.lastError = ""

    @property
    def published(self) -> int:
        return self._session.publisher.published if self._session else 0

    @property
    def doubts(self) -> int:
        return self._session.publisher.doubts if self._session else 0

    @property
    def resubscriptions(self) -> int:
        return max(0, self._session.consumer.resubscriptions) if self._session else 0

    def open(
        self,
        identity: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        if self._thread is None and not self._stopping:
            self._thread = AsyncioThread("broker", self._main, self._reportError)
            self._thread.start()
        self._call(
            lambda session: session.open(identity, self._inReactor(opened), self._inReactor(failed))
        )

    def subscribe(self, number: int, listener: BrokerListener) -> None:
        self._listener = listener
        listener.connected(self.where)
        self._call(lambda session: session.subscribe(number))

    def publish(self, data: bytes) -> None:
        self._call(lambda session: session.publisher.publish(data))

    def pause(self, paused: bool) -> None:
        if paused != self._paused:
            self._paused = paused
            self._call(lambda session: session.consumer.pause(paused))
            self._scheduleDelivery()

    def lastSequence(self, done: Callable[[int | None], object]) -> None:
        self._call(lambda session: session.lastSequence(self._inReactor(done)))

    def latestSnapshot(self, done: Callable[[SnapshotInfo | None], object]) -> None:
        self._call(lambda session: session.latestSnapshot(self._inReactor(done)))

    def getSnapshot(self, path: str, done: Callable[[str | None], object]) -> None:
        self._call(lambda session: session.getSnapshot(path, self._inReactor(done)))

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, done: Callable[[str | None], object]
    ) -> None:
        self._call(lambda session: session.putSnapshot(snapshot, path, self._inReactor(done)))

    def stop(self, stopped: Callable[[], object]) -> None:
        self._onStopped.append(stopped)
        if self._thread is None or self._stopped:
            self._callFromThread(self._ended)
        elif not self._stopping:
            self._call(lambda session: session.stop())
        self._stopping = True

    def _call(self, work: Callable[[BrokerSession], object]) -> None:
        if self._thread is None or self._stopping:
            return

        def run() -> None:
            # The thread makes the session before it runs any work.
            assert self._session is not None
            work(self._session)

        self._thread.call(run)

    def _inReactor(self, function: Callable[[Outcome], object]) -> Callable[[Outcome], object]:

        def call(outcome: Outcome) -> None:
            if not self._stopping:
                function(outcome)

        return lambda outcome: self._toReactor.put(lambda: call(outcome))

    async def _main(self) -> None:
        # The main coroutine of the thread.
        try:
            session = self._session = self._makeSession()
            running = asyncio.ensure_future(session.run())
            await session.waitForStop()
            await asyncio.wait([running], timeout=_SESSION_END_SECONDS)
            running.cancel()
        except Exception as error:
            self._reportBroken(describeCrash(error))
        finally:
            self._toReactor.put(self._ended)

    def _reportBroken(self, reason: str) -> None:
        self._toReactor.put(lambda: self._brokenReported(reason))

    def _reportError(self, text: str) -> None:
        self._toReactor.put(lambda: self._errorReported(text))

    def _errorReported(self, text: str) -> None:
        self.lastError = text
        # Attempts every few hundred milliseconds fail in the same way: one line is enough.
        if self._log is not None and text != self._lastLogged and not self._stopping:
            self._lastLogged = text
            self._log(text)

    def _connected(self, where: str) -> None:
        self.where = where
        if where:
            self.connections += 1
            self._lastLogged = ""
        if self._listener is not None and not self._stopping:
            self._listener.connected(where)

    def _publishUncertain(self) -> None:
        # This thread knows of the loss now, so messages that it publishes are in order again.
        self._call(lambda session: session.publisher.resume())
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
        if self._undelivered and not self._deliveryScheduled:
            self._deliveryScheduled = True
            self._callFromThread(self._deliverNext)

    def _deliverNext(self) -> None:
        self._deliveryScheduled = False
        listener = self._listener
        messages: list[StreamMessage] = []
        while self._undelivered and len(messages) < _DELIVERED_PER_TURN:
            if self._paused or self._broken or self._stopping or listener is None:
                break
            item = self._undelivered.popleft()
            if isinstance(item, StreamMessage):
                messages.append(item)
            else:
                # The broker may send more only after the messages before the credit are applied.
                self._deliver(listener, messages)
                messages = []
                self._grant(item)
        else:
            self._scheduleDelivery()
        if listener is not None:
            self._deliver(listener, messages)

    def _grant(self, credit: ConsumerCredit) -> None:
        self._call(lambda session: session.consumer.grant(credit))

    def _deliver(self, listener: BrokerListener, messages: list[StreamMessage]) -> None:
        if messages:
            self.delivered += len(messages)
            listener.delivered(messages)

    def _ended(self) -> None:
        self._stopped = True
        self._undelivered.clear()
        waiting, self._onStopped = self._onStopped, []
        for stopped in waiting:
            stopped()
