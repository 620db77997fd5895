"""
The client on a terminal whose screen a test can read.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Self

import pyte

from tests.live.support.plain_servers import OWN_TERMINAL, PATIENCE

#: Of the terminal.
ROWS, COLUMNS = 24, 80


class Screen:
    """A program on a terminal of its own."""

    def __init__(self, *arguments: object, term: str = "xterm-256color", **environ: str) -> None:
        self.bells = 0
        self.raw = b""
        self._screen = pyte.HistoryScreen(COLUMNS, ROWS, history=5000, ratio=0.5)
        self._screen.bell = self._ring  # type: ignore[method-assign]
        self._stream = pyte.ByteStream(self._screen)
        self._controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *map(str, arguments)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "TERM": term, "PYTHONWARNINGS": "error", **environ},
            start_new_session=True,
            close_fds=True,
        )
        os.close(terminal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        with self._process:
            self._process.kill()
        os.close(self._controller)

    def _ring(self, *arguments: object) -> None:
        self.bells += 1

    def type(self, keys: str) -> None:
        os.write(self._controller, keys.encode())

    def lines(self) -> list[str]:
        above = [
            "".join(row[column].data for column in range(COLUMNS)).rstrip()
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
    return Screen(
        "-m", "tsservices.client", "chat", "--port", port, "--state", state, *arguments, **environ
    )
