"""
The file of known hosts: the key of each server, and why it is trusted.  Pure.

A line is C{HOST:PORT sha256:DIGITS authority|asked|option TIME}; the last two may be missing,
and a line that begins with C{#} is a comment.  Users may edit the file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from tsservices.client.shared_file import SharedFile, SharedFileError
from tsservices.client.trust import (
    KnownServer,
    Pin,
    TrustBasis,
    fingerprint,
    parseFingerprint,
)

#: The name of the file in the state folder of the user.
KNOWN_HOSTS = "known_hosts"


class KnownHosts:
    """The file of known hosts in a folder."""

    def __init__(self, folder: str, complain: Callable[[str], None]) -> None:
        """@param complain: called once for each line that can't be parsed."""
        self._file = SharedFile(os.path.join(folder, KNOWN_HOSTS), complain)

    def find(self, address: str) -> KnownServer:
        """
        Look a server up.

        @param address: host and port, as L{serverAddress} returns them.
        """
        pin = None
        path = self._file.path
        try:
            lines = self._file.lines()
        except SharedFileError as error:
            return KnownServer(path, failure=str(error))
        for number, line in enumerate(lines, 1):
            try:
                entry = _parse(line, number)
            except ValueError as error:
                self._file.report(f"{path} line {number} is ignored: {error}")
                continue
            if entry is not None and entry[0] == address:
                # The last entry counts, because users add lines at the end.
                pin = entry[1]
        return KnownServer(path, pin)

    def keep(self, address: str, pin: Pin, now: float) -> None:
        """
        Save the key of a server, in place of its earlier entries.

        @param now: seconds since 1970.
        @raise SharedFileError: the file can't be written.
        """
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        new = f"{address} {fingerprint(pin.key)} {pin.basis.value} {moment}"
        self._file.rewrite(
            lambda lines: [*(line for line in lines if not _isAbout(line, address)), new]
        )


def _isAbout(line: str, address: str) -> bool:
    try:
        entry = _parse(line, 0)
    except ValueError:
        return False
    return entry is not None and entry[0] == address


def _parse(line: str, number: int) -> tuple[str, Pin] | None:
    # Some editors put a byte order mark before the first line.
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
