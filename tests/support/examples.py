"""How many examples a test tries: all only with C{--hypothesis-profile=thorough}."""

from __future__ import annotations

import pytest
from hypothesis import settings

#: The profile of hypothesis with which all is tried.
THOROUGH = "thorough"

#: In the usual run each test tries this part of what it tries in a thorough one.
_PART = 0.125


def thorough() -> bool:
    return settings.get_current_profile_name().startswith(THOROUGH)


def tried(examples: int) -> int:
    return examples if thorough() else max(1, round(examples * _PART))


def onlyThorough() -> pytest.MarkDecorator:
    """@return: the mark of tests that the usual run has no time for."""
    # No constant: the fixtures of all tests import this before the profile is chosen.
    return pytest.mark.skipif(not thorough(), reason=f"only with --hypothesis-profile={THOROUGH}")
