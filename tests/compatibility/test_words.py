"""
What people and programs read, and what they can ask for, is written as it was.
"""

from __future__ import annotations

import pytest

from tests.compatibility import current
from tests.compatibility.files import read
from tests.compatibility.programs import CALLS, call, unbroken


@pytest.mark.parametrize("form", ["json", "text", "text of one room"])
def test_notifications(form: str) -> None:
    """Everything that can be told is told in the same bytes."""
    assert current.notifications()[form] == read("notifications.json")[form]


def test_errors() -> None:
    """Codes and words of refusals."""
    assert current.errors() == read("errors.json")


def test_options() -> None:
    """Options, keys, bounds and defaults."""
    assert current.options() == read("options.json")


@pytest.mark.parametrize("name", CALLS)
def test_programs(name: str) -> None:
    """What the programs say, and their exit statuses."""
    assert unbroken(call(CALLS[name])) == unbroken("\n".join(read("programs.json")[name]))
