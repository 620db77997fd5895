"""
How often something may happen.  Pure: the time comes from the caller, always as C{now}, in seconds.
"""

from __future__ import annotations

from tsservices.common.bounded import BoundedDict

#: Sources of datagrams, and peers that the log has spoken of, kept in memory: a forged flood has
#: more, and each takes some hundred bytes.
PEERS_REMEMBERED = 4096

#: Addresses and accounts whose requests are counted, likewise.
ADDRESSES_REMEMBERED = 4096

#: Seconds in a minute.
MINUTE = 60.0

#: Seconds by which a clock may go back without having been set back: servers of a cluster that take
#: over from each other differ by less.
CLOCK_STEP = 1.0


class TokenBucket:
    """
    A token bucket.

    @ivar rate: tokens that come back each second.
    @ivar burst: tokens it holds at most.
    @ivar tokens: those it held at C{when}, the last time in seconds that it was refilled.
    """

    __slots__ = ("burst", "rate", "tokens", "when")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.when = now

    def take(self, now: float, count: float = 1.0) -> bool:
        """Whether there were so many tokens; if not, none is taken."""
        if now > self.when:
            self.tokens = min(self.burst, self.tokens + (now - self.when) * self.rate)
            self.when = now
        elif now <= self.when - CLOCK_STEP:
            # The clock was ahead. To wait until it has caught up could take years.
            self.when = now
        if self.tokens < count:
            return False
        self.tokens -= count
        return True

    def hasToken(self, now: float) -> bool:
        """Whether L{take} would take one; nothing changes."""
        return self.tokens + max(0.0, now - self.when) * self.rate >= 1.0

    def wait(self, count: float = 1.0) -> float:
        """The seconds from the last L{take} until there are so many tokens."""
        return max(0.0, (count - self.tokens) / self.rate)


class LogThrottle:
    """Lets each subject be logged once a minute, and all of them together only so often."""

    def __init__(self, subjects: int, inAll: int, now: float) -> None:
        """
        @param subjects: how many are remembered.
        @param inAll: lines a minute.
        """
        self._last: BoundedDict[str, float] = BoundedDict(subjects)
        self._all = TokenBucket(inAll / MINUTE, inAll, now)

    def allows(self, subject: str, now: float) -> bool:
        """Whether a line about it may be logged; if so it counts as logged."""
        last = self._last.get(subject)
        if (last is not None and 0 <= now - last < MINUTE) or not self._all.take(now):
            return False
        self._last.put(subject, now)
        self._last.move_to_end(subject)
        return True


class KeyedRateLimiter:
    """
    A token bucket for each of many keys, which are accounts and cloaks of addresses.  The key that
    was not used for the longest time is forgotten when there are too many.

    Its state is a part of what nodes of a cluster agree on: L{rows} and L{restore} have it in an
    order that all of them share.
    """

    def __init__(self, atOnce: int, seconds: float, maximum: int = ADDRESSES_REMEMBERED) -> None:
        """
        @param atOnce: tokens of a bucket.
        @param seconds: until one token has come back.
        """
        self._atOnce = atOnce
        self._rate = 1 / seconds
        self._buckets: BoundedDict[str, TokenBucket] = BoundedDict(maximum)

    def take(self, key: str, now: float, forwards: bool = False) -> bool:
        """
        Whether it is allowed; if so it counts.

        @param forwards: time only goes forwards: one before that of the bucket counts as that.
        """
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets.put(key, TokenBucket(self._rate, self._atOnce, now))
        self._buckets.move_to_end(key)
        return bucket.take(max(now, bucket.when) if forwards else now)

    def allows(self, key: str, now: float) -> bool:
        """
        Whether L{take} would allow it; nothing changes.  It may do so after a clock was set back:
        only L{take} can have the bucket begin again.
        """
        bucket = self._buckets.get(key)
        return bucket is None or now <= bucket.when - CLOCK_STEP or bucket.hasToken(now)

    def change(self, atOnce: int) -> None:
        """Give all buckets another size, those in use too."""
        self._atOnce = atOnce
        for bucket in self._buckets.values():
            bucket.burst = atOnce
            bucket.tokens = min(bucket.tokens, atOnce)

    def rows(self) -> list[tuple[str, float, float]]:
        """Key, tokens, and as of when (seconds); the one that is forgotten next first."""
        return [(key, bucket.tokens, bucket.when) for key, bucket in self._buckets.items()]

    def restore(self, key: str, tokens: float, when: float) -> None:
        """Add a row of L{rows}."""
        bucket = self._buckets[key] = TokenBucket(self._rate, self._atOnce, when)
        bucket.tokens = tokens

    def giveBack(self, key: str) -> None:
        """Undo one L{take}."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.tokens = min(bucket.burst, bucket.tokens + 1)
