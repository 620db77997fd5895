"""Limits on the use of the API by accounts and addresses: posts, and reads.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tsservices.common.bounded import BoundedDict
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import KeyedRateLimiter
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.web.api.errors import BUSY, APIError, retryAfter, tooFast

#: Bytes of the longest body: the burst has to allow all of it, otherwise it would always be
#: refused.
LONGEST_POST = 65_536

#: Accounts whose posts are counted; the count of a dropped account starts again.
ACCOUNTS_COUNTED = 4096

#: Reads that run at once, of one account or address, and of all.
READS_PER_READER, READS_ALL = 8, 200

#: Reads in a second, and in a burst after a pause, of one account or address.  A list of ten
#: thousand rooms takes about ten milliseconds, in which nobody else is served.
READS_PER_SECOND, READS_BURST = 20, 200


class APIUsage:
    """The limits, for all listeners of a server together."""

    def __init__(self, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._limits = replace(limits, chatLine=max(limits.chatLine, LONGEST_POST))
        self._monotonic = monotonic
        self._isBounded = bool(limits.floodLines or limits.floodBytes)
        self._floods: BoundedDict[str, FloodControl] = BoundedDict(ACCOUNTS_COUNTED)
        self._rates = KeyedRateLimiter(READS_BURST, 1 / READS_PER_SECOND, ACCOUNTS_COUNTED)
        self._reads: dict[str, int] = {}
        self._readsInAll = 0

    def checkFlood(self, account: str, lines: int, size: int) -> None:
        """
        Count a post; an account may post as fast as a connection may talk.

        @param account: the key.
        @param size: bytes of all lines.
        @raise APIError: the post is refused, because the account posts too fast.
        """
        if not self._isBounded:
            return
        now = self._monotonic()
        flood = self._floods.get(account)
        if flood is None:
            flood = self._floods.put(account, FloodControl(self._limits, now))
        self._floods.move_to_end(account)
        if delay := flood.delay(lines, size, now):
            raise tooFast(delay)

    def beginReading(self, reader: str) -> None:
        """
        Count a read until L{endReading}.  The number in a second is not bounded if floods are not.

        @param reader: an account, or a cloak.
        @raise APIError: the read is refused, because there are too many.
        """
        own = self._reads.get(reader, 0)
        if own >= READS_PER_READER or self._readsInAll >= READS_ALL:
            text = "too many requests to read are under way; try again when one is answered"
            raise APIError(429, BUSY, text, [retryAfter(1)])
        if self._isBounded and not self._rates.take(reader, self._monotonic()):
            raise tooFast(1 / READS_PER_SECOND, "reads")
        self._reads[reader] = own + 1
        self._readsInAll += 1

    def endReading(self, reader: str) -> None:
        """Undo L{beginReading}."""
        self._readsInAll -= 1
        self._reads[reader] -= 1
        if not self._reads[reader]:
            del self._reads[reader]
