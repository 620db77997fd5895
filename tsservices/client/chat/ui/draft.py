"""The text being typed in one window, and the history of that window.  Pure."""

from __future__ import annotations

from typing import NamedTuple

#: The length of a window's history.
RECALLED_LINES = 500


class Typed(NamedTuple):
    """A text and the position of the cursor in it."""

    text: str = ""
    cursor: int = 0


class Draft:
    """
    The text being typed in a window, with the history.

    @ivar typed: the text, kept while another window is shown.
    @ivar recalled: whether the text was recalled and is unchanged, so that typed text replaces it.
    @ivar pasted: whether any of the text was pasted: lines that begin like a path are no commands.
    """

    def __init__(self) -> None:
        self.typed = Typed()
        self.recalled = False
        self.pasted = False
        self._history: list[str] = []
        # The index in the history; after the last entry: the draft itself.
        self._at = 0
        self._draft = ""

    def remember(self, text: str) -> None:
        """Add a text to the history."""
        if text and (not self._history or self._history[-1] != text):
            self._history.append(text)
            del self._history[:-RECALLED_LINES]
        self._at = len(self._history)
        self._draft = ""

    def recall(self, by: int, text: str) -> str | None:
        """
        Move through the history.

        @param by: -1 for the previous text, 1 for the next one.
        @param text: the present text; it is kept as the draft if it is new or was changed.
        @return: the text to show; L{None}: the end is reached.
        """
        at = self._at + by
        if not 0 <= at <= len(self._history):
            return None
        if self._at == len(self._history):
            self._draft = text
        elif text != self._history[self._at] and text:
            # A changed text would be lost otherwise.
            self._draft = text
        self._at = at
        isDraft = at == len(self._history)
        self.recalled = not isDraft
        return self._draft if isDraft else self._history[at]

    def sent(self) -> None:
        """Clear the text after it was sent."""
        self.typed = Typed()
        self.recalled = self.pasted = False
        self._at = len(self._history)
        self._draft = ""
