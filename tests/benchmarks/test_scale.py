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
    crossing,
    draw,
    drawnNeeds,
    harmonic,
    heartbeats,
    loadOf,
    nodeOf,
    present,
    roomLines,
    roomSizes,
    streamShares,
)

#: Each person is in two rooms, and sends a line in each of them every 20 seconds.
TALK = Scenario("test", pause=10.0, stay=100.0, rooms=2.0, roomLinesLimit=1.0, accounts=0.5)


class TestRooms:
    def test_zipf(self) -> None:
        """
        The first room has twice the members of the second, and three times those of the third.
        """
        assert roomSizes(110.0, 3, 1.0, 1000) == [(60, 1), (30, 1), (20, 1)]

    def test_even(self) -> None:
        """With an exponent of 0 all rooms have the same size."""
        assert roomSizes(50.0, 10, 0.0, 1000) == [(5, 10)]

    def test_bounds(self) -> None:
        """No room has more members than there are people, and none is empty."""
        assert roomSizes(110.0, 3, 1.0, 40) == [(40, 1), (30, 1), (20, 1)]
        assert roomSizes(3.0, 5, 2.0, 1000) == [(2, 1), (1, 4)]

    @pytest.mark.parametrize("exponent", [0.7, 1.0, 1.3])
    def test_grouped(self, exponent: float) -> None:
        """The rooms of one size are as many as if each size was computed alone."""
        first = 5000 / harmonic(2000, exponent)
        sizes = [max(1, round(first * rank**-exponent)) for rank in range(1, 2001)]
        grouped = roomSizes(5000.0, 2000, exponent, 5000)
        assert [size for size, count in grouped for _ in range(count)] == sizes

    @pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.5])
    def test_harmonic(self, exponent: float) -> None:
        """The sum by the integral is the same as the exact one."""
        exact = math.fsum(rank**-exponent for rank in range(1, 50_001))
        assert harmonic(50_000, exponent) == pytest.approx(exact, rel=1e-9)


class TestRates:
    def test_heartbeats(self) -> None:
        """A silent node has one for each period; between random lines fewer gaps are so long."""
        assert heartbeats(0.0, 4.0) == 0.25
        assert heartbeats(math.log(3), 1.0) == pytest.approx(math.log(3) / 2)
        assert heartbeats(1e6, 3.0) < 1e-9

    def test_present(self) -> None:
        """One member is on one of four nodes; two members are both on others in 9 of 16 cases."""
        assert present(1, 4) == 0.25
        assert present(2, 4) == pytest.approx(7 / 16)

    def test_roomLines(self) -> None:
        """A room of ten has a line every two seconds; a large one has the highest rate."""
        assert roomLines(10, TALK) == 0.5
        assert roomLines(500, TALK) == 1.0

    def test_load(self) -> None:
        """30 people are in two rooms each: one room of 40 and two of 10."""
        load = loadOf(30, [(40, 1), (10, 2)], TALK)
        assert load.lines == 1.0 + 2 * 0.5
        assert load.deliveries == 1.0 * 39 + 2 * 0.5 * 9
        assert load.joins == pytest.approx(0.6)
        assert load.quits == pytest.approx(0.3)
        # Each of the 40 members notifies 40, and each of the 10 notifies 10: when they enter, and
        # when they leave.
        assert load.presenceDeliveries == pytest.approx(2 * 1800 / 100)
        assert load.sharedMemberships == pytest.approx(60.0)

    def test_quiet(self) -> None:
        """A room without notifications costs nothing for its members."""
        load = loadOf(30, [(40, 1), (10, 2)], Scenario("t", 10.0, 100.0, 2.0, quietFrom=40))
        assert load.presenceDeliveries == pytest.approx(2 * 200 / 100)
        assert load.joins == pytest.approx(0.6)


class TestNode:
    def load(self) -> Load:
        """1000 people with 100 lines a second in rooms of two."""
        return Load(1000, [(2, 1000)], 100.0, 100.0, 2.0, 1.0, 8.0, 4.0)

    def test_cores(self) -> None:
        """Every node applies all lines; the deliveries are divided among the nodes."""
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
        """Memory and checkpoints grow with all people of the cluster."""
        prices = Prices(sessionBytes=1000, membershipBytes=100, stateBytes=200, stateTime=5)
        node = nodeOf(self.load(), Scenario("t", 10.0, rooms=5.0, accounts=0.6), 4, prices)
        assert node.memory == 1000 * 1500
        assert node.checkpointBytes == 200_000
        assert node.checkpointSeconds == pytest.approx(0.005)
        assert node.checkpointDay == pytest.approx(200_000 * 1440)
        # 150 passwords at three nodes in a minute, 30 ms each.
        assert node.loginCores == pytest.approx(150 / 3 * 0.03 / 60)

    def test_messages(self) -> None:
        """There is a message for each event, until the broker is full."""
        node = nodeOf(self.load(), Scenario("t", 10.0), 4, Prices())
        assert node.messages == pytest.approx(100 + 2 + 2 * 1)
        assert node.delay == 0
        node = nodeOf(self.load(), Scenario("t", 10.0), 4, Prices(brokerMessages=50.0))
        assert node.messages == 50
        assert node.delay == pytest.approx(4 * 4 / 50)


class TestPlacing:
    def test_drawn(self) -> None:
        """Random places have the expected mean, and are the same for the same seed."""
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
        """With a stream for each room a node reads what it needs; with fewer, more."""
        load = loadOf(4, [(1, 8)], TALK)
        assert streamShares(load, TALK, 4, 8, 8) == pytest.approx((0.25, 0.25))
        # Two rooms in each: both are elsewhere in 9 of 16 cases.
        assert streamShares(load, TALK, 4, 4, 8) == pytest.approx((7 / 16, 7 / 16))

    def test_crossing(self) -> None:
        """A figure that grows with the square passes four times its value at twice the people."""
        grid = [100, 1000, 10_000]
        values = [count**2 / 1e4 for count in grid]
        assert crossing(grid, values, 4.0) == pytest.approx(200)
        assert crossing(grid, values, 0.5) == 100
        assert crossing(grid, values, 1e9) is None


class TestCommand:
    def test_run(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Every run prints the same tables, with the limits."""
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

    @pytest.mark.parametrize("options", [["--nodes", "x"], ["--nodes", "1"], ["--rooms", "0"]])
    def test_wrongOptions(self, options: list[str]) -> None:
        """Numbers that make no cluster are an error."""
        with pytest.raises(SystemExit, match="2"):
            scale.main(options)

    def test_costs(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The costs are measured, here with few people."""
        smallNumbers = {"PEOPLE": 2000, "ROOMS": 100, "LARGE": 500, "ALONE": 10, "TOGETHER": 500}
        for name, value in smallNumbers.items():
            monkeypatch.setattr(scalecosts, name, value)
        assert scalecosts.main(["--json"]) == 0
        costs = json.loads(capsys.readouterr().out)
        assert 100 < costs["stateBytes"] < 1000
        assert 50 < costs["fileBytes"] < 2000
        assert costs["storeMicroseconds"] > 0
        assert costs["joinMicroseconds"] > 0
