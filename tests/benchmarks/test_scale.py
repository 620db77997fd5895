"""
Tests for L{benchmarks.scale.model}: its arithmetic, by hand, and L{benchmarks.scale}, once.
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
    shardShare,
)

#: People in two rooms each: a member says a line in one of them every 20 seconds.
TALK = Scenario("test", pause=10.0, stay=100.0, rooms=2.0, roomMost=1.0, accounts=0.5)


class TestRooms:
    """How large rooms are."""

    def test_zipf(self) -> None:
        """
        The first room has twice the members of the second, and three times those of the third.
        """
        assert roomSizes(110.0, 3, 1.0, 1000) == [(60, 1), (30, 1), (20, 1)]

    def test_even(self) -> None:
        """With an exponent of 0 all are the same."""
        assert roomSizes(50.0, 10, 0.0, 1000) == [(5, 10)]

    def test_bounds(self) -> None:
        """No room has more members than there are people, and none is empty."""
        assert roomSizes(110.0, 3, 1.0, 40) == [(40, 1), (30, 1), (20, 1)]
        assert roomSizes(3.0, 5, 2.0, 1000) == [(2, 1), (1, 4)]

    @pytest.mark.parametrize("exponent", [0.7, 1.0, 1.3])
    def test_grouped(self, exponent: float) -> None:
        """Rooms of one size are counted as if they were looked at one by one."""
        first = 5000 / harmonic(2000, exponent)
        each = [max(1, round(first * rank**-exponent)) for rank in range(1, 2001)]
        grouped = roomSizes(5000.0, 2000, exponent, 5000)
        assert [size for size, count in grouped for _ in range(count)] == each

    @pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.5])
    def test_harmonic(self, exponent: float) -> None:
        """The sum is the same where it is not added up."""
        exact = math.fsum(rank**-exponent for rank in range(1, 50_001))
        assert harmonic(50_000, exponent) == pytest.approx(exact, rel=1e-9)


class TestRates:
    """What happens how often."""

    def test_heartbeats(self) -> None:
        """A silent node has one for each period; lines by chance leave fewer gaps as long."""
        assert heartbeats(0.0, 4.0) == 0.25
        assert heartbeats(math.log(3), 1.0) == pytest.approx(math.log(3) / 2)
        assert heartbeats(1e6, 3.0) < 1e-9

    def test_present(self) -> None:
        """One member is on one of four nodes; two are both elsewhere in 9 of 16 cases."""
        assert present(1, 4) == 0.25
        assert present(2, 4) == pytest.approx(7 / 16)

    def test_roomLines(self) -> None:
        """A room of ten has a line every two seconds; a large one no more than it may."""
        assert roomLines(10, TALK) == 0.5
        assert roomLines(500, TALK) == 1.0

    def test_load(self) -> None:
        """A room of 40 and two of 10, which are 30 people in two rooms each."""
        load = loadOf(30, [(40, 1), (10, 2)], TALK)
        assert load.lines == 1.0 + 2 * 0.5
        assert load.deliveries == 1.0 * 39 + 2 * 0.5 * 9
        assert load.joins == pytest.approx(0.6)
        assert load.quits == pytest.approx(0.3)
        # 1600 + 2 * 100 members hear each round of coming, and of going.
        assert load.told == pytest.approx(2 * 1800 / 100)
        assert load.touched == pytest.approx(60.0)

    def test_quiet(self) -> None:
        """A room that is not told costs nothing for its members."""
        load = loadOf(30, [(40, 1), (10, 2)], Scenario("t", 10.0, 100.0, 2.0, quietFrom=40))
        assert load.told == pytest.approx(2 * 200 / 100)
        assert load.joins == pytest.approx(0.6)


class TestNode:
    """What one node has to do."""

    def load(self) -> Load:
        """100 lines a second in rooms of two, of 1000 people who come every 1000 seconds."""
        return Load(1000, [(2, 1000)], 100.0, 100.0, 2.0, 1.0, 8.0, 4.0)

    def test_cores(self) -> None:
        """Lines are applied everywhere, deliveries are shared."""
        prices = Prices(apply=20.0, deliver=10.0, join=5.0, joinMember=0.5, quit=3.0, quitMember=1)
        node = nodeOf(self.load(), Scenario("t", 10.0, rooms=2.0), 4, prices)
        assert node.people == 250
        assert node.lineCores == pytest.approx(100 * 20e-6)
        assert node.presenceCores == pytest.approx((2 * 5 + 4 * 0.5 + 1 * 3 + 4 * 1) * 1e-6)
        assert node.deliveries == pytest.approx((100 + 8) / 4)
        assert node.deliveryCores == pytest.approx(27 * 10e-6)
        assert node.needed == pytest.approx(7 / 16)
        assert node.known == pytest.approx(7 / 16)
        # 250 people, who are each seen by 4 members.
        assert node.goneSeconds == pytest.approx(250 * (3 + 4 * 1) * 1e-6)
        assert node.goneBytes == 250 * 4 * 8

    def test_state(self) -> None:
        """Memory and checkpoints grow with all people, not with those of the node."""
        prices = Prices(sessionBytes=1000, membershipBytes=100, stateBytes=200, stateTime=5)
        node = nodeOf(self.load(), Scenario("t", 10.0, rooms=5.0, accounts=0.6), 4, prices)
        assert node.memory == 1000 * 1500
        assert node.checkpointBytes == 200_000
        assert node.checkpointSeconds == pytest.approx(0.005)
        assert node.checkpointDay == pytest.approx(200_000 * 1440)
        # 150 passwords at three nodes in a minute, 30 ms each.
        assert node.stormLogins == pytest.approx(150 / 3 * 0.03 / 60)

    def test_messages(self) -> None:
        """A message for each event, until they have to wait for each other."""
        node = nodeOf(self.load(), Scenario("t", 10.0), 4, Prices())
        assert node.messages == pytest.approx(100 + 2 + 2 * 1)
        assert node.delay == 0
        node = nodeOf(self.load(), Scenario("t", 10.0), 4, Prices(engineMessages=50.0))
        assert node.messages == 50
        assert node.delay == pytest.approx(4 * 4 / 50)


class TestPlacing:
    """Who is on which node, and in which stream."""

    def test_drawn(self) -> None:
        """Chance gives what is to be expected of it, and the same for the same seed."""
        rooms = [(5000, 1), (3, 4000)]
        load = loadOf(17_000, rooms, TALK)
        drawn = draw(rooms, 4, random.Random(7))
        assert drawn == draw(rooms, 4, random.Random(7))
        assert drawn != draw(rooms, 4, random.Random(8))
        node = nodeOf(load, TALK, 4, Prices())
        shares = drawnNeeds(load, TALK, drawn)
        assert len(shares) == 4
        assert sum(shares) / 4 == pytest.approx(node.needed, rel=0.01)

    def test_shards(self) -> None:
        """A stream for each room is what is needed; one for all is everything."""
        load = loadOf(4, [(1, 8)], TALK)
        assert shardShare(load, TALK, 4, 8, 8) == pytest.approx((0.25, 0.25))
        # Two rooms in each: both are elsewhere in 9 of 16 cases.
        assert shardShare(load, TALK, 4, 4, 8) == pytest.approx((7 / 16, 7 / 16))

    def test_crossing(self) -> None:
        """What grows with the square passes four times its value at twice the people."""
        grid = [100, 1000, 10_000]
        values = [count**2 / 1e4 for count in grid]
        assert crossing(grid, values, 4.0) == pytest.approx(200)
        assert crossing(grid, values, 0.5) == 100
        assert crossing(grid, values, 1e9) is None


class TestCommand:
    """The whole."""

    def test_run(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A small town is told of, the same each time."""
        monkeypatch.setattr(scale, "GRID", [1000, 10_000, 100_000])
        words = ["--people", "2000", "--rooms", "200", "--nodes", "2,4"]
        words += ["--json", str(tmp_path / "scale.json")]
        assert scale.main(words) == 0
        told = capsys.readouterr().out
        assert scale.main(words) == 0
        assert capsys.readouterr().out == told
        assert "first wall" in told
        found = json.loads((tmp_path / "scale.json").read_text())
        assert [each["people"] for each in found["load"][0]["nodes"]] == [1000, 500]
        assert len(found["walls"]) == len(scale.SCENARIOS) * 2

    @pytest.mark.parametrize("words", [["--nodes", "x"], ["--nodes", "1"], ["--rooms", "0"]])
    def test_refused(self, words: list[str]) -> None:
        """What can't be counted is refused."""
        with pytest.raises(SystemExit, match="2"):
            scale.main(words)

    def test_costs(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What the model counts with is measured, here with few people."""
        few = {"PEOPLE": 2000, "ROOMS": 100, "LARGE": 500, "ALONE": 10, "TOGETHER": 500}
        for name, value in few.items():
            monkeypatch.setattr(scalecosts, name, value)
        assert scalecosts.main(["--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert 100 < found["stateBytes"] < 1000
        assert 50 < found["fileBytes"] < 2000
        assert found["storeMicroseconds"] > 0
        assert found["joinMicroseconds"] > 0
