"""
Limits for tries of passwords.  Pure: the time comes from the caller.

Two counts are limited: attempts from one address, and attempts for one account from addresses that
are new to it. So an attacker with many addresses keeps unknown addresses away from the account for
a while, but not its owner: from an address that has logged in to the account before, only the
attempts from there, for this account, count.

An attempt is counted when it begins, and given back when the password was right, so many parallel
attempts do not avoid the limit. If the limit is used up by running attempts, a new one waits for
the end of one: fifty connections of a bouncer, which reconnect at once, all have the right
password.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from tsservices.common.ratelimit import TokenBucket

#: Seconds until one more password may be tried from an address that has used up its burst.
GUESS_SECONDS = 10.0

#: Passwords that may be tried at once for one account from all addresses that are new to it, and
#: from each known address: people who have several passwords try them all.
ACCOUNT_GUESSES_AT_ONCE = 20

#: Seconds until one more may be tried: a million a year, while a weak password is one of some
#: millions.
ACCOUNT_GUESS_SECONDS = 30.0

#: Addresses, and accounts, whose attempts are remembered: a few megabytes.
GUESSERS_REMEMBERED = 16_384

#: Known addresses of one account, from which its owner can log in whatever others try.
HOMES_REMEMBERED = 8

_Value = TypeVar("_Value")


class _LRU(Generic[_Value]):
    """Values by key; a new one replaces the least recently used one."""

    __slots__ = ("_size", "_values")

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, _Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> _Value | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: str, value: _Value) -> _Value:
        self._values[key] = value
        if len(self._values) > self._size:
            self._values.popitem(last=False)
        return value


class LoginRateLimiter:
    """
    The recent attempts.  All times are seconds; accounts are keys, and addresses are cloaks.

    Each node counts for itself.
    """

    def __init__(self, atOnce: int, size: int = GUESSERS_REMEMBERED) -> None:
        """
        @param atOnce: passwords that may be tried at once from one address.
        @param size: how many addresses, and accounts, are remembered.
        """
        self._atOnce = atOnce
        self._addresses: _LRU[TokenBucket] = _LRU(size)
        self._accounts: _LRU[TokenBucket] = _LRU(size)
        self._homes: _LRU[_LRU[TokenBucket]] = _LRU(size)
        self._wrong: _LRU[int] = _LRU(size)
        # The number of running attempts, by account and address, and the callbacks for their end.
        self._underWay: dict[tuple[str, str], int] = {}
        self._waiting: dict[tuple[str, str], list[Callable[[], None]]] = {}

    def __len__(self) -> int:
        """The number of entries in all tables."""
        tables = (self._addresses, self._accounts, self._homes, self._wrong)
        return sum(len(table) for table in tables)

    def takeAttempt(self, account: str, cloak: str, now: float) -> float:
        """
        Begin an attempt.

        @return: how many seconds it has to wait; 0: it may proceed, and counts as wrong until
            L{succeeded} is called.
        """
        buckets = self._buckets(account, cloak, now)
        for index, bucket in enumerate(buckets):
            if not bucket.take(now):
                # An address that must wait for one account loses no attempt for others.
                for charged in buckets[:index]:
                    charged.tokens += 1
                return max(1.0, bucket.wait())
        return 0.0

    def began(self, account: str, cloak: str) -> None:
        """Note a running attempt; L{ended} follows, whatever its result is."""
        self._underWay[account, cloak] = self._underWay.get((account, cloak), 0) + 1

    def ended(self, account: str, cloak: str) -> None:
        """Note the end of an attempt that was counted."""
        key = account, cloak
        self._underWay[key] -= 1
        if not self._underWay[key]:
            del self._underWay[key]
        for call in self._waiting.pop(key, ()):
            call()

    def whenOneEnds(self, account: str, cloak: str, call: Callable[[], None]) -> bool:
        """
        Call a function when the next attempt from an address for an account ends.

        @return: L{False}: no attempt is running, and the function will not be called.
        """
        if (account, cloak) not in self._underWay:
            return False
        self._waiting.setdefault((account, cloak), []).append(call)
        return True

    def wrongSecret(self, cloak: str, now: float) -> float:
        """
        Count a wrong token or a wrong account name, for the address only.

        @return: how many seconds the address has to wait, after too many; 0: none.
        """
        bucket = self._addressBucket(cloak, now)
        return 0.0 if bucket.take(now) else max(1.0, bucket.wait())

    def failed(self, account: str, cloak: str, now: float) -> int:
        """Count a wrong password; returns how many there were since the last right one."""
        count = (self._wrong.get(account) or 0) + 1
        return self._wrong.put(account, count)

    def giveBack(self, account: str, cloak: str, now: float) -> None:
        """Give an attempt back: the password could not be checked."""
        for bucket in self._buckets(account, cloak, now):
            bucket.tokens = min(bucket.burst, bucket.tokens + 1)

    def succeeded(self, account: str, cloak: str, now: float) -> int:
        """Give an attempt back; returns how many passwords were wrong since the last right one."""
        self.giveBack(account, cloak, now)
        self.makeKnown(account, cloak, now)
        wrong = self._wrong.get(account) or 0
        if wrong:
            self._wrong.put(account, 0)
        return wrong

    def makeKnown(self, account: str, cloak: str, now: float) -> None:
        """Make an address known to an account: it gets a limit of its own."""
        homes = self._homes.get(account)
        if homes is None:
            homes = self._homes.put(account, _LRU(HOMES_REMEMBERED))
        if homes.get(cloak) is None:
            homes.put(cloak, _bucket(GUESS_SECONDS, ACCOUNT_GUESSES_AT_ONCE, now))

    def _buckets(self, account: str, cloak: str, now: float) -> list[TokenBucket]:
        homes = self._homes.get(account)
        ownBucket = None if homes is None else homes.get(cloak)
        if ownBucket is not None:
            return [ownBucket]
        address = self._addressBucket(cloak, now)
        strangers = self._accounts.get(account)
        if strangers is None:
            strangers = self._accounts.put(
                account, _bucket(ACCOUNT_GUESS_SECONDS, ACCOUNT_GUESSES_AT_ONCE, now)
            )
        return [address, strangers]

    def _addressBucket(self, cloak: str, now: float) -> TokenBucket:
        address = self._addresses.get(cloak)
        if address is None:
            address = self._addresses.put(cloak, _bucket(GUESS_SECONDS, self._atOnce, now))
        return address


def _bucket(seconds: float, atOnce: int, now: float) -> TokenBucket:
    return TokenBucket(1 / seconds, atOnce, now)
