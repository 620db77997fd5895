"""Which typed lines go into the history; those with a password do not."""

from __future__ import annotations

import contextlib
import os

from tsservices.client.chat.commands import SECRET_COMMANDS, looksSecret
from tsservices.common.text import hiddenCommand
from tsservices.common.tokens import TOKEN_SIGN

#: The name of the file in the state folder of the user.
HISTORY_FILE = "chat-history"

#: The name of that of the full screen: each line has the name of its window before it.
WINDOWS_HISTORY_FILE = "chat-history-windows"

#: Lines that are kept; the file may grow to twice as many.
HISTORY_LINES = 1000


def keepable(line: str) -> bool:
    """Whether the line may be kept: it can hold no password and no account token."""
    words = line.split()
    if not words or TOKEN_SIGN in line:
        return False
    if len(words) == 1:
        return True
    return hiddenCommand(line) not in SECRET_COMMANDS and not looksSecret(line)


class InputHistory:
    """
    A file with the lines that were typed, the oldest first.  That it can't be read or
    written costs nothing but the history.
    """

    def __init__(self, folder: str, file: str = HISTORY_FILE) -> None:
        self._folder = folder
        self._path = os.path.join(folder, file)

    def load(self) -> list[str]:
        """The last lines; the file is shortened if it has grown too long."""
        try:
            with open(self._path, encoding="utf-8", errors="replace", newline="\n") as file:
                lines = [line for line in file.read().split("\n") if keepable(line)]
        except OSError:
            return []
        if len(lines) > 2 * HISTORY_LINES:
            lines = lines[-HISTORY_LINES:]
            # Another client may add lines meanwhile: they are lost, but none is cut in two.
            draft = f"{self._path}.{os.getpid()}.new"
            with contextlib.suppress(OSError):
                self._append(draft, lines)
                os.replace(draft, self._path)
        return lines[-HISTORY_LINES:]

    def keep(self, line: str) -> bool:
        """
        Add a line, unless it may hold a password.

        @return: whether it may be kept.
        """
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


class WindowHistory:
    """What was typed in each window of the full screen, in a file."""

    def __init__(self, folder: str) -> None:
        self._file = InputHistory(folder, WINDOWS_HISTORY_FILE)

    def load(self) -> dict[str, list[str]]:
        """The last lines by the name of the window."""
        found: dict[str, list[str]] = {}
        for line in self._file.load():
            ident, tab, text = line.partition("\t")
            if tab and keepable(text):
                found.setdefault(ident, []).append(text)
        return found

    def keep(self, ident: str, text: str) -> None:
        """Add what was typed in a window."""
        for line in text.split("\n"):
            if keepable(line):
                self._file.keep(f"{ident}\t{line}")
