"""The history files of typed lines; lines that may contain a password are not saved."""

from __future__ import annotations

import contextlib
import os

from tsservices.client.chat.commands import SECRET_COMMANDS, looksSecret
from tsservices.client.chat.ui.files.replacing import replaceFile
from tsservices.common.text import hiddenCommand
from tsservices.common.tokens import TOKEN_SIGN

#: The name of the file in the state folder of the user.
HISTORY_FILE = "chat-history"

#: The file of the full screen, in which each line begins with the name of its window.
WINDOWS_HISTORY_FILE = "chat-history-windows"

#: The number of lines to keep; the file may grow to twice as many.
HISTORY_LINES = 1000


def keepable(line: str) -> bool:
    """Check whether a line may be saved: it must not contain a password or an account token."""
    words = line.split()
    if not words or TOKEN_SIGN in line:
        return False
    if len(words) == 1:
        return True
    return hiddenCommand(line) not in SECRET_COMMANDS and not looksSecret(line)


class InputHistory:
    """
    A file of typed lines, the oldest first.  If it can't be read or written, there is no history,
    but no error.
    """

    def __init__(self, folder: str, file: str = HISTORY_FILE) -> None:
        self._folder = folder
        self._path = os.path.join(folder, file)

    def load(self) -> list[str]:
        """Read the last lines, and shorten the file if it is too long."""
        try:
            with open(self._path, encoding="utf-8", errors="replace", newline="\n") as file:
                lines = [line for line in file.read().split("\n") if keepable(line)]
        except OSError:
            return []
        if len(lines) > 2 * HISTORY_LINES:
            lines = lines[-HISTORY_LINES:]
            # Lines that another client adds meanwhile are lost, but no line is damaged.
            with contextlib.suppress(OSError):
                replaceFile(self._path, _data(lines))
        return lines[-HISTORY_LINES:]

    def keep(self, line: str) -> bool:
        """
        Add a line, unless it may contain a password.

        @return: whether it may be saved.
        """
        if not keepable(line):
            return False
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, _data([line]))
            finally:
                os.close(descriptor)
        return True


def _data(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


class WindowHistory:
    """A file of the lines typed in each window of the full screen."""

    def __init__(self, folder: str) -> None:
        self._file = InputHistory(folder, WINDOWS_HISTORY_FILE)

    def load(self) -> dict[str, list[str]]:
        """Read the last lines, by the name of the window."""
        found: dict[str, list[str]] = {}
        for line in self._file.load():
            ident, tab, text = line.partition("\t")
            if tab and keepable(text):
                found.setdefault(ident, []).append(text)
        return found

    def keep(self, ident: str, text: str) -> None:
        """Add the lines of a text that was typed in a window."""
        for line in text.split("\n"):
            if keepable(line):
                self._file.keep(f"{ident}\t{line}")
