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
CLEAR = "\r\x1b[K"


class Output:
    """
    The two streams of this program.

    @ivar lost: whether nobody reads the output any more.
    """

    def __init__(self, out: TextIO, errors: TextIO, gone: Callable[[], None]) -> None:
        self.lost = False
        self._out = out
        self._errors = errors
        self._gone = gone
        self._midLine = False

    def line(self, text: str) -> None:
        self._clear()
        if self.lost:
            return
        try:
            # Written at once: whoever reads a pipe waits for it.
            self._out.write(text + "\n")
            self._out.flush()
        except (OSError, ValueError):
            self.lost = True
            self._gone()

    def aside(self, text: str) -> None:
        self._clear()
        self._error(text + "\n")

    def complain(self, message: str) -> None:
        self._clear()
        self._error(complaint(message))

    def progress(self, text: str) -> None:
        self._error(CLEAR + text)
        self._midLine = True

    def _clear(self) -> None:
        """Take the line of progress away."""
        if self._midLine:
            self._midLine = False
            self._error(CLEAR)

    def _error(self, text: str) -> None:
        try:
            self._errors.write(text)
            self._errors.flush()
        except (OSError, ValueError):
            return


class Reporter(Protocol):
    """Tells what happens, in one form."""

    def began(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def happened(self, target: ProbeTarget, outcome: ProbeResult) -> None:
        pass

    def waited(self, target: ProbeTarget, sequence: int) -> None:
        pass

    def interim(self, targets: Sequence[ProbeTarget]) -> None:
        pass

    def summary(self, targets: Sequence[ProbeTarget]) -> None:
        pass
