"""
How often passwords may be tried.  Pure: the time comes from the caller.

Two things are counted: what is tried from one address, and what is tried for one account
from addresses that are new to it.  Who tries for long, from however many addresses, so
keeps strangers away from the account for a while, but not its owner: from an address
from which it was entered before, only what was tried from there, for this account, counts.

A try is counted when it begins, and given back when it was right: many at the same time
are no way around it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from tsservices.common.ratelimit import TokenBucket

#: Seconds until one more password may be tried from an address that has had all that are allowed at
#: once.
GUESS_SECONDS = 10.0

#: Passwords that may be tried at once for one account from all addresses that are new to it, and
#: from each that is not: who has several looks through them.
ACCOUNT_GUESSES_AT_ONCE = 20

#: Seconds until one more may be tried: a million a year, where a bad password is one of some
#: millions.
ACCOUNT_GUESS_SECONDS = 30.0

#: Addresses, and accounts, of which it is remembered what was tried: some megabytes.
GUESSERS_REMEMBERED = 16_384

#: Addresses from which one account was entered, and may be entered whatever others try.
HOMES_REMEMBERED = 8


_Value = TypeVar("_Value")


class _Newest(Generic[_Value]):
    """Some values by key: those that were used last."""

    __slots__ = ("_most", "_values")

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, _Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> _Value | None:
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: str, value: _Value) -> _Value:
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class LoginRateLimiter:
    """What was tried lately."""

    def __init__(self, atOnce: int, most: int = GUESSERS_REMEMBERED) -> None:
        self._atOnce = atOnce
        self._addresses: _Newest[TokenBucket] = _Newest(most)
        self._accounts: _Newest[TokenBucket] = _Newest(most)
        self._homes: _Newest[_Newest[TokenBucket]] = _Newest(most)
        self._wrong: _Newest[int] = _Newest(most)

    def __len__(self) -> int:
        """How many things are remembered."""
        kinds = (self._addresses, self._accounts, self._homes, self._wrong)
        return sum(len(each) for each in kinds)

    def allowed(self, account: str, cloak: str, now: float) -> float:
        """
        Somebody wants to try a password.

        @param now: the time in seconds.
        @return: how many seconds they have to wait before they may; 0: they may, and it
            counts as wrong until L{succeeded} says otherwise.
        """
        buckets = self._buckets(account, cloak, now)
        for which, bucket in enumerate(buckets):
            if not bucket.take(now):
                for taken in buckets[:which]:
                    taken.tokens += 1
                return max(1.0, bucket.wait())
        return 0.0

    def failed(self, account: str, cloak: str, now: float) -> int:
        """
        It was wrong.

        @param now: the time in seconds.
        """
        count = (self._wrong.get(account) or 0) + 1
        return self._wrong.put(account, count)

    def unknown(self, account: str, cloak: str, now: float) -> None:
        """
        It was not found out whether it was right, so it was no try.

        @param now: the time in seconds.
        """
        for bucket in self._buckets(account, cloak, now):
            bucket.tokens = min(bucket.burst, bucket.tokens + 1)

    def succeeded(self, account: str, cloak: str, now: float) -> int:
        """
        It was right.

        @param now: the time in seconds.
        """
        self.unknown(account, cloak, now)
        self.entered(account, cloak, now)
        wrong = self._wrong.get(account) or 0
        if wrong:
            self._wrong.put(account, 0)
        return wrong

    def entered(self, account: str, cloak: str, now: float) -> None:
        """
        From now on only what is tried from there, for this account, counts there.

        @param now: the time in seconds.
        """
        homes = self._homes.get(account)
        if homes is None:
            homes = self._homes.put(account, _Newest(HOMES_REMEMBERED))
        if homes.get(cloak) is None:
            homes.put(cloak, _bucket(GUESS_SECONDS, ACCOUNT_GUESSES_AT_ONCE, now))

    def _buckets(self, account: str, cloak: str, now: float) -> list[TokenBucket]:
        homes = self._homes.get(account)
        own = None if homes is None else homes.get(cloak)
        if own is not None:
            return [own]
        address = self._addresses.get(cloak)
        if address is None:
            address = self._addresses.put(cloak, _bucket(GUESS_SECONDS, self._atOnce, now))
        strangers = self._accounts.get(account)
        if strangers is None:
            strangers = self._accounts.put(
                account, _bucket(ACCOUNT_GUESS_SECONDS, ACCOUNT_GUESSES_AT_ONCE, now)
            )
        return [address, strangers]


def _bucket(seconds: float, atOnce: int, now: float) -> TokenBucket:
    return TokenBucket(1 / seconds, atOnce, now)
