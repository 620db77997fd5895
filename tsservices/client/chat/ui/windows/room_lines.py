"""The lines of rooms in their windows: new, older, missed, found and deleted ones.  Pure."""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import DELETE, TALK, TOPIC
from tsservices.client.chat.events import ReplayHead, SearchHead, roomKey
from tsservices.client.chat.mentions import findNames
from tsservices.client.chat.ports import LineOrigin
from tsservices.client.chat.sender import Sender
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.ui.lines import ShownLine
from tsservices.client.chat.ui.message_lines import LineWriter, takeWords
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind, WindowList
from tsservices.frontends.formats.sentences import NOW, expiredText, replayHead, searchHead


class RoomLines:
    """
    The part of the view that adds lines of rooms to the windows.

    @ivar searched: the words of the last search.
    @ivar highlights: words that are highlighted like the user's name.
    @ivar sender: gives the command that is being answered; L{None} until the client starts.
    @ivar alert: called to alert the user.
    @ivar log: takes each line of a room or a person, once.
    """

    def __init__(
        self,
        state: ClientState,
        windows: WindowList,
        writer: LineWriter,
        now: Callable[[], float],
    ) -> None:
        """@param now: returns the time in seconds, of a monotonic clock."""
        self.searched: list[str] = []
        self.highlights: list[str] = []
        self.sender: Sender | None = None
        self.alert: Callable[[], None] = lambda: None
        self.log: Callable[[ChatWindow, ShownLine], None] = lambda window, line: None
        self._state = state
        self._windows = windows
        self._now = now
        self._writer = writer
        self._older: dict[str, list[ShownLine]] = {}
        self._expired: set[str] = set()
        self._asideIn: ChatWindow | None = None
        # The number of lines about the user's own join, and the end position after them.
        self._entrances: dict[ChatWindow, tuple[int, int]] = {}

    # Called by the client's core.

    def roomLine(self, room: ClientRoom | None, message: RoomMessages, origin: LineOrigin) -> None:
        answers = origin is LineOrigin.BEFORE and self._asideIn is not None
        if answers or origin in (LineOrigin.FOUND, LineOrigin.ASKED):
            self._aside(message, origin is LineOrigin.FOUND)
            return
        if origin is LineOrigin.OLDER:
            self._olderLine(message)
            return
        window = self._windows.room(message.room)
        if window is None:
            if room is None:
                # The user is not in the room of this line.
                self._aside(message, False)
                return
            window = self._windows.open(WindowKind.ROOM, message.roomName)
        if message.first and window.lines.find(message.first) is not None:
            return
        self._noteGap(window, message, origin)
        below = self._entrance(window) if origin is LineOrigin.BEFORE else 0
        isOwn = self._state.isSelf(message.nick)
        called = self._callsFor(message) if not isOwn else []
        line = self._writer.message(room, message, called)
        read = room.read if room is not None else None
        isNews = not isOwn and message.kind in TALK
        if origin is LineOrigin.BEFORE:
            # Lines said before the join are unread only if the server says so.
            isNews = isNews and read is not None and message.first > read
            called = called if isNews else []
        self._windows.add(window, line, self._now(), isNews, bool(called), below)
        self._entrances[window] = below, window.lines.end
        self.log(window, line)
        if message.kind == TOPIC:
            window.topic = message.texts[0]
        if message.kind == DELETE:
            self._delete(window, message.texts[0])
        if called and origin is not LineOrigin.BEFORE:
            self.alert()

    def linesBegin(self, head: ReplayHead | SearchHead) -> None:
        command = self.sender.unanswered if self.sender is not None else None
        if isinstance(head, SearchHead):
            self._asideIn = self.answerWindow()
            self._say(self._asideIn, searchHead(head.count, head.more))
            if not head.count:
                self._asideIn = None
        elif command is None or command.word not in ("history", "since"):
            if head.missing is not None:
                self._expire(head)
        elif command.quiet:
            self._expired.update([head.room] if head.missing is not None else [])
        else:
            self._asideIn = self.answerWindow() if head.count else None
            self._say(self.answerWindow(), replayHead(head.roomName, head.count, head.missing))

    def linesEnd(self, origin: LineOrigin) -> None:
        if self._asideIn is not None:
            self._say(self._asideIn, NOW)
        self._asideIn = None

    def linesExpired(self, room: ClientRoom, first: int, last: int) -> None:
        window = self._windows.room(roomKey(room.name)) or self._windows.status
        self._say(window, f"--- {expiredText(first, last)} ---")

    # Called by the screen.

    def answerWindow(self) -> ChatWindow:
        """Return the window in which the command was typed that is being answered."""
        sender = self.sender
        item = sender.unanswered if sender is not None else None
        if sender is not None and item is None:
            item = next((sent for sent in sender.outbox.sent if sent is not None), None)
        if item is None or item.quiet:
            return self._windows.status
        return self._windows.find(item.window) or self._windows.current

    def takeOlder(self, window: ChatWindow, wanted: bool) -> None:
        """Show the requested older lines of a room, after all have arrived, or drop them."""
        lines = self._older.pop(window.key, [])
        if wanted:
            window.lines.insertOlder(lines)

    def isExpired(self, window: ChatWindow) -> bool:
        """Check whether the server no longer keeps older lines."""
        return window.key in self._expired

    # Making lines.

    def _say(self, window: ChatWindow, text: str, news: bool = False) -> None:
        for part in text.split("\n"):
            if part:
                line = self._writer.sentence(part)
                self._windows.add(window, line, self._now(), news or part[0] == "!")

    def _callsFor(self, message: RoomMessages) -> list[tuple[int, int]]:
        if message.kind not in TALK:
            return []
        return findNames(message.texts[0], [self._state.nick, *self.highlights])

    def _aside(self, message: RoomMessages, found: bool) -> None:
        window = self._asideIn or self.answerWindow()
        line = self._writer.result(message, self.searched if found else ())
        self._windows.add(window, line, self._now())

    def _olderLine(self, message: RoomMessages) -> None:
        window = self._windows.room(message.room)
        if window is None:
            return
        oldest = window.lines.oldest()
        if not oldest or message.first < oldest:
            room = self._state.rooms.get(message.room)
            self._older.setdefault(message.room, []).append(self._writer.message(room, message))

    def _noteGap(self, window: ChatWindow, message: RoomMessages, origin: LineOrigin) -> None:
        # When the user joins a room again, the server sends only its last lines.
        if origin is not LineOrigin.BEFORE:
            return
        last = window.lines.newest
        if last and message.first > last + 1:
            text = f"--- lines {last + 1} to {message.first - 1} are not shown ---"
            below = self._entrance(window)
            line = self._writer.mark(text, message)
            self._windows.add(window, line, self._now(), above=below)
            self._entrances[window] = below, window.lines.end

    def _entrance(self, window: ChatWindow) -> int:
        # The number of lines about the user's join, if they are still the last ones.
        count, end = self._entrances.get(window, (0, 0))
        return count if end == window.lines.end else 0

    def _delete(self, window: ChatWindow, number: str) -> None:
        if not (number.isascii() and number.isdigit() and len(number) < 20):
            return
        place = int(number), window.key
        window.deleted(place[0])
        position = window.lines.find(place[0])
        deleted = window.lines.at(position) if position is not None else None
        # Results of searches repeat the line, in any window.
        for line in (line for other in self._windows for line in other.lines):
            source = line.original or line
            if source is deleted or (source.aside and (source.seq, source.room) == place):
                takeWords(line)

    def _expire(self, head: ReplayHead) -> None:
        window = self._windows.room(head.room)
        if window is not None and head.missing is not None:
            self._say(window, f"--- {expiredText(*head.missing)} ---")
