"""
A file of lines in the user's state folder, which several clients read and write at the same
time, and which users may edit.  Pure.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator

#: Seconds to wait for the lock while another client writes the file, which takes milliseconds.
_LOCK_PATIENCE = 2.0

#: Seconds between two attempts to get the lock.
_LOCK_INTERVAL = 0.02


class SharedFileError(Exception):
    """A file that can't be read or written; the text says why."""


class SharedFile:
    """
    One file.  It is replaced as a whole, with mode 0600, so that it is never half written.

    @ivar path: the resolved path, because a symbolic link itself would be replaced.
    """

    def __init__(self, path: str, complain: Callable[[str], None], secret: bool = False) -> None:
        """
        @param complain: shows a problem to the user, such as a line that can't be parsed; called
            once for each.
        @param secret: whether to refuse to read the file while other users may read it.
        """
        self.path = os.path.realpath(path)
        self._complain = complain
        self._secret = secret
        self._reported: set[str] = set()

    def report(self, text: str) -> None:
        """Show a problem to the user, unless it was shown before."""
        if text not in self._reported:
            self._reported.add(text)
            self._complain(text)

    def lines(self) -> list[str]:
        """
        Read the lines; none if there is no file.

        @raise SharedFileError: the file can't be read.
        """
        try:
            # Bytes that are not UTF-8 belong to a line that can't be parsed; they are kept.
            with open(self.path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                # fstat, because the path may name another file a moment later.
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
        Change the lines while other clients are locked out.

        @param change: returns the new lines for the present ones.
        @raise SharedFileError: the file can't be read or written.
        """
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            with self._locked():
                # Read again: another client may have added a line.
                self._replace(change(self.lines()))
        except OSError as error:
            raise SharedFileError(f"{self.path} can't be written: {error.strerror}") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The lock is a separate file because the file with the lines is replaced.
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
