"""The oracle of accounts, on its own."""

from __future__ import annotations

import pytest

from tests.live.crash.rules.actions import Action
from tests.model.order import Sample, ask, notice


def test_refusedNotDone() -> None:
    sample = Sample()
    ask(sample.logs["cleo"], Action("passwd", target="cleo-1", text="cleo-3"), notice("password"))
    oracle, _ = sample.check()
    account = oracle.accounts.expected["cleo"]
    assert (account.passwords, account.wrongPassword) == (["cleo-3"], "cleo-2")


@pytest.mark.parametrize(
    ("settled", "shown", "counts"), [(True, True, {0}), (False, True, {0, 1}), (False, False, {1})]
)
def test_inbox(settled: bool, shown: bool, counts: set[int]) -> None:
    sample = Sample()
    if shown:
        letters = {"type": "inbox", "letters": [{"id": "log-9-w1"}]}
        ask(sample.logs["cleo"], Action("inbox"), letters, settled=settled)
    for count in (0, 1, 2):
        again = Sample()
        again.logs = sample.logs
        again.tables.unread["cleo"] = count
        _, violations = again.check()
        assert (violations == []) is (count in counts), (count, violations)
