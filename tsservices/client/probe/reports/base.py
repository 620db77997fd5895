"""
Where lines go: standard output and standard error, written whole and at once.

What everybody can do who tells what happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from tsservices.client.probe.target import ProbeTarget
from tsservices.client.terminal.text import complaint
from tsservices.stamp.stats.result import ProbeResult

#: Takes a line on a terminal away.
CLEAR_LINE = "\r\x1b[K"


class Output:
    """
    The two streams of this program.

    @ivar closed: whether nobody reads the output any more.
    """

    def __init__(self, out: TextIO, errors: TextIO, onClosed: Callable[[], None]) -> None:
        self.closed = False
        self._out = out
        self._errors = errors
        self._onClosed = onClosed
        self._midLine = False

    def line(self, text: str) -> None:
        self._clearProgress()
        if self.closed:
            return
        try:
            # Written at once: whoever reads a pipe waits for it.
            self._out.write(text + "\n")
            self._out.flush()
        except (OSError, ValueError):
            self.closed = True
            self._onClosed()

    def note(self, text: str) -> None:
        self._clearProgress()
        self._writeError(text + "\n")

    def error(self, message: str) -> None:
        self._clearProgress()
        self._writeError(complaint(message))

    def progress(self, text: str) -> None:
        self._writeError(CLEAR_LINE + text)
        self._midLine = True

    def _clearProgress(self) -> None:
        """Take the line of progress away."""
        if self._midLine:
            self._midLine = False
            self._writeError(CLEAR_LINE)

    def _writeError(self, text: str) -> None:
        try:
            self._errors.write(text)
            self._errors.flush()
        except (OSError, ValueError):
            return


class Reporter(Protocol):
    """Tells what happens, in one form."""

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def resultReady(self, target: ProbeTarget, outcome: ProbeResult) -> None:
        pass

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        pass
