"""
Reads the stream in order, each message once, whatever happens to the broker.

It is an ordered consumer: one without acknowledgements, which the server forgets with the
connection.  The numbers are compared here, and after anything unexpected the consumer is created
again, from the next number on.  The ordered consumer of nats-py is not used: it never checks that
the stream is still the same.  Failures without an error, and how they are detected:

    nothing arrives         the server sends a heartbeat each second; without one, or when the
                            stream grows and nothing arrives, the consumer is created again
    messages were lost on   the consumer on the server numbers its deliveries (order), and sends
    the way                 their count in each heartbeat
    the stream was deleted, its metadata, the time of its creation and its bounds are compared
    restored, truncated     every two seconds, and always before a consumer is created
    its end was lost, and   a new consumer begins with the last message received: its time stamp
    other messages have     must be the same
    these numbers now

Flow control: the server pauses until the node has applied the messages sent.  Its request is a
L{ConsumerCredit} among the messages, which is answered (L{StreamConsumer.grant}) when the messages
before it are applied.
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
from tsservices.cluster.nats.client_internals import NATSConnection
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.connection import ReconnectingConnection
from tsservices.cluster.nats.loop_thread import oneLine
from tsservices.cluster.nats.stream import StreamCheck

#: Seconds of silence after which the server sends a heartbeat.
_HEARTBEAT_SECONDS = 1.0

#: Seconds without a heartbeat after which the consumer is created again.
_SILENT_SECONDS = 2.5

#: Seconds without a message, although the stream has more, after which it is created again.
_STALLED_SECONDS = 1.5

#: Seconds between two checks of these conditions.
_LOOK_SECONDS = 0.25

#: Seconds between two checks of the stream itself.
_INSPECT_SECONDS = 2.0

#: Seconds between two attempts: a stream without a leader gets none within a moment.
_RESUBSCRIBE_SECONDS = 0.5

#: Seconds that a request may take.  Short, because a server without a leader never answers: it has
#: forgotten the requests when there is a leader again.
_REQUEST_SECONDS = 1.0

#: Seconds that a request may take after earlier requests timed out.
_MAX_REQUEST_SECONDS = 4.0

#: Seconds between two checks of a stream that seems to be broken.
_RECHECK_SECONDS = 0.7

#: Bytes that may wait in the client's own queue; messages that do not fit are lost.
_PENDING_BYTES = 64 * 1024 * 1024

#: Seconds after which the server forgets a consumer without a reader.
_INACTIVE_SECONDS = 10.0

#: Tokens of a delivery's reply subject C{$JS.ACK.STREAM.CONSUMER.COUNT.SEQUENCE.ORDER.STAMP.LEFT}.
_REPLY_TOKENS = 9


class ConsumerCredit(NamedTuple):
    """An item among messages: when those before it are applied, the server may send more."""

    connection: NATSConnection
    #: The subject to publish to when the server may send more.
    reply: str


class _Delivery(NamedTuple):
    """The numbers of a message, from its reply subject."""

    sequence: int
    #: Counted by the consumer, from 1 on.
    order: int
    stamp: int


def _parseReply(reply: str) -> _Delivery | None:
    tokens = reply.split(".")
    if len(tokens) < _REPLY_TOKENS or tokens[1] != "ACK":
        return None
    # With the names of a domain and of an account there are more tokens.
    at = 5 if len(tokens) == _REPLY_TOKENS else 7
    sequence, order, stamp = map(int, tokens[at : at + 3])
    return _Delivery(sequence, order, stamp)


class StreamConsumer:
    """
    Reads the stream in order, without gaps and duplicates.

    @ivar nextSequence: the number of the next message; 0: reading has not begun.
    @ivar resubscriptions: how often the consumer was created again; -1: it was never created.
    @ivar ended: why the stream can't be read any more; empty: it can be read.
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
        self._connection: NATSConnection | None = None
        self._subscription: Subscription | None = None
        #: Deliveries of an earlier subscription may still be in the client's queue.
        self._subscriptionNumber = 0
        self._nextDelivery = 1
        self._receivedAt = self._inspectAt = self._subscribeAt = 0.0
        self._ungrantedCredits = 0
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
        """@param known: the state of the stream when it was opened."""
        self.nextSequence = number
        self._check = StreamCheck(self._config.stream, known)
        self._wake.set()

    def pause(self, paused: bool) -> None:
        # During a pause there is no consumer; a new one then begins at the next number.
        self.paused = paused
        self._stale = True
        self._wake.set()

    def grant(self, credit: ConsumerCredit) -> None:
        """Send the credit to the server: the messages before it are applied."""
        self._ungrantedCredits -= 1
        if credit.connection is self._connection and self._connection.is_connected:
            task = asyncio.ensure_future(self._grant(credit))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _grant(self, credit: ConsumerCredit) -> None:
        with contextlib.suppress(Error, OSError):
            await credit.connection.publish(credit.reply)

    async def run(self) -> None:
        """Read until the stream is broken."""
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
                # After any error: the next check shows whether the problem remains.
                self._log(f"reading: {oneLine(error)}")

    async def _supervise(self, connection: NATSConnection, jetstream: JetStreamContext) -> None:
        now = self._clock()
        if connection is not self._connection:
            self._connection, self._subscription, self._stale = connection, None, True
            self._inspectAt = self._subscribeAt = now
        if self._subscription is not None and now - self._receivedAt > _SILENT_SECONDS:
            self._log("reading: the engine is silent")
            self._stale = True
        if self._stale:
            await self._unsubscribe()
        subscribes = self._stale and not self.paused and now >= self._subscribeAt
        if subscribes:
            self._subscribeAt = now + _RESUBSCRIBE_SECONDS
        if subscribes or now >= self._inspectAt:
            self._inspectAt = now + _INSPECT_SECONDS
            # Subscribe only after a check that it is the same stream.
            if await self._inspect(jetstream) and subscribes:
                await self._subscribe(connection, jetstream)

    async def _unsubscribe(self) -> None:
        self._subscriptionNumber += 1
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(Error, OSError):
                await subscription.unsubscribe()

    async def _subscribe(self, connection: NATSConnection, jetstream: JetStreamContext) -> None:
        self._nextDelivery = 1
        self._receivedAt = self._clock()
        self._stale = False
        self.resubscriptions += 1
        inbox = connection.new_inbox()
        # Read the last message again: if the server has lost messages, others may have the numbers.
        first = self.nextSequence if self._lastReceived is None else self._lastReceived[0]
        self._subscription = await connection.subscribe(
            inbox,
            cb=partial(self._received, self._subscriptionNumber),
            pending_bytes_limit=_PENDING_BYTES,
        )
        config = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=_HEARTBEAT_SECONDS,
            inactive_threshold=_INACTIVE_SECONDS,
            # In the memory of one server: creating it again is cheaper than replication.
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

    async def _received(self, subscriptionNumber: int, message: Msg) -> None:
        if subscriptionNumber != self._subscriptionNumber or self._stale:
            return
        self._receivedAt = self._clock()
        headers = message.headers
        if headers and "Status" in headers and not message.data:
            self._controlReceived(message, headers)
            return
        delivery = _parseReply(message.reply)
        if delivery is None:
            return
        number, stamp = delivery.sequence, delivery.stamp
        if delivery.order != self._nextDelivery:
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
        # A credit may get lost: a server that waits for one repeats its subject in heartbeats.
        reply = headers.get("Nats-Consumer-Stalled") or message.reply
        if reply and self._connection is not None:
            self._ungrantedCredits += 1
            self._deliver(ConsumerCredit(self._connection, reply))

    def _resubscribe(self, reason: str) -> None:
        self._log(f"reading: {reason}")
        self._stale = True
        self._wake.set()

    async def _inspect(self, jetstream: JetStreamContext) -> bool:
        """Check the stream; return whether a consumer may be created."""
        check, wanted = self._check, self.nextSequence
        assert check is not None
        try:
            info = await jetstream.stream_info(self._config.stream)
        except NotFoundError:
            check.streamMissing()
        else:
            # Messages may have arrived before the answer.
            check.streamSeen(info, wanted, self.nextSequence != wanted)
            self._checkGap(check, info)
            self._checkProgress(info.state.last_seq)
        if check.bad:
            # The next check comes sooner than usual, but not at once.
            self._inspectAt = self._subscribeAt = self._clock() + _RECHECK_SECONDS
        if check.reason:
            self._end(check.reason)
        return check.maySubscribe

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.ended = reason
            self._subscriptionNumber += 1
            self._broken(reason)

    def _checkProgress(self, last: int) -> None:
        if last < self.nextSequence or self._ungrantedCredits or self.paused:
            self._stalled = None
        elif self._stalled is None or self._stalled[0] != self.nextSequence:
            self._stalled = self.nextSequence, self._clock()
        elif self._clock() - self._stalled[1] > _STALLED_SECONDS:
            self._stalled = None
            self._resubscribe(f"nothing comes, and the stream is at {last}")

    def _checkGap(self, check: StreamCheck, info: StreamInfo) -> None:
        # A message was skipped.  In a stream with deleted messages it may be one of these, and is
        # not waited for; otherwise it is requested again until the check fails.
        gap, self._gap = self._gap, None
        if gap is None or gap[0] != self.nextSequence or info.state.first_seq > gap[0]:
            check.messageMissing(None)
            return
        if info.state.num_deleted:
            self._deletedGap = gap
        check.messageMissing(gap[0])
