"""Tests for the results and the statistics of one target, and for conditions on them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.stamp.stats.delay import MAXIMUM_BUCKETS, Timeline, TimelineBucket
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.result import Delays, ProbeResult, ProbeState, Timestamps, delaysOf
from tsservices.stamp.stats.summary import summarize
from tsservices.stamp.stats.target import TargetStatistics
from tsservices.stamp.stats.thresholds import ThresholdError, parseThresholds, violations


def answered(
    statistics: TargetStatistics, sequence: int, up: int = 10, server: int = 5, down: int = 20
) -> None:
    t1 = 1000 * sequence
    t2 = t1 + up
    t3 = t2 + server
    t4 = t3 + down
    statistics.addSent(t1, 0, 0)
    statistics.classifyReply(sequence, sequence)
    times = Timestamps(t1, t4, t2, t3, "kk")
    statistics.add(
        ProbeResult(sequence, ProbeState.OK, t1, t1, t4 - t1 + 7, times, sequence, 44, 64)
    )


def failed(
    statistics: TargetStatistics, sequence: int, state: ProbeState = ProbeState.TIMEOUT
) -> None:
    statistics.addSent(1000 * sequence, 0, 0)
    statistics.add(ProbeResult(sequence, state, 1000 * sequence, 1000 * sequence))


class TestDelays:
    def test_formulas(self) -> None:
        delays = delaysOf(Timestamps(1000, 1100, 5040, 5060), 150)
        assert delays == Delays(network=80, server=20, up=4040, down=-3960, offset=4000)

    def test_withoutServerTimes(self) -> None:
        assert delaysOf(Timestamps(1000, 1100), 150) == Delays(network=100)

    @pytest.mark.parametrize(
        "timestamps",
        [
            None,
            Timestamps(1000, 900, 1010, 1020),
            Timestamps(0, 50_000_000, 10, 20),
            Timestamps(1000, 1100, 5060, 5040),
            Timestamps(1000, 1100, 5000, 5200),
        ],
    )
    def test_contradictions(self, timestamps: Timestamps | None) -> None:
        """A clock was set during the exchange."""
        assert delaysOf(timestamps, 150) == Delays()

    @given(*[st.integers(0, 10**6) for _ in range(3)], st.integers(-(10**15), 10**15))
    def test_offset(self, up: int, server: int, down: int, offset: int) -> None:
        """The round trip is right, and the offset wrong by at most half of it."""
        arrived = up + offset
        delays = delaysOf(Timestamps(0, up + server + down, arrived, arrived + server), None)
        assert (delays.network, delays.server) == (up + down, server)
        assert delays.offset is not None
        assert abs(delays.offset - offset) <= (up + down) / 2 + 1
        assert (delays.up, delays.down) == (up + offset, down - offset)


class TestStatistics:
    def test_counts(self) -> None:
        statistics = TargetStatistics()
        answered(statistics, 0)
        failed(statistics, 1)
        failed(statistics, 2, ProbeState.REFUSED)
        failed(statistics, 3, ProbeState.UNREACHABLE)
        answered(statistics, 4)
        statistics.addSent(5000, 0, 0)
        assert (
            statistics.transmitted,
            statistics.received,
            statistics.lost,
            statistics.outstanding,
        ) == (6, 2, 3, 1)
        assert statistics.lossPercent == 60.0
        assert TargetStatistics().lossPercent is None

    def test_late(self) -> None:
        """A late reply leaves its packet lost, but shows that it was lost in no direction."""
        statistics = TargetStatistics()
        failed(statistics, 0)
        statistics.classifyReply(0, 0)
        statistics.add(ProbeResult(0, ProbeState.LATE, 0, 0, 2000))
        assert (statistics.received, statistics.lost, statistics.late) == (0, 1, 1)
        assert (statistics.lostUp, statistics.lostDown, statistics.undecided) == (0, 0, 0)

    def test_undecided(self) -> None:
        """After the last reply the direction is unknown."""
        statistics = TargetStatistics(stateful=True)
        answered(statistics, 0)
        failed(statistics, 1)
        assert (statistics.lostUp, statistics.lostDown, statistics.undecided) == (0, 0, 1)
        statistics = TargetStatistics()
        answered(statistics, 0)
        failed(statistics, 1)
        assert (statistics.lostUp, statistics.lostDown, statistics.undecided) == (None, None, None)

    @pytest.mark.parametrize(("error", "direction"), [(None, None), (ErrorSource.TARGET, 0)])
    def test_errorWithoutSender(self, error: ErrorSource | None, direction: int | None) -> None:
        """A connection that is lost does not say which way its packets got."""
        statistics = TargetStatistics()
        statistics.addSent(0, 0, 0)
        report = None if error is None else ErrorReport(error)
        statistics.add(ProbeResult(0, ProbeState.UNREACHABLE, 0, 0, error=report))
        assert (statistics.lostUp, statistics.lostDown) == (direction, direction)

    def test_strays(self) -> None:
        statistics = TargetStatistics()
        answered(statistics, 0)
        statistics.classifyReply(7, 7)
        statistics.classifyReply(-1, 1)
        assert (statistics.strays, statistics.directions.duplicates) == (2, 0)

    def test_roundTrip(self) -> None:
        statistics = TargetStatistics()
        assert statistics.roundTrip is statistics.application
        answered(statistics, 0)
        assert statistics.roundTrip is statistics.network
        assert statistics.network.moments.mean == 30
        assert statistics.application.moments.mean == 42

    def test_skewTakenOff(self) -> None:
        statistics = TargetStatistics()
        for sequence in range(200):
            at = 100_000_000 * sequence
            drift = at // 10_000
            statistics.addSent(at, 0, 0)
            statistics.classifyReply(sequence, sequence)
            stamps = Timestamps(at, at + 2005, at + 1000 + drift, at + 1005 + drift, "kk")
            statistics.add(ProbeResult(sequence, ProbeState.OK, at, at, 2100, stamps, sequence))
        for queue in (statistics.queueingUp, statistics.queueingDown):
            maximum = queue.summary().percentile(100)
            assert maximum is not None
            assert maximum <= 2
        assert statistics.up.moments.maximum == 1000 + 19_900_000_000 // 10_000
        down = statistics.down.moments.minimum
        assert down is not None
        assert down < 0

    def test_json(self) -> None:
        statistics = TargetStatistics()
        answered(statistics, 0)
        failed(statistics, 1)
        read = json.loads(json.dumps(summarize(statistics)))
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


class TestTimeline:
    def test_buckets(self) -> None:
        timeline = Timeline()
        for at, trip in ((0, 5), (10, 3), (20, None), (timeline.span, 8)):
            timeline.add(at, trip)
        (zero, first), (one, second) = timeline.buckets()
        assert (zero, first) == (0, TimelineBucket(2, 1, 3, 5, 8))
        assert (one, second.count) == (timeline.span, 1)

    def test_memory(self) -> None:
        timeline = Timeline()
        for number in range(5 * MAXIMUM_BUCKETS):
            timeline.add(number * timeline.span, number)
        cells = [cell for _, cell in timeline.buckets()]
        assert len(cells) <= MAXIMUM_BUCKETS
        assert sum(cell.count for cell in cells) == 5 * MAXIMUM_BUCKETS
        assert sum(cell.total for cell in cells) == sum(range(5 * MAXIMUM_BUCKETS))


@pytest.fixture(scope="module")
def run() -> TargetStatistics:
    """98 packets with 2 ms, one with 101 ms, and one lost."""
    statistics = TargetStatistics()
    for sequence in range(98):
        answered(statistics, sequence, up=1_000_000, down=1_000_000)
    answered(statistics, 98, up=100_000_000, down=1_000_000)
    failed(statistics, 99)
    return statistics


class TestThresholds:
    @pytest.mark.parametrize(
        ("text", "isMet"),
        [
            ("loss>1%", False),
            ("loss>=1%", True),
            ("loss>0", True),
            ("loss < 2", True),
            ("p50>2.02ms", False),
            ("p50>1.9ms", True),
            ("p98>100ms", False),
            ("p99>100ms", True),
            ("p99.9>100ms", True),
            ("net.p99.9>100ms", True),
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
        ],
    )
    def test_holds(self, run: TargetStatistics, text: str, isMet: bool) -> None:
        assert bool(violations(parseThresholds(text), run)) == isMet

    def test_unknownIsViolation(self, run: TargetStatistics) -> None:
        assert violations(parseThresholds("loss.up>1%, skew>1ppm"), run) == [
            "loss.up>1%: the figure is unknown",
            "skew>1ppm: the figure is unknown",
        ]
        assert violations(parseThresholds("p50>1s"), TargetStatistics())

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
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
        ],
    )
    def test_refused(self, text: str, reason: str) -> None:
        with pytest.raises(ThresholdError, match=reason):
            parseThresholds(text)
