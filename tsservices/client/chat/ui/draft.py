"""What is being typed in one window, and what was typed there before.  Pure."""

from __future__ import annotations

from typing import NamedTuple

#: Lines of one window that can be recalled.
RECALLED_LINES = 500


class Typed(NamedTuple):
    """A text and the place of the cursor in it."""

    text: str = ""
    cursor: int = 0


class Draft:
    """
    The line that is being typed.

    @ivar typed: what stands there, while the window is not seen.
    @ivar recalled: the text is one that was typed before, and nothing was done to it yet: what is
        typed takes its place.
    @ivar pasted: lines of the text were pasted: those that begin like a path are no commands.
    """

    def __init__(self) -> None:
        self.typed = Typed()
        self.recalled = False
        self.pasted = False
        self._history: list[str] = []
        # Behind the last one: the draft itself.
        self._at = 0
        self._draft = ""

    def remember(self, text: str) -> None:
        """Have a text recalled later."""
        if text and (not self._history or self._history[-1] != text):
            self._history.append(text)
            del self._history[:-RECALLED_LINES]
        self._at = len(self._history)
        self._draft = ""

    def recall(self, by: int, text: str) -> str | None:
        """
        Go through what was typed.

        @param by: -1 for the text before, 1 for the one after it.
        @param text: what stands there now; it is kept, if it is the draft.
        @return: the text to show; L{None}: there is no further one.
        """
        at = self._at + by
        if not 0 <= at <= len(self._history):
            return None
        if self._at == len(self._history):
            self._draft = text
        elif text != self._history[self._at] and text:
            # It was changed, and would be lost.
            self._draft = text
        self._at = at
        isDraft = at == len(self._history)
        self.recalled = not isDraft
        return self._draft if isDraft else self._history[at]

    def sent(self) -> None:
        """The text is sent: another one begins."""
        self.typed = Typed()
        self.recalled = self.pasted = False
        self._at = len(self._history)
        self._draft = ""
