"""What all reports share: the streams they write to, and the events they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from tsservices.client.probe.target import ProbeTarget
from tsservices.client.terminal.text import complaint
from tsservices.stamp.stats.result import ProbeResult

#: Clears the line on a terminal.
CLEAR_LINE = "\r\x1b[K"


class Output:
    """
    Standard output and standard error; each text is written whole and at once.

    @ivar closed: no program reads the output any more.
    """

    def __init__(self, out: TextIO, errors: TextIO, onClosed: Callable[[], None]) -> None:
        self.closed = False
        self._out = out
        self._errors = errors
        self._onClosed = onClosed
        self._midLine = False

    def line(self, text: str) -> None:
        """To standard output."""
        self._clearProgress()
        if self.closed:
            return
        try:
            # Flushed at once: a program that reads a pipe waits for it.
            self._out.write(text + "\n")
            self._out.flush()
        except (OSError, ValueError):
            self.closed = True
            self._onClosed()

    def note(self, text: str) -> None:
        """To standard error."""
        self._clearProgress()
        self._writeError(text + "\n")

    def error(self, message: str) -> None:
        self._clearProgress()
        self._writeError(complaint(message))

    def progress(self, text: str) -> None:
        """To standard error, in place of the last progress; the next line or note clears it."""
        self._writeError(CLEAR_LINE + text)
        self._midLine = True

    def _clearProgress(self) -> None:
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
    """Reports the events of a run in one format."""

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        pass

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        pass
