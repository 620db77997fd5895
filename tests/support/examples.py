"""The number of examples of a test: all only with C{--hypothesis-profile=thorough}."""

from __future__ import annotations

import pytest
from hypothesis import settings

#: The profile of hypothesis with all examples.
THOROUGH = "thorough"

#: The part of these examples that the usual run tries.
_PART = 0.125


def thorough() -> bool:
    return settings.get_current_profile_name().startswith(THOROUGH)


def tried(examples: int) -> int:
    return examples if thorough() else max(1, round(examples * _PART))


def onlyThorough() -> pytest.MarkDecorator:
    """@return: the mark of tests that take too long for the usual run."""
    # Not a constant, because all tests import this module before the profile is chosen.
    return pytest.mark.skipif(not thorough(), reason=f"only with --hypothesis-profile={THOROUGH}")
