"""Tests for L{benchmarks.chat}: choices, samples, tables, and one short run of the command."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

import benchmarks
from benchmarks.chat.cells import CHAT_CELLS
from benchmarks.chat.figures import chatRows
from benchmarks.chat.ircd import accepting
from benchmarks.chat.peers import CHAT_PEERS
from benchmarks.chat.report import remarks, summary
from benchmarks.common.cells import matchingCells
from benchmarks.common.compile import compiler
from benchmarks.common.generators import LoadError
from benchmarks.common.run import Outcome, Unable, measureAll
from benchmarks.common.samples import leastDisturbed
from benchmarks.common.servers import available, namedPeers
from tests.support.benchmarks import CHAT_REPORT, chatted
from tests.support.examples import onlyThorough

CHECKOUT = Path(benchmarks.__file__).resolve().parent.parent
# Seconds; a smoke test takes about three.
SMOKE_LIMIT = 60


class ChoiceTests(SynchronousTestCase):
    def test_cells(self) -> None:
        assert len({cell.name for cell in CHAT_CELLS}) == len(CHAT_CELLS)
        assert matchingCells(CHAT_CELLS, [], False) == list(CHAT_CELLS)
        assert {cell.members for cell in matchingCells(CHAT_CELLS, ["1000m"], False)} == {1000}
        assert len(matchingCells(CHAT_CELLS, ["stalled"], True)) == 4
        with pytest.raises(ValueError, match="3000m"):
            matchingCells(CHAT_CELLS, ["3000m"], False)

    def test_missing(self) -> None:
        skipped: list[str] = []
        peers = [replace(peer, missing=lambda: "gone") for peer in CHAT_PEERS[:1]]
        loop = replace(CHAT_PEERS[-1], missing=lambda: None)
        assert available([*peers, loop], skipped) == [loop]
        assert skipped == ["tsservices: gone"]
        assert [peer.name for peer in namedPeers(CHAT_PEERS, ["fanout"])] == ["fanout"]
        with pytest.raises(ValueError, match="erlang"):
            namedPeers(CHAT_PEERS, ["erlang"])


class IrcServerTests(SynchronousTestCase):
    def test_accepting(self) -> None:
        with tempfile.TemporaryDirectory() as folder, socket.socket() as listening:
            state = Path(folder)
            assert accepting(state) is None
            listening.bind(("127.0.0.1", 0))
            port = listening.getsockname()[1]
            (state / "port").write_text(str(port))
            assert accepting(state) is None
            listening.listen()
            assert accepting(state) == {"tcp": port}


class SampleTests(SynchronousTestCase):
    def test_check(self) -> None:
        CHAT_REPORT.check()
        with pytest.raises(LoadError, match="longer"):
            replace(CHAT_REPORT, windows=0).check()

    def test_leastDisturbed(self) -> None:
        waits = [0.5, 0.2, 0.4, 0.0]
        taken = iter(
            [replace(chatted("c", 0, 1), load=replace(CHAT_REPORT, waited=wait)) for wait in waits]
        )
        assert leastDisturbed(lambda: next(taken), 2).waited == 0.2
        assert leastDisturbed(lambda: next(taken), 2).waited == 0.0

    def test_unable(self) -> None:
        unable = {
            (peer.name, cell.name)
            for peer in CHAT_PEERS
            for cell in CHAT_CELLS
            if peer.unable(cell) is not None
        }
        stalled = {("ngircd", f"stalled-{members}m-20w-8s") for members in (200, 1000)}
        assert unable == {*stalled, ("ngircd", "join-1000m-once")}

    def test_order(self) -> None:
        order: list[str] = []

        class Bench:
            def sample(self, cell: object, peer: object, turn: int) -> object:
                if peer is CHAT_PEERS[3]:
                    raise Unable("it is asleep")
                raise LoadError(f"{getattr(peer, 'name', '')} {turn}")

        outcome: Outcome[object] = Outcome()  # type: ignore[type-var]
        measureAll(Bench(), CHAT_CELLS[:1], CHAT_PEERS[:4], 2, outcome, order.append)  # type: ignore[type-var]
        assert [line.rpartition(": ")[2] for line in order] == [
            "memory 0",
            "sqlite 0",
            "inspircd 0",
            "sqlite 1",
            "inspircd 1",
            "memory 1",
        ]
        assert outcome.failures == [line.replace("FAILED: ", "") for line in order]
        assert outcome.remarks[0] == "left out: ngircd in 20m-1w-1s: it is asleep"
        assert outcome.remarks[1].startswith("failed: 20m-1w-1s round 1/2 memory")


class FigureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.samples = []
        for cell in ("200m-20w-8s", "stalled-200m-1w-1s"):
            for turn, speed in enumerate((1.0, 0.5)):
                for peer, rate in (("memory", 800_000), ("sqlite", 600_000), ("fanout", 1_000_000)):
                    self.samples.append(chatted(peer, turn, rate * speed, cell))
        cut = chatted("ngircd", 0, 400_000, "stalled-200m-1w-1s")
        load = replace(cut.load, cutOff=10, utilisation=0.8, waited=0.12)
        self.samples.append(replace(cut, load=load))
        self.rows = chatRows(self.samples, CHAT_CELLS, CHAT_PEERS)

    def test_rows(self) -> None:
        assert [row.peer for row in self.rows] == [
            *("memory", "sqlite", "fanout"),
            *("memory", "sqlite", "ngircd", "fanout"),
        ]
        ours, variant, floor = self.rows[:3]
        assert ours.deliveriesPerSecond == 600_000
        assert variant.thisToOurs == pytest.approx(0.75)
        assert floor.oursToThis == pytest.approx(0.8)
        assert floor.cpuOursToThis == pytest.approx(1.0)

    def test_remarks(self) -> None:
        known = {cell.name: cell for cell in CHAT_CELLS}
        row = self.rows[5]
        assert remarks(row, known[row.cell]) == [
            "generator busy",
            "core shared",
            "cut off 10 of 10",
        ]
        assert remarks(self.rows[0], known[self.rows[0].cell]) == []

    def test_summary(self) -> None:
        heading, first, second = summary(self.rows, CHAT_CELLS, CHAT_PEERS).splitlines()
        assert "memory:fanout" in heading
        assert "sqlite:memory" in heading
        assert first.split("sender")[1].split()[1:7] == ["600,000", "-", "-", "-", "-", "0.80"]
        assert "cut off 10 of 10: ngircd" in second


@pytest.mark.skipif(compiler() is None, reason="no C compiler")
@onlyThorough()
class SmokeTests(SynchronousTestCase):
    """The command itself, over loopback."""

    def measured(self, *options: str) -> list[dict[str, dict[str, float]]]:
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "samples.json"
            arguments = ["--quick", "--seconds", "0.2", "--json", str(written), *options]
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.chat", *arguments],
                cwd=CHECKOUT,
                timeout=SMOKE_LIMIT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            samples: list[dict[str, dict[str, float]]] = json.loads(written.read_text())["samples"]
        return samples

    def test_loop(self) -> None:
        cells = ["20m-20w-8s", "stalled-200m-1w-1s", "open-200m"]
        samples = self.measured("--peers", "fanout", "--only", ",".join(cells))
        assert [str(sample["cell"]) for sample in samples] == cells
        assert all(sample["load"]["windows"] > 0 for sample in samples)
        assert all(sample["load"]["cutOff"] == 0 for sample in samples)
        # 100 lines/s for 0.8 s, to 199 members.
        assert 12_000 < samples[2]["load"]["deliveries"] < 20_000
