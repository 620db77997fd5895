"""
Events for programs: the notifications of rooms, as a stream of server-sent events.  Pure.

The reader is a session like any other: it logs in by its token, joins the rooms, and is visible
there.  Therefore the same rules decide what it may read, and reading ends when it is banned.

The C{id} of an event is that of a line.  A program that reconnects sends the last one that it has
(C{Last-Event-ID}), and gets the lines after it.  Data without a number (topics, people) is sent as
a snapshot each time.  Repeated lines have no C{id}: rooms are read one after the other, and a
program that is disconnected meanwhile must not treat the later rooms as read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tsservices.chat.errors import NO_ROOM, NOT_STORED, ChatError
from tsservices.chat.names import ROOM_SIGN, roomKey
from tsservices.chat.notifications import (
    ErrorReply,
    HistoryReplay,
    JoinedRoom,
    Notification,
    ResumeToken,
    RoomMessages,
)
from tsservices.chat.requests import PendingReply
from tsservices.chat.verbs import talk
from tsservices.chat.verbs.tokens import loginByToken
from tsservices.frontends.connection import ChatConnection, ChatStream, ConnectionContext
from tsservices.frontends.formats.json import VERSION, JSONFormatter, asJSON

#: A comment, so that no proxy closes the connection as idle.
HEARTBEAT = b": still here\n\n"

#: Milliseconds after which a program may reconnect.
RETRY_MILLISECONDS = 3000

#: Lines of each room that are sent after a reconnect; older ones are reported as missing.
CAUGHT_UP_LINES = 10_000

# An id: the epoch, the position, the index in the batch.
_ID = re.compile(r"([0-9A-Za-z.]{1,64})-([0-9]{1,18})-([0-9]{1,18})")

# An index after all lines of a batch.
_BEHIND = 10**9

_JSON = JSONFormatter()


def event(data: bytes, ident: str = "") -> bytes:
    """
    Write an event.

    @param data: an object of JSON with its C{type}, on one line.
    @param ident: the id of the event; empty: it has none.
    """
    kind = data[len(b'{"type":"') : data.index(b'"', len(b'{"type":"'))]
    head = f"id: {ident}\n".encode() if ident else b""
    return b"%sevent: %s\ndata: %s\n\n" % (head, kind, data)


class EventFormatter:
    """Writes notifications as events; stateless, so one serves all streams."""

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        events: list[bytes] = []
        for notification in notifications:
            lines = _JSON.encode([notification]).splitlines()
            if isinstance(notification, RoomMessages):
                idents = [notification.ident(number) for number in range(len(lines))]
                events += map(event, lines, idents)
            else:
                events += map(event, lines)
        return b"".join(events)


#: The formatter of all streams.
FORM = EventFormatter()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A program's request for a stream."""

    token: str
    #: The names of the rooms.
    rooms: tuple[str, ...] = ()
    #: The id of the last line that the program has; empty: none.
    last: str = ""


