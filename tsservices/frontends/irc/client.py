"""
The connection as command handlers see it: its user, and methods to answer.  Pure.

Answers go through L{IRCClient.send}.  While a labeled command runs they are collected, because they
are sent together when it is done (labeled-response).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeAlias

from tsservices.chat.errors import KILLED, ChatError
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    ErrorReply,
    NickChanged,
    Notification,
    PassingMessage,
    PrivateMessage,
    RealnameChanged,
    RoomMessages,
    StandingChanged,
)
from tsservices.chat.outlet import Formatter
from tsservices.chat.requests import PendingReply
from tsservices.chat.state import ChatState
from tsservices.frontends.connection import ChatConnection, ChatStream, ConnectionContext
from tsservices.frontends.irc import capabilities as caps
from tsservices.frontends.irc.formats.formatter import IRCFormatter
from tsservices.frontends.irc.formats.lines import ENDING, encodeLines, timeText, withTag
from tsservices.frontends.irc.message import BODY_BYTES, Message, cut, escape, middleWord
from tsservices.frontends.irc.multiline import OpenBatch
from tsservices.frontends.irc.numerics import Numeric
from tsservices.frontends.irc.people import Directory, People
from tsservices.frontends.irc.server import IRCServer

#: Lines of a long answer that are sent at once: other connections are served between two pages.
PAGE_LINES = 200

#: Private messages with guests that are kept for requests of a connection.
PASSING_KEPT = 50

#: Events that their author is notified of like other users.
_Event: TypeAlias = AccountChanged | AwayChanged | NickChanged | RealnameChanged | StandingChanged


class LabelFormatter:
    """
    The formatter of one connection while a labeled command runs: events caused by the session
    itself belong to the answer, all others are written as usual.
    """

    def __init__(self, client: IRCClient, formatter: IRCFormatter) -> None:
        self._client = client
        self._formatter = formatter

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Write the events caused by others, in UTF-8."""
        others: list[str] = []
        for notification in notifications:
            lines = self._formatter.lines(notification)
            if self._isOwn(notification):
                self._client.collect(lines)
            else:
                others += lines
        return encodeLines(others)

    def _isOwn(self, notification: Notification) -> bool:
        session = self._client.session
        if isinstance(notification, RoomMessages | PassingMessage):
            return notification.session == session.ident
        if isinstance(notification, NickChanged):
            return notification.to == session.nick
        return isinstance(notification, _Event) and notification.nick == session.nick


