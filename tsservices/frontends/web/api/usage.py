"""How much accounts and addresses use the API: posts, and what is read.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tsservices.common.bounded import BoundedDict
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import KeyedRateLimiter
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.web.api.errors import BUSY, APIError, retryAfter, tooFast

#: Bytes of the longest body: with all of it allowed at once, one that is allowed at all is not
#: refused for ever.
LONGEST_POST = 65_536

#: Accounts whose posts are counted; one that is forgotten begins anew.
ACCOUNTS_COUNTED = 4096

#: Requests to read that are under way at once, of one account or address, and of all.
READS_PER_READER, READS_ALL = 8, 200

#: Requests to read in a second, and at once after a pause, of one account or address.  A list of
#: ten thousand rooms takes some ten milliseconds, in which nobody else is served.
READS_PER_SECOND, READS_BURST = 20, 200


class APIUsage:
    """Bounds it, for all listeners of a server together."""

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
        @raise APIError: it was too much, and is not done.
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
        Count a request to read until L{endReading}.  How many there may be in a second is not
        bounded where floods are not.

        @param reader: an account, or a cloak.
        @raise APIError: too many are under way, and this is not.
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
