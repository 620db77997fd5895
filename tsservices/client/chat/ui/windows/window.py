"""
The windows of the screen: one for each room, one for each private talk, and the status window for
everything else.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, IntEnum

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.client.chat.ui.draft import Draft
from tsservices.client.chat.ui.lines import LineList, ShownLine, Viewport
from tsservices.frontends.formats.localtime import LocalTime

#: The prefix of a person's name in the name of a window; names of rooms do not have it.
PERSON_SIGN = "@"

#: The title of the status window.
STATUS_TITLE = "status"

#: The limit of the count of unread lines in one window.
UNREAD_COUNTED = 1000

#: After so many seconds without a key, new lines count as unread.
AWAY_SECONDS = 60.0


class WindowKind(Enum):
    """The kinds of windows; the value is the prefix of their names."""

    STATUS = ""
    ROOM = ROOM_SIGN
    PRIVATE = PERSON_SIGN


class Activity(IntEnum):
    """The importance of the unread lines of a window."""

    NONE = 0
    TALK = 1
    #: A line contains the user's name or one of the highlighted words.
    MENTION = 2


class ChatWindow:
    """
    One window.

    @ivar key: the folded name of its room or person.
    @ivar name: the name as it is written.
    @ivar unread: whether each unread line mentions the user; the key is the line's number, or a
        negative number made from its position if it has none.
    @ivar joined: whether the user is in the room; always true for other windows.
    @ivar topic: the topic of the room.
    @ivar fetchedFrom: the lowest number after which lines were requested; L{None}: none were.
    @ivar complete: whether there are no older lines.
    @ivar chosen: the position of the chosen line; L{None}: none is.
    """

    def __init__(self, kind: WindowKind, name: str, times: LocalTime) -> None:
        self.kind = kind
        self.key = fold(name)
        self.name = name
        self.lines = LineList(times)
        self.view = Viewport(self.lines)
        self.draft = Draft()
        self.unread: dict[int, bool] = {}
        self.joined = kind is not WindowKind.ROOM
        self.topic = ""
        self.fetchedFrom: int | None = None
        self.complete = kind is not WindowKind.ROOM
        self.chosen: int | None = None

    @property
    def ident(self) -> str:
        """The unique name of the window: C{#lobby}, C{@bob}; empty for the status window."""
        return self.kind.value + self.key

    @property
    def title(self) -> str:
        if self.kind is WindowKind.ROOM:
            return ROOM_SIGN + self.name
        return self.name or STATUS_TITLE

    @property
    def activity(self) -> Activity:
        if not self.unread:
            return Activity.NONE
        return Activity.MENTION if any(self.unread.values()) else Activity.TALK

    @property
    def mentions(self) -> int:
        return sum(self.unread.values())

    def noteUnread(self, position: int, seq: int, mention: bool) -> None:
        """Count a new line of another user as unread."""
        # While older lines are shown, the mark stays where the user may be reading.
        isReading = self.view.position is not None and self.lines.newFrom is not None
        if not self.unread and not isReading:
            self.lines.newFrom = position
        if len(self.unread) < UNREAD_COUNTED or mention:
            self.unread[seq or unreadKey(position)] = mention

    def markRead(self, upTo: int | None = None) -> None:
        """
        Note that lines were read, by this client or another.

        @param upTo: the number of the last line read; L{None}: all were read.
        """
        if upTo is None:
            self.unread.clear()
            return
        self.unread = {seq: mention for seq, mention in self.unread.items() if seq > upTo}
        self.lines.newFrom = self.lines.find(min(self.unread, default=0))

    def linesRemoved(self) -> None:
        """Note that lines were removed, which can be requested again."""
        self.fetchedFrom = None
        self.complete = self.kind is not WindowKind.ROOM

    def deleted(self, key: int) -> None:
        """Remove a deleted line from the unread ones, by its key there."""
        self.unread.pop(key, None)


class WindowList:
    """
    All windows, of which one is shown.

    @ivar windows: in their order; the first is the status window.
    @ivar current: the window that is shown.
    @ivar changed: called when windows are added or removed, or another one is shown.
    @ivar opened: takes each new window.
    @ivar usedAt: the time of the last key, in seconds.
    """

    def __init__(self, times: LocalTime) -> None:
        self._times = times
        self.status = ChatWindow(WindowKind.STATUS, "", times)
        self.windows: list[ChatWindow] = [self.status]
        self.current = self.status
        self.changed: Callable[[], None] = lambda: None
        self.opened: Callable[[ChatWindow], None] = lambda window: None
        self._before: ChatWindow | None = None
        self.usedAt = 0.0

    def __iter__(self) -> Iterator[ChatWindow]:
        return iter(self.windows)

    def find(self, ident: str) -> ChatWindow | None:
        return next((window for window in self.windows if window.ident == ident), None)

    def room(self, key: str) -> ChatWindow | None:
        """Find the window of a room by its folded name."""
        return self.find(ROOM_SIGN + key)

    def open(self, kind: WindowKind, name: str) -> ChatWindow:
        """Return the window for a room or a person; make it if there is none."""
        window = self.find(kind.value + fold(name))
        if window is None:
            window = ChatWindow(kind, name, self._times)
            self.windows.append(window)
            self.opened(window)
            self.changed()
        return window

    def show(self, window: ChatWindow) -> None:
        """Show another window."""
        if window is self.current:
            return
        # Later lines in the window that is left are new.
        if not self.current.unread:
            self.current.lines.newFrom = None
        self._before = self.current
        self.current = window
        self._noteSeen()
        self.changed()

    def _noteSeen(self) -> None:
        # If older lines are shown, the unread ones are below them.
        if self.current.view.position is None:
            self.current.markRead()

    def close(self, window: ChatWindow) -> None:
        if window is self.status:
            return
        at = self.windows.index(window)
        self.windows.remove(window)
        if window is self.current:
            self.current = self.windows[min(at, len(self.windows) - 1)]
            self._noteSeen()
        if self._before is window:
            self._before = None
        self.changed()

    def number(self, window: ChatWindow) -> int:
        """Return the number of a window for users; the status window is 1."""
        return self.windows.index(window) + 1

    def byNumber(self, number: int) -> ChatWindow | None:
        return self.windows[number - 1] if 0 < number <= len(self.windows) else None

    def byName(self, name: str) -> ChatWindow | None:
        """Find the window of a room or a person by its name, with or without the sign."""
        key = fold(name.lstrip(ROOM_SIGN + PERSON_SIGN))
        kinds = [WindowKind.ROOM, WindowKind.PRIVATE]
        if name.startswith((ROOM_SIGN, PERSON_SIGN)):
            kinds = [WindowKind(name[0])]
        if key == STATUS_TITLE and self.find(ROOM_SIGN + key) is None:
            return self.status
        return next(
            (window for kind in kinds if (window := self.find(kind.value + key)) is not None), None
        )

    def step(self, by: int) -> None:
        """Turn to another window, relative to the current one."""
        at = self.windows.index(self.current)
        self.show(self.windows[(at + by) % len(self.windows)])

    def back(self) -> None:
        """Turn to the window that was shown before this one."""
        if self._before in self.windows:
            self.show(self._before)

    def nextActive(self) -> bool:
        """
        Turn to the window with the most important unread lines; if there are several, to the next.

        @return: whether there is one.
        """
        at = self.windows.index(self.current)
        others = self.windows[at + 1 :] + self.windows[:at]
        # Private talks are as important as mentions.
        ranked = [(_urgency(window), window) for window in others if window.unread]
        if not ranked:
            return False
        most = max(urgency for urgency, _ in ranked)
        self.show(next(window for urgency, window in ranked if urgency == most))
        return True

    def active(self) -> list[ChatWindow]:
        """List the other windows with unread lines, in their order."""
        return [window for window in self.windows if window.unread and window is not self.current]

    def used(self, now: float) -> None:
        """
        Note that the user has pressed a key.

        @param now: the time in seconds.
        """
        self.usedAt = now
        self._noteSeen()

    def isSeen(self, window: ChatWindow, now: float) -> bool:
        """
        Check whether the user sees new lines of a window.

        @param now: the time in seconds.
        """
        isShown = window is self.current and window.view.position is None
        return isShown and now < self.usedAt + AWAY_SECONDS

    def add(
        self,
        window: ChatWindow,
        line: ShownLine,
        now: float,
        news: bool = False,
        mention: bool = False,
        above: int = 0,
    ) -> int:
        """
        Add a line to a window.

        @param now: the time in seconds.
        @param news: whether it is a readable line of another user.
        @param above: how many of the last lines stay below it.
        @return: the position of the line.
        """
        # While the user reads older lines, none are removed.
        first = window.lines.first
        position = window.lines.add(line, window.view.position is None, above)
        if window.lines.first > first:
            window.linesRemoved()
        if news and not self.isSeen(window, now):
            window.noteUnread(position, line.seq if not line.aside else 0, mention)
        return position


def unreadKey(position: int) -> int:
    """Return the key of a line without a number among the unread ones."""
    return -1 - position


def _urgency(window: ChatWindow) -> int:
    isPrivate = window.kind is WindowKind.PRIVATE
    return max(window.activity, Activity.MENTION if isPrivate else Activity.NONE)
