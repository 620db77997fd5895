"""
Tests for L{benchmarks.stamp}: one short run of the whole.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common.compile import compiler
from benchmarks.stamp.measure import KEY, STAMP_CELLS, STAMP_PEERS
from tests.benchmarks.test_echo import CHECKOUT, SMOKE_LIMIT

needed = pytest.mark.skipif(
    compiler() is None or not sys.platform.startswith("linux"), reason="C compiler and Linux"
)


@needed
def test_wholeRun(tmp_path: Path) -> None:
    """Every reflector answers what it is asked, none wrongly, and the table has a line for each."""
    path = tmp_path / "samples.json"
    cells = [each.name for each in STAMP_CELLS if each.name in ("sealed", "following")]
    # Quick: a sample that somebody else on the cores has spoilt counts too.
    words = ["--quick", "--only", ",".join(cells), "--seconds", "0.05", "--json", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stamp", *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=SMOKE_LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    samples = json.loads(path.read_text())["samples"]
    assert len(samples) == len(cells) * len(STAMP_PEERS)
    assert {(each["load"]["wrong"], each["load"]["packets"] > 0) for each in samples} == {(0, True)}
    assert done.stdout.count("\n| ") == 1 + len(samples)


@needed
def test_refused(tmp_path: Path) -> None:
    """Cells and peers that do not exist are refused in words."""
    for words in (["--only", "none"], ["--peers", "none"]):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.stamp", *words],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=SMOKE_LIMIT,
        )
        assert done.returncode == 2
        assert "'none'" in done.stderr


def test_key() -> None:
    """The key is one that the server takes."""
    assert len(bytes.fromhex(KEY)) == 32
