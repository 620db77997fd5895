"""The client on a terminal whose screen a test can read."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from pathlib import Path
from typing import Self

import pyte

from tests.live.support.plain_servers import PATIENCE, onTerminal

#: Of the terminal.
ROWS, COLUMNS = 24, 80


class Screen:
    """A program on a terminal of its own."""

    def __init__(
        self,
        *arguments: object,
        term: str = "xterm-256color",
        size: tuple[int, int] = (COLUMNS, ROWS),
        **environ: str,
    ) -> None:
        self.bells = 0
        self.raw = b""
        self._screen = pyte.HistoryScreen(*size, history=5000, ratio=0.5)
        self._screen.bell = self._ring  # type: ignore[method-assign]
        self._stream = pyte.ByteStream(self._screen)
        self._controller, terminal = pty.openpty()
        self._setSize(*size)
        self.started = time.monotonic()
        words = list(map(str, arguments))
        self._process = onTerminal(words, terminal, {"TERM": term, **environ})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        with self._process:
            self._process.kill()
        if self._controller >= 0:
            os.close(self._controller)

    def _ring(self, *arguments: object) -> None:
        self.bells += 1

    def _setSize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._controller, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, as its user does by the mouse."""
        while self.read(0.0):
            pass
        self._screen.resize(rows, columns)
        self._setSize(columns, rows)

    def seen(self) -> list[str]:
        """The rows that are on the screen now."""
        return [row.rstrip() for row in self._screen.display]

    def waitFor(self, text: str, seconds: float = PATIENCE) -> list[str]:
        """Wait until a text is on the screen, and give its rows."""
        deadline = time.monotonic() + seconds
        while text not in "\n".join(self.seen()):
            if not self.read(deadline - time.monotonic()):
                raise AssertionError(f"no {text!r} on the screen:\n" + "\n".join(self.seen()))
        return self.seen()

    def hangUp(self) -> None:
        """Close the terminal, as who closes its window does."""
        os.close(self._controller)
        self._controller = -1

    def wait(self) -> int:
        """The exit status of a program that has no terminal any more."""
        return self._process.wait(PATIENCE)

    def type(self, keys: str) -> None:
        os.write(self._controller, keys.encode())

    def lines(self) -> list[str]:
        above = [
            "".join(row[column].data for column in range(self._screen.columns)).rstrip()
            for row in self._screen.history.top
        ]
        return above + [row.rstrip() for row in self._screen.display]

    def text(self) -> str:
        return "\n".join(self.lines())

    def bottom(self) -> str:
        return next((row for row in reversed(self.lines()) if row), "")

    def read(self, seconds: float) -> bool:
        if not select.select([self._controller], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self._controller, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def shows(self, text: str, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.text():
            if not self.read(deadline - time.monotonic()):
                raise AssertionError(f"no {text!r} on the screen:\n{self.text()}")

    def status(self, text: str, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.bottom():
            if not self.read(deadline - time.monotonic()):
                raise AssertionError(f"no {text!r} in the status:\n{self.text()}")

    def ended(self) -> int:
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        while self.read(0.0):
            pass
        return self._process.wait(0)


def chatScreen(port: int, state: Path | str, *arguments: object, **environ: str) -> Screen:
    """The client whose lines are printed above the one being typed."""
    words = ("-m", "tsservices.client", "chat", "--port", port, "--state", state, "--inline")
    return Screen(*words, *arguments, size=(COLUMNS, ROWS), **environ)


def fullScreen(
    port: int,
    state: Path | str,
    *arguments: object,
    size: tuple[int, int] = (COLUMNS, ROWS),
    **environ: str,
) -> Screen:
    """The client on a full screen."""
    words = ("-m", "tsservices.client", "chat", "--port", port, "--state", state, *arguments)
    return Screen(*words, size=size, **environ)