class EventConnection(ChatConnection):
    """One stream of events."""

    def __init__(
        self,
        stream: ChatStream,
        context: ConnectionContext,
        wanted: Subscription,
        begin: Callable[[], None],
        refused: Callable[[ChatError], None],
    ) -> None:
        """
        @param begin: called before anything is written.
        @param refused: called in place of C{begin} if nothing will be written.
        """
        super().__init__(stream, context, FORM)
        self._wanted = wanted
        self._begin = begin
        self._refused = refused
        self._open = False
        self._joined: list[JoinedRoom] = []
        self.blockOutput(True)

    def start(self) -> None:
        """Log in, and begin."""
        self.controller.start(self._start)

    async def _start(self) -> None:
        controller, context = self.controller, self.controller.context
        state, wanted = context.state, self._wanted
        try:
            for name in wanted.rooms:
                key = roomKey(name)[1]
                if key not in state.rooms:
                    # Otherwise the room would be created.
                    raise ChatError(NO_ROOM, room=ROOM_SIGN + key)
            await loginByToken(controller, wanted.token)
            if not controller.entered:
                return
            # Live events begin after this position.
            position = context.pipeline.deliveredPosition
            for name in wanted.rooms:
                if roomKey(name)[1] not in self.session.rooms:
                    await talk.join(controller, name)
        except ChatError as error:
            self._fail(error)
            return
        if self.stream.ending:
            return
        self._open = True
        self._begin()
        write = self.queue.writeReply
        write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
        nick, account = self.session.nick, self.session.account
        head = {"type": "format", "version": VERSION, "nick": nick, "account": account}
        place = self._place(position)
        more = {"epoch": context.pipeline.log, "resumed": place is not None}
        write(event(asJSON({**head, **more}).rstrip()))
        for joined in self._joined:
            await self._showRoom(joined, place)
        ready = f"{context.pipeline.log}-{position}-{_BEHIND}"
        write(event(b'{"type":"live"}', ready))
        self.blockOutput(False)

    def _place(self, position: int) -> tuple[int, int] | None:
        # The place of the program's last line; None: the program is new, or has seen another
        # history.  A place in the future is of another history too: a folder was restored.
        last = _ID.fullmatch(self._wanted.last)
        if last is None or last[1] != self.controller.context.pipeline.log:
            return None
        place = int(last[2]), int(last[3])
        return place if place[0] <= position else None

    async def _showRoom(self, joined: JoinedRoom, place: tuple[int, int] | None) -> None:
        context = self.controller.context
        if place is None:
            await self._showPage(joined)
            return
        reply: PendingReply[int | None] = PendingReply()
        context.archive.lastUpTo(joined.room, *place, reply)
        room = context.state.rooms.get(joined.room)
        try:
            known = await reply or 0
        except ChatError as error:
            self.reply(ErrorReply(error))
            return
        await self._showPage(replace(joined, replay=None))
        if room is None:
            return
        first = max(known + 1, room.permissions.firstReadable(self.session))
        end = joined.joinedSeq
        if end - first >= CAUGHT_UP_LINES:
            missing = (first, end - CAUGHT_UP_LINES)
            first = missing[1] + 1
            page = HistoryReplay(joined.room, joined.roomName, [], missing, missing[1])
            await self._showPage(page)
        try:
            async for page in context.history.pages(room, first, self.session, end):
                await self._showPage(page)
        except ChatError as error:
            self.reply(ErrorReply(error))

    async def _showPage(self, page: Notification) -> None:
        # Returns when the page was read.
        read: PendingReply[None] = PendingReply()
        self.show(page, lambda: read(None))
        await read

    def late(self) -> None:
        """Give up: for too long, nothing was stored, or the other nodes have not answered."""
        self._fail(ChatError(NOT_STORED, reason="the log-in takes too long"))

    def _fail(self, error: ChatError) -> None:
        if not self._open and not self.controller.ended:
            self.controller.quit("")
            self.stream.ending = True
            self._refused(error)

    def notify(self, notification: Notification) -> None:
        if isinstance(notification, ResumeToken):
            # The token can't be used here.
            return
        if self._open:
            super().notify(notification)
        elif isinstance(notification, JoinedRoom):
            self._joined.append(notification)
        elif isinstance(notification, ErrorReply):
            self._fail(notification.error)
        else:
            super().notify(notification)

    def reply(self, notification: Notification) -> None:
        # Nothing is written before the stream has begun.
        if self._open and not isinstance(notification, ResumeToken):
            super().reply(notification)

    def resumeInput(self) -> None:
        """Do nothing: there is no input."""

    def setFormat(self, form: str) -> None:
        """Do nothing: there is one format."""

    def prompt(self, prompt: str) -> None:
        """Do nothing: the peer could not answer."""

    def endOfInput(self) -> None:
        """Do nothing: the peer continues to read."""

    def heartbeat(self) -> None:
        """Send a heartbeat, if the stream has begun and is read."""
        if self._open and self.queue.direct:
            self.stream.write(HEARTBEAT)
