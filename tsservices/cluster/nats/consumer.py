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
from tsservices.cluster.nats.config import JetStreamConfig, Noted
from tsservices.cluster.nats.connection import Connection, ReconnectingConnection
from tsservices.cluster.nats.loop_thread import oneLine
from tsservices.cluster.nats.stream import StreamCheck

#: Seconds of silence after which the engine says that it is there.
_BEAT_SECONDS = 1.0

#: Seconds without even that after which it is asked anew.
_SILENT_SECONDS = 2.5

#: Seconds in which nothing comes, though there is something, after which it is asked anew.
_BEHIND_SECONDS = 1.5

#: Seconds between two looks at all this.
_LOOK_SECONDS = 0.25

#: Seconds between two questions how far the stream is, and whether it is the same.
_INSPECT_SECONDS = 2.0

#: Seconds between two attempts: what has no leader now has none in a moment.
_AGAIN_SECONDS = 0.5

#: Seconds that such a question may take: an engine without a leader answers none, and does not
#: remember them when it has one.
_ASK_SECONDS = 1.0

#: Seconds that it may take when the ones before took too long.
_ASK_MOST = 4.0

#: Seconds between two looks at something bad.
_STRIKE_SECONDS = 0.7

#: Bytes that may wait in the client's own queue: what does not fit in there is asked for again.
_KEPT_BYTES = 64 * 1024 * 1024

