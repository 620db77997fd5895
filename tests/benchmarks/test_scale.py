"""
Tests for L{benchmarks.scale}: the arithmetic of the model by hand, and one run of each command.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from benchmarks.scale import __main__ as scale
from benchmarks.scale import costs as scalecosts
from benchmarks.scale.model import (
    Load,
    Prices,
    Scenario,
    draw,
    drawnNeeds,
    harmonic,
    heartbeats,
    loadOf,
    nodeOf,
    present,
    roomSizes,
    streamShares,
)

#: Each person is in two rooms, and sends a line in each of them every 20 seconds.
TALK = Scenario("test", pause=10.0, stay=100.0, rooms=2.0, roomLinesLimit=1.0, accounts=0.5)


class TestRooms:
    def test_zipf(self) -> None:
        assert roomSizes(110.0, 3, 1.0, 1000) == [(60, 1), (30, 1), (20, 1)]

    @pytest.mark.parametrize("exponent", [0.7, 1.0, 1.3])
    def test_grouped(self, exponent: float) -> None:
        first = 5000 / harmonic(2000, exponent)
        sizes = [max(1, round(first * rank**-exponent)) for rank in range(1, 2001)]
        grouped = roomSizes(5000.0, 2000, exponent, 5000)
        assert [size for size, count in grouped for _ in range(count)] == sizes


class TestRates:
    def test_heartbeats(self) -> None:
        assert heartbeats(0.0, 4.0) == 0.25
        assert heartbeats(math.log(3), 1.0) == pytest.approx(math.log(3) / 2)
        assert heartbeats(1e6, 3.0) < 1e-9

    def test_present(self) -> None:
        assert present(1, 4) == 0.25
        assert present(2, 4) == pytest.approx(7 / 16)

    def test_load(self) -> None:
        load = loadOf(30, [(40, 1), (10, 2)], TALK)
        assert load.lines == 1.0 + 2 * 0.5
        assert load.deliveries == 1.0 * 39 + 2 * 0.5 * 9
        assert load.joins == pytest.approx(0.6)
        assert load.quits == pytest.approx(0.3)
        # Each of the 40 members notifies 40, and each of the 10 notifies 10: when they enter, and
        # when they leave.
        assert load.presenceDeliveries == pytest.approx(2 * 1800 / 100)
        assert load.sharedMemberships == pytest.approx(60.0)


class TestNode:
    def load(self) -> Load:
        """1000 people with 100 lines a second in rooms of two."""
        return Load(1000, [(2, 1000)], 100.0, 100.0, 2.0, 1.0, 8.0, 4.0)

    def test_cores(self) -> None:
        prices = Prices(apply=20.0, deliver=10.0, join=5.0, joinMember=0.5, quit=3.0, quitMember=1)
        node = nodeOf(self.load(), Scenario("t", 10.0, rooms=2.0), 4, prices)
        assert node.people == 250
        assert node.lineCores == pytest.approx(100 * 20e-6)
        assert node.presenceCores == pytest.approx((2 * 5 + 4 * 0.5 + 1 * 3 + 4 * 1) * 1e-6)
        assert node.deliveries == pytest.approx((100 + 8) / 4)
        assert node.deliveryCores == pytest.approx(27 * 10e-6)
        assert node.neededLines == pytest.approx(7 / 16)
        assert node.neededMemberships == pytest.approx(7 / 16)
        # 250 people, each with 4 members in the same rooms.
        assert node.goneSeconds == pytest.approx(250 * (3 + 4 * 1) * 1e-6)
        assert node.goneBytes == 250 * 4 * 8

    def test_state(self) -> None:
        prices = Prices(sessionBytes=1000, membershipBytes=100, stateBytes=200, stateTime=5)
        node = nodeOf(self.load(), Scenario("t", 10.0, rooms=5.0, accounts=0.6), 4, prices)
        assert node.memory == 1000 * 1500
        assert node.checkpointBytes == 200_000
        assert node.checkpointSeconds == pytest.approx(0.005)
        assert node.checkpointDay == pytest.approx(200_000 * 1440)
        # 150 passwords at three nodes in a minute, 30 ms each.
        assert node.loginCores == pytest.approx(150 / 3 * 0.03 / 60)


class TestPlacing:
    def test_drawn(self) -> None:
        rooms = [(5000, 1), (3, 4000)]
        load = loadOf(17_000, rooms, TALK)
        drawn = draw(rooms, 4, random.Random(7))
        assert drawn == draw(rooms, 4, random.Random(7))
        assert drawn != draw(rooms, 4, random.Random(8))
        node = nodeOf(load, TALK, 4, Prices())
        shares = drawnNeeds(load, TALK, drawn)
        assert len(shares) == 4
        assert sum(shares) / 4 == pytest.approx(node.neededLines, rel=0.01)

    def test_shards(self) -> None:
        load = loadOf(4, [(1, 8)], TALK)
        assert streamShares(load, TALK, 4, 8, 8) == pytest.approx((0.25, 0.25))
        # Two rooms in each: both are elsewhere in 9 of 16 cases.
        assert streamShares(load, TALK, 4, 4, 8) == pytest.approx((7 / 16, 7 / 16))


class TestCommand:
    def test_run(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(scale, "GRID", [1000, 10_000, 100_000])
        options = ["--people", "2000", "--rooms", "200", "--nodes", "2,4"]
        options += ["--json", str(tmp_path / "scale.json")]
        assert scale.main(options) == 0
        printed = capsys.readouterr().out
        assert scale.main(options) == 0
        assert capsys.readouterr().out == printed
        assert "first limit" in printed
        written = json.loads((tmp_path / "scale.json").read_text())
        assert [node["people"] for node in written["load"][0]["nodes"]] == [1000, 500]
        assert len(written["limits"]) == len(scale.SCENARIOS) * 2

    def test_costs(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        smallNumbers = {"PEOPLE": 2000, "ROOMS": 100, "LARGE": 500, "ALONE": 10, "TOGETHER": 500}
        for name, value in smallNumbers.items():
            monkeypatch.setattr(scalecosts, name, value)
        assert scalecosts.main(["--json"]) == 0
        costs = json.loads(capsys.readouterr().out)
        assert 100 < costs["stateBytes"] < 1000
        assert 50 < costs["fileBytes"] < 2000
        assert costs["storeMicroseconds"] > 0
        assert costs["joinMicroseconds"] > 0
