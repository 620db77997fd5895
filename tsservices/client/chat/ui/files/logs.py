"""Local logs: one file with the lines of each room or private talk.  Pure."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from tsservices.client.chat.ui.lines import ShownLine
from tsservices.client.chat.ui.windows.window import ChatWindow, WindowKind

#: How many bytes at the end of a file are read to find the last number written.
_TAIL_BYTES = 65_536


class ChatLogs:
    """
    The log files in one folder, one for each window.  Lines of a room begin with their number, so
    that lines written by an earlier run are not written again.
    """

    def __init__(
        self,
        folder: str,
        complain: Callable[[str], None],
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        """
        @param complain: takes the reason if the logs can't be written; called once.
        @param localtime: converts seconds since 1970 to local time.
        """
        self._folder = folder
        self._complain = complain
        self._localtime = localtime
        self._last: dict[str, int] = {}
        self._failed = False

    def write(self, window: ChatWindow, line: ShownLine) -> None:
        """Add a line to the file of its window."""
        if window.kind is WindowKind.STATUS or self._failed:
            return
        path = os.path.join(self._folder, f"{_fileName(window.ident)}.log")
        number = 0 if line.aside else line.seq
        try:
            if path not in self._last:
                os.makedirs(self._folder, mode=0o700, exist_ok=True)
                self._last[path] = _lastNumber(path)
            if number and number <= self._last[path]:
                return
            moment = time.strftime("%Y-%m-%d %H:%M:%S", self._localtime(line.seconds))
            start = f"{number} " if number else ""
            # A number or a name in a further line of a message must not begin a line of the file.
            text = "".join(part for _, part in line.spans).replace("\n", "\n  ")
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with contextlib.closing(os.fdopen(descriptor, "wb")) as file:
                file.write(f"{start}{moment} {text}\n".encode("utf-8", "replace"))
            self._last[path] = max(number, self._last[path])
        except OSError as error:
            self._failed = True
            self._complain(f"nothing is logged any more: {path}: {error.strerror}")

    def restored(self, window: ChatWindow, last: int) -> None:
        """
        Note that a room's numbering has restarted.

        @param last: the number of the last line that both histories have in common.
        """
        path = os.path.join(self._folder, f"{_fileName(window.ident)}.log")
        if path in self._last:
            self._last[path] = min(last, self._last[path])


def _fileName(ident: str) -> str:
    # The server is not trusted: escape characters that valid names do not have.
    return "".join(
        sign if sign.isalnum() or sign in "-_#@" else f"%{ord(sign):02x}" for sign in ident
    )[:100]


def _lastNumber(path: str) -> int:
    try:
        with open(path, "rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES)
            file.seek(start)
            # The first line may be incomplete.
            lines = file.read().split(b"\n")[1 if start else 0 :]
    except FileNotFoundError:
        return 0
    starts = [line.split(b" ", 1)[0] for line in lines]
    # isdigit() excludes dates.  Take the last number, not the highest: a restored history restarts
    # with lower numbers.
    numbers = (int(word) for word in reversed(starts) if word.isdigit() and len(word) < 20)
    return next(numbers, 0)