class IRCClient(ChatConnection):
    """
    A connection, as command handlers see it.

    @ivar capabilities: the capabilities that the client has requested.
    @ivar capVersion: the version of the negotiation.
    @ivar command: the running command; L{None}: an answer belongs to an earlier one.
    @ivar refused: the number of errors that the client was told.
    @ivar partReason: the reason for leaving the channel that the client is leaving now.
    @ivar passing: the last private messages that are not stored, because one side is a guest;
        L{None}: there were none.
    @ivar pages: the first and the last message of the last page of each history that the client
        has requested, by folded target: the id and the time of each.
    @ivar monitored: the names that the client watches, by key.
    @ivar namesPaged: whether a JOIN is running, which sends the names of a large channel itself.
    @ivar namesDue: the people in that channel.
    @ivar spokeAt: the time of the user's last message, in seconds of the monotonic clock.
    @ivar openBatch: the multiline message that the client is sending.
    @ivar refusedBatch: the name of a batch whose lines are ignored; empty: there is none.
    """

    def __init__(self, stream: ChatStream, context: ConnectionContext, server: IRCServer) -> None:
        self.server = server
        self.capabilities: frozenset[str] = frozenset()
        self.capVersion = 301
        self.command: Message | None = None
        self.refused = 0
        self.partReason = ""
        self.monitored: dict[str, str] = {}
        self.passing: deque[PrivateMessage] | None = None
        self.pages: dict[str, tuple[tuple[str, int], tuple[str, int]]] = {}
        self.spokeAt = context.monotonic()
        self.namesPaged = False
        self.namesDue: People | None = None
        self.openBatch: OpenBatch | None = None
        self.refusedBatch = ""
        self.formatter = server.formatters.get(())
        self._collected: list[str] | None = None
        self._label = self._labelBatch = ""
        super().__init__(stream, context, self.formatter)
        self.controller.tlsPort = context.chat.context.plainLogin.ircPort

    @property
    def directory(self) -> Directory:
        return self.server.directory

    @property
    def state(self) -> ChatState:
        return self.server.directory.state

    @property
    def nick(self) -> str:
        """The name of the client in answers of the server."""
        return self.session.nick or "*"

    @property
    def mask(self) -> str:
        return self.directory.sessionMask(self.session)

    def has(self, capability: str) -> bool:
        """Whether the client has requested a capability."""
        return capability in self.capabilities

    def setCapabilities(self, capabilities: frozenset[str]) -> None:
        """Use these capabilities from now on."""
        self.capabilities = capabilities
        self.session.wantsEcho = caps.ECHO_MESSAGE in capabilities
        self.session.wantsWatched = caps.EXTENDED_MONITOR in capabilities
        self.formatter = self.server.formatters.get(capabilities)
        if self._collected is None:
            self.changeForm(self.formatter)

    # Answers.

    def send(self, *lines: str) -> None:
        """Answer with lines; each may have tags."""
        if self._collected is not None:
            self._collected.extend(lines)
        elif lines:
            self._sendNow(*lines)

    def sendPrepared(self, lines: bytes) -> None:
        """
        Answer with encoded lines.

        @param lines: each has its ending and no tags, and is not too long.
        """
        if self._collected is not None:
            self._collected += lines.decode().split(ENDING)[:-1]
        elif lines:
            self.queue.writeReply(self._timed(lines))

    def _timed(self, lines: bytes) -> bytes:
        if not lines or caps.SERVER_TIME not in self.capabilities:
            return lines
        tag, ending = f"@{self._timeTag()} ".encode(), ENDING.encode()
        return tag + lines.replace(ending, ending + tag).removesuffix(tag)

    def _timeTag(self) -> str:
        return f"time={timeText(self.context.chat.context.wallClock())}"

    def _sendNow(self, *lines: str) -> None:
        self.queue.writeReply(self.encode(lines))

    def encode(self, lines: Sequence[str]) -> bytes:
        """Encode lines, each with the time if the client has requested it."""
        if caps.SERVER_TIME in self.capabilities:
            now = self._timeTag()
            lines = [
                line
                if line.startswith("@time=") or ";time=" in line.partition(" ")[0]
                else withTag(now, line)
                for line in lines
            ]
        return encodeLines(lines)

    def answer(self, command: str, *params: str) -> None:
        """Answer in the server's name."""
        self.send(self.serverLine(command, *params))

    def serverLine(self, command: str, *params: str) -> str:
        """A line in the server's name; the last parameter may have spaces."""
        *middle, last = params
        words = "".join([f" {middleWord(word)}" for word in middle])
        sign = ":" if not last or " " in last or last.startswith(":") else ""
        return f":{self.server.name} {command}{words} {sign}{last}"

    def numeric(self, numeric: Numeric, *params: str, text: str | None = None) -> None:
        """Answer with a numeric; C{text} replaces the numeric's own."""
        self.send(self.numericLine(numeric, *params, text=text))

    def numericLine(self, numeric: Numeric, *params: str, text: str | None = None) -> str:
        last = numeric.text if text is None else text
        words = "".join([f" {middleWord(word)}" for word in params]) if params else ""
        before = f":{self.server.name} {numeric.code} {self.nick}{words}"
        if last is not None:
            before = f"{before} :{last}"
        return cut(before, BODY_BYTES)

    def lastNumeric(self, numeric: Numeric, *params: str) -> None:
        """Answer with a numeric whose last parameter may have spaces."""
        *middle, last = params
        self.numeric(numeric, *middle, text=last)

    def fail(self, command: str, code: str, *context: str, text: str) -> None:
        """Answer that a command of IRCv3 has failed (standard-replies)."""
        self.standardReply("FAIL", command, code, *context, text=text)

    def standardReply(self, kind: str, command: str, code: str, *context: str, text: str) -> None:
        words = "".join([f" {middleWord(word)}" for word in context])
        self.send(f":{self.server.name} {kind} {command} {code}{words} :{text}")

    def sendAccount(self) -> None:
        """Tell the client of its own new account, as others are told (account-notify)."""
        changed = AccountChanged(self.session.nick, self.session.account)
        self.send(*self.formatter.lines(changed))

    def notice(self, text: str) -> None:
        """Send the user a message for which IRC has no numeric."""
        self.send(f":{self.server.name} NOTICE {self.nick} :{text}")

    async def sendPages(self, lines: Iterable[str | None]) -> None:
        """
        Answer with many lines, each page after the client has read the one before.

        @param lines: the iterator is advanced page by page.  L{None} ends a page early, because
            finding its lines has taken long enough.
        """
        page: list[str] = []
        for line in lines:
            if line is not None:
                page.append(line)
                if len(page) < PAGE_LINES:
                    continue
            self.send(*page)
            page = []
            self._flushLabel()
            read: PendingReply[None] = PendingReply()
            self.afterReading(partial(read, None))
            await read
        self.send(*page)

    # Output from the chat to this session alone.

    def deliver(self, lines: Sequence[str], prepared: bytes = b"") -> None:
        """
        Send lines after all output delivered before.

        @param prepared: lines that follow these, as in L{sendPrepared}.
        """
        if self._collected is not None:
            self._collected += [*lines, *prepared.decode().split(ENDING)[:-1]]
        elif prepared:
            self.write(self.encode(lines) + self._timed(prepared))
        elif lines:
            self.write(self.encode(lines))

    def deliverApart(self, lines: Sequence[str]) -> None:
        """Send lines that are not part of an answer."""
        if lines:
            self.write(self.encode(lines))

    def remember(self, message: PrivateMessage) -> None:
        """Keep a private message that is not stored, while the connection lasts."""
        if not message.ident:
            if self.passing is None:
                self.passing = deque(maxlen=PASSING_KEPT)
            self.passing.append(message)

    def forget(self, ident: str) -> None:
        """Drop kept private messages with this id."""
        if self.passing is not None:
            kept = [message for message in self.passing if message.deliveryIdent != ident]
            self.passing = deque(kept, maxlen=PASSING_KEPT)

    # Labels.

    def collect(self, lines: Sequence[str]) -> None:
        """Add lines to the answer that is being collected."""
        if self._collected is not None:
            self._collected.extend(lines)

    def beginLabel(self, label: str) -> None:
        """Collect all answers from now on."""
        self._label, self._collected = label, []
        self.changeForm(self._labelForm())

    def _labelForm(self) -> Formatter:
        return LabelFormatter(self, self.formatter)

    def _flushLabel(self) -> None:
        # A part of a long answer is sent in an open batch; without batches it stays collected.
        if self._collected and self.has(caps.BATCH):
            if not self._labelBatch:
                self._labelBatch = self.server.nextBatch()
                begin = f":{self.server.name} BATCH +{self._labelBatch} labeled-response"
                self._sendNow(withTag(f"label={escape(self._label)}", begin))
            member = f"batch={self._labelBatch}"
            self._sendNow(*[inBatch(line, member) for line in self._collected])
            self._collected = []

    def endLabel(self) -> None:
        """Send the collected answer, if that was not done yet."""
        if self._collected is None:
            return
        if self._labelBatch:
            self._flushLabel()
            self._sendNow(f":{self.server.name} BATCH -{self._labelBatch}")
            self._labelBatch, self._collected = "", None
            self.changeForm(self.formatter)
            return
        lines, self._collected = self._collected or [], None
        self.changeForm(self.formatter)
        tag = f"label={escape(self._label)}"
        if not lines:
            self.send(withTag(tag, f":{self.server.name} ACK"))
        elif len(lines) == 1 or _isOneBatch(lines) or caps.BATCH not in self.capabilities:
            self.send(withTag(tag, lines[0]), *lines[1:])
        else:
            self.send(*self.batch("labeled-response", lines, tag=tag))

    def batch(self, kind: str, lines: Sequence[str], *params: str, tag: str = "") -> list[str]:
        """
        Write lines as a batch; lines of an inner batch stay in it.  A client without batches gets
        the plain lines.
        """
        if not self.has(caps.BATCH):
            return list(lines)
        name = self.server.nextBatch()
        words = "".join([f" {word}" for word in (kind, *params)])
        begin = f":{self.server.name} BATCH +{name}{words}"
        member = f"batch={name}"
        return [
            withTag(tag, begin) if tag else begin,
            *[inBatch(line, member) for line in lines],
            f":{self.server.name} BATCH -{name}",
        ]

    def writeLastWords(self, error: ChatError) -> None:
        self.stream.write(self.encode([self.errorLine(str(error))]))

    def errorLine(self, why: str) -> str:
        """The line before a connection is closed."""
        return f"ERROR :Closing Link: {self.nick} ({why})"

    def disconnect(self, why: ChatError) -> None:
        if not self.stream.ending:
            if not self.controller.ended:
                killed = [self._killLine(why)] if why.code is KILLED else []
                self.deliverApart([*killed, self.errorLine(str(why))])
            self.controller.end()
            self.closeWhenIdle()

    def _killLine(self, why: ChatError) -> str:
        operator = self.directory.find(str(why.facts["by"]))
        mask = why.facts["by"] if operator is None else self.directory.sessionMask(operator)
        return f":{mask} KILL {self.nick} :{str(why.facts['why']).removeprefix(': ')}"

    def refuse(self, error: ChatError) -> None:
        """Answer with an error."""
        self.show(ErrorReply(error))

    def setFormat(self, form: str) -> None:
        """No command of IRC asks for this."""

    def prompt(self, prompt: str) -> None:
        """Not used: verbs get all secrets as arguments."""


def inBatch(line: str, member: str) -> str:
    """
    Add a line to a batch, unless it is in an inner one.

    @param member: the tag of the batch.
    """
    tags = line.partition(" ")[0]
    isInner = tags.startswith("@batch=") or (tags.startswith("@") and ";batch=" in tags)
    return line if isInner else withTag(member, line)


def _isOneBatch(lines: Sequence[str]) -> bool:
    # Whether the batch begun by the first line ends with the last one.
    first = _withoutTags(lines[0]).split(" ")
    if len(first) < 3 or first[1] != "BATCH" or not first[2].startswith("+"):
        return False
    end = f"BATCH -{first[2][1:]}"
    return [index for index, line in enumerate(lines) if line.endswith(end)] == [len(lines) - 1]


def _withoutTags(line: str) -> str:
    return line.partition(" ")[2] if line.startswith("@") else line
