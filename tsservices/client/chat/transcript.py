"""The order in which lines of rooms are shown, each once.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    ErrorReply,
    HistoryRestored,
    Inbox,
    JoinedRoom,
    LeftRoom,
    MarkedRead,
    MemberList,
    MessageStored,
    Resumed,
    RoomMessages,
    Welcome,
)
from tsservices.chat.operations import TALK, UNREADABLE
from tsservices.client.chat.events import (
    Content,
    FormatVersion,
    ReplayHead,
    RoomLine,
    SearchHead,
    SecretWanted,
    roomKey,
)
from tsservices.client.chat.ports import LineOrigin, View
from tsservices.client.chat.sender import Sender
from tsservices.client.chat.state import ClientRoom, ClientState

#: After so long without typed input, the user may not have read the lines shown since.
UNATTENDED_SECONDS = 60.0

#: The shortest time between two C{/read} commands.
MARK_SECONDS = 10.0

#: Errors of requests about a room that could not be joined, which was reported already.
_NOT_IN_ROOM = frozenset({"not-in-room", "no-room"})

#: Content that is not shown after the login.
_UNSHOWN = (MessageStored, FormatVersion, Welcome, Resumed)


class Transcript:
    """Decides which lines are shown, and with which L{LineOrigin}."""

    def __init__(self, state: ClientState, sender: Sender, view: View) -> None:
        self._missed = 0
        self._state = state
        self._sender = sender
        self._view = view
        # The origin of the lines that follow a head.
        self._origin = LineOrigin.BEFORE
        self._remaining = 0
        self._unreadShown = False
        self._unattendedShown = False
        self._attendedAt: float | None = None
        self._markedAt: float | None = None
        self._incomplete: list[str] = []

    def handle(self, content: Content, now: float, catchingUp: bool) -> None:
        """
        Handle received content, and show it if needed.

        @param now: the time in seconds.
        @param catchingUp: whether missed lines are still outstanding.
        """
        if isinstance(content, RoomLine):
            self._line(content, now)
            return
        if self._sender.consumes(content) or isinstance(content, _UNSHOWN):
            return
        handle = self._HANDLERS.get(type(content))
        if handle is not None:
            handle(self, content, now, catchingUp)
        else:
            self._view.notify(content)

    def userActive(self, now: float) -> None:
        """
        Note that the user is active, and so sees new lines.

        @param now: the time in seconds.
        """
        self._attendedAt = now
        self._unattendedShown = False

    def markRead(self, now: float, last: bool = False) -> None:
        """
        Send the server the number of the last line read in the current room.

        @param now: the time in seconds.
        @param last: whether this is the last call, which is not delayed.  It has no effect if the
            user is away, because then a closed terminal has ended the client.
        """
        state = self._state
        room = state.rooms.get(state.current)
        known = any(command.name == "read" for command in state.commands)
        early = self._markedAt is not None and now < self._markedAt + MARK_SECONDS
        if room is None or not state.account or not known or (early and not last):
            return
        if last and self._isAway(now):
            return
        if room.last > (room.read or 0):
            room.read = room.last
            self._markedAt = now
            self._sender.sendQuiet(f"/read {room.name} {room.last}")

    def connectionLost(self) -> None:
        self._remaining = 0
        self._incomplete = []

    def finishCatchUp(self, now: float) -> int:
        """
        Show the lines that were held back, after all missed lines have arrived.

        @param now: the time in seconds.
        @return: how many lines of others were missed.
        """
        # A copy, because rooms that could not be joined again are removed in the loop.
        for key, room in list(self._state.rooms.items()):
            messages = room.finishCatchUp()
            if not room.present:
                self._view.note(f"you are no longer in {ROOM_SIGN}{room.name}", key)
                self._state.forgetRoom(key)
                continue
            for message in messages:
                self._show(room, message, LineOrigin.MISSED, now)
        missed, self._missed = self._missed, 0
        return missed

    def listMembers(self) -> None:
        """Request the members of rooms whose members or ranks are not all known."""
        names, self._incomplete = self._incomplete, []
        for name in names:
            self._sender.sendQuiet(f"/who {name}")

    def _line(self, line: RoomLine, now: float) -> None:
        message = line.message
        room = self._state.rooms.get(message.room)
        # Lines replayed in a room that is catching up are missed lines.  Others were requested, and
        # are shown even if they were shown before.
        if line.found or (line.replayed and (room is None or not room.catchingUp)):
            if room is not None:
                room.rememberAuthor(message)
            if line.replayed and self._origin is not LineOrigin.OLDER:
                self._beginUnread(room, message)
            origin = self._origin if self._remaining else LineOrigin.BEFORE
            self._view.roomLine(room, message, origin)
            self._remaining -= 1
            if self._remaining == 0:
                self._view.linesEnd(self._origin)
        elif room is None:
            self._view.roomLine(None, message, LineOrigin.NOW)
        else:
            origin = LineOrigin.MISSED if room.catchingUp else LineOrigin.NOW
            for ready in room.accept(message):
                self._show(room, ready, origin, now)

    def _show(
        self, room: ClientRoom, message: RoomMessages, origin: LineOrigin, now: float
    ) -> None:
        state = self._state
        self._sender.messageCame(message)
        # The user's own lines come back too; neither they nor unreadable kinds are news.
        if not state.isSelf(message.nick) and message.kind not in UNREADABLE:
            missed = origin is LineOrigin.MISSED
            self._missed += missed
            if roomKey(room.name) != state.current:
                room.noteUnread(message)
            if (missed or self._isAway(now)) and not self._unattendedShown:
                self._unattendedShown = True
                self._view.unreadBegins()
        room.noteAuthor(message)
        self._view.roomLine(room, message, origin)

    def _isAway(self, now: float) -> bool:
        return self._attendedAt is not None and now > self._attendedAt + UNATTENDED_SECONDS

    def _beginUnread(self, room: ClientRoom | None, message: RoomMessages) -> None:
        if room is None or room.read is None or self._unreadShown:
            return
        own = self._state.isSelf(message.nick)
        if message.first > room.read and message.kind in TALK and not own:
            self._unreadShown = True
            self._view.unreadBegins()

    def _replay(self, head: ReplayHead, now: float, catchingUp: bool) -> None:
        room = self._state.rooms.get(head.room)
        if room is not None and room.catchingUp:
            if head.epoch:
                room.continueIn(head.epoch)
            # Only an expired next line is a gap: the replay after a join may just begin later.
            missing = head.missing
            if missing is not None and missing[0] <= room.last + 1 <= missing[1]:
                self._view.linesExpired(room, room.last + 1, missing[1])
                self._sender.markUncertain(roomKey(room.name))
                for message in room.skipTo(missing[1]):
                    self._show(room, message, LineOrigin.MISSED, now)
            return
        command = self._sender.unanswered
        self._origin = LineOrigin.BEFORE
        if command is not None and command.quiet:
            self._origin = LineOrigin.OLDER
        elif command is not None and command.word == "history":
            self._origin = LineOrigin.ASKED
        self._remaining = head.count
        self._unreadShown = False
        if head.count or head.missing is not None:
            self._view.linesBegin(head)

    def _restored(self, restored: HistoryRestored, now: float, catchingUp: bool) -> None:
        room = self._state.rooms.get(restored.room)
        if room is not None and room.catchingUp:
            room.restart(restored.first - 1, restored.log)
            # The user's own lines may be among the lost ones.
            self._sender.markUncertain(roomKey(room.name))
        self._view.notify(restored)

    def _search(self, head: SearchHead, now: float, catchingUp: bool) -> None:
        self._origin, self._remaining = LineOrigin.FOUND, head.count
        self._view.linesBegin(head)

    def _joinedRoom(self, joined: JoinedRoom, now: float, catchingUp: bool) -> None:
        room = self._state.rooms.get(joined.room)
        if room is None or room.catchingUp:
            return
        if not catchingUp:
            self._state.selectRoom(joined.room)
        self._sender.serverRoom = joined.room
        self._view.notify(joined)
        others = len(room.members) > 1 and self._state.showsRanks
        if joined.memberCount > len(room.members) or others:
            self._incomplete.append(room.name)

    def _leftRoom(self, left: LeftRoom, now: float, catchingUp: bool) -> None:
        self._sender.serverRoom = None
        command = self._sender.unanswered
        if command is not None and command.word == "part" and not self._state.current:
            self._state.selectRoom(next(reversed(self._state.rooms), ""))
        self._view.notify(left)

    def _members(self, listed: MemberList, now: float, catchingUp: bool) -> None:
        if not catchingUp and not self._sender.quiet:
            self._view.notify(listed)

    def _inbox(self, inbox: Inbox, now: float, catchingUp: bool) -> None:
        missed = self._state.missedPrivate(inbox)
        if not catchingUp:
            self._view.notify(inbox)
            return
        for message in missed:
            self._view.notify(message)
        if inbox.more and len(missed) == len(inbox.messages):
            self._view.note("/inbox and /inbox + show private messages of before")

    def _markedRead(self, marked: MarkedRead, now: float, catchingUp: bool) -> None:
        room = self._state.rooms.get(marked.room)
        if room is not None:
            room.markRead(marked.seq)

    def _error(self, error: ErrorReply, now: float, catchingUp: bool) -> None:
        if catchingUp and error.error.code.name in _NOT_IN_ROOM:
            return
        if not self._sender.quiet:
            self._view.notify(error)

    def _prompt(self, prompt: SecretWanted, now: float, catchingUp: bool) -> None:
        if self._sender.secretAsked():
            self._view.askSecret(prompt.text)

    #: The handlers of the notifications that are not only shown.
    _HANDLERS: ClassVar[dict[type[Content], Callable[[Transcript, Any, float, bool], None]]] = {
        ReplayHead: _replay,
        SearchHead: _search,
        JoinedRoom: _joinedRoom,
        HistoryRestored: _restored,
        LeftRoom: _leftRoom,
        MemberList: _members,
        Inbox: _inbox,
        MarkedRead: _markedRead,
        ErrorReply: _error,
        SecretWanted: _prompt,
    }
