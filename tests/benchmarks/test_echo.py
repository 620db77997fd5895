"""Tests for L{benchmarks.echo}: percentiles, reports, choices, and one short run of the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from twisted.trial.unittest import SynchronousTestCase

import benchmarks
from benchmarks.common.generators import LoadError
from benchmarks.common.histogram import Histogram, bucketOf, middleOf, nearestRank
from benchmarks.common.pinning import Cores, chooseCores
from benchmarks.common.run import Unable
from benchmarks.common.servers import Peer, ServerError
from benchmarks.echo import measure
from benchmarks.echo.cells import CELLS, chosenCells
from benchmarks.echo.measure import encrypting, readLateness
from benchmarks.echo.peers import PEERS, TLS_PEERS
from tests.support.benchmarks import REPORT
from tests.support.examples import onlyThorough

CHECKOUT = Path(benchmarks.__file__).resolve().parent.parent
# Seconds; the smoke test takes about two.
SMOKE_LIMIT = 60


class HistogramTests(SynchronousTestCase):
    def test_buckets(self) -> None:
        assert [bucketOf(value) for value in range(300)] == sorted(
            bucketOf(value) for value in range(300)
        )
        assert {bucketOf(value) for value in range(512)} == set(range(384))
        randomness = Random(1)
        for _ in range(2000):
            value = int(10 ** randomness.uniform(0, 12))
            assert abs(middleOf(bucketOf(value)) - value) <= 0.004 * value + 0.5

    def test_percentiles(self) -> None:
        histogram = Histogram()
        for microseconds in range(1, 10_001):
            histogram.add(microseconds * 1000)
        assert histogram.at(0.5) == pytest.approx(5_000_000, rel=0.004)
        assert histogram.at(0.99) == pytest.approx(9_900_000, rel=0.004)
        assert histogram.at(1.0) == pytest.approx(10_000_000, rel=0.004)
        assert histogram.maximum == 10_000_000
        assert Histogram().at(0.5) == 0

    def test_nearestRank(self) -> None:
        values = [float(value) for value in range(100, 0, -1)]
        assert nearestRank(values, 0.5) == 50
        assert nearestRank(values, 0.99) == 99
        assert nearestRank(values, 1.0) == 100
        assert nearestRank([7.0], 0.01) == 7
        with pytest.raises(ValueError, match="nothing"):
            nearestRank([], 0.5)


class ReportTests(SynchronousTestCase):
    def test_check(self) -> None:
        REPORT.check()
        replace(REPORT, firstReply="[Fri Nov  6 12:10:00 2026] ").check()
        for changed in (
            replace(REPORT, requests=0),
            replace(REPORT, wrong=1),
            replace(REPORT, closed=1),
            replace(REPORT, firstReply="[2026-11-20T12:10:00.0000] "),
            replace(REPORT, firstReply=""),
        ):
            with pytest.raises(LoadError):
                changed.check()

    def emptyFolder(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def test_lateness(self) -> None:
        path = self.emptyFolder() / "lateness.json"
        ticks = [(9.0, 0.5), (10.5, 0.001), (11.0, 0.003), (12.5, 1.0), (13.0, 0.0)]
        path.write_text(json.dumps(ticks))
        late = readLateness(path, REPORT)
        assert (late.ticks, late.p50, late.p99, late.maximum) == (3, 3.0, 1000.0, 1000.0)

    def test_noLateness(self) -> None:
        path = self.emptyFolder() / "lateness.json"
        with pytest.raises(ServerError, match="no record"):
            readLateness(path, REPORT)
        path.write_text("[[1.0, 0.0]]")
        with pytest.raises(ServerError, match="did not run"):
            readLateness(path, REPORT)


class ChoiceTests(SynchronousTestCase):
    def test_cells(self) -> None:
        assert len({cell.name for cell in CELLS}) == len(CELLS)
        assert chosenCells([], False) == list(CELLS)
        assert [cell.transport for cell in chosenCells(["udp"], False)] == ["udp"] * 4
        assert len(chosenCells(["*4096b"], True)) == 8
        with pytest.raises(ValueError, match="sctp"):
            chosenCells(["sctp"], False)

    def test_tls(self) -> None:
        plain, encrypted = ({peer.name for peer in peers} for peers in (PEERS, TLS_PEERS.values()))
        assert encrypted < plain
        assert {"tsservices", "uvloop", "aiofastnet", "twisted"} <= encrypted
        assert encrypting(Peer("twisted", "", lambda: "", _none)) is TLS_PEERS["twisted"]
        with pytest.raises(Unable, match="no TLS"):
            encrypting(Peer("c", "", lambda: None, _none))
        lacking = Peer("x", "", lambda: "no module x", _none)
        self.patch(measure, "TLS_PEERS", {"x": lacking})
        with pytest.raises(Unable, match="no module x"):
            encrypting(lacking)

    def test_cores(self) -> None:
        assert chooseCores({0}, {}) is None
        assert chooseCores({0, 1}, {}) == Cores(server=1, generator=0)
        assert chooseCores({2, 3}, {3: {2, 3}}) == Cores(server=3, generator=2)
        pairs = {0: {0, 3}, 1: {1, 4}, 3: {0, 3}, 4: {1, 4}}
        assert chooseCores({1, 3, 4}, pairs) == Cores(server=4, generator=3)


def _none(state: Path, flag: bool) -> list[str]:
    return []


@onlyThorough()
class SmokeTests(SynchronousTestCase):
    """The command itself, over loopback, against asyncio."""

    def measured(self, *extra: str, **environment: str) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "samples.json"
            options = ["--quick", "--seconds", "0.2", "--peers", "asyncio", "--json", str(written)]
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.echo", *options, *extra],
                cwd=CHECKOUT,
                env={**os.environ, **environment},
                timeout=SMOKE_LIMIT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            document: dict[str, object] = json.loads(written.read_text())
        return document

    def test_quick(self) -> None:
        document = self.measured("--only", "tcp-64c-64b,tls-64c-64b,udp-64f-64b")
        samples = document["samples"]
        assert isinstance(samples, list)
        # Where OpenSSL's headers are missing, the cell with TLS is left out.
        found = [sample["cell"] for sample in samples]
        assert [cell for cell in found if cell != "tls-64c-64b"] == ["tcp-64c-64b", "udp-64f-64b"]
        about = document["about"]
        assert isinstance(about, dict)
        assert ("tls-64c-64b" in found) or any("TLS" in line for line in about["skipped"])
        assert all(sample["load"]["requests"] > 0 for sample in samples)

    def test_withoutCompiler(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            document = self.measured("--only", "pipelined-64c-64b,udp-1f-64b", PATH=empty, CC="")
        about = document["about"]
        assert isinstance(about, dict)
        assert about["generator"] == "Python"
        samples = document["samples"]
        assert isinstance(samples, list)
        assert len(samples) == 2
