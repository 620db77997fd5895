"""Choosing one line of the full screen, to copy it, delete it or go to it.  Pure."""

from __future__ import annotations

from tsservices.client.chat.ui.lines import ShownLine
from tsservices.client.chat.ui.scrolling import ScrollableScreen


class ChoosingScreen(ScrollableScreen):
    """The part of the screen's model with the chosen line."""

    def beginChoosing(self) -> None:
        """Choose the lowest visible line."""
        window = self.windows.current
        if not len(window.lines):
            return
        rows = window.view.visible(self.frame.width, self.frame.height)
        window.chosen = rows[-1].position if rows else window.lines.end - 1

    def choose(self, by: int) -> None:
        """Choose another line, relative to the chosen one; positive: below."""
        window = self.windows.current
        if window.chosen is None or not len(window.lines):
            window.chosen = None
            return
        window.chosen = window.lines.clamped(window.lines.clamped(window.chosen) + by)
        width, height = self.frame.width, self.frame.height
        rows = window.view.visible(width, height)
        if not any(row.position == window.chosen for row in rows):
            window.view.reveal(window.chosen, width, height)
        if window.chosen == window.lines.first and by < 0:
            self._fetch(window, 0)

    def endChoosing(self) -> None:
        self.windows.current.chosen = None

    def _chosen(self) -> ShownLine | None:
        window = self.windows.current
        if window.chosen is None or not len(window.lines):
            return None
        return window.lines.at(window.lines.clamped(window.chosen))

    def copyChosen(self) -> None:
        line = self._chosen()
        if line is not None:
            text = line.text or "".join(part for _, part in line.spans)
            self.copy(text)
            self.endChoosing()
            self._inform(self.windows.current, f"* copied: {text}")

    def deleteChosen(self) -> None:
        """Put the command that deletes the chosen line into the input; Enter sends it."""
        line, window = self._chosen(), self.windows.current
        line = line.original or line if line is not None else None
        if line is None:
            return
        self.endChoosing()
        if not line.seq or (line.room or window.key) != window.key:
            self._inform(window, "! only lines of the room of this window can be deleted")
            return
        typed = window.draft.typed.text
        if typed.strip():
            window.draft.remember(typed)
        self.setTyped(f"/delete {line.seq}")

    def goToChosen(self) -> None:
        """Show the chosen line at its original place."""
        line, window = self._chosen(), self.windows.current
        self.endChoosing()
        if line is None:
            return
        if line.original is not None:
            position = window.lines.positionOf(line.original)
            if position is not None:
                self._show(window, position)
            return
        if line.aside and line.seq and line.room:
            target = self.windows.room(line.room)
            if target is None:
                self._inform(window, f"! you have no window for #{line.room}")
                return
            self.showWindow(target)
            if target.lines.find(line.seq) is None and not target.complete:
                self._jump = target, line.seq
                self._fetch(target, 0, line.seq - 1 - self.frame.height)
            else:
                self._reveal(target, line.seq)
