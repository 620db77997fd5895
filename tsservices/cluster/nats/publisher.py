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

from tsservices.cluster.broker import ENGINE_DOUBT_SECONDS, ENGINE_RETRY_SECONDS
from tsservices.cluster.nats.config import JetStreamConfig, Noted
from tsservices.cluster.nats.connection import Connection, ReconnectingConnection
from tsservices.cluster.nats.loop_thread import oneLine

#: Seconds between two looks for messages that nobody has answered.
_LOOK_SECONDS = 0.2

#: Seconds that an answer may take, when the ones before took too long.
_PATIENCE_MOST = 3.0


#: Seconds until the engine is asked again to answer. Whoever publishes sees each message come back;
#: what an answer has beside that is the reason when none does.
_ANSWER_SECONDS = 1.0


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
        place: JetStreamConfig,
        link: ReconnectingConnection,
        unsure: Callable[[], object],
        noted: Noted,
    ) -> None:
        self._place = place
        self._link = link
        self._unsure = unsure
        self._noted = noted
        self._waiting: deque[bytes] = deque()
        self._some = asyncio.Event()
        self._sent: dict[int, float] = {}
        self._count = 0
        self._askAt = 0.0
        self._under = False
        self._inbox = ""
        self._connection: Connection | None = None
        self._doubtful = self._told = False
        self._toldAt = 0.0
        self._patience = ENGINE_DOUBT_SECONDS
        self._seconds = asyncio.get_running_loop().time
        self.published = 0
        self.doubts = 0

    def publish(self, data: bytes) -> None:
        if not self._doubtful:
            self._waiting.append(data)
            self._some.set()

    def resume(self) -> None:
        """Who publishes knows of the doubt: what comes from now on is in order again."""
        self._doubtful = self._told = False

    async def run(self) -> None:
        """Send what there is to send, for ever."""
        while True:
            await self._some.wait()
            self._some.clear()
            await self._send()

    async def watch(self) -> None:
        """Doubt what was not answered in time, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._doubtful:
                self._tell()
            elif self._under and self._link.connection is not self._connection:
                self._doubt()
            # The first one is the oldest.
            elif self._sent and next(iter(self._sent.values())) + self._patience < self._seconds():
                # A slow engine gets slower by what is sent to it again.
                self._patience = min(_PATIENCE_MOST, 2 * self._patience)
                self._noted("publishing: no answer")
                self._doubt()

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
                    self._noted(f"publishing: {oneLine(error)}")
                self._doubt()

    async def _listen(self, connection: Connection) -> None:
        if self._under:
            raise Error("the connection was lost")
        self._inbox = connection.new_inbox()
        self._connection = connection
        self._patience = ENGINE_DOUBT_SECONDS
        await connection.subscribe(f"{self._inbox}.*", cb=self._answered)

    async def _sendOne(self, connection: Connection, data: bytes) -> None:
        now = self._seconds()
        reply = ""
        if now >= self._askAt:
            self._askAt = now + _ANSWER_SECONDS
            self._count += 1
            self._sent[self._count] = now
            reply = f"{self._inbox}.{self._count}"
        self._under = True
        await connection.publish(self._place.subject, data, reply=reply)
        self.published += 1

    async def _answered(self, message: Msg) -> None:
        number = int(message.subject.rpartition(".")[2])
        if self._sent.pop(number, None) is None:
            return
        reason = "no leader"
        if not (message.headers and message.headers.get("Status")):
            with contextlib.suppress(ValueError):
                answer = json.loads(message.data)
                if "error" not in answer:
                    self._patience = ENGINE_DOUBT_SECONDS
                    return
                reason = str(answer["error"].get("description"))
        self._noted(f"publishing: {reason}")
        self._doubt()

    def _doubt(self) -> None:
        """Something that was published may be lost."""
        self._sent.clear()
        self._waiting.clear()
        self._under = False
        self._askAt = 0.0
        if not self._doubtful:
            self._doubtful = True
            self.doubts += 1
            self._tell()

    def _tell(self) -> None:
        """Say so, once, and not again and again while there is no connection."""
        now = self._seconds()
        if not self._told and now - self._toldAt >= ENGINE_RETRY_SECONDS:
            self._told, self._toldAt = True, now
            self._unsure()
