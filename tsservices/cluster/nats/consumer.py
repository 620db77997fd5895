"""
What all nodes have said, as the stream has it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import NotFoundError

from tsservices.cluster.broker import StreamMessage
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.connection import Connection, ReconnectingConnection
from tsservices.cluster.nats.loop_thread import oneLine
from tsservices.cluster.nats.stream import StreamCheck

#: Seconds of silence after which the engine says that it is there.
_HEARTBEAT_SECONDS = 1.0

#: Seconds without even that after which it is asked anew.
_SILENT_SECONDS = 2.5

#: Seconds in which nothing comes, though there is something, after which it is asked anew.
_STALLED_SECONDS = 1.5

#: Seconds between two looks at all this.
_LOOK_SECONDS = 0.25

#: Seconds between two questions how far the stream is, and whether it is the same.
_INSPECT_SECONDS = 2.0

#: Seconds between two attempts: what has no leader now has none in a moment.
_RESUBSCRIBE_SECONDS = 0.5

#: Seconds that such a question may take: an engine without a leader answers none, and does not
#: remember them when it has one.
_REQUEST_SECONDS = 1.0

#: Seconds that it may take when the ones before took too long.
_MAX_REQUEST_SECONDS = 4.0

#: Seconds between two looks at something bad.
_RECHECK_SECONDS = 0.7

#: Bytes that may wait in the client's own queue: what does not fit in there is asked for again.
_PENDING_BYTES = 64 * 1024 * 1024

#: Seconds after which the engine forgets about one who does not listen any more.
_INACTIVE_SECONDS = 10.0


class ConsumerCredit(NamedTuple):
    """
    Stands among deliveries: whoever has taken those before it allows for more.

    @ivar connection: where to say so.
    @ivar reply: to whom.
    """

    connection: Connection
    reply: str


class StreamConsumer:
    """
    Reads in order, each message once, whatever happens to the engine: the numbers are
    compared here, and anything strange makes it ask anew, from the next number on.

    @ivar nextSequence: the number of the next message; 0: none is wanted yet.
    @ivar paused: whether none is wanted for now.
    @ivar resubscriptions: how often it was asked anew.
    @ivar ended: why it can't be gone on with.
    """

    def __init__(
        self,
        config: JetStreamConfig,
        link: ReconnectingConnection,
        deliver: Callable[[StreamMessage | ConsumerCredit], object],
        broken: Callable[[str], object],
        log: Log,
    ) -> None:
        self._config = config
        self._link = link
        self._deliver = deliver
        self._broken = broken
        self._log = log
        self._clock = asyncio.get_running_loop().time
        self._wake = asyncio.Event()
        self._check: StreamCheck | None = None
        self._connection: Connection | None = None
        self._subscription: Subscription | None = None
        self._subscriptionNumber = 0
        self._nextDelivery = 1
        self._receivedAt = self._inspectAt = self._subscribeAt = 0.0
        self._creditsHeld = 0
        self._stale = True
        self._lastReceived: tuple[int, int] | None = None
        self._gap: tuple[int, int] | None = None
        self._deletedGap: tuple[int, int] | None = None
        self._requestSeconds = _REQUEST_SECONDS
        self._stalled: tuple[int, float] | None = None
        self.nextSequence = 0
        self.paused = False
        self.resubscriptions = -1
        self.ended = ""

    def start(self, number: int, known: StreamInfo) -> None:
        self.nextSequence = number
        self._check = StreamCheck(self._config.stream, known)
        self._wake.set()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        self._stale = True
        self._wake.set()

    def grant(self, allowance: ConsumerCredit) -> None:
        self._creditsHeld -= 1
        if allowance.connection is self._connection and self._connection.is_connected:
            task = asyncio.ensure_future(self._grant(allowance))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _grant(self, allowance: ConsumerCredit) -> None:
        with contextlib.suppress(Error, OSError):
            await allowance.connection.publish(allowance.reply)

    async def run(self) -> None:
        """Read, until it can't be gone on with."""
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)
            self._wake.clear()
            connection = self._link.connection
            if not self.nextSequence or connection is None:
                continue
            jetstream = connection.jetstream(timeout=self._requestSeconds)
            try:
                await self._supervise(connection, jetstream)
            except TimeoutError:
                self._requestSeconds = min(_MAX_REQUEST_SECONDS, self._requestSeconds * 1.25)
                self._log("reading: no answer")
            except Exception as error:
                # Whatever it was: it is looked at again.
                self._log(f"reading: {oneLine(error)}")

    async def _supervise(self, connection: Connection, jetstream: JetStreamContext) -> None:
        """See whether all is well."""
        now = self._clock()
        if connection is not self._connection:
            self._connection, self._subscription, self._stale = connection, None, True
            self._inspectAt = self._subscribeAt = now
        if self._subscription is not None and now - self._receivedAt > _SILENT_SECONDS:
            self._log("reading: the engine is silent")
            self._stale = True
        if self._stale:
            await self._unsubscribe()
        asks = self._stale and not self.paused and now >= self._subscribeAt
        if asks:
            self._subscribeAt = now + _RESUBSCRIBE_SECONDS
        if asks or now >= self._inspectAt:
            self._inspectAt = now + _INSPECT_SECONDS
            # Never without having seen that it is the same stream.
            if await self._inspect(jetstream) and asks:
                await self._subscribe(connection, jetstream)

    async def _unsubscribe(self) -> None:
        """Listen no more."""
        self._subscriptionNumber += 1
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(Error, OSError):
                await subscription.unsubscribe()

    async def _subscribe(self, connection: Connection, jetstream: JetStreamContext) -> None:
        """Ask for all messages from the next one on."""
        self._nextDelivery = 1
        self._receivedAt = self._clock()
        self._stale = False
        self.resubscriptions += 1
        inbox = connection.new_inbox()
        # The last one that came comes again: what was said since an engine has lost some may
        # have their numbers now.
        first = self.nextSequence if self._lastReceived is None else self._lastReceived[0]
        subscription = await connection.subscribe(
            inbox,
            cb=partial(self._received, self._subscriptionNumber),
            pending_bytes_limit=_PENDING_BYTES,
        )
        self._subscription = subscription
        config = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=_HEARTBEAT_SECONDS,
            inactive_threshold=_INACTIVE_SECONDS,
            num_replicas=1,
            mem_storage=True,
        )
        try:
            await jetstream.add_consumer(self._config.stream, config)
        except BaseException:
            self._stale = True
            await self._unsubscribe()
            raise
        self._receivedAt = self._clock()
        self._requestSeconds = _REQUEST_SECONDS

    async def _received(self, ofRound: int, message: Msg) -> None:
        if ofRound != self._subscriptionNumber or self._stale:
            return
        self._receivedAt = self._clock()
        headers = message.headers
        if headers and "Status" in headers and not message.data:
            self._controlReceived(message, headers)
            return
        tokens = message.reply.split(".")
        if len(tokens) < 9 or tokens[1] != "ACK":
            return
        # With the names of a domain and of an account there are more of them.
        at = 5 if len(tokens) == 9 else 7
        number, order, stamp = int(tokens[at]), int(tokens[at + 1]), int(tokens[at + 2])
        if order != self._nextDelivery:
            self._resubscribe("a message got lost on its way")
            return
        self._nextDelivery += 1
        if number < self.nextSequence:
            if self._lastReceived is not None and self._lastReceived != (number, stamp):
                self._end(StreamCheck.replaced(self._config.stream, number))
            return
        if number > self.nextSequence and self._deletedGap != (self.nextSequence, number):
            self._gap = (self.nextSequence, number)
            self._resubscribe(f"message {self.nextSequence} is missing")
            return
        self.nextSequence, self._lastReceived = number + 1, (number, stamp)
        self._deliver(StreamMessage(number, stamp, message.data))

    def _controlReceived(self, message: Msg, headers: dict[str, str]) -> None:
        if headers["Status"] != "100":
            self._resubscribe(headers.get("Description", "it has ended"))
            return
        last = headers.get("Nats-Last-Consumer")
        if last is not None and int(last) != self._nextDelivery - 1:
            self._resubscribe("messages got lost on their way")
            return
        reply = headers.get("Nats-Consumer-Stalled") or message.reply
        if reply and self._connection is not None:
            self._creditsHeld += 1
            self._deliver(ConsumerCredit(self._connection, reply))

    def _resubscribe(self, reason: str) -> None:
        self._log(f"reading: {reason}")
        self._stale = True
        self._wake.set()

    async def _inspect(self, jetstream: JetStreamContext) -> bool:
        """See how far the stream is, and whether it is the same."""
        inspection, wanted = self._check, self.nextSequence
        assert inspection is not None
        try:
            info = await jetstream.stream_info(self._config.stream)
        except NotFoundError:
            inspection.streamMissing()
        else:
            inspection.streamSeen(info, wanted, self.nextSequence != wanted)
            self._checkGap(inspection, info)
            self._checkProgress(info.state.last_seq)
        if inspection.bad:
            # Sooner than otherwise, but not at once.
            self._inspectAt = self._subscribeAt = self._clock() + _RECHECK_SECONDS
        if inspection.reason:
            self._end(inspection.reason)
        return inspection.maySubscribe

    def _end(self, reason: str) -> None:
        """Read no more."""
        if not self.ended:
            self.ended = reason
            self._subscriptionNumber += 1
            self._broken(reason)

    def _checkProgress(self, last: int) -> None:
        if last < self.nextSequence or self._creditsHeld or self.paused:
            self._stalled = None
        elif self._stalled is None or self._stalled[0] != self.nextSequence:
            self._stalled = self.nextSequence, self._clock()
        elif self._clock() - self._stalled[1] > _STALLED_SECONDS:
            self._stalled = None
            self._resubscribe(f"nothing comes, and the stream is at {last}")

    def _checkGap(self, inspection: StreamCheck, info: StreamInfo) -> None:
        """A message was missing, maybe: find out whether it is there."""
        jump, self._gap = self._gap, None
        if jump is None or jump[0] != self.nextSequence or info.state.first_seq > jump[0]:
            inspection.messageMissing(None)
            return
        if info.state.num_deleted:
            self._deletedGap = jump
        inspection.messageMissing(jump[0])
