"""Fixtures of all tests."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from tests.support import temporary
from tests.support.examples import THOROUGH
from tests.support.spreading import spread

# Images of containers often ask Python to write no bytecode. Hundreds of servers and clients are
# started here, and each would compile all of tsservices again: a tenth of the whole time.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

temporary.useMemory()

# pytest asks for the version of Twisted before each test, and reads its metadata from the disk each
# time: a twentieth of the time of the tests without processes.
importlib.metadata.version = cache(importlib.metadata.version)

# How long an example takes says more of what else the machine does than of the code.  CI judges a
# change by the same examples each time; a run by hand draws new ones.
settings.register_profile(
    "tests",
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.register_profile(THOROUGH, parent=settings.get_profile("tests"), max_examples=100)
settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """
    Leave what is collected out of the collections of garbage, now and during the tests: thousands
    of tests live until the end. A third of the time of collecting went there.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


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
