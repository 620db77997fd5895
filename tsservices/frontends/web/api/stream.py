"""The answer to a request as the stream below an L{EventConnection}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from tsservices.chat.errors import ChatError
from tsservices.chat.outlet import BroadcastMember
from tsservices.chat.pipeline import Timer
from tsservices.frontends.connection import ConnectionContext
from tsservices.frontends.sendqueue import CountsSent
from tsservices.frontends.web.api.errors import APIError, fromChat
from tsservices.frontends.web.api.events import EventConnection, Subscription
from tsservices.frontends.web.api.posting import OUTCOME_SECONDS

#: Seconds between two heartbeats: less than the timeout of proxies (nginx: 60).
HEARTBEAT_SECONDS = 15.0

#: Seconds until the second one, when a client may be gone: the first is answered by a reset.
CHECK_SECONDS = 1.0


@implementer(IPushProducer)
class EventStream:
    """
    One stream.

    @ivar connection: writes to the stream.
    @ivar ending: whether nothing is written any more.
    @ivar _timer: for the next heartbeat; before the stream has begun, for giving up.
    """

    member: BroadcastMember | None = None

    def __init__(
        self,
        request: Any,
        context: ConnectionContext,
        wanted: Subscription,
        refuse: Callable[[APIError], None],
    ) -> None:
        self._request = request
        self._context = context
        self._refuse = refuse
        self.ending = False
        self.deadline: float | None = None
        self.host: str = request.sender.host
        self.peer: str = request.protocol.peer
        self.secure = bool(request.sender.secure)
        self.bottomTransport: CountsSent = request.protocol.bottomTransport
        self.connection = EventConnection(self, context, wanted, self._begin, self._refused)
        self._timer: Timer | None = context.callLater(OUTCOME_SECONDS, self._late)
        request.notifyFinish().addBoth(self._ended)
        request.halfClosed = self._halfClosed
        self.connection.start()

    def _begin(self) -> None:
        self._stopTimer()
        request = self._request
        request.setHeader(b"Content-Type", b"text/event-stream; charset=utf-8")
        # Otherwise a proxy like nginx buffers some kilobytes first.
        request.setHeader(b"X-Accel-Buffering", b"no")
        request.setHeader(b"Cache-Control", b"no-store, no-transform")
        request.registerProducer(self, True)
        self._beat()

    def _refused(self, error: ChatError) -> None:
        self._refuse(fromChat(error))

    def _late(self) -> None:
        self._timer = None
        self.connection.late()

    def _beat(self) -> None:
        if not self.ending:
            self.connection.heartbeat()
            self._timer = self._context.callLater(HEARTBEAT_SECONDS, self._beat)

    def _halfClosed(self) -> None:
        # Either the client is gone, or it reads on: only writing tells.
        if self._request.startedWriting and not self.ending:
            self._stopTimer()
            self.connection.heartbeat()
            self._timer = self._context.callLater(CHECK_SECONDS, self._beat)

    def _ended(self, reason: object) -> None:
        # The peer has disconnected, or the answer is complete.
        self.ending = True
        self._stopTimer()
        self.connection.closed()

    def _stopTimer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    # Called by the connection.

    def write(self, data: bytes) -> None:
        if not self.ending:
            self._request.write(data)

    writeLast = write

    def pauseReading(self) -> None:
        """Do nothing: there is no input."""

    def resumeReading(self) -> None:
        """Do nothing: there is no input."""

    def finish(self) -> None:
        """Send the written data, then end."""
        if not self.ending:
            self.ending = True
            if self._request.startedWriting:
                self._request.unregisterProducer()
                self._request.finish()

    # Called by Twisted.

    def pauseProducing(self) -> None:
        """Pause output: the peer does not read."""
        self.connection.pauseOutput()

    def resumeProducing(self) -> None:
        """Resume output: the peer reads again."""
        self.connection.resumeOutput()

    def stopProducing(self) -> None:
        """Do nothing: the connection is lost, and L{_ended} is called too."""
