"""
A file of lines in the user's state folder, which several clients read and write at the same
time, and people edit.  Pure.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator

#: Seconds to wait for another client that writes the file, which takes milliseconds.
_LOCK_PATIENCE = 2.0

#: Seconds between two attempts.
_LOCK_INTERVAL = 0.02


class SharedFileError(Exception):
    """The file can't be read or written; the text says why."""


class SharedFile:
    """
    One file.  It is written as a whole, with the mode 0600, and never half.

    @ivar path: where a link to it leads, or the link would be replaced.
    """

    def __init__(self, path: str, complain: Callable[[str], None], secret: bool = False) -> None:
        """
        @param complain: is told once of each line that is not understood, and of what else a
            person should know.
        @param secret: it is not read while others may read it.
        """
        self.path = os.path.realpath(path)
        self._complain = complain
        self._secret = secret
        self._reported: set[str] = set()

    def report(self, text: str) -> None:
        """Complain, once of each thing."""
        if text not in self._reported:
            self._reported.add(text)
            self._complain(text)

    def lines(self) -> list[str]:
        """
        The lines; none if there is no file.

        @raise SharedFileError: it can't be read.
        """
        try:
            # What is no UTF-8 is part of a line that is not understood, and stays as it is.
            with open(self.path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                # Of the open file: the path may mean another one a moment later.
                status = os.fstat(file.fileno())
                others = status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
                if self._secret and (others or status.st_uid not in (os.geteuid(), 0)):
                    raise SharedFileError(f"others may read {self.path}: chmod 600 it")
                text = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SharedFileError(f"{self.path} can't be read: {error.strerror}") from error
        return text.removesuffix("\n").split("\n") if text else []

    def rewrite(self, change: Callable[[list[str]], list[str]]) -> None:
        """
        Change the lines, while no other client does.

        @param change: gives the new lines for those that are there.
        @raise SharedFileError: the file can't be read or written.
        """
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            with self._locked():
                # Read anew: another client may have added a line.
                self._replace(change(self.lines()))
        except OSError as error:
            raise SharedFileError(f"{self.path} can't be written: {error.strerror}") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # A file of its own: the one with the lines is replaced.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(f"{self.path}.lock", flags, 0o600)
        try:
            deadline = time.monotonic() + _LOCK_PATIENCE
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise
                time.sleep(_LOCK_INTERVAL)
            yield
        finally:
            os.close(lock)

    def _replace(self, lines: list[str]) -> None:
        draft = f"{self.path}.new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(
                descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="\n"
            ) as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(descriptor)
            os.replace(draft, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise
