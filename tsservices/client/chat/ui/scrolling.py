"""
Scrolling in a window of the full screen, and fetching older lines.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.client.chat.machine import ClientMachine, Phase
from tsservices.client.chat.ui.files.settings import ScreenSettings
from tsservices.client.chat.ui.screen_state import ScreenState
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind
from tsservices.frontends.formats.localtime import LocalTime

#: The fewest older lines to request at once; with more lines in the window, as many as it has,
#: because the server always sends all lines after a number.
OLDER_LINES = 200


class ScrollableScreen(ScreenState):
    """The part of the screen's model that scrolls, and fetches older lines from the server."""

    def __init__(
        self, settings: ScreenSettings, times: LocalTime, now: Callable[[], float]
    ) -> None:
        super().__init__(settings, times, now)
        self._jump: tuple[ChatWindow, int] | None = None

    def scroll(self, rows: int) -> None:
        """
        Scroll up.

        @param rows: the number of rows; negative: down.
        """
        window = self.windows.current
        before = window.view.visible(self.frame.width, self.frame.height)[:1]
        atTop = window.view.scroll(rows, self.frame.width, self.frame.height)
        after = window.view.visible(self.frame.width, self.frame.height)[:1]
        if rows > 0 and atTop:
            self._fetch(window, rows if before == after else 0)

    def page(self, direction: int) -> None:
        """Scroll by the height of the window, less two rows; positive: up."""
        self.scroll(direction * max(1, self.frame.height - 2))

    def toTop(self) -> None:
        """Scroll to the first line of the window."""
        window = self.windows.current
        window.view.toTop(self.frame.width, self.frame.height)
        self._fetch(window, 0)

    def _fetch(self, window: ChatWindow, scroll: int, least: int | None = None) -> None:
        machine = self.machine
        self.refill(window, atTop=True)
        room = machine.state.rooms.get(window.key) if machine is not None else None
        if (
            machine is None
            or room is None
            or window.kind is not WindowKind.ROOM
            or window.complete
            or window in self._fetches
            or machine.phase is not Phase.READY
        ):
            return
        oldest = window.lines.oldest() or room.last + 1
        if window.fetchedFrom is not None:
            oldest = min(oldest, window.fetchedFrom + 1)
        count = max(OLDER_LINES, len(window.lines))
        seq = max(0, oldest - 1 - count)
        if least is not None:
            seq = max(0, min(seq, least))
        window.fetchedFrom = seq
        self._fetches[window] = machine.fetchOlder(room, seq), scroll

    def _takeOlder(self, machine: ClientMachine) -> None:
        outbox, view = machine.sender.outbox, self.view
        for window, (item, scroll) in list(self._fetches.items()):
            if item in outbox.waiting or item in outbox.sent or view is None:
                continue
            del self._fetches[window]
            if machine.phase is not Phase.READY:
                # The connection was lost: the view has dropped the lines that had arrived.
                window.fetchedFrom = None
            # Lines that should be below the requested ones may have been removed meanwhile.
            view.takeOlder(window, window.fetchedFrom is not None)
            if window.fetchedFrom is None:
                continue
            window.complete = not window.fetchedFrom or view.isExpired(window)
            if scroll:
                window.view.scroll(scroll, self.frame.width, self.frame.height)
            if self._jump is not None and self._jump[0] is window:
                (_, seq), self._jump = self._jump, None
                self._reveal(window, seq)

    def _reveal(self, window: ChatWindow, seq: int) -> None:
        position = window.lines.find(seq)
        if position is None:
            self._inform(window, f"! line {seq} is not here any more")
        else:
            self._show(window, position)

    def _show(self, window: ChatWindow, position: int) -> None:
        window.view.reveal(position, self.frame.width, self.frame.height)
        window.chosen = position
