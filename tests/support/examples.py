"""How many examples a test tries: all only with C{--hypothesis-profile=thorough}."""

from __future__ import annotations

from hypothesis import settings

#: The profile of hypothesis with which all is tried.
THOROUGH = "thorough"

#: In the usual run each test tries this part of what it tries in a thorough one.
_PART = 0.4


def tried(thorough: int) -> int:
    everything = settings.get_current_profile_name().startswith(THOROUGH)
    return thorough if everything else round(thorough * _PART)
