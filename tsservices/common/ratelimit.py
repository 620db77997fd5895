"""
How often something may happen.  Pure: the time comes from the caller.
"""

from __future__ import annotations

from collections import OrderedDict

#: Sources whose bucket, and peers whose last complaint, are kept in memory.
PEERS_REMEMBERED = 4096

#: Addresses of which it is remembered what was done from there.
ADDRESSES_REMEMBERED = 4096


#: Seconds in a minute.
MINUTE = 60.0


class TokenBucket:
    """
    A token bucket.

    @ivar rate: tokens that come back each second.
    @ivar burst: tokens it holds at most.
    """

    __slots__ = ("burst", "rate", "tokens", "when")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """
        @param rate: tokens a second.
        @param now: the time in seconds.
        """
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.when = now

    def take(self, now: float, count: float = 1.0) -> bool:
        """
        Whether they were there; if not, none is taken.

        @param now: the time in seconds.
        """
        if now > self.when:
            self.tokens = min(self.burst, self.tokens + (now - self.when) * self.rate)
            self.when = now
        if self.tokens < count:
            return False
        self.tokens -= count
        return True

    def holds(self, now: float) -> bool:
        """
        Whether L{take} would take one; nothing changes.

        @param now: the time in seconds.
        """
        return self.tokens + max(0.0, now - self.when) * self.rate >= 1.0

    def wait(self, count: float = 1.0) -> float:
        """How many seconds after the last L{take} they will be there."""
        return max(0.0, (count - self.tokens) / self.rate)


class LogThrottle:
    """
    Lets each peer be spoken of once a minute, and all of them together only so
    often.

    @ivar withheld: how many times the answer was no since it was last read.
    """

    def __init__(self, peers: int, inAll: int, now: float) -> None:
        """@param now: the time in seconds."""
        self._peers = peers
        self._last: OrderedDict[str, float] = OrderedDict()
        self._all = TokenBucket(inAll / MINUTE, inAll, now)
        self.withheld = 0

    def allows(self, peer: str, now: float) -> bool:
        """
        Whether it may be said now; if so it counts as said.

        @param now: the time in seconds.
        """
        last = self._last.get(peer)
        if (last is not None and now - last < MINUTE) or not self._all.take(now):
            self.withheld += 1
            return False
        self._last[peer] = now
        self._last.move_to_end(peer)
        if len(self._last) > self._peers:
            self._last.popitem(last=False)
        return True


class KeyedRateLimiter:
    """
    How often each of many may do something.  The one not heard of for the longest time is
    forgotten when there are too many.
    """

    def __init__(self, atOnce: int, seconds: float, most: int = ADDRESSES_REMEMBERED) -> None:
        self._atOnce = atOnce
        self._rate = 1 / seconds
        self._most = most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, who: str, now: float) -> bool:
        """
        Whether they may; if so it counts.

        @param now: the time in seconds.
        """
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = TokenBucket(self._rate, self._atOnce, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(who)
        return bucket.take(now)

    def allows(self, who: str, now: float) -> bool:
        """
        Whether they might; nothing counts, and nothing changes.

        @param now: the time in seconds.
        """
        bucket = self._buckets.get(who)
        return bucket is None or bucket.holds(now)

    def change(self, atOnce: int) -> None:
        """Another bound holds from now on, also for those who are remembered."""
        self._atOnce = atOnce
        for bucket in self._buckets.values():
            bucket.burst = atOnce
            bucket.tokens = min(bucket.tokens, atOnce)

    def rows(self) -> list[tuple[str, float, float]]:
        """
        Of all who are remembered, who, how much is left to them, and as of when; the one to be
        forgotten next first.
        """
        return [(who, each.tokens, each.when) for who, each in self._buckets.items()]

    def restore(self, who: str, tokens: float, when: float) -> None:
        """
        Remember somebody, as L{rows} said it.

        @param when: as of when: the time in seconds.
        """
        bucket = self._buckets[who] = TokenBucket(self._rate, self._atOnce, when)
        bucket.tokens = tokens

    def giveBack(self, who: str) -> None:
        """It does not count after all."""
        if (bucket := self._buckets.get(who)) is not None:
            bucket.tokens = min(bucket.burst, bucket.tokens + 1)
