"""
The view of the full screen: shows each event as lines of the window to which it belongs.  Pure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from tsservices.chat.names import fold
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    CommandList,
    ErrorReply,
    HistoryRestored,
    Inbox,
    Invited,
    JoinedRoom,
    LeftRoom,
    MarkedRead,
    NickChanged,
    PrivateDeleted,
    PrivateMessage,
    Topic,
    UserQuit,
)
from tsservices.client.chat.events import Content, ServerEvent, roomKey
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import ConnectionChange
from tsservices.client.chat.state import ClientState
from tsservices.client.chat.ui.message_lines import LineWriter, takeWords
from tsservices.client.chat.ui.windows.room_lines import RoomLines
from tsservices.client.chat.ui.windows.window import (
    ChatWindow,
    WindowKind,
    WindowList,
    unreadKey,
)
from tsservices.common.text import plural
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import (
    SENTENCES,
)

#: Notifications about a person, which are shown in all rooms that the user shares with them.
_OF_PERSON = (UserQuit, NickChanged, AwayChanged, AccountChanged)


class WindowView(RoomLines):
    """
    A view that shows events in windows.

    @ivar secret: the prompt for a secret; empty: none.
    @ivar ready: whether the login is complete and all missed lines have arrived.
    @ivar farewell: messages about unsent lines, to be printed after the screen is closed.
    @ivar logRestored: called when a room's numbering restarts, with the last common number.
    """

    def __init__(
        self,
        state: ClientState,
        windows: WindowList,
        times: LocalTime,
        now: Callable[[], float],
        wallTime: Callable[[], float] = time.time,
    ) -> None:
        """
        @param now: returns the time in seconds, of a monotonic clock.
        @param wallTime: returns seconds since 1970.
        """
        super().__init__(state, windows, LineWriter(state, times, wallTime), now)
        self.secret = ""
        self.ready: Callable[[], bool] = lambda: False
        self.farewell: list[str] = []
        self.logRestored: Callable[[ChatWindow, int], None] = lambda window, last: None
        self._times = times
        self._shared: list[ChatWindow] = []
        self._greeted = False

    # Called by the client's core.

    def received(self, event: ServerEvent) -> None:
        content = event.content
        if isinstance(content, MarkedRead):
            read = self._windows.room(content.room)
            if read is not None:
                read.markRead(content.seq)
        if not isinstance(content, _OF_PERSON):
            return
        # Find the windows now: after the event the person may be in no room.
        key, state, windows = fold(content.nick), self._state, self._windows
        self._shared = [
            window
            for room, known in state.rooms.items()
            if key in known.members and (window := windows.room(room)) is not None
        ]
        private = windows.find(WindowKind.PRIVATE.value + key)
        if private is not None:
            self._shared.append(private)
        if isinstance(content, NickChanged) and private is not None:
            self._renamePrivate(private, content.to)

    def _renamePrivate(self, window: ChatWindow, to: str) -> None:
        if self._windows.find(WindowKind.PRIVATE.value + fold(to)) in (None, window):
            window.name, window.key = to, fold(to)
            self._windows.changed()

    def notify(self, content: Content) -> None:
        handle = self._HANDLERS.get(type(content))
        if handle is not None:
            handle(self, content)
            return
        if isinstance(content, _OF_PERSON):
            for window in self._shared:
                self._sentences(window, content)
            return
        room = getattr(content, "room", "") or roomKey(getattr(content, "roomName", ""))
        place = self._windows.room(room) if room else None
        if isinstance(content, ErrorReply) and not self.ready():
            # For example a wrong password, which the user must see in any window.
            place = self._windows.current
        self._sentences(place or self.answerWindow(), content)

    def unreadBegins(self) -> None:
        # Each window marks its own first unread line.
        pass

    def note(self, text: str, room: str = "") -> None:
        self._say(self._windows.room(room) or self._own(), f"* {text}")

    def complain(self, text: str) -> None:
        self._say(self._own(), f"! {text}", True)

    def queued(self, item: OutgoingLine) -> None:
        self._say(self._windowOf(item), f"* waits for the connection: {item.shown}")

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        text = f"! {'not' if sure else 'perhaps not'} sent: {item.shown}"
        self.farewell.append(text)
        self._say(self._windowOf(item), text, True)

    def askSecret(self, text: str) -> None:
        self.secret = f"{text.rstrip(': ')}: " if text else ""

    def connectionChanged(
        self, change: ConnectionChange, reason: str = "", missed: int = 0
    ) -> None:
        if change is ConnectionChange.CONNECTED:
            if self._state.encrypted and not self._greeted:
                self._say(self._windows.status, "* the connection is encrypted")
            self._greeted = True
            return
        if change is ConnectionChange.LOST:
            text = f"* connection lost, trying again ({reason})"
            self._asideIn = None
            # The older lines fetched so far are incomplete.
            self._older.clear()
        else:
            lines = plural(missed, "line") if missed else "nothing"
            text = f"* back: {lines} {'were' if missed > 1 else 'was'} said meanwhile"
        for window in self._windows:
            self._say(window, text)

    # Called by the screen.

    def inform(self, window: ChatWindow, text: str) -> None:
        """Show a message of the client itself in one window."""
        self._say(window, text)

    def print(self, text: str) -> None:
        """Show an unchanged line in the status window."""
        self._windows.add(self._windows.status, self._writer.plain(text), self._now())

    # Making lines.

    def _own(self) -> ChatWindow:
        return self._windows.current if self.ready() else self._windows.status

    def _windowOf(self, item: OutgoingLine) -> ChatWindow:
        return self._windows.find(item.window) or self._windows.current

    def _sentences(self, window: ChatWindow, content: Content) -> None:
        write = SENTENCES.get(type(content))
        if write is not None:
            self._say(window, write(self._times, content))

    # Notifications that need more than a sentence.

    def _joinedRoom(self, joined: JoinedRoom) -> None:
        window = self._windows.open(WindowKind.ROOM, joined.roomName)
        window.joined = True
        window.name = joined.roomName
        window.topic = joined.topic.text
        before = window.lines.end
        self._sentences(window, joined)
        # The replayed lines follow, and belong above these sentences.
        self._entrances[window] = window.lines.end - before, window.lines.end
        command = self.sender.unanswered if self.sender is not None else None
        asked = command is not None and command.word == "join" and not command.quiet
        # A user who is typing stays in the current window.
        if asked and not self._windows.current.draft.typed.text:
            self._windows.show(window)

    def _topic(self, topic: Topic) -> None:
        window = self._windows.room(topic.room) or self.answerWindow()
        if window.key == topic.room:
            window.topic = topic.text
        self._sentences(window, topic)

    def _leftRoom(self, left: LeftRoom) -> None:
        window = self._windows.room(left.room)
        if window is None:
            return
        window.joined = False
        self._sentences(window, left)
        command = self.sender.unanswered if self.sender is not None else None
        if command is not None and command.word == "part" and not window.draft.typed.text:
            self._windows.close(window)

    def _private(self, message: PrivateMessage) -> None:
        isOwn = self._state.isSelf(message.nick)
        partner = message.to if isOwn else message.nick
        if not partner:
            self._sentences(self._windows.status, message)
            return
        window = self._windows.open(WindowKind.PRIVATE, partner)
        window.name = partner
        isGuest = message.account is None and self._state.accounts
        if isOwn and window.unread:
            # The user answered with another client, and so has read the messages before.
            window.markRead()
            window.lines.newFrom = None
        line = self._writer.private(message, isGuest)
        self._windows.add(window, line, self._now(), not isOwn, not isOwn)
        self.log(window, line)
        if not isOwn:
            self.alert()

    def _privateDeleted(self, deleted: PrivateDeleted) -> None:
        isOwn = self._state.isSelf(deleted.nick)
        partner = deleted.to if isOwn else deleted.nick
        window = self._windows.find(WindowKind.PRIVATE.value + fold(partner))
        if window is not None:
            for position, line in enumerate(window.lines, window.lines.first):
                ident = (line.original or line).ident
                if ident and ident == deleted.ident:
                    takeWords(line)
                    window.deleted(unreadKey(position))
        self._sentences(window or self._windows.status, deleted)

    def _absent(self, absent: AwayReply) -> None:
        private = self._windows.find(WindowKind.PRIVATE.value + fold(absent.nick))
        self._sentences(private or self.answerWindow(), absent)

    def _invited(self, invited: Invited) -> None:
        for window in {self._windows.status, self._windows.current}:
            self._sentences(window, invited)
        self.alert()

    def _restored(self, restored: HistoryRestored) -> None:
        window = self._windows.room(restored.room) or self._windows.status
        window.lines.disown(restored.common or 0)
        self.logRestored(window, restored.common or 0)
        self._sentences(window, restored)

    def _commands(self, listed: CommandList) -> None:
        names = {row[0] for row in listed.commands}
        own = [
            (command.name, command.usage, command.meaning, "")
            for command in self._state.ownCommands
            if command.name not in names
        ]
        self._sentences(self.answerWindow(), CommandList([*listed.commands, *own]))

    def _inbox(self, inbox: Inbox) -> None:
        command = self.sender.unanswered if self.sender is not None else None
        if command is None or not command.quiet:
            self._sentences(self.answerWindow(), inbox)
            return
        window = self._windows.find(WindowKind.PRIVATE.value + fold(inbox.other))
        if window is None:
            return
        shown = {line.ident for line in window.lines}
        letters = [letter for letter in inbox.messages if letter.ident not in shown]
        window.lines.insertOlder([self._writer.private(letter, False) for letter in letters])

    #: The handlers of the notifications that need more than a sentence.
    _HANDLERS: ClassVar[dict[type[Content], Callable[[WindowView, Any], None]]] = {
        JoinedRoom: _joinedRoom,
        Topic: _topic,
        LeftRoom: _leftRoom,
        PrivateMessage: _private,
        PrivateDeleted: _privateDeleted,
        AwayReply: _absent,
        Invited: _invited,
        HistoryRestored: _restored,
        CommandList: _commands,
        Inbox: _inbox,
    }
