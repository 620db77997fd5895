"""What people and programs read is written as it was."""

from __future__ import annotations

import pytest

from tests.compatibility import current
from tests.compatibility.files import read


@pytest.mark.parametrize("form", ["json", "text", "text of one room"])
def test_bytesOfNotifications(form: str) -> None:
    assert current.notifications()[form] == read("notifications.json")[form]
