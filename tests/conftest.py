"""
Fixtures of all tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def folderOfItsOwn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    Let each test leave its files in a folder that goes with it; trial's C{mktemp}
    makes them where the tests run.  Its path is short enough for UNIX sockets.
    """
    with tempfile.TemporaryDirectory(prefix="ts-") as folder:
        monkeypatch.chdir(folder)
        yield
        monkeypatch.undo()
