"""
Results of the posts of programs: a program that got no answer sends the same request again, and
gets the first answer.

They are part of the state, because all nodes must give the same answer: the second request may
arrive at another node, or after a restart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from tsservices.chat.records import PostReceipt
from tsservices.common.timestamps import NANOSECONDS

#: How long a receipt is kept, in nanoseconds: programs retry for minutes, people the next day.
RECEIPT_TIME = 24 * 3600 * NANOSECONDS

#: Maximum number of receipts of one account, the newest: some hundred bytes each. At the default
#: limit of lines it takes a quarter of an hour to reach this.
RECEIPTS_PER_ACCOUNT = 10_000

#: Maximum number of receipts of all accounts, the newest.
RECEIPTS_ALL = 50_000


class PostReceipts:
    """The stored receipts, the oldest first."""

    def __init__(self, perAccount: int = RECEIPTS_PER_ACCOUNT, inAll: int = RECEIPTS_ALL) -> None:
        self._perAccount = perAccount
        self._inAll = inAll
        # Both are OrderedDicts: to find the first entry of a plain dict, all places of deleted
        # entries before it are passed.
        self._receipts: OrderedDict[tuple[str, str], PostReceipt] = OrderedDict()
        self._byAccount: dict[str, OrderedDict[str, PostReceipt]] = {}

    def __iter__(self) -> Iterator[PostReceipt]:
        return iter(self._receipts.values())

    def __len__(self) -> int:
        return len(self._receipts)

    def get(self, account: str, requestKey: str, now: int) -> PostReceipt | None:
        """
        The receipt of a request, if it is not too old.

        @param now: nanoseconds since 1970, UTC.
        """
        receipt = self._receipts.get((account, requestKey))
        return None if receipt is None or _isOld(receipt, now) else receipt

    def add(self, receipt: PostReceipt) -> None:
        """Add a receipt; it replaces the one with its key."""
        self._remove(receipt.account, receipt.requestKey)
        self._receipts[receipt.account, receipt.requestKey] = receipt
        self._byAccount.setdefault(receipt.account, OrderedDict())[receipt.requestKey] = receipt

    def expire(self, account: str, now: int) -> list[PostReceipt]:
        """
        Drop expired receipts, and those above the limits, after one of this account was added.

        @param now: nanoseconds since 1970, UTC.
        @return: the dropped receipts.
        """
        dropped: list[PostReceipt] = []
        own: OrderedDict[str, PostReceipt] = self._byAccount.get(account, OrderedDict())
        # An account with more than its share drops its own receipts; otherwise a few that post
        # without end would displace those of all others.
        isGreedy = len(self._receipts) > self._inAll < len(own) * len(self._byAccount)
        if len(own) > self._perAccount or isGreedy:
            self._drop(next(iter(own.values())), dropped)
        while self._receipts:
            oldest = next(iter(self._receipts.values()))
            if len(self._receipts) <= self._inAll and not _isOld(oldest, now):
                break
            self._drop(oldest, dropped)
        return dropped

    def _drop(self, receipt: PostReceipt, dropped: list[PostReceipt]) -> None:
        self._remove(receipt.account, receipt.requestKey)
        dropped.append(receipt)

    def dropAccount(self, account: str) -> list[PostReceipt]:
        """Drop all receipts of an account; returns them."""
        dropped = list(self._byAccount.get(account, {}).values())
        for receipt in dropped:
            self._remove(account, receipt.requestKey)
        return dropped

    def _remove(self, account: str, requestKey: str) -> None:
        if self._receipts.pop((account, requestKey), None) is None:
            return
        own = self._byAccount[account]
        del own[requestKey]
        if not own:
            del self._byAccount[account]


def _isOld(receipt: PostReceipt, now: int) -> bool:
    # Also one from a clock that was ahead: it would be kept for as long as the clock was ahead.
    return not -RECEIPT_TIME < now - receipt.kept < RECEIPT_TIME
