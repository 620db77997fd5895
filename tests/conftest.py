"""
Fixtures of all tests.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.examples import THOROUGH
from tests.support.spreading import spread

# Images of containers often ask Python to write no bytecode. Hundreds of servers and clients are
# started here, and each would compile all of tsservices again: a tenth of the whole time.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(THOROUGH, parent=settings.get_profile("tests"))
settings.load_profile("tests")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in an order that suits several processes, in each of these the same."""
    process: dict[str, int] = getattr(config, "workerinput", {})
    if process.get("workercount", 1) > 1:
        items[:] = spread(items, process["workercount"])


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
