from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.common.machine import cpuSeconds
from benchmarks.processes import ProcessSample, children, peer, table


def test_table() -> None:
    samples = {
        ("TCP", 1): [ProcessSample(100.0, (1.0,), 4.0), ProcessSample(300.0, (1.0,), 5.0)],
        ("TCP", 2): [ProcessSample(300.0, (1.0, 3.0), 6.0)],
    }
    _, one, two = table(samples).splitlines()
    assert one.split() == ["TCP", "1", "200", "1.00", "4.50", "100%"]
    assert two.split() == ["TCP", "2", "300", "1.50", "6.00", "25%,", "75%"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_children() -> None:
    before = set(children(os.getpid()))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert set(children(os.getpid())) - before == {child.pid}
        assert cpuSeconds(child.pid) >= 0


def test_onlySeveralHaveTheOption(tmp_path: Path) -> None:
    assert "--processes" not in peer(1).command(tmp_path, False)
    assert peer(3).command(tmp_path, False)[-2:] == ["--processes", "3"]
