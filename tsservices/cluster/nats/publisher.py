"""
What a node says, on its way to the stream.
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
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.connection import Connection, ReconnectingConnection
from tsservices.cluster.nats.loop_thread import oneLine

#: Seconds between two looks for messages that nobody has answered.
_LOOK_SECONDS = 0.2

#: Seconds that an answer may take, when the ones before took too long.
_MAX_ANSWER_SECONDS = 3.0


#: Seconds until the engine is asked again to answer. Whoever publishes sees each message come back;
#: what an answer has beside that is the reason when none does.
_REQUEST_INTERVAL_SECONDS = 1.0


class Publisher:
    """
    Publishes in order, without waiting for one message before the next, and keeps
    nothing: who is told that something is not sure has to send it again.  Until that is
    known over there nothing goes out, since it would get there before what was lost.

    The engine's own way to know duplicates, by C{Nats-Msg-Id}, is not used: of two messages
    the first one may be lost and the second one not, and then the second one, which has to
    be sent again behind the first, would be taken for one that is there already.

    @ivar published: how many messages were sent to the stream.
    @ivar doubts: how often something was not sure.
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
        self._connection: Connection | None = None
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
        """Who publishes knows of the doubt: what comes from now on is in order again."""
        self._isUncertain = self._notified = False

    async def run(self) -> None:
        """Send what there is to send, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send()

    async def watch(self) -> None:
        """Doubt what was not answered in time, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._isUncertain:
                self._notify()
            elif self._hasPublished and self._link.connection is not self._connection:
                self._becomeUncertain()
            # The first one is the oldest.
            elif (
                self._unanswered
                and next(iter(self._unanswered.values())) + self._answerSeconds < self._clock()
            ):
                # A slow engine gets slower by what is sent to it again.
                self._answerSeconds = min(_MAX_ANSWER_SECONDS, 2 * self._answerSeconds)
                self._log("publishing: no answer")
                self._becomeUncertain()

    async def _send(self) -> None:
        """Send all there is."""
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
                # Whatever it was: the message is lost.
                if connection is not None:
                    self._log(f"publishing: {oneLine(error)}")
                self._becomeUncertain()

    async def _listen(self, connection: Connection) -> None:
        if self._hasPublished:
            raise Error("the connection was lost")
        self._inbox = connection.new_inbox()
        self._connection = connection
        self._answerSeconds = ACKNOWLEDGE_SECONDS
        await connection.subscribe(f"{self._inbox}.*", cb=self._answered)

    async def _sendOne(self, connection: Connection, data: bytes) -> None:
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
        """Something that was published may be lost."""
        self._unanswered.clear()
        self._waiting.clear()
        self._hasPublished = False
        self._askAt = 0.0
        if not self._isUncertain:
            self._isUncertain = True
            self.doubts += 1
            self._notify()

    def _notify(self) -> None:
        """Say so, once, and not again and again while there is no connection."""
        now = self._clock()
        if not self._notified and now - self._notifiedAt >= RETRY_SECONDS:
            self._notified, self._notifiedAt = True, now
            self._onUncertain()
