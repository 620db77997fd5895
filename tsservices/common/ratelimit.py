"""
Rate limits.  Pure: the time comes from the caller, always as C{now}, in seconds.
"""

from __future__ import annotations

from tsservices.common.bounded import BoundedDict

#: The most sources of datagrams, and peers in the log, kept in memory: a flood with forged sources
#: has more, and each takes some hundred bytes.
PEERS_REMEMBERED = 4096

#: The most addresses and accounts whose requests are counted, for the same reason.
ADDRESSES_REMEMBERED = 4096

#: Seconds in a minute.
MINUTE = 60.0

#: If C{now} goes back by less than this, in seconds, the clock was not set back: the clocks of
#: servers of a cluster, which take over from each other, differ by less.
CLOCK_STEP = 1.0


class TokenBucket:
    """
    A token bucket.

    @ivar rate: the number of tokens added each second.
    @ivar burst: the most tokens in the bucket.
    @ivar tokens: the number of tokens at C{when}, the time of the last refill in seconds.
    """

    __slots__ = ("burst", "rate", "tokens", "when")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self.when = now

    def take(self, now: float, count: float = 1.0) -> bool:
        """Take tokens, and return true, if there are enough; otherwise take none."""
        if now > self.when:
            self.tokens = min(self.burst, self.tokens + (now - self.when) * self.rate)
            self.when = now
        elif now <= self.when - CLOCK_STEP:
            # The clock was set back, perhaps by years: begin again from now.
            self.when = now
        if self.tokens < count:
            return False
        self.tokens -= count
        return True

    def hasToken(self, now: float) -> bool:
        """Whether L{take} would take one token; nothing changes."""
        return self.tokens + max(0.0, now - self.when) * self.rate >= 1.0

    def wait(self, count: float = 1.0) -> float:
        """Get the seconds from the last L{take} until there are so many tokens."""
        return max(0.0, (count - self.tokens) / self.rate)


class LogThrottle:
    """A limit on log lines: one line a minute for each subject, and a limit for all together."""

    def __init__(self, subjects: int, inAll: int, now: float) -> None:
        """
        @param subjects: the most subjects that are remembered.
        @param inAll: the most lines a minute for all subjects.
        """
        self._last: BoundedDict[str, float] = BoundedDict(subjects)
        self._all = TokenBucket(inAll / MINUTE, inAll, now)

    def allows(self, subject: str, now: float) -> bool:
        """Whether a line about the subject may be logged; if so, it is counted as logged."""
        last = self._last.get(subject)
        if (last is not None and 0 <= now - last < MINUTE) or not self._all.take(now):
            return False
        self._last.put(subject, now)
        self._last.move_to_end(subject)
        return True


class KeyedRateLimiter:
    """
    Token buckets by key, which is an account or the cloak of an address.  When there are too many,
    the key that was not used for the longest time is forgotten.

    The state is replicated in a cluster: L{rows} has the same order on all nodes, and L{restore}
    keeps it.
    """

    def __init__(self, atOnce: int, seconds: float, maximum: int = ADDRESSES_REMEMBERED) -> None:
        """
        @param atOnce: the most tokens of a bucket.
        @param seconds: the time in which one token is added.
        """
        self._atOnce = atOnce
        self._rate = 1 / seconds
        self._buckets: BoundedDict[str, TokenBucket] = BoundedDict(maximum)

    def take(self, key: str, now: float, forwards: bool = False) -> bool:
        """
        Take a token, and return true, if there is one.

        @param forwards: whether a C{now} before the bucket's time counts as the bucket's time.
        """
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets.put(key, TokenBucket(self._rate, self._atOnce, now))
        self._buckets.move_to_end(key)
        return bucket.take(max(now, bucket.when) if forwards else now)

    def allows(self, key: str, now: float) -> bool:
        """
        Whether L{take} would find a token; nothing changes.  True after the clock was set back,
        because only L{take} can reset the bucket's time.
        """
        bucket = self._buckets.get(key)
        return bucket is None or now <= bucket.when - CLOCK_STEP or bucket.hasToken(now)

    def resize(self, atOnce: int) -> None:
        """Change the size of all buckets, including those in use."""
        self._atOnce = atOnce
        for bucket in self._buckets.values():
            bucket.burst = atOnce
            bucket.tokens = min(bucket.tokens, atOnce)

    def rows(self) -> list[tuple[str, float, float]]:
        """Get key, tokens and their time in seconds; the next key to be forgotten is first."""
        return [(key, bucket.tokens, bucket.when) for key, bucket in self._buckets.items()]

    def restore(self, key: str, tokens: float, when: float) -> None:
        """Add a row of L{rows}."""
        bucket = self._buckets[key] = TokenBucket(self._rate, self._atOnce, when)
        bucket.tokens = tokens

    def giveBack(self, key: str) -> None:
        """Undo one L{take}."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.tokens = min(bucket.burst, bucket.tokens + 1)