#: Seconds after which the engine forgets about one who does not listen any more.
_FORGET_SECONDS = 10.0


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

    @ivar wanted: the number of the next message; 0: none is wanted yet.
    @ivar paused: whether none is wanted for now.
    @ivar resubscriptions: how often it was asked anew.
    @ivar ended: why it can't be gone on with.
    """

    def __init__(
        self,
        place: JetStreamConfig,
        link: ReconnectingConnection,
        deliver: Callable[[StreamMessage | ConsumerCredit], object],
        broken: Callable[[str], object],
        noted: Noted,
    ) -> None:
        self._place = place
        self._link = link
        self._deliver = deliver
        self._broken = broken
        self._noted = noted
        self._seconds = asyncio.get_running_loop().time
        self._wake = asyncio.Event()
        self._inspection: StreamCheck | None = None
        self._connection: Connection | None = None
        self._subscription: Subscription | None = None
        self._round = 0
        self._next = 1
        self._heardAt = self._inspectAt = self._askAt = 0.0
        self._allowances = 0
        self._stale = True
        self._before: tuple[int, int] | None = None
        self._jump: tuple[int, int] | None = None
        self._hole: tuple[int, int] | None = None
        self._patience = _ASK_SECONDS
        self._behind: tuple[int, float] | None = None
        self.wanted = 0
        self.paused = False
        self.resubscriptions = -1
        self.ended = ""

    def begin(self, number: int, known: StreamInfo) -> None:
        self.wanted = number
        self._inspection = StreamCheck(self._place.stream, known)
        self._wake.set()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        self._stale = True
        self._wake.set()

    def allow(self, allowance: ConsumerCredit) -> None:
        self._allowances -= 1
        if allowance.connection is self._connection and self._connection.is_connected:
            task = asyncio.ensure_future(self._allow(allowance))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _allow(self, allowance: ConsumerCredit) -> None:
        with contextlib.suppress(Error, OSError):
            await allowance.connection.publish(allowance.reply)

    async def run(self) -> None:
        """Read, until it can't be gone on with."""
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)
            self._wake.clear()
            connection = self._link.connection
            if not self.wanted or connection is None:
                continue
            jetstream = connection.jetstream(timeout=self._patience)
            try:
                await self._look(connection, jetstream)
            except TimeoutError:
                self._patience = min(_ASK_MOST, self._patience * 1.25)
                self._noted("reading: no answer")
            except Exception as error:
                # Whatever it was: it is looked at again.
                self._noted(f"reading: {oneLine(error)}")

    async def _look(self, connection: Connection, jetstream: JetStreamContext) -> None:
        """See whether all is well."""
        now = self._seconds()
        if connection is not self._connection:
            self._connection, self._subscription, self._stale = connection, None, True
            self._inspectAt = self._askAt = now
        if self._subscription is not None and now - self._heardAt > _SILENT_SECONDS:
            self._noted("reading: the engine is silent")
            self._stale = True
        if self._stale:
            await self._drop()
        asks = self._stale and not self.paused and now >= self._askAt
        if asks:
            self._askAt = now + _AGAIN_SECONDS
        if asks or now >= self._inspectAt:
            self._inspectAt = now + _INSPECT_SECONDS
            # Never without having seen that it is the same stream.
            if await self._inspect(jetstream) and asks:
                await self._ask(connection, jetstream)

    async def _drop(self) -> None:
        """Listen no more."""
        self._round += 1
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(Error, OSError):
                await subscription.unsubscribe()

    async def _ask(self, connection: Connection, jetstream: JetStreamContext) -> None:
        """Ask for all messages from the next one on."""
        self._next = 1
        self._heardAt = self._seconds()
        self._stale = False
        self.resubscriptions += 1
        inbox = connection.new_inbox()
        # The last one that came comes again: what was said since an engine has lost some may
        # have their numbers now.
        first = self.wanted if self._before is None else self._before[0]
        subscription = await connection.subscribe(
            inbox, cb=partial(self._heard, self._round), pending_bytes_limit=_KEPT_BYTES
        )
        self._subscription = subscription
        config = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=_BEAT_SECONDS,
            inactive_threshold=_FORGET_SECONDS,
            num_replicas=1,
            mem_storage=True,
        )
        try:
            await jetstream.add_consumer(self._place.stream, config)
        except BaseException:
            self._stale = True
            await self._drop()
            raise
        self._heardAt = self._seconds()
        self._patience = _ASK_SECONDS

    async def _heard(self, ofRound: int, message: Msg) -> None:
        if ofRound != self._round or self._stale:
            return
        self._heardAt = self._seconds()
        headers = message.headers
        if headers and "Status" in headers and not message.data:
            self._control(message, headers)
            return
        tokens = message.reply.split(".")
        if len(tokens) < 9 or tokens[1] != "ACK":
            return
        # With the names of a domain and of an account there are more of them.
        at = 5 if len(tokens) == 9 else 7
        number, order, stamp = int(tokens[at]), int(tokens[at + 1]), int(tokens[at + 2])
        if order != self._next:
            self._again("a message got lost on its way")
            return
        self._next += 1
        if number < self.wanted:
            if self._before is not None and self._before != (number, stamp):
                self._end(StreamCheck.replaced(self._place.stream, number))
            return
        if number > self.wanted and self._hole != (self.wanted, number):
            self._jump = (self.wanted, number)
            self._again(f"message {self.wanted} is missing")
            return
        self.wanted, self._before = number + 1, (number, stamp)
        self._deliver(StreamMessage(number, stamp, message.data))

    def _control(self, message: Msg, headers: dict[str, str]) -> None:
        if headers["Status"] != "100":
            self._again(headers.get("Description", "it has ended"))
            return
        last = headers.get("Nats-Last-Consumer")
        if last is not None and int(last) != self._next - 1:
            self._again("messages got lost on their way")
            return
        reply = headers.get("Nats-Consumer-Stalled") or message.reply
        if reply and self._connection is not None:
            self._allowances += 1
            self._deliver(ConsumerCredit(self._connection, reply))

    def _again(self, reason: str) -> None:
        self._noted(f"reading: {reason}")
        self._stale = True
        self._wake.set()

    async def _inspect(self, jetstream: JetStreamContext) -> bool:
        """See how far the stream is, and whether it is the same."""
        inspection, wanted = self._inspection, self.wanted
        assert inspection is not None
        try:
            info = await jetstream.stream_info(self._place.stream)
        except NotFoundError:
            inspection.gone()
        else:
            inspection.seen(info, wanted, self.wanted != wanted)
            self._inspectJump(inspection, info)
            self._inspectProgress(info.state.last_seq)
        if inspection.bad:
            # Sooner than otherwise, but not at once.
            self._inspectAt = self._askAt = self._seconds() + _STRIKE_SECONDS
        if inspection.reason:
            self._end(inspection.reason)
        return inspection.goesOn

    def _end(self, reason: str) -> None:
        """Read no more."""
        if not self.ended:
            self.ended = reason
            self._round += 1
            self._broken(reason)

    def _inspectProgress(self, last: int) -> None:
        if last < self.wanted or self._allowances or self.paused:
            self._behind = None
        elif self._behind is None or self._behind[0] != self.wanted:
            self._behind = self.wanted, self._seconds()
        elif self._seconds() - self._behind[1] > _BEHIND_SECONDS:
            self._behind = None
            self._again(f"nothing comes, and the stream is at {last}")

    def _inspectJump(self, inspection: StreamCheck, info: StreamInfo) -> None:
        """A message was missing, maybe: find out whether it is there."""
        jump, self._jump = self._jump, None
        if jump is None or jump[0] != self.wanted or info.state.first_seq > jump[0]:
            inspection.missing(None)
            return
        if info.state.num_deleted:
            self._hole = jump
        inspection.missing(jump[0])
