"""
The file of known hosts: which key each server had, and how it came to be trusted.  Pure.

A line is C{HOST:PORT sha256:DIGITS authority|asked|option TIME}; the last two may be missing,
and what begins with C{#} is a comment.  People may edit it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator

from tsservices.client.trust import (
    KnownServer,
    Pin,
    TrustBasis,
    fingerprint,
    parseFingerprint,
)

#: The name of the file in the state folder of the user.
KNOWN_HOSTS = "known_hosts"

#: Seconds to wait for another client that writes the file, which takes milliseconds.
_LOCK_PATIENCE = 2.0

#: Seconds between two attempts.
_LOCK_INTERVAL = 0.02


class KnownHostsError(Exception):
    """The file can't be read or written; the text says why."""


class KnownHosts:
    """The file in a folder.  Several clients may use it at the same time."""

    def __init__(self, folder: str, complain: Callable[[str], None]) -> None:
        """@param complain: is told once of each line that is not understood."""
        # Where a link to the file leads, or the link would be replaced.
        self.path = os.path.realpath(os.path.join(folder, KNOWN_HOSTS))
        self._complain = complain
        self._reported: set[str] = set()

    def find(self, address: str) -> KnownServer:
        """
        What is known of a server.

        @param address: host and port, as L{serverAddress} gives them.
        """
        pin = None
        try:
            lines = self._lines()
        except KnownHostsError as error:
            return KnownServer(self.path, failure=str(error))
        for number, line in enumerate(lines, 1):
            try:
                entry = _parse(line, number)
            except ValueError as error:
                self._report(f"{self.path} line {number} is ignored: {error}")
                continue
            if entry is not None and entry[0] == address:
                # The last one counts: whoever edits the file adds to its end.
                pin = entry[1]
        return KnownServer(self.path, pin)

    def keep(self, address: str, pin: Pin, now: float) -> None:
        """
        Write down the key of a server, in place of what was known of it.

        @param now: seconds since 1970.
        @raise KnownHostsError: it can't be written.
        """
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        new = f"{address} {fingerprint(pin.key)} {pin.basis.value} {moment}"
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            with self._locked():
                # Read anew: another client may have added a line.
                self._replace([*self._linesOfOthers(address), new])
        except OSError as error:
            raise KnownHostsError(f"{self.path} can't be written: {error.strerror}") from error

    def _report(self, text: str) -> None:
        if text not in self._reported:
            self._reported.add(text)
            self._complain(text)

    def _linesOfOthers(self, address: str) -> Iterator[str]:
        for line in self._lines():
            try:
                entry = _parse(line, 0)
            except ValueError:
                entry = None
            if entry is None or entry[0] != address:
                yield line

    def _lines(self) -> list[str]:
        try:
            # What is no UTF-8 is part of a line that is not understood, and stays as it is.
            with open(self.path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                text = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KnownHostsError(f"{self.path} can't be read: {error.strerror}") from error
        return text.removesuffix("\n").split("\n") if text else []

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


def _parse(line: str, number: int) -> tuple[str, Pin] | None:
    # The mark of byte order, too, that some editors put before the first line.
    words = line.removeprefix("\ufeff").split()
    if not words or words[0].startswith("#"):
        return None
    host, colon, port = words[0].rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit()):
        raise ValueError("it does not begin with HOST:PORT")
    if len(words) < 2:
        raise ValueError("it has no fingerprint")
    key = parseFingerprint(words[1])
    try:
        basis = TrustBasis(words[2]) if len(words) > 2 else TrustBasis.ASKED
    except ValueError:
        choices = ", ".join(basis.value for basis in TrustBasis)
        raise ValueError(f"{words[2]!r} is none of {choices}") from None
    return words[0].lower(), Pin(key, basis, number)
