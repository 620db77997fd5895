"""One connection of the line frontend: lines in, text or JSON out.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tsservices.chat.errors import LINE_LONG, NO_WEB, NOT_UTF8, ChatError
from tsservices.chat.notifications import Notice
from tsservices.chat.outlet import Formatter
from tsservices.chat.pipeline import Timer
from tsservices.chat.verbs.talk import enter
from tsservices.frontends.connection import (
    ChatConnection,
    ChatStream,
    ConnectionContext,
    checkNoWeb,
)
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.formats.json import FORMAT
from tsservices.frontends.line.input import LineInput, isCommand
from tsservices.frontends.line.telnet import SecretPrompt
from tsservices.frontends.slash.commands import perform
from tsservices.frontends.slash.parsing import SIGN

#: Proposals of one session that may wait for the storage; at this number reading pauses.
OUTSTANDING = 256

#: The end of the greeting of each connection.
GREETING = "say your name in one line to enter, or /help"

#: Sent to a client whose lines are delayed.
SLOWED = "you send faster than is taken here: what you sent comes later, all of it"

#: Errors that are logged: a person at a keyboard does not cause them.
_LOGGED = frozenset({LINE_LONG, NOT_UTF8, NO_WEB})


@dataclass(frozen=True, slots=True)
class LineFormats:
    """The formatters of output, each shared by all connections."""

    #: For a session in one room.
    text: Formatter
    #: For a session in several.
    textWithRoom: Formatter
    #: For programs.
    json: Formatter


class LineConnection(ChatConnection):
    """One connection of the line frontend; L{received} takes its bytes."""

    def __init__(
        self, stream: ChatStream, context: ConnectionContext, formats: LineFormats
    ) -> None:
        """Send the greeting."""
        super().__init__(stream, context, formats.text)
        limits = context.limits
        flood = None
        if limits.floodLines or limits.floodBytes:
            flood = FloodControl(limits, context.monotonic())
        self._formats = formats
        self._text = formats.text
        self._json = False
        self._input = LineInput(limits.chatLine, flood, context.monotonic)
        self._prompt = SecretPrompt(self.queue.writeReply)
        self._seenPosition = 0
        self._delayed: Timer | None = None
        self._slowed = False
        self._inputEnded = False
        self._reading = True
        self._working = False
        self.show(Notice([*context.chat.welcome(), GREETING]))

    def roomCountChanged(self, rooms: int) -> None:
        self._text = self._formats.textWithRoom if rooms > 1 else self._formats.text
        if not self._json:
            self.changeForm(self._text)

    def setFormat(self, form: str) -> None:
        self._json = form == "json"
        if self._json:
            self.changeForm(self._formats.json)
            self.queue.writeReply(FORMAT)
        else:
            self.changeForm(self._text)
            self.show(Notice([f"format is {form}"]))

    def prompt(self, prompt: str) -> None:
        self._prompt.ask(prompt, self._json, self._input.telnet)

    def received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        controller, session = self.controller, self.session
        # The hot path: plain attributes only, in place of _waits and of the controller's
        # properties.  A call here is a call for each line of talk.
        if (
            session.nick
            and not controller.requests.busy
            and not controller.ended
            and not self._working
            and self._delayed is None
            and not self.queue.paused
            and session.pending < OUTSTANDING
        ):
            texts = self._input.takeWholeLines(data)
            if texts is not None:
                if texts:
                    try:
                        controller.say(texts)
                    except ChatError as error:
                        self._refuse(error)
                return
        if not self._input.waiting:
            # The same for all waiting lines: nothing is read while lines wait.
            self._seenPosition = self.seenPosition
        self._input.feed(data)
        if controller.secret is not None and self._input.telnet and not self._json:
            # The prompt was sent at a carriage return; only the byte after it shows telnet.
            self._prompt.hide()
        self.resumeInput()

    def endOfInput(self) -> None:
        self._input.endOfInput()
        self._inputEnded = True
        self.resumeInput()

    def closed(self) -> None:
        """Clean up after the connection has ended."""
        if self._delayed is not None:
            self._delayed.cancel()
        super().closed()

    def resumeInput(self) -> None:
        # Each line that is taken may call this again: the loop below continues anyway.
        if self._working or (self._input.clean and not self._inputEnded):
            return
        self._working = True
        try:
            while self._input.waiting and not self._waits():
                self._take()
        finally:
            self._working = False
        self._readOrNot()
        if (
            self._inputEnded
            and not self._input.waiting
            and not self.controller.busy
            and not self.session.pending
        ):
            # A session that stays in its rooms would still be written to, and a connection that
            # is being written to does not end.
            self.controller.quit("")
            self.closeWhenIdle()

    def _waits(self) -> bool:
        return (
            self._delayed is not None
            or self.controller.busy
            or self.controller.ended
            or self.queue.paused
            or self.session.pending >= OUTSTANDING
        )

    def _take(self) -> None:
        if self.controller.secret is not None:
            self._takeSecret()
            return
        lines = self._input.take(self.controller.entered)
        if self._input.delay:
            self._delay(self._input.delay)
        try:
            if isinstance(lines, ChatError):
                raise lines
            if lines:
                self._do(lines)
        except ChatError as error:
            self._refuse(error)

    def _takeSecret(self) -> None:
        try:
            secret = self._input.takeSecret()
            if secret is not None:
                self._prompt.done()
                self.controller.answerSecret(secret)
        except ChatError as error:
            # The answer is too long: ask again.
            self._refuse(error)
            self._prompt.repeat()
        if self._input.delay:
            self._delay(self._input.delay)

    def _readOrNot(self) -> None:
        # Read again only when all received lines were taken: at most the bytes of one read wait
        # here.
        reading = not self._input.waiting
        if reading == self._reading or self._inputEnded or self.stream.ending:
            return
        self._reading = reading
        if reading:
            self.stream.resumeReading()
        else:
            self.stream.pauseReading()

    def _do(self, lines: tuple[str, ...]) -> None:
        controller, first = self.controller, lines[0]
        if isCommand(first):
            perform(controller, first[len(SIGN) :], self._seenPosition)
        elif controller.entered:
            controller.say(tuple([line.removeprefix(SIGN) for line in lines]))
        else:
            checkNoWeb(controller.context, first)
            controller.start(partial(enter, controller, first.strip()))

    def _refuse(self, error: ChatError) -> None:
        stream, context = self.stream, self.context
        self.controller.refuse(error)
        if error.code is LINE_LONG:
            context.counters.overlong += 1
        if error.code in _LOGGED:
            context.warn(
                stream.host, "{peer} was refused: {reason}", peer=stream.peer, reason=str(error)
            )
        if error.code is NO_WEB:
            self.controller.end()
            self.finish()

    def _delay(self, seconds: float) -> None:
        self._delayed = self.context.callLater(seconds, self._undelay)
        self.context.counters.delayed += 1
        # Sent once for all lines of a burst.
        if not self._slowed:
            self._slowed = True
            self.show(Notice([SLOWED]))

    def _undelay(self) -> None:
        self._delayed = None
        self.resumeInput()
        if self._delayed is None and not self.queue.paused:
            self._slowed = False
