"""
Sends the messages of this node in order, without waiting for the answer to each.

It stores nothing.  When a message may be lost, all waiting messages are dropped, and nothing is
sent until the reactor's thread knows of it (L{Publisher.resume}): messages sent meanwhile would get
into the stream before the lost one.  Then the node's queue is published again, from the first
message on that has not come back.

The server's own de-duplication by C{Nats-Msg-Id} is not used.  If the first of two messages is lost
and the second is not, the second has to be sent again after the first, and the server would drop it
as a duplicate.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable

from nats.aio.msg import Msg
from nats.errors import Error

from tsservices.cluster.broker import ACKNOWLEDGE_SECONDS, RETRY_SECONDS
from tsservices.cluster.nats.client_internals import NATSConnection
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.connection import ReconnectingConnection
from tsservices.cluster.nats.loop_thread import oneLine

#: Seconds between two checks for late answers.
_LOOK_SECONDS = 0.2

#: Seconds that an answer may take after earlier ones were late.
_MAX_ANSWER_SECONDS = 3.0

#: Seconds between two messages that request an answer.  The delivery of a message is its
#: acknowledgement; answers only give the reason when nothing is delivered.
_REQUEST_INTERVAL_SECONDS = 1.0


class Publisher:
    """
    Publishes messages, and reports when one may be lost.

    @ivar published: how many messages were sent to the stream.
    @ivar doubts: how often a message may have been lost.
    """

    def __init__(
        self,
        config: JetStreamConfig,
        link: ReconnectingConnection,
        onUncertain: Callable[[], object],
        log: Log,
    ) -> None:
        self._config = config
        self._link = link
        self._onUncertain = onUncertain
        self._log = log
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._unanswered: dict[int, float] = {}
        self._requests = 0
        self._askAt = 0.0
        self._hasPublished = False
        self._inbox = ""
        self._connection: NATSConnection | None = None
        self._isUncertain = self._notified = False
        self._notifiedAt = 0.0
        self._answerSeconds = ACKNOWLEDGE_SECONDS
        self._clock = asyncio.get_running_loop().time
        self.published = 0
        self.doubts = 0

    def publish(self, data: bytes) -> None:
        if not self._isUncertain:
            self._waiting.append(data)
            self._wake.set()

    def resume(self) -> None:
        """Note that the publishing thread knows of the loss: later messages are in order again."""
        self._isUncertain = self._notified = False

    async def run(self) -> None:
        """Send published messages until the task is cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send()

    async def watch(self) -> None:
        """Check for late answers until the task is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._isUncertain:
                self._notify()
            elif self._hasPublished and self._link.connection is not self._connection:
                self._becomeUncertain()
            elif self._isLate():
                # Messages that are sent again make a slow server slower.
                self._answerSeconds = min(_MAX_ANSWER_SECONDS, 2 * self._answerSeconds)
                self._log("publishing: no answer")
                self._becomeUncertain()

    def _isLate(self) -> bool:
        # The first request is the oldest.
        oldest = next(iter(self._unanswered.values()), None)
        return oldest is not None and oldest + self._answerSeconds < self._clock()

    async def _send(self) -> None:
        while self._waiting:
            connection = self._link.connection
            try:
                if connection is None:
                    raise Error("no connection")
                if connection is not self._connection:
                    await self._listen(connection)
                while self._waiting:
                    await self._sendOne(connection, self._waiting.popleft())
            except Exception as error:
                # After any error the message is lost.
                if connection is not None:
                    self._log(f"publishing: {oneLine(error)}")
                self._becomeUncertain()

    async def _listen(self, connection: NATSConnection) -> None:
        if self._hasPublished:
            raise Error("the connection was lost")
        self._inbox = connection.new_inbox()
        self._connection = connection
        self._answerSeconds = ACKNOWLEDGE_SECONDS
        await connection.subscribe(f"{self._inbox}.*", cb=self._answered)

    async def _sendOne(self, connection: NATSConnection, data: bytes) -> None:
        now = self._clock()
        reply = ""
        if now >= self._askAt:
            self._askAt = now + _REQUEST_INTERVAL_SECONDS
            self._requests += 1
            self._unanswered[self._requests] = now
            reply = f"{self._inbox}.{self._requests}"
        self._hasPublished = True
        await connection.publish(self._config.subject, data, reply=reply)
        self.published += 1

    async def _answered(self, message: Msg) -> None:
        number = int(message.subject.rpartition(".")[2])
        if self._unanswered.pop(number, None) is None:
            return
        # A status without data is from NATS itself: no stream listens to the subject.
        reason = "no leader"
        if not (message.headers and message.headers.get("Status")):
            with contextlib.suppress(ValueError):
                answer = json.loads(message.data)
                if "error" not in answer:
                    self._answerSeconds = ACKNOWLEDGE_SECONDS
                    return
                reason = str(answer["error"].get("description"))
        self._log(f"publishing: {reason}")
        self._becomeUncertain()

    def _becomeUncertain(self) -> None:
        self._unanswered.clear()
        self._waiting.clear()
        self._hasPublished = False
        # The next message requests an answer at once.
        self._askAt = 0.0
        if not self._isUncertain:
            self._isUncertain = True
            self.doubts += 1
            self._notify()

    def _notify(self) -> None:
        # Not repeated while there is no connection, because each call makes the node publish.
        now = self._clock()
        if not self._notified and now - self._notifiedAt >= RETRY_SECONDS:
            self._notified, self._notifiedAt = True, now
            self._onUncertain()
