"""
What is on the full screen, without a terminal: its windows, and the rows that are drawn.  Pure.
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
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind, WindowList
from tsservices.client.chat.ui.windows.window_view import WindowView
from tsservices.frontends.formats.localtime import LocalTime

#: Within so many seconds after a key somebody may be in the middle of a line.
TYPING_SECONDS = 3.0


class ScreenState:
    """
    The windows, and how they are drawn.

    @ivar windows: all windows.
    @ivar view: what shows things in them; L{None} before the client itself is there.
    @ivar machine: the client itself; L{None} before it is there.
    @ivar settings: what a person has set.
    @ivar frame: what goes where, as it was drawn last.
    @ivar showNames: whether people stand at the side where there is room.
    @ivar mouse: whether the mouse is for the screen.
    @ivar asking: the client waits for an answer, which is typed in the status window.
    @ivar promptWaits: a secret is asked for, but a line is being typed.
    @ivar hint: what stands in place of the status line for now.
    @ivar windowsChanged: they are to be saved.
    @ivar setTyped: has a text stand in the line that is being typed.
    @ivar copy: takes a text for other programs.
    @ivar remembered: takes what may be kept of what was typed, and the name of its window.
    """

    def __init__(
        self, settings: ScreenSettings, times: LocalTime, now: Callable[[], float]
    ) -> None:
        """@param now: gives the time in seconds, of a clock that nobody sets."""
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
        """The room of the window, if one is in it."""
        window, machine = self.windows.current, self.machine
        if machine is None or window.kind is not WindowKind.ROOM:
            return None
        return machine.state.rooms.get(window.key)

    def sideNames(self) -> list[str]:
        """The people who may stand at the side."""
        return memberNames(self.room) if self.showNames else []

    def drawn(self, columns: int, rows: int) -> list[list[Span]]:
        """The rows above the line being typed."""
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
            return [("status", f" {self.view.secret}Enter turns to it, what you type is kept")]
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
        """Whether a key was pressed just now."""
        return self._now() < self.windows.usedAt + TYPING_SECONDS

    def _inform(self, window: ChatWindow, text: str) -> None:
        if self.view is not None:
            self.view.inform(window, text)

    def ask(self, asking: bool) -> None:
        """The client asks something in the status window, or no longer."""
        self.asking = asking
        if asking:
            self.showWindow(self.windows.status)
        elif self.windows.current is self.windows.status:
            self.windows.back()

    def showNumber(self, number: int) -> None:
        """Turn to the window with this number."""
        window = self.windows.byNumber(number)
        if window is not None:
            self.showWindow(window)

    def showWindow(self, window: ChatWindow) -> None:
        self.windows.show(window)
        self.refill(window)

    def refill(self, window: ChatWindow) -> None:
        """Have a private window show what was said before."""
        machine = self.machine
        if (
            window.kind is WindowKind.PRIVATE
            and machine is not None
            and machine.phase is Phase.READY
            and machine.state.account
            and not len(window.lines)
            and window.fetchedFrom is None
        ):
            window.fetchedFrom = 0
            machine.sender.sendQuiet(f"/inbox {window.name}")

    def step(self, by: int) -> None:
        """Turn to the window so many places further."""
        self.windows.step(by)
        self.refill(self.windows.current)

    def nextActive(self) -> None:
        """Turn to the next window with news."""
        if self.windows.nextActive():
            self.refill(self.windows.current)

    def isFetching(self, window: ChatWindow) -> bool:
        """Whether older lines of it are asked for."""
        return window in self._fetches
