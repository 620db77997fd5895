"""The common part of all reports: the streams they write to, and the events they receive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.terminal.text import complaint
from tsservices.stamp.stats.clock_steps import ClockStep
from tsservices.stamp.stats.result import ProbeResult
from tsservices.stamp.stats.stalls import Stall

#: Clears the line on a terminal.
CLEAR_LINE = "\r\x1b[K"


class Output:
    """
    Standard output and standard error; each text is written whole and at once.

    Characters that an encoding does not have are written as escapes, so that no text ends a run.

    @ivar closed: whether standard output is closed: nothing more is written to it.
    @ivar failure: why a text was not written, unless its reader has closed the pipe.
    """

    def __init__(self, out: TextIO, errors: TextIO, onClosed: Callable[[], None]) -> None:
        self.closed = False
        self.failure: OSError | None = None
        self._out = out
        self._errors = errors
        self._onClosed = onClosed
        self._midLine = False

    def line(self, text: str) -> None:
        """Write a line to standard output."""
        self._clearProgress()
        if self.closed:
            return
        if not self._write(self._out, text + "\n"):
            self.closed = True
            self._onClosed()

    def note(self, text: str) -> None:
        """Write a line to standard error."""
        self._clearProgress()
        self._write(self._errors, text + "\n")

    def error(self, message: str) -> None:
        self._clearProgress()
        self._write(self._errors, complaint(message))

    def progress(self, text: str) -> None:
        """Replace the last progress on standard error; the next line or note clears it."""
        self._write(self._errors, CLEAR_LINE + text)
        self._midLine = True

    def canShow(self, text: str) -> bool:
        """Return whether standard output has all these characters."""
        return _encodable(self._out, text) == text

    def _clearProgress(self) -> None:
        if self._midLine:
            self._midLine = False
            self._write(self._errors, CLEAR_LINE)

    def _write(self, stream: TextIO, text: str) -> bool:
        try:
            # Flushed at once, because a program that reads a pipe waits for the text.
            stream.write(_encodable(stream, text))
            stream.flush()
        except (BrokenPipeError, ValueError):
            # The reader has closed the pipe, or the stream is closed.
            return False
        except OSError as error:
            self.failure = self.failure or error
            return False
        return True


def _encodable(stream: TextIO, text: str) -> str:
    if text.isascii():
        return text
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class Reporter(Protocol):
    """The receiver of a run's events, which reports them in one format."""

    def started(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        pass

    def overdue(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def clockStepped(self, target: ProbeTarget, step: ClockStep) -> None:
        pass

    def stalled(self, stall: Stall) -> None:
        pass

    def changed(self, target: ProbeTarget, change: TargetChange) -> None:
        pass

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        """Called when the user requests an interim report."""

    def periodic(self, targets: Sequence[ProbeTarget]) -> None:
        """Called at each interval between two reports."""

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        pass
