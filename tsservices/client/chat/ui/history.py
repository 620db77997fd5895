"""
What was typed before, kept for the next time.
"""

from __future__ import annotations

import contextlib
import os

from tsservices.client.chat.outbox import SECRET, SIGN

#: In the state folder of the user.
HISTORY_FILE = "chat-history"

#: Lines that are kept; the file may grow to twice as many.
KEPT = 1000


def keepable(line: str) -> bool:
    """Whether it may be kept: it can hold no password."""
    words = line.split()
    if not words:
        return False
    secret = words[0].lower().lstrip(SIGN) in SECRET and words[0].startswith(SIGN)
    return not secret or len(words) == 1


class InputHistory:
    """
    A file with one line for each that was typed, the oldest first.  That it can't be read
    or written costs nothing but the history.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, HISTORY_FILE)

    def load(self) -> list[str]:
        """The lines of before."""
        try:
            with open(self._path, encoding="utf-8", errors="replace", newline="\n") as file:
                lines = [line for line in file.read().split("\n") if keepable(line)]
        except OSError:
            return []
        if len(lines) > 2 * KEPT:
            lines = lines[-KEPT:]
            draft = f"{self._path}.{os.getpid()}.new"
            with contextlib.suppress(OSError):
                self._append(draft, lines)
                os.replace(draft, self._path)
        return lines[-KEPT:]

    def keep(self, line: str) -> bool:
        """Whether it is kept."""
        if not keepable(line):
            return False
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            self._append(self._path, [line])
        return True

    def _append(self, path: str, lines: list[str]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
