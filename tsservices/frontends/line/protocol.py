"""
The line door of the chat: for C{nc}, C{telnet}, and programs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import Protocol

from tsservices.chat.errors import LINE_LONG, NO_WEB, NOT_UTF8, ChatError
from tsservices.chat.notifications import Notice
from tsservices.chat.outlet import Formatter
from tsservices.common.counters import StreamCounters
from tsservices.common.limits import Limits
from tsservices.frontends.connection import ChatConnection
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.formats.json import FORMAT, JSONFormatter
from tsservices.frontends.formats.text import TextFormatter
from tsservices.frontends.line.commands import SIGN, perform
from tsservices.frontends.line.input import LineInput, isCommand
from tsservices.frontends.line.telnet import SecretPrompt
from tsservices.transport.rejection import TURNED_AT_ONCE, RejectProtocol
from tsservices.transport.stream import StreamFactory

if TYPE_CHECKING:
    from tsservices.transport.context import ServiceContext


#: Proposals of one session that may wait for the journal; then it is not read from.
OUTSTANDING = 256


#: What everybody is told who connects.
GREETING = "say your name in one line to enter, or /help"

#: What those are told who are held back.
SLOWED = "you send faster than is taken here: what you sent comes later, all of it"

#: What everybody is told who connects to a node that can't take part yet.
NOT_OPEN = b"! this server has not caught up with the others yet: come again in a moment\n"

#: The first line of a request, or the next one: the first may be too long to be taken.
_HTTP = re.compile(r"[A-Z]{3,10} \S+ HTTP/[0-9.]+|(?i:host):")

#: Refusals that the log speaks of: no person at a keyboard brings them about.
_COMPLAINTS = frozenset({LINE_LONG, NOT_UTF8, NO_WEB})


class LineChatProtocol(ChatConnection):
    """One person who sends lines."""

    factory: LineChatFactory
    _text: Formatter
    _delayed: IDelayedCall | None = None
    _json = False
    _slowed = False
    _heardAll = False
    _listening = True
    _working = False

    def connectionReady(self) -> None:
        """Greet."""
        super().connectionReady()
        environment = self.factory.environment
        limits = environment.limits
        flood = FloodControl(limits, environment.monotonic()) if _bounded(limits) else None
        self._intake = LineInput(limits.chatLine, flood, environment.monotonic)
        self._question = SecretPrompt(self.backlog.writeReply)
        self.form = self._text = self.factory.text
        self.show(Notice([*environment.chat.welcome(), GREETING]))

    def roomCountChanged(self, rooms: int) -> None:
        self._text = self.factory.textWithRoom if rooms > 1 else self.factory.text
        if not self._json:
            self.form = self._text

    def setFormat(self, form: str) -> None:
        self._json = form == "json"
        if self._json:
            self.form = self.factory.json
            self.backlog.writeReply(FORMAT)
        else:
            self.form = self._text
            self.show(Notice([f"format is {form}"]))

    def prompt(self, prompt: str) -> None:
        self._question.ask(prompt, self._json, self._intake.telnet)

    def chunkReceived(self, data: bytes) -> None:
        conversation, session = self.conversation, self.session
        # The hot path: the conversation's entered and wantsSecret, and _waits, without calls.
        if (
            session.nick
            and conversation.secret is None
            and not self._working
            and self._delayed is None
            and not conversation.asking
            and not conversation.next
            and not conversation.ended
            and not self.backlog.paused
            and session.pending < OUTSTANDING
        ):
            texts = self._intake.takeWholeLines(data)
            if texts is not None:
                if texts:
                    try:
                        conversation.say(texts)
                    except ChatError as refused:
                        self._refuse(refused)
                return
        self._intake.feed(data)
        self.resumeInput()

    def readConnectionLost(self) -> None:
        """The peer has said all that it wants to say: do it, then close."""
        self._intake.endOfInput()
        self._heardAll = True
        self.resumeInput()

    def closed(self) -> None:
        """The connection has ended."""
        if self._delayed is not None:
            self._delayed.cancel()
        super().closed()

    def resumeInput(self) -> None:
        """Take what was typed, as far as it goes now."""
        if self._working or (self._intake.clean and not self._heardAll):
            return
        self._working = True
        try:
            while self._intake.waiting and not self._waits():
                self._take()
        finally:
            self._working = False
        self._listen()
        if (
            self._heardAll
            and not self._intake.waiting
            and not self.conversation.busy
            and not self.session.pending
        ):
            # Who still is in a room is still told what is said there, and a connection
            # that is being written to does not end.
            self.conversation.quit("")
            self.closeWhenIdle()

    def _waits(self) -> bool:
        conversation = self.conversation
        return (
            self._delayed is not None
            or conversation.busy
            or conversation.ended
            or self.backlog.paused
            or self.session.pending >= OUTSTANDING
        )

    def _take(self) -> None:
        """Take the next lines that belong together."""
        intake = self._intake
        if self.conversation.wantsSecret:
            self._takeSecret()
            return
        taken = intake.take(self.conversation.entered)
        if intake.delay:
            self._delay(intake.delay)
        try:
            if isinstance(taken, ChatError):
                raise taken
            if taken:
                self._do(taken)
        except ChatError as refused:
            self._refuse(refused)

    def _takeSecret(self) -> None:
        """Take the answer to what was asked."""
        try:
            secret = self._intake.takeSecret()
            if secret is not None:
                self._question.done()
                self.conversation.answerSecret(secret)
        except ChatError as refused:
            self._refuse(refused)
            if refused.code is LINE_LONG:
                self._question.repeat()
        if self._intake.delay:
            self._delay(self._intake.delay)

    def _listen(self) -> None:
        """
        Read on when all lines that came have been taken, and not before: what waits
        here, for whatever reason, is bounded by what is read at once.
        """
        listening = not self._intake.waiting
        if listening == self._listening or self._heardAll or self.ending:
            return
        self._listening = listening
        if listening:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()

    def _do(self, lines: tuple[str, ...]) -> None:
        conversation = self.conversation
        first = lines[0]
        if isCommand(first):
            perform(conversation, first[len(SIGN) :])
        elif conversation.entered:
            conversation.say(_unescaped(lines))
        elif _HTTP.match(first):
            raise ChatError(NO_WEB)
        else:
            conversation.pickNick(first.strip())

    def _refuse(self, refused: ChatError) -> None:
        self.conversation.refuse(refused)
        if refused.code is LINE_LONG:
            self.factory.counters.overlong += 1
        if refused.code in _COMPLAINTS:
            self.factory.environment.complaints.warn(
                self.host, "{peer} was refused: {reason}", peer=self.peer, reason=str(refused)
            )
        if refused.code is NO_WEB:
            self.conversation.ended = True
            self.finish()

    def _delay(self, seconds: float) -> None:
        """They send too fast."""
        clock = self.factory.environment.clock
        self._delayed = clock.callLater(seconds, self._undelay)
        self.factory.counters.delayed += 1
        if not self._slowed:
            self._slowed = True
            self.show(Notice([SLOWED]))

    def _undelay(self) -> None:
        """The next line may be taken."""
        self._delayed = None
        self.resumeInput()
        if self._delayed is None and not self.backlog.paused:
            self._slowed = False


def _bounded(limits: Limits) -> bool:
    return bool(limits.floodLines or limits.floodBytes)


def _unescaped(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([each.removeprefix(SIGN) for each in lines])


class LineChatFactory(StreamFactory):
    """
    Makes L{LineChatProtocol}s.

    @ivar text: how those are told who are in one room.
    @ivar textWithRoom: how those are told who are in several.
    @ivar json: how programs are told.
    """

    protocol = LineChatProtocol

    def __init__(
        self,
        environment: ServiceContext,
        counters: StreamCounters,
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        """@param localtime: makes hours and days of seconds since 1970."""
        super().__init__(environment, counters)
        self.text = TextFormatter(localtime, withRoom=False)
        self.textWithRoom = TextFormatter(localtime, withRoom=True)
        self.json = JSONFormatter()

    def buildProtocol(self, address: IAddress | None) -> Protocol | None:
        """A protocol; one that turns them away, or L{None}, when they can't come in."""
        if self.environment.chat.open:
            return super().buildProtocol(address)
        self.counters.refused += 1
        if self.environment.admission.turned >= TURNED_AT_ONCE:
            return None
        return RejectProtocol(self.environment, NOT_OPEN)
