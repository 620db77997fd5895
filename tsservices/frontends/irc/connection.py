"""One connection of the IRC frontend: messages in, lines out.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tsservices.chat.errors import NO_WEB, NOT_UTF8, ChatError
from tsservices.chat.notifications import Notification
from tsservices.chat.pipeline import Timer
from tsservices.chat.requests import PendingReply
from tsservices.frontends.connection import ChatStream, ConnectionContext, checkNoWeb
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc import errors, numerics, queries, replies, talking
from tsservices.frontends.irc.commands import COMMANDS, Command, Waiting
from tsservices.frontends.irc.input import IRCInput
from tsservices.frontends.irc.message import Message, MessageError, NotUTF8
from tsservices.frontends.irc.multiline import MULTILINE
from tsservices.frontends.irc.registration import RegisteringClient, Registration
from tsservices.frontends.irc.server import IRCServer

#: Proposals of one session that may wait for the storage; at this number reading pauses.
OUTSTANDING = 256

#: Most seconds that the answer to a PING waits for earlier messages.
PING_SECONDS = 1.0

#: Characters of a label.
LABEL_LENGTH = 64

#: The commands that lines of a multiline message can have.
_IN_BATCHES = frozenset({"PRIVMSG", "NOTICE"})


class IRCConnection(RegisteringClient):
    """One connection; L{received} takes its bytes."""

    def __init__(self, stream: ChatStream, context: ConnectionContext, server: IRCServer) -> None:
        super().__init__(stream, context, server)
        limits = context.limits
        flood = None
        if limits.floodLines or limits.floodBytes:
            flood = FloodControl(limits, context.monotonic())
        self.registration = Registration()
        self._input = IRCInput(flood, context.monotonic)
        self._delayed: Timer | None = None
        self._caughtUp: PendingReply[None] | None = None
        self._inputEnded = False
        self._reading = True
        self._working = False
        self._isRegistered = False
        server.unregistered += 1

    def registered(self) -> None:
        self._isRegistered = True
        self.server.unregistered -= 1

    # Input.

    def received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        controller, session = self.controller, self.session
        # The hot path: plain attributes only, in place of _waits and of the controller's
        # properties.
        if (
            self._isRegistered
            and not controller.requests.busy
            and not controller.ended
            and not self._working
            and self._delayed is None
            and not self.queue.paused
            and session.pending < OUTSTANDING
        ):
            talk = self._input.takeTalk(data)
            if talk is not None:
                target, texts = talk
                if not talking.sayPlain(self, target, texts):
                    for text in texts:
                        self._do(Message("PRIVMSG", [target, text]))
                return
        self._input.feed(data)
        self.resumeInput()

    def endOfInput(self) -> None:
        self._input.endOfInput()
        self._inputEnded = True
        self.resumeInput()

    def closed(self) -> None:
        """Clean up after the connection has ended."""
        if self._delayed is not None:
            self._delayed.cancel()
        queries.stopMonitoring(self)
        if not self._isRegistered:
            self.registered()
        self._remember()
        super().closed()

    def _overrun(self, pending: int) -> None:
        self._remember()
        super()._overrun(pending)

    def _remember(self) -> None:
        if self.controller.entered and not self.controller.ended:
            self.server.remember(self.session)

    def resumeInput(self) -> None:
        # Each message that is taken may call this again: the loop below continues anyway.
        if self._working:
            return
        if self._reading and not self._input.waiting and not self._inputEnded:
            return
        self._working = True
        try:
            while self._input.waiting and not self._waits():
                self._take()
        finally:
            self._working = False
        reading = not self._input.waiting
        if reading != self._reading and not self._inputEnded and not self.stream.ending:
            self._reading = reading
            if reading:
                self.stream.resumeReading()
            else:
                self.stream.pauseReading()
        if (
            self._inputEnded
            and not self._input.waiting
            and not self.controller.busy
            and not self.session.pending
        ):
            self._remember()
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
        try:
            message = self._input.take()
        except MessageError as error:
            if label := self._labelIn(error.tags):
                self.beginLabel(label)
            if isinstance(error, NotUTF8):
                self._notUTF8(error.command)
            else:
                self.context.counters.overlong += 1
                self.numeric(numerics.ERR_INPUTTOOLONG)
            self.endLabel()
            talking.lineLost(self, error.tags.get("batch", ""))
            return
        if self._input.delay:
            self.context.counters.delayed += 1
            self._delayed = self.context.callLater(self._input.delay, self._undelay)
        elif message is not None:
            self._do(message)

    def _undelay(self) -> None:
        self._delayed = None
        self.resumeInput()

    def _notUTF8(self, command: str) -> None:
        self.context.counters.refusals += 1
        self._warn(f"{NOT_UTF8.name} in {command!r}")
        self.fail(
            command if command in COMMANDS else "*",
            "INVALID_UTF8",
            text="Message rejected: it is not UTF-8",
        )

    def _warn(self, reason: str) -> None:
        peer = self.stream.peer
        self.context.warn(
            self.stream.host, "{peer} was refused: {reason}", peer=peer, reason=reason
        )

    # Commands.

    def _labelIn(self, tags: Mapping[str, str]) -> str:
        if caps.LABELED_RESPONSE not in self.capabilities:
            return ""
        return tags.get("label", "")[:LABEL_LENGTH]

    def _do(self, message: Message) -> None:
        command = COMMANDS.get(message.command)
        label = self._labelIn(message.tags)
        if message.command == "BATCH" and self.controller.entered:
            if talking.openBatch(self, message, label):
                return
            if self.openBatch is not None and message.param(0) == f"-{self.openBatch.name}":
                label = self.openBatch.label
        elif "batch" in message.tags and message.command in _IN_BATCHES and self.has(MULTILINE):
            talking.addToBatch(self, message)
            return
        controller = self.controller
        if command is not None and command.atOnce and controller.entered and not label:
            self.command = message
            try:
                self._run(command, message)
            except ChatError as error:
                self.refuse(error)
            self.command = None
        elif label or self.session.pending or controller.requests.busy or controller.ended:
            controller.start(lambda: self._perform(command, message, label))
        else:
            self._performNow(command, message)

    def _performNow(self, command: Command | None, message: Message) -> None:
        # As _perform, if nothing has to be waited for: true for all commands in a storm of joins.
        controller = self.controller
        controller.seenPosition = controller.context.pipeline.deliveredPosition
        self.command = message
        try:
            waiting = self._run(command, message)
        except ChatError as error:
            self.refuse(error)
            return
        finally:
            self.command = None
        # A request that the command has started waits by itself.
        if waiting is not None or (self.session.pending and not controller.requests.busy):
            controller.start(lambda: self._finish(message, waiting))

    async def _finish(self, message: Message, waiting: Waiting | None) -> None:
        self.command = message
        try:
            if waiting is not None:
                await waiting
            if self.session.pending:
                await self.controller.settled()
        except ChatError as error:
            self.refuse(error)
        finally:
            self.command = None

    async def _perform(self, command: Command | None, message: Message, label: str) -> None:
        controller = self.controller
        await controller.settled()
        controller.seenPosition = controller.context.pipeline.deliveredPosition
        if label:
            self.beginLabel(label)
        self.command = message
        try:
            await self._finish(message, self._run(command, message))
        except ChatError as error:
            self.refuse(error)
        finally:
            self.command = None
            if label:
                self.endLabel()

    def _run(self, command: Command | None, message: Message) -> Waiting | None:
        entered = self.controller.entered
        if not entered and (command is None or not command.early):
            checkNoWeb(self.controller.context, " ".join([message.command, *message.params]))
            self.numeric(numerics.ERR_NOTREGISTERED)
        elif command is None:
            self.numeric(numerics.ERR_UNKNOWNCOMMAND, message.command[:TOO_LONG])
        elif len(message.params) < command.needs:
            self.numeric(numerics.ERR_NEEDMOREPARAMS, command.name)
        else:
            return command.run(self, message)
        return None

    async def caughtUp(self) -> None:
        """
        Wait for earlier messages, at most L{PING_SECONDS}, and not while nothing can be stored:
        clients take a late answer for a lost connection.
        """
        context = self.controller.context
        if context.store.trouble is not None or not context.pipeline.barrier(self.session):
            return
        reply = self._caughtUp = PendingReply()
        timer = self.context.callLater(PING_SECONDS, self._goOn)
        await reply
        if self.session.pending == 0:
            timer.cancel()

    def _goOn(self) -> None:
        reply, self._caughtUp = self._caughtUp, None
        if reply is not None:
            reply(None)

    def idle(self) -> None:
        super().idle()
        if self._caughtUp is not None:
            self._goOn()

    # Output.

    def notify(self, notification: Notification) -> None:
        replies.tell(self, notification)

    def reply(self, notification: Notification) -> None:
        replies.tell(self, notification)

    def refuse(self, error: ChatError) -> None:
        self.context.counters.refusals += 1
        if error.code is NO_WEB:
            self._warn(str(error))
            self.disconnect(error)
        else:
            errors.tell(self, error)


#: Characters of an unknown command that are shown.
TOO_LONG = 32
