"""One browser's connection: requests in, JSON out.  Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tsservices.chat.errors import BAD_REQUEST, CANCELLED, NAME_FIRST, STOPPING, ChatError
from tsservices.chat.notifications import ErrorReply, Notification
from tsservices.chat.pipeline import Timer
from tsservices.chat.verbs.tokens import loginByToken
from tsservices.common.ratelimit import TokenBucket
from tsservices.frontends.connection import ChatConnection, ChatStream, ConnectionContext
from tsservices.frontends.flood import FLOOD_BURST_SECONDS, FloodControl
from tsservices.frontends.formats.json import FORMAT, asJSON, prompt
from tsservices.frontends.web.frames import GOING_AWAY, POLICY, TRY_LATER, textFrame
from tsservices.frontends.web.requests import (
    ANSWER,
    LONGEST_MESSAGE,
    NAMELESS,
    REQUESTS,
    Request,
    WebRequestError,
    mostLines,
    read,
)
from tsservices.frontends.web.server import WebServer

#: Line ends in texts of JSON: all that C{str.splitlines} accepts; some other escapes match too,
#: but no letters.
LINE_ENDS = re.compile(r"(?:\\r)?\\n|\\[rf]|\\u00(?:[01]|85)|\\u202[89]|[\x85\u2028\u2029]")

#: Proposals of one session that may wait for the storage; at this number reading pauses.
OUTSTANDING = 256


class WebStream(ChatStream, Protocol):
    """The stream below a connection."""

    #: The code with which it is closed.
    code: int


class WebConnection(ChatConnection):
    """One connection; L{messageReceived} takes the messages of the page."""

    stream: WebStream

    def __init__(
        self, stream: WebStream, context: ConnectionContext, server: WebServer, cookie: str = ""
    ) -> None:
        """
        Send the description of this server.

        @param cookie: the token by which the browser is logged in; empty: it is not.
        """
        super().__init__(stream, context, server.form)
        limits = context.limits
        self._flood: FloodControl | None = None
        self._bytes: TokenBucket | None = None
        self._unpaid = 0
        if limits.floodLines:
            self._flood = FloodControl(replace(limits, floodBytes=0), context.monotonic())
        if limits.floodBytes:
            # Bytes on the wire: in frames of one byte a message takes seven times as many, and each
            # frame costs as much as a short message.
            burst = max(LONGEST_MESSAGE, limits.floodBytes * FLOOD_BURST_SECONDS)
            self._bytes = TokenBucket(limits.floodBytes, burst, context.monotonic())
        self._waiting: deque[str] | None = None
        self._delayed: Timer | None = None
        self._reading = True
        self._working = False
        self._refused = False
        #: The id of the running request, if it is to be answered.
        self._asked: int | None = None
        # Over plain HTTP only guests are allowed.
        self.controller.refusesInsecure = True
        # The page needs the numbers and times of the user's own lines.
        self.session.wantsEcho = True
        self._greet(server, cookie)

    def _greet(self, server: WebServer, cookie: str) -> None:
        limits = self.context.limits
        account = None
        if cookie:
            account = server.accountOf(cookie)
        facts: dict[str, object] = {
            "type": "server",
            "name": server.name,
            "account": account,
            "limits": {"message": limits.chatLine, "lines": mostLines(limits)},
            "commands": server.commands,
        }
        self.queue.writeReply(textFrame(FORMAT + asJSON(facts)))
        if account is not None:
            self.controller.start(lambda: loginByToken(self.controller, cookie))

    # Input.

    def bytesReceived(self, size: int) -> None:
        """Pause reading if more bytes were received than the rate limit allows."""
        if self._bytes is None or self._delayed is not None:
            return
        size = min(size, int(self._bytes.burst))
        if not self._bytes.take(self.context.monotonic(), size):
            self._unpaid = size
            self._delay(self._bytes.wait(size))

    def messageReceived(self, text: str) -> None:
        """Take a message of the page."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(text)
        self.resumeInput()

    def binaryReceived(self) -> None:
        """Refuse a message that is not text."""
        self._refuse(ChatError(BAD_REQUEST, why="a message is text, not binary"), None)

    def endOfInput(self) -> None:
        self.controller.quit("")

    def closed(self) -> None:
        """Clean up after the connection has ended."""
        if self._delayed is not None:
            self._delayed.cancel()
        super().closed()

    def resumeInput(self) -> None:
        # Each request that is taken may call this again: the loop below continues anyway.
        if self._working or not self._waiting:
            return
        self._working = True
        try:
            while self._waiting and not self._waits():
                self._take(self._waiting)
        finally:
            self._working = False
        if not self._waiting:
            # Even an empty deque takes 760 bytes.
            self._waiting = None
        self._readOrNot()

    def _readOrNot(self) -> None:
        reading = not self._waiting and self._delayed is None
        if reading != self._reading and not self.stream.ending:
            self._reading = reading
            if reading:
                self.stream.resumeReading()
            else:
                self.stream.pauseReading()

    def _waits(self) -> bool:
        return (
            self._delayed is not None
            or self.controller.busy
            or self.controller.ended
            or self.queue.paused
            or self.session.pending >= OUTSTANDING
        )

    def _take(self, waiting: deque[str]) -> None:
        text = waiting[0]
        if self._flood is not None:
            # At most as many as one request may say.
            lines = min(1 + len(LINE_ENDS.findall(text)), mostLines(self.context.limits))
            delay = self._flood.delay(lines, len(text), self.context.monotonic())
            if delay:
                self._delay(delay)
                return
        waiting.popleft()
        try:
            request = read(text)
        except WebRequestError as error:
            self._refuse(ChatError(BAD_REQUEST, why=str(error)), error.ident)
            return
        self._do(request)

    def _delay(self, seconds: float) -> None:
        self.context.counters.delayed += 1
        self._delayed = self.context.callLater(seconds, self._undelay)
        self._readOrNot()

    def _undelay(self) -> None:
        self._delayed = None
        if self._bytes is not None and self._unpaid:
            self._bytes.take(self.context.monotonic(), self._unpaid)
            self._unpaid = 0
        self.resumeInput()
        self._readOrNot()

    def _do(self, request: Request) -> None:
        row = REQUESTS[request.name]
        if self.controller.secret is not None:
            self._takeAnswer(request)
            return
        if not self.controller.entered and request.name not in NAMELESS:
            self._refuse(ChatError(NAME_FIRST), request.ident)
            return
        if row.atOnce is not None and request.ident is None:
            try:
                row.atOnce(self.controller, request.fields)
            except ChatError as error:
                self.controller.refuse(error)
            return
        self.controller.start(lambda: self._perform(request))

    def _takeAnswer(self, request: Request) -> None:
        # The request that has asked is still running: the result is the answer to that one.
        secret, text = self.controller.secret, request.fields.get("text")
        if request.name != ANSWER:
            self._refuse(ChatError(BAD_REQUEST, why="answer the question first"), request.ident)
        elif text is not None:
            self.controller.answerSecret(text)
        elif secret is not None:
            self.controller.secret = None
            secret(ChatError(CANCELLED))

    async def _perform(self, request: Request) -> None:
        controller = self.controller
        await controller.settled()
        controller.seenPosition = controller.context.pipeline.deliveredPosition
        self._asked, self._refused = request.ident, False
        try:
            waiting = REQUESTS[request.name].run(controller, request.fields)
            if waiting is not None:
                await waiting
            await controller.settled()
        except ChatError as error:
            self.controller.refuse(error)
        finally:
            asked, self._asked = self._asked, None
        if asked is not None and not self._refused:
            self._answer({"type": "done", "id": asked})

    def disconnect(self, why: ChatError) -> None:
        if not self.stream.ending:
            self.stream.code = GOING_AWAY if why.code is STOPPING else POLICY
        super().disconnect(why)

    def _overrun(self, pending: int) -> None:
        self.stream.code = TRY_LATER
        super()._overrun(pending)

    # Answers.

    def notify(self, notification: Notification) -> None:
        if isinstance(notification, ErrorReply) and self._asked is not None:
            self._answerRefused(notification.error, self.write)
        else:
            super().notify(notification)

    def reply(self, notification: Notification) -> None:
        if isinstance(notification, ErrorReply) and self._asked is not None:
            self._answerRefused(notification.error, self.queue.writeReply)
        else:
            super().reply(notification)

    def _answerRefused(self, error: ChatError, write: Callable[[bytes], object]) -> None:
        # Only the first error of a request has its id: the request ends with it.
        facts: dict[str, object] = {"type": "refused"}
        if not self._refused:
            facts["id"] = self._asked
        self._refused = True
        write(textFrame(asJSON({**facts, "code": error.code.name, "text": str(error)})))

    def _refuse(self, error: ChatError, ident: int | None) -> None:
        # Another request may be running, to which this error does not belong.
        kept = self._asked, self._refused
        self._asked, self._refused = ident, False
        self.controller.refuse(error)
        self._asked, self._refused = kept

    def _answer(self, facts: dict[str, object]) -> None:
        self.queue.writeReply(textFrame(asJSON(facts)))

    def setFormat(self, form: str) -> None:
        """Do nothing: a page has one format."""

    def prompt(self, prompt_: str) -> None:
        self.queue.writeReply(textFrame(prompt(prompt_.rstrip(": "))))
