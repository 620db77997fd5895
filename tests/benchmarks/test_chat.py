"""
Tests for L{benchmarks.chat}: choices, samples, tables, and one short run of the command.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

import benchmarks
from benchmarks.chat.cells import CHAT_CELLS, FILL
from benchmarks.chat.figures import chatRows, deliveriesPerSecond
from benchmarks.chat.ircd import accepting, inspircd, ngircd, program
from benchmarks.chat.measure import ChatReport
from benchmarks.chat.peers import CHAT_PEERS
from benchmarks.chat.report import details, remarks, summary
from benchmarks.common.cells import matchingCells
from benchmarks.common.compile import compiler
from benchmarks.common.figures import pairedRatio
from benchmarks.common.generators import LoadError
from benchmarks.common.run import Outcome, Unable, measureAll
from benchmarks.common.samples import leastDisturbed
from benchmarks.common.servers import available, namedPeers
from benchmarks.common.tables import document
from tests.support.benchmarks import CHAT_REPORT, chatted

CHECKOUT = Path(benchmarks.__file__).resolve().parent.parent
# Seconds; a smoke test takes about three.
SMOKE_LIMIT = 60


class ChoiceTests(SynchronousTestCase):
    def test_cells(self) -> None:
        """Names are unique; names, beginnings and patterns choose; an unknown one is an error."""
        assert len({cell.name for cell in CHAT_CELLS}) == len(CHAT_CELLS)
        assert matchingCells(CHAT_CELLS, [], False) == list(CHAT_CELLS)
        assert {cell.members for cell in matchingCells(CHAT_CELLS, ["1000m"], False)} == {1000}
        assert len(matchingCells(CHAT_CELLS, ["stalled"], True)) == 4
        with pytest.raises(ValueError, match="2000m"):
            matchingCells(CHAT_CELLS, ["2000m"], False)

    def test_stalled(self) -> None:
        """One of twenty is stalled in some cells, and is filled before the measured time."""
        for cell in CHAT_CELLS:
            assert cell.stalled in (0, cell.members // 20)
            assert cell.fill == (FILL if cell.stalled else 0)
            assert ("never read" in cell.title) == bool(cell.stalled)

    def test_quick(self) -> None:
        """A short run has a closed loop, one with stalled members, and the open loop."""
        cells = matchingCells(CHAT_CELLS, [], True)
        assert max(cell.members for cell in cells) == 200
        assert any(cell.stalled for cell in cells)
        assert any(cell.rate for cell in cells)

    def test_missing(self) -> None:
        """A peer that cannot run is left out, with a line that says so."""
        skipped: list[str] = []
        peers = [replace(peer, missing=lambda: "gone") for peer in CHAT_PEERS[:1]]
        loop = replace(CHAT_PEERS[-1], missing=lambda: None)
        assert available([*peers, loop], skipped) == [loop]
        assert skipped == ["tsservices: gone"]
        assert [peer.name for peer in namedPeers(CHAT_PEERS, ["fanout"])] == ["fanout"]
        with pytest.raises(ValueError, match="erlang"):
            namedPeers(CHAT_PEERS, ["erlang"])


class IrcServerTests(SynchronousTestCase):
    def test_configuration(self) -> None:
        """Each configuration has the port on which the server is awaited."""
        for command in (inspircd, ngircd):
            with tempfile.TemporaryDirectory() as folder:
                state = Path(folder)
                words = command(state, False)
                port = (state / "port").read_text()
                assert port in (state / "ircd.conf").read_text()
                assert str(state / "ircd.conf") in words

    def test_accepting(self) -> None:
        """A server listens when its port accepts a connection, not before."""
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
        """A report without a complete window is an error."""
        CHAT_REPORT.check()
        with pytest.raises(LoadError, match="longer"):
            replace(CHAT_REPORT, windows=0).check()

    def test_serverCpu(self) -> None:
        """CPU is in microseconds for one delivery."""
        assert CHAT_REPORT.serverCpu == pytest.approx(1.5)
        assert CHAT_REPORT.serverBusy == pytest.approx(0.75)
        assert replace(CHAT_REPORT, serverCpuSeconds=None).serverCpu is None

    def test_leastDisturbed(self) -> None:
        """A disturbed sample is repeated as often as allowed; the least disturbed one counts."""
        waits = [0.5, 0.2, 0.4, 0.0]
        taken = iter(
            [replace(chatted("c", 0, 1), load=replace(CHAT_REPORT, waited=wait)) for wait in waits]
        )
        assert leastDisturbed(lambda: next(taken), 2).waited == 0.2
        assert leastDisturbed(lambda: next(taken), 2).waited == 0.0

    def test_unable(self) -> None:
        """A peer and a cell that it cannot do are known before it starts."""
        unable = {
            (peer.name, cell.name)
            for peer in CHAT_PEERS
            for cell in CHAT_CELLS
            if peer.unable(cell) is not None
        }
        assert unable == {("ngircd", f"stalled-{members}m-20w-8s") for members in (200, 1000)}

    def test_order(self) -> None:
        """Each peer is once in each round, and the first of one round is the last of the next."""
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
        """There is a row for each cell and peer with a sample; ratios are taken inside a round."""
        assert [row.peer for row in self.rows] == [
            *("memory", "sqlite", "fanout"),
            *("memory", "sqlite", "ngircd", "fanout"),
        ]
        ours, variant, floor = self.rows[:3]
        assert ours.deliveriesPerSecond == 600_000
        assert variant.thisToOurs == pytest.approx(0.75)
        assert floor.oursToThis == pytest.approx(0.8)
        assert floor.cpuOursToThis == pytest.approx(1.0)

    def test_withoutOurs(self) -> None:
        """Without our server there is no ratio, and the table stands."""
        samples = [sample for sample in self.samples if sample.peer == "fanout"]
        rows = chatRows(samples, CHAT_CELLS, CHAT_PEERS)
        assert rows[0].oursToThis is None
        assert pairedRatio(samples, [], deliveriesPerSecond) is None
        assert len(summary(rows, CHAT_CELLS, CHAT_PEERS).splitlines()) == 3

    def test_remarks(self) -> None:
        """A busy generator, a core that others used and disconnected members are remarks."""
        known = {cell.name: cell for cell in CHAT_CELLS}
        row = self.rows[5]
        assert remarks(row, known[row.cell]) == [
            "generator busy",
            "core shared",
            "cut off 10 of 10",
        ]
        assert remarks(self.rows[0], known[self.rows[0].cell]) == []

    def test_summary(self) -> None:
        """A line for each measured cell, with the ratios, and the peers of each remark."""
        heading, first, second = summary(self.rows, CHAT_CELLS, CHAT_PEERS).splitlines()
        assert "memory:fanout" in heading
        assert "sqlite:memory" in heading
        assert first.split("sender")[1].split()[1:5] == ["600,000", "-", "-", "0.80"]
        assert "cut off 10 of 10: ngircd" in second

    def test_details(self) -> None:
        """A line for each row."""
        lines = details(self.rows, CHAT_CELLS, CHAT_PEERS).splitlines()
        assert len(lines) == 1 + len(self.rows)
        assert "500,000" not in lines[1]
        assert "1.50" in lines[1]

    def test_document(self) -> None:
        """The JSON has every sample with the whole report of the generator."""
        written = json.loads(json.dumps(document(self.samples, self.rows, {"cores": 2})))
        assert len(written["samples"]) == len(self.samples)
        assert ChatReport(**written["samples"][0]["load"]) == self.samples[0].load


@pytest.mark.skipif(compiler() is None, reason="no C compiler")
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
        """
        The closed loop, stalled members and the open loop work against the C loop; a line that does
        not come once and in order makes the run fail.
        """
        cells = ["20m-20w-8s", "stalled-200m-1w-1s", "open-200m"]
        samples = self.measured("--peers", "fanout", "--only", ",".join(cells))
        assert [str(sample["cell"]) for sample in samples] == cells
        assert all(sample["load"]["windows"] > 0 for sample in samples)
        assert all(sample["load"]["cutOff"] == 0 for sample in samples)
        # 100 lines/s for 0.8 s, to 199 members.
        assert 12_000 < samples[2]["load"]["deliveries"] < 20_000

    def test_irc(self) -> None:
        """The IRC protocol works against an IRC server."""
        if program("inspircd") is None:
            self.skipTest("no InspIRCd")
        (sample,) = self.measured("--peers", "inspircd", "--only", "20m-20w-8s")
        assert sample["load"]["deliveries"] > 0

    def test_withoutCompiler(self) -> None:
        """Without a compiler the command says so and measures nothing."""
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.chat", "--quick"],
                cwd=CHECKOUT,
                env={**os.environ, "PATH": empty, "CC": ""},
                timeout=SMOKE_LIMIT,
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 2
        assert "no C compiler" in done.stderr
