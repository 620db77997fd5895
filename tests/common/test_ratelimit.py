"""Tests for L{tsservices.common.ratelimit}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.ratelimit import KeyedRateLimiter, LogThrottle, TokenBucket


class TestBucket:
    def test_burstThenRate(self) -> None:
        bucket = TokenBucket(5, 20, 0.0)
        assert sum(bucket.take(0.0) for _ in range(30)) == 20
        assert not bucket.take(0.19)
        assert bucket.take(0.2)
        assert not bucket.take(0.2)

    def test_wait(self) -> None:
        bucket = TokenBucket(5, 20, 0.0)
        assert bucket.wait(20) == 0.0
        assert bucket.take(0.0, 19)
        assert bucket.wait(2) == 0.2
        assert not bucket.take(0.19, 2)
        assert bucket.take(0.2, 2)

    def test_neverOverTheBurst(self) -> None:
        bucket = TokenBucket(5, 20, 0.0)
        assert sum(bucket.take(1e6) for _ in range(30)) == 20

    @given(st.lists(st.floats(-1.0, 2.0), max_size=30))
    def test_holds(self, gaps: list[float]) -> None:
        bucket, other = TokenBucket(2, 3, 0.0), TokenBucket(2, 3, 0.0)
        now = 0.0
        for gap in gaps:
            now += gap
            count = bucket.hasToken(now)
            taken = bucket.take(now)
            assert count == taken
            assert other.take(now) == taken

    def test_clockGoesBack(self) -> None:
        bucket = TokenBucket(1, 1, 100.0)
        assert bucket.take(100.0)
        assert not bucket.take(99.5)
        assert not bucket.take(100.5)
        assert not bucket.take(0.0)
        assert bucket.take(0.5)
        assert not bucket.take(0.5)

    def test_clockOnlyForwards(self) -> None:
        limiter = KeyedRateLimiter(1, 1.0)
        for now, taken in ((100.0, True), (0.0, False), (1.0, False), (101.0, True)):
            assert limiter.take("a", now, forwards=True) is taken

    @given(st.lists(st.floats(0, 2), max_size=200))
    def test_bound(self, gaps: list[float]) -> None:
        bucket = TokenBucket(5, 20, 0.0)
        now, taken = 0.0, 0
        for gap in gaps:
            now += gap
            taken += bucket.take(now)
        assert taken <= 20 + 5 * now + 1e-6


class TestOncePerMinute:
    def test_eachSubject(self) -> None:
        once = LogThrottle(10, 100, 0.0)
        assert once.allows("a", 0.0)
        assert not once.allows("a", 59.9)
        assert once.allows("b", 1.0)
        assert once.allows("a", 60.0)

    def test_allTogether(self) -> None:
        once = LogThrottle(1000, 60, 0.0)
        assert sum(once.allows(str(n), 0.0) for n in range(500)) == 60

    def test_forgetsOldestPeer(self) -> None:
        once = LogThrottle(2, 100, 0.0)
        for peer in ("a", "b", "c"):
            once.allows(peer, 0.0)
        assert once.allows("a", 1.0)
        assert not once.allows("c", 1.0)


class TestQuota:
    def test_changedBound(self) -> None:
        quota = KeyedRateLimiter(3, 60.0)
        assert quota.take("ann", 0.0)
        assert all(quota.take("bob", 0.0) for _ in range(3))
        quota.resize(1)
        assert [quota.take("ann", 0.0) for _ in range(2)] == [True, False]
        quota.resize(5)
        assert [quota.take(source, 0.0) for source in ("ann", "bob")] == [False, False]
        assert sum(quota.take("ann", 300.0) for _ in range(9)) == 5
        assert sum(quota.take("cat", 0.0) for _ in range(9)) == 5

    def test_rowsKeepTheOrder(self) -> None:
        quota, other = KeyedRateLimiter(3, 60.0, 3), KeyedRateLimiter(3, 60.0, 3)
        for number, source in enumerate("abcab"):
            quota.take(source, number * 0.1)
        for row in quota.rows():
            other.restore(*row)
        for item in (quota, other):
            item.giveBack("a")
            assert item.take("d", 9.7)
            assert [source for source, _, _ in item.rows()] == ["a", "b", "d"]
        assert quota.rows() == other.rows()
