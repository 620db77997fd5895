"""
The state of the full screen, without a terminal: the windows, and the rows to draw.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.client.chat.colours import Span
from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.state import ClientRoom
from tsservices.client.chat.ui.bars import (
    fitted,
    frame,
    memberNames,
    sideRows,
    statusText,
    topicText,
)
from tsservices.client.chat.ui.files.settings import ScreenSettings
from tsservices.client.chat.ui.keys import CHOOSING
from tsservices.client.chat.ui.rows import padded
from tsservices.client.chat.ui.status import promptWaits
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind, WindowList
from tsservices.client.chat.ui.windows.window_view import WindowView
from tsservices.frontends.formats.localtime import LocalTime

#: For so many seconds after a key, the user counts as typing.
TYPING_SECONDS = 3.0


class ScreenState:
    """
    The windows, and how they are drawn.

    @ivar windows: all windows.
    @ivar view: the view that shows events in the windows; L{None} until the client starts.
    @ivar machine: the client; L{None} until it starts.
    @ivar settings: the user's settings.
    @ivar frame: the layout of the last drawing.
    @ivar showNames: whether to list the members at the side if there is room.
    @ivar mouse: whether the screen handles the mouse, instead of the terminal.
    @ivar asking: whether the client waits for an answer, which is typed in the status window.
    @ivar promptWaits: whether a prompt for a secret waits because a line is being typed.
    @ivar hint: a text shown instead of the status line.
    @ivar windowsChanged: whether the windows must be saved.
    @ivar setTyped: sets the text of the input line.
    @ivar copy: copies a text to the clipboard.
    @ivar remembered: takes a typed text for the history, and the name of its window.
    """

    def __init__(
        self, settings: ScreenSettings, times: LocalTime, now: Callable[[], float]
    ) -> None:
        """@param now: returns the time in seconds, of a monotonic clock."""
        self.windows = WindowList(times)
        self.view: WindowView | None = None
        self.machine: ClientMachine | None = None
        self.settings = settings
        self.frame = frame(80, 23, [])
        self.showNames = settings.names
        self.mouse = settings.mouse
        self.setTyped: Callable[[str], None] = lambda text: None
        self.copy: Callable[[str], None] = lambda text: None
        self.remembered: Callable[[str, str], None] = lambda ident, text: None
        self.asking = False
        self.promptWaits = False
        self.hint = ""
        self.windowsChanged = False
        self._times = times
        self._now = now
        self._fetches: dict[ChatWindow, tuple[OutgoingLine, int]] = {}

    @property
    def room(self) -> ClientRoom | None:
        """The room of the current window, if the user is in it."""
        window, machine = self.windows.current, self.machine
        if machine is None or window.kind is not WindowKind.ROOM:
            return None
        return machine.state.rooms.get(window.key)

    def sideNames(self) -> list[str]:
        """List the members to show at the side."""
        return memberNames(self.room) if self.showNames else []

    def drawn(self, columns: int, rows: int) -> list[list[Span]]:
        """Draw the rows above the input line."""
        self.frame = divided = frame(columns, rows, names := self.sideNames())
        window, machine, view = self.windows.current, self.machine, self.windows.current.view
        drawn: list[list[Span]] = []
        if divided.hasTopic:
            topic = topicText(window, window.topic, self.room)
            drawn.append([("topic", padded(topic, columns))])
        lines = view.visible(divided.width, divided.height)
        blank = divided.height - len(lines)
        nick = machine.state.nick if machine is not None else ""
        side = sideRows(names, divided.side, divided.height, nick) if divided.side else []
        for number in range(divided.height):
            spans: list[Span] = []
            if number >= blank:
                row = lines[number - blank]
                spans = row.spans
                if row.position == window.chosen:
                    spans = [("chosen", text) for _, text in spans]
            if side:
                spans = [*fitted(spans, divided.width, ""), *side[number]]
            drawn.append(spans)
        if rows > 1:
            status = self._status(columns)
            drawn.append(fitted(status, columns, "status"))
        return drawn[:rows]

    def _status(self, width: int) -> list[Span]:
        window = self.windows.current
        if window.chosen is not None:
            return [("status", f" {CHOOSING}")]
        if self.promptWaits and self.view is not None:
            return [("status", promptWaits(self.view.secret))]
        count = len([line for line in window.draft.typed.text.split("\n") if line.strip()])
        if count > 1:
            return [("status", f" {count} lines: Enter sends them, Ctrl-C drops them")]
        if self.hint:
            return [("status", f" {self.hint}")]
        fetching = window in self._fetches
        if fetching and window.view.position is not None:
            return [("status", " older lines are asked for ...")]
        return statusText(self.windows, self.machine, window.view.below, width)

    def isTyping(self) -> bool:
        """Check whether a key was pressed within L{TYPING_SECONDS}."""
        return self._now() < self.windows.usedAt + TYPING_SECONDS

    def _inform(self, window: ChatWindow, text: str) -> None:
        if self.view is not None:
            self.view.inform(window, text)

    def ask(self, asking: bool) -> None:
        """Turn to the status window for a question of the client, and back after the answer."""
        self.asking = asking
        if asking:
            self.showWindow(self.windows.status)
        elif self.windows.current is self.windows.status:
            self.windows.back()

    def showNumber(self, number: int) -> None:
        window = self.windows.byNumber(number)
        if window is not None:
            self.showWindow(window)

    def showWindow(self, window: ChatWindow) -> None:
        self.windows.show(window)
        self.refill(window)

    def refill(self, window: ChatWindow, atTop: bool = False) -> None:
        """
        Request earlier messages for a private window, once.

        @param atTop: whether its first line is visible; if not, only an empty window needs more.
        """
        machine = self.machine
        if (
            window.kind is WindowKind.PRIVATE
            and machine is not None
            and machine.phase is Phase.READY
            and machine.state.account
            and (atTop or not len(window.lines))
            and window.fetchedFrom is None
        ):
            window.fetchedFrom = 0
            machine.sender.sendQuiet(f"/inbox {window.name}")

    def step(self, by: int) -> None:
        """Turn to another window, relative to the current one."""
        self.windows.step(by)
        self.refill(self.windows.current)

    def nextActive(self) -> None:
        """Turn to the next window with unread lines."""
        if self.windows.nextActive():
            self.refill(self.windows.current)

    def isFetching(self, window: ChatWindow) -> bool:
        """Check whether older lines of a window are being fetched."""
        return window in self._fetches
