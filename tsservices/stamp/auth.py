"""
Authenticated packets: HMAC-SHA-256, its key, and packets that come again.  Pure, but
for the reading of the key's file.

The key's file holds hexadecimal digits, 32 to 128 of them, in as many lines and groups
as one likes: C{openssl rand -hex 32} writes one.  Digits and not the bytes themselves,
so that the line feed of an editor cannot become a part of the key.  Nobody but its
owner may have any right to the file.
"""

from __future__ import annotations

import hmac
import os
import stat
from functools import lru_cache

from tsservices.stamp.packets import AUTHENTICATED_LENGTH, HMAC_LENGTH, HMAC_OFFSET, PacketError

#: Bytes: a shorter key is weaker than the digest.
MINIMUM_KEY = 16

#: Bytes of a block of SHA-256: what is longer is no stronger.
MAXIMUM_KEY = 64

#: Bytes: what is longer holds something else.
MAXIMUM_FILE = 4096

#: Packets that may overtake another one without its being taken for a repeated one.
REPLAY_WINDOW = 64


class KeyFileError(ValueError):
    """The key can't be used.  The argument is why."""


def readKey(path: str) -> bytes:
    """
    The key.

    @raise KeyFileError: it can't be read, others may read it, or it holds no key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            about = os.fstat(descriptor)
            regular = stat.S_ISREG(about.st_mode)
            text = os.read(descriptor, MAXIMUM_FILE + 1) if regular else b""
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as reason:
        raise KeyFileError(f"{path}: {getattr(reason, 'strerror', None) or reason}") from reason
    if not regular:
        raise KeyFileError(f"{path}: this is no regular file")
    if stat.S_IMODE(about.st_mode) & 0o077:
        mode = stat.S_IMODE(about.st_mode)
        raise KeyFileError(f"{path}: others have rights to it (mode {mode:04o}): chmod 600 {path}")
    return _parseKey(path, text)


def _parseKey(path: str, text: bytes) -> bytes:
    try:
        key = bytes.fromhex(b"".join(text.split()).decode("ascii"))
    except ValueError:
        key = b""
    if not MINIMUM_KEY <= len(key) <= MAXIMUM_KEY:
        raise KeyFileError(
            f"{path}: a key is {2 * MINIMUM_KEY} to {2 * MAXIMUM_KEY} hexadecimal digits, "
            "like openssl rand -hex 32 writes"
        )
    return key


def computeHMAC(key: bytes, datagram: bytes | bytearray) -> bytes:
    """The authentication of it."""
    begun = _keyedHMAC(key).copy()
    begun.update(datagram[:HMAC_OFFSET])
    return begun.digest()[:HMAC_LENGTH]


@lru_cache(maxsize=8)
def _keyedHMAC(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def authenticate(key: bytes, datagram: bytes) -> bytes:
    """The same with its authentication."""
    return (
        datagram[:HMAC_OFFSET] + computeHMAC(key, datagram) + datagram[HMAC_OFFSET + HMAC_LENGTH :]
    )


def verify(key: bytes, datagram: bytes) -> None:
    """@raise PacketError: it is too short, or was not made by who has the key."""
    if len(datagram) < AUTHENTICATED_LENGTH:
        raise PacketError("badSize", f"{len(datagram)} bytes of at least {AUTHENTICATED_LENGTH}")
    told = datagram[HMAC_OFFSET : HMAC_OFFSET + HMAC_LENGTH]
    if not hmac.compare_digest(told, computeHMAC(key, datagram)):
        raise PacketError("forged", "the authentication is wrong")


class ReplayWindow:
    """
    Tells a new packet of a session from one that has come already.

    The sender's time is authenticated too and only goes forward.  So a packet with a
    time later than all before is new, also when its number is low because the sender
    was started again; one with an earlier time has to be within the window, and not
    to have come before.
    """

    __slots__ = ("_highest", "_latest", "_seen")

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._highest = 0
        self._latest: int | None = None
        self._seen = 0

    def accept(self, sequence: int, timestamp: int) -> bool:
        """Whether it is new; if so it counts as having come."""
        ahead = _serialDifference(sequence, self._highest, 32)
        later = 1 if self._latest is None else _serialDifference(timestamp, self._latest, 64)
        if later > 0 or (later == 0 and ahead > 0):
            new = self._latest is None or ahead <= 0
            self._seen = 1 if new or ahead >= REPLAY_WINDOW else self._seen << ahead | 1
            self._seen &= (1 << REPLAY_WINDOW) - 1
            self._highest, self._latest = sequence, timestamp
            return True
        if not -REPLAY_WINDOW < ahead <= 0 or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True


def _serialDifference(one: int, other: int, bits: int) -> int:
    half = 1 << bits - 1
    return (one - other + half & (1 << bits) - 1) - half
