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
from types import TracebackType
from typing import Self

import pyte

from tests.live.support.plain_servers import OWN_TERMINAL, PATIENCE

ROWS, COLUMNS = 24, 80
"""
Of the terminal.
"""


class Screen:
    """
    A program on a terminal of its own.

    @ivar bells: how often it rang.
    @ivar raw: all that was written.
    """

    def __init__(self, *arguments: object, term: str = "xterm-256color", **environ: str) -> None:
        """
        Start the client.

        @param arguments: of Python.
        @param term: the kind of terminal.
        @param environ: variables beside those of the tests.
        """
        self.bells = 0
        self.raw = b""
        self._screen = pyte.HistoryScreen(COLUMNS, ROWS, history=5000, ratio=0.5)
        self._screen.bell = self._ring  # type: ignore[method-assign]
        self._stream = pyte.ByteStream(self._screen)
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *map(str, arguments)],
            stdin=there,
            stdout=there,
            stderr=there,
            env={**os.environ, "TERM": term, "PYTHONWARNINGS": "error", **environ},
            start_new_session=True,
            close_fds=True,
        )
        os.close(there)

    def __enter__(self) -> Self:
        """
        @return: this.
        """
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """
        @param kind: of what went wrong in the test, if something did.
        @param error: what went wrong.
        @param trace: where.
        """
        with self._process:
            self._process.kill()
        os.close(self._here)

    def _ring(self, *arguments: object) -> None:
        """
        @param arguments: of pyte; not used.
        """
        self.bells += 1

    def type(self, keys: str) -> None:
        """
        @param keys: the characters they make.
        """
        os.write(self._here, keys.encode())

    def lines(self) -> list[str]:
        """
        @return: what can be read, that which has scrolled away first.
        """
        above = [
            "".join(row[column].data for column in range(COLUMNS)).rstrip()
            for row in self._screen.history.top
        ]
        return above + [row.rstrip() for row in self._screen.display]

    def text(self) -> str:
        """
        @return: the same as one text.
        """
        return "\n".join(self.lines())

    def bottom(self) -> str:
        """
        @return: the last line that is not empty: the status.
        """
        return next((row for row in reversed(self.lines()) if row), "")

    def _read(self, seconds: float) -> bool:
        """
        @param seconds: to wait.
        @return: whether something was written, and has been read.
        """
        if not select.select([self._here], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self._here, 65536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def shows(self, text: str, seconds: float = PATIENCE) -> None:
        """
        @param text: to wait for, anywhere.
        @param seconds: to wait.
        @raise AssertionError: it is not shown in time.
        """
        deadline = time.monotonic() + seconds
        while text not in self.text():
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"no {text!r} on the screen:\n{self.text()}")

    def status(self, text: str, seconds: float = PATIENCE) -> None:
        """
        @param text: to wait for, in the status line.
        @param seconds: to wait.
        @raise AssertionError: it is not shown in time.
        """
        deadline = time.monotonic() + seconds
        while text not in self.bottom():
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"no {text!r} in the status:\n{self.text()}")

    def ended(self) -> int:
        """
        Wait until the program has ended.

        @return: its exit status.
        """
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0.0):
            pass
        return self._process.wait(0)


def chatScreen(port: int, state: Path | str, *arguments: object, **environ: str) -> Screen:
    """
    @param port: of the chat.
    @param state: the folder of what was typed.
    @param arguments: of the client.
    @param environ: variables beside those of the tests.
    @return: the client of the chat, started.
    """
    return Screen(
        "-m", "tsservices.client", "chat", "--port", port, "--state", state, *arguments, **environ
    )
