"""
Authenticated packets: the HMAC, its key file, and the window against replayed packets.

The file contains 32 to 128 hexadecimal digits, in any lines and groups, as C{openssl rand -hex 32}
writes them.  Raw octets are not allowed, because the line feed of an editor could become a part of
the key.  Only its owner may have any right to the file.
"""

from __future__ import annotations

import hmac
import os
import stat
from functools import lru_cache

from tsservices.stamp.packets import (
    AUTHENTICATED_LENGTH,
    HMAC_LENGTH,
    HMAC_OFFSET,
    PacketError,
)

#: Octets: a shorter key is weaker than the HMAC.
MINIMUM_KEY = 16

#: Octets of a block of SHA-256: a longer key is no stronger.
MAXIMUM_KEY = 64

#: Octets: a longer file is no key file.
MAXIMUM_FILE = 4096

#: A packet overtaken by fewer packets than this is still accepted.
REPLAY_WINDOW = 64


class KeyFileError(ValueError):
    """A key file that cannot be used; the text gives the reason."""


def readKey(path: str) -> bytes:
    """@raise KeyFileError: the file can't be read, others may read it, or it holds no key."""
    try:
        # O_NONBLOCK, so that a named pipe does not make the server wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            # Of the open file, not of the path: the file cannot be replaced in between.
            status = os.fstat(descriptor)
            regular = stat.S_ISREG(status.st_mode)
            text = os.read(descriptor, MAXIMUM_FILE + 1) if regular else b""
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as reason:
        raise KeyFileError(f"{path}: {getattr(reason, 'strerror', None) or reason}") from reason
    if not regular:
        raise KeyFileError(f"{path}: this is no regular file")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise KeyFileError(f"{path}: others have rights to it (mode {mode:04o}): chmod 600 {path}")
    return _parseKey(path, text)


def _parseKey(path: str, text: bytes) -> bytes:
    try:
        key = bytes.fromhex(b"".join(text.split()).decode("utf-8-sig"))
    except ValueError:
        key = b""
    if not MINIMUM_KEY <= len(key) <= MAXIMUM_KEY:
        raise KeyFileError(
            f"{path}: a key is {2 * MINIMUM_KEY} to {2 * MAXIMUM_KEY} hexadecimal digits, "
            "like openssl rand -hex 32 writes"
        )
    return key


def computeHMAC(key: bytes, datagram: bytes) -> bytes:
    """Return HMAC-SHA-256 over the octets before it, truncated to 16 (RFC 8762, 4.4)."""
    keyed = _keyedHMAC(key).copy()
    keyed.update(datagram[:HMAC_OFFSET])
    return keyed.digest()[:HMAC_LENGTH]


# Setting the key hashes two blocks, which is as much work as the packet itself.
@lru_cache(maxsize=8)
def _keyedHMAC(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def authenticate(key: bytes, datagram: bytes) -> bytes:
    """Return the packet with its HMAC filled in."""
    code = computeHMAC(key, datagram)
    return datagram[:HMAC_OFFSET] + code + datagram[HMAC_OFFSET + HMAC_LENGTH :]


def verify(key: bytes, datagram: bytes) -> None:
    """@raise PacketError: the packet is too short, or its HMAC was not made with this key."""
    if len(datagram) < AUTHENTICATED_LENGTH:
        raise PacketError("badSize", f"{len(datagram)} bytes of at least {AUTHENTICATED_LENGTH}")
    code = datagram[HMAC_OFFSET : HMAC_OFFSET + HMAC_LENGTH]
    if not hmac.compare_digest(code, computeHMAC(key, datagram)):
        raise PacketError("forged", "the authentication is wrong")


class ReplayWindow:
    """
    A window that distinguishes new packets of a session from replayed ones.

    The sender's T1 is authenticated too and never decreases.  So a packet with a later T1 than all
    before is new, even if its number is low because the sender was restarted.  The number of a
    packet with an earlier T1 has to be within the window, and must not have been received before.
    """

    __slots__ = ("_highest", "_latest", "_seen")

    def __init__(self) -> None:
        self._highest = 0
        self._latest: int | None = None
        # Bit i stands for the packet with the number _highest - i.
        self._seen = 0

    def accept(self, sequence: int, timestamp: int) -> bool:
        """Return whether the packet is new, and remember it as received."""
        ahead = _serialDifference(sequence, self._highest, 32)
        later = 1 if self._latest is None else _serialDifference(timestamp, self._latest, 64)
        if later > 0 or (later == 0 and ahead > 0):
            restarted = self._latest is None or ahead <= 0
            self._seen = 1 if restarted or ahead >= REPLAY_WINDOW else self._seen << ahead | 1
            self._seen &= (1 << REPLAY_WINDOW) - 1
            self._highest, self._latest = sequence, timestamp
            return True
        if not -REPLAY_WINDOW < ahead <= 0 or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True


def _serialDifference(number: int, other: int, bits: int) -> int:
    # Both kinds of number wrap: sequences after 2**32 packets, times in 2036 (RFC 1982).
    half = 1 << bits - 1
    return (number - other + half & (1 << bits) - 1) - half
