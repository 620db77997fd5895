"""
Tests for L{tsservices.stamp.stats.summary}, L{tsservices.stamp.stats.result},
L{tsservices.stamp.stats.summary}, L{tsservices.stamp.stats.delay} and
L{tsservices.stamp.stats.thresholds}.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tsservices.stamp.stats.delay import MAXIMUM_BUCKETS, Timeline
from tsservices.stamp.stats.result import Delays, ProbeResult, ProbeState, Timestamps, delaysOf
from tsservices.stamp.stats.summary import summarize
from tsservices.stamp.stats.target import TargetStatistics
from tsservices.stamp.stats.thresholds import ThresholdError, parseThresholds, violations


def answered(
    tally: TargetStatistics, sequence: int, up: int = 10, server: int = 5, down: int = 20
) -> None:
    at = 1000 * sequence
    tally.addSent(at, 0, 0)
    tally.classifyReply(sequence, sequence)
    stamps = Timestamps(at, at + up + server + down, at + up, at + up + server, "kk")
    trip = up + server + down + 7
    tally.add(ProbeResult(sequence, ProbeState.OK, at, at, trip, stamps, sequence, 44, 64))


def failed(tally: TargetStatistics, sequence: int, state: ProbeState = ProbeState.TIMEOUT) -> None:
    tally.addSent(1000 * sequence, 0, 0)
    tally.add(ProbeResult(sequence, state, 1000 * sequence, 1000 * sequence))


class TimingTests(SynchronousTestCase):
    def test_formulas(self) -> None:
        """d = (T4 - T1) - (T3 - T2), and o = ((T2 - T1) + (T3 - T4)) / 2."""
        found = delaysOf(Timestamps(1000, 1100, 5040, 5060), 150)
        assert found == Delays(network=80, server=20, up=4040, down=-3960, offset=4000)

    def test_withoutServer(self) -> None:
        """A server that does not tell its times leaves the round trip."""
        assert delaysOf(Timestamps(1000, 1100), 150) == Delays(network=100)

    def test_contradictions(self) -> None:
        """Times that cannot be, because a clock was set, tell nothing."""
        for stamps in (
            None,
            Timestamps(1000, 900, 1010, 1020),
            Timestamps(0, 50_000_000, 10, 20),
            Timestamps(1000, 1100, 5060, 5040),
            Timestamps(1000, 1100, 5000, 5200),
        ):
            assert delaysOf(stamps, 150) == Delays()

    @given(*[st.integers(0, 10**6) for _ in range(3)], st.integers(-(10**15), 10**15))
    def test_offset(self, up: int, server: int, down: int, offset: int) -> None:
        """
        Whatever the clocks are set to, the round trip is right, and the offset is wrong
        by no more than half of it.
        """
        arrived = up + offset
        found = delaysOf(Timestamps(0, up + server + down, arrived, arrived + server), None)
        assert (found.network, found.server) == (up + down, server)
        assert found.offset is not None
        assert abs(found.offset - offset) <= (up + down) / 2 + 1
        assert (found.up, found.down) == (up + offset, down - offset)


class TallyTests(SynchronousTestCase):
    def test_counts(self) -> None:
        """Every packet is counted once, and the sum is what was sent."""
        tally = TargetStatistics()
        answered(tally, 0)
        failed(tally, 1)
        failed(tally, 2, ProbeState.REFUSED)
        failed(tally, 3, ProbeState.UNREACHABLE)
        answered(tally, 4)
        tally.addSent(5000, 0, 0)
        assert (tally.transmitted, tally.received, tally.lost, tally.outstanding) == (6, 2, 3, 1)
        assert tally.lossPercent == 60.0
        assert TargetStatistics().lossPercent is None

    def test_late(self) -> None:
        """A reply that comes too late leaves its packet lost, and tells that no way lost it."""
        tally = TargetStatistics()
        failed(tally, 0)
        tally.classifyReply(0, 0)
        tally.add(ProbeResult(0, ProbeState.LATE, 0, 0, 2000))
        assert (tally.received, tally.lost, tally.late) == (0, 1, 1)
        assert (tally.lostUp, tally.lostDown, tally.undecided) == (0, 0, 0)

    def test_undecided(self) -> None:
        """What was lost after the last reply was lost on some way."""
        tally = TargetStatistics(stateful=True)
        answered(tally, 0)
        failed(tally, 1)
        assert (tally.lostUp, tally.lostDown, tally.undecided) == (0, 0, 1)
        tally = TargetStatistics()
        answered(tally, 0)
        failed(tally, 1)
        assert (tally.lostUp, tally.lostDown, tally.undecided) == (None, None, None)

    def test_strays(self) -> None:
        """Replies to what was never sent are nothing."""
        tally = TargetStatistics()
        answered(tally, 0)
        tally.classifyReply(7, 7)
        tally.classifyReply(-1, 1)
        assert (tally.strays, tally.directions.duplicates) == (2, 0)

    def test_trip(self) -> None:
        """The round trip of a report is the network's when that was measured."""
        tally = TargetStatistics()
        assert tally.roundTrip is tally.application
        answered(tally, 0)
        assert tally.roundTrip is tally.network
        assert tally.network.moments.mean == 30
        assert tally.application.moments.mean == 42

    def test_skewTakenOff(self) -> None:
        """Queueing is told without the drift of the clocks."""
        tally = TargetStatistics()
        for sequence in range(200):
            at = 100_000_000 * sequence
            drift = at // 10_000
            tally.addSent(at, 0, 0)
            tally.classifyReply(sequence, sequence)
            stamps = Timestamps(at, at + 2005, at + 1000 + drift, at + 1005 + drift, "kk")
            tally.add(ProbeResult(sequence, ProbeState.OK, at, at, 2100, stamps, sequence))
        for queue in (tally.queueingUp, tally.queueingDown):
            most = queue.summary().percentile(100)
            assert most is not None
            assert most <= 2
        assert tally.up.moments.maximum == 1000 + 19_900_000_000 // 10_000
        down = tally.down.moments.minimum
        assert down is not None
        assert down < 0

    def test_figures(self) -> None:
        """The figures can be written as JSON, times in whole nanoseconds, and unknown as null."""
        tally = TargetStatistics()
        answered(tally, 0)
        failed(tally, 1)
        read = json.loads(json.dumps(summarize(tally)))
        assert read["network_ns"]["p50"] == 30
        assert read["loss"]["percent"] == 50.0
        assert read["loss"]["up"] is None
        assert read["clock"] == {
            "offset_ns": -5,
            "bound_ns": 15,
            "age_ns": 0,
            "skew_ppm": None,
            "skew_error_ppm": None,
        }
        empty = json.loads(json.dumps(summarize(TargetStatistics())))
        assert empty["network_ns"]["min"] is empty["loss"]["percent"] is None


