"""Fixtures of the tests of the chat's core."""

from __future__ import annotations

import pytest

from tests.support.chat import ChatHarness


@pytest.fixture
def chat() -> ChatHarness:
    return ChatHarness()
