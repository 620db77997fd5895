"""Tests for L{benchmarks.stamp}."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common.compile import compiler
from benchmarks.stamp.measure import KEY, STAMP_CELLS, STAMP_PEERS
from tests.benchmarks.test_echo import CHECKOUT, SMOKE_LIMIT
from tests.support.examples import onlyThorough

#: Whole runs until a sample that is still missing is taken for a fault.
RUNS = 3

needed = pytest.mark.skipif(
    compiler() is None or not sys.platform.startswith("linux"), reason="C compiler and Linux"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.stamp", *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=SMOKE_LIMIT,
    )


@needed
@onlyThorough()
def test_wholeRun(tmp_path: Path) -> None:
    """
    Each reflector answers in each cell, in one of a few runs: on a busy machine a sample of 0.2 s
    may fail, and then the run says so.
    """
    path = tmp_path / "samples.json"
    cells = [cell.name for cell in STAMP_CELLS if cell.name == "following"]
    missing = {(cell, peer.name) for cell in cells for peer in STAMP_PEERS}
    quick = ("--quick", "--only", ",".join(cells), "--seconds", "0.2", "--json", str(path))
    for _ in range(RUNS):
        done = run(*quick)
        document = json.loads(path.read_text())
        samples, failures = document["samples"], document["failures"]
        assert done.returncode == (1 if failures else 0), done.stdout + done.stderr
        assert len(samples) + len(failures) == len(cells) * len(STAMP_PEERS)
        assert done.stdout.count("\n| ") == 1 + len(samples)
        for sample in samples:
            assert sample["load"]["wrong"] == 0
            assert sample["load"]["packets"] > 0
        missing -= {(sample["cell"], sample["peer"]) for sample in samples}
        if not missing:
            break
    assert not missing, failures


@needed
def test_unknownCell() -> None:
    done = run("--only", "none")
    assert done.returncode == 2
    assert "'none'" in done.stderr


def test_key() -> None:
    assert len(bytes.fromhex(KEY)) == 32