class TimelineTests(SynchronousTestCase):
    def test_cells(self) -> None:
        """Each cell has the least, the most, the sum and the losses of its span."""
        timeline = Timeline()
        for at, trip in ((0, 5), (10, 3), (20, None), (timeline.span, 8)):
            timeline.add(at, trip)
        (zero, first), (one, second) = timeline.buckets()
        assert (zero, first.count, first.lost, first.minimum, first.maximum, first.total) == (
            0,
            2,
            1,
            3,
            5,
            8,
        )
        assert (one, second.count) == (timeline.span, 1)

    def test_memory(self) -> None:
        """A long run has longer spans, and nothing gets lost."""
        timeline = Timeline()
        for number in range(5 * MAXIMUM_BUCKETS):
            timeline.add(number * timeline.span, number)
        cells = [cell for _, cell in timeline.buckets()]
        assert len(cells) <= MAXIMUM_BUCKETS
        assert sum(cell.count for cell in cells) == 5 * MAXIMUM_BUCKETS
        assert sum(cell.total for cell in cells) == sum(range(5 * MAXIMUM_BUCKETS))


class ConditionsTests(SynchronousTestCase):
    def tally(self) -> TargetStatistics:
        tally = TargetStatistics()
        for sequence in range(98):
            answered(tally, sequence, up=1_000_000, down=1_000_000)
        answered(tally, 98, up=100_000_000, down=1_000_000)
        failed(tally, 99)
        return tally

    def test_holds(self) -> None:
        """Each condition is compared in its unit."""
        tally = self.tally()
        for text, holds in [
            ("loss>1%", False),
            ("loss>=1%", True),
            ("loss>0", True),
            ("loss < 2", True),
            ("p50>2.02ms", False),
            ("p50>1.9ms", True),
            ("p98>100ms", False),
            ("p99>100ms", True),
            ("max>0.1s", True),
            ("min<2001us", True),
            ("avg>2ms", True),
            ("net.p50>2100000ns", False),
            ("app.max>101ms", True),
            ("up.max>99ms", True),
            ("down.max>1ms", False),
            ("server.p50>5ns", False),
            ("queue.up.max>=99ms", True),
            ("ipdv.max>98ms", True),
            ("jitter>1us", True),
            ("offset>1ms", False),
            ("burst>=1", True),
            ("duplicates>0", False),
            ("reordered>0%", False),
            ("late>0,errors>0", False),
        ]:
            assert bool(violations(parseThresholds(text), tally)) == holds, text

    def test_unknown(self) -> None:
        """What nobody can know is a violation, and says so."""
        found = violations(parseThresholds("loss.up>1%, skew>1ppm"), self.tally())
        assert found == [
            "loss.up>1%: the figure is unknown",
            "skew>1ppm: the figure is unknown",
        ]
        assert violations(parseThresholds("p50>1s"), TargetStatistics())

    def test_refused(self) -> None:
        """What has no meaning is refused with the reason."""
        for text, reason in [
            ("", "is no condition"),
            ("loss", "is no condition"),
            ("loss>1%,", "is no condition"),
            ("loss=1%", "is no condition"),
            ("loss>-1", "is no condition"),
            ("loss>1ms", "loss counts packets"),
            ("burst>1%", "burst counts packets"),
            ("p99>50", "needs a unit"),
            ("p99>50%", "needs a unit"),
            ("p101>1ms", "no figure 'p101'"),
            ("up>1ms", "no figure 'up'"),
            ("foo.p99>1ms", "no figure 'foo.p99'"),
            ("skew>1ms", "skew is in ppm"),
        ]:
            with pytest.raises(ThresholdError, match=reason):
                parseThresholds(text)
