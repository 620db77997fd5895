"""docs/architecture.md: the packages and the calls that it shows are those of the code."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from functools import reduce
from pathlib import Path

import pytest

import tsservices
from tsservices.transport.epoll.set import available

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

#: The trees of calls, each with its heading.
TREES = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CALLS = sorted(set(re.findall(r"^ *([\w.]+):([\w.]+)", "".join(TREES), re.MULTILINE)))


def test_everyPackage() -> None:
    packages = {path.parent.name for path in Path(tsservices.__file__).parent.glob("*/__init__.py")}
    assert packages <= set(re.findall(r"`tsservices/(\w+)`", PAGE))


@pytest.mark.parametrize(("module", "name"), CALLS)
def test_callExists(module: str, name: str) -> None:
    reduce(getattr, name.split("."), importlib.import_module(f"tsservices.{module}"))


@pytest.mark.skipif(not available(), reason="this platform has no epoll")
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="it shows the calls of Python 3.11")
def test_trees() -> None:
    """The page shows what the command prints."""
    command = [sys.executable, "-m", "benchmarks.path"]
    printed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    ).stdout
    for tree in TREES:
        assert tree in printed
