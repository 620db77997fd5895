"""Tests for the reports of many hosts: the table, names alone, raw values, and since the last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.probe import (
    MILLISECOND,
    FakeTransport,
    RecordingListener,
    Streams,
    clocksOf,
    targetOn,
)
from tsservices.client.probe.options import Listing, ProbeOptions
from tsservices.client.probe.reports.base import Reporter
from tsservices.client.probe.reports.columns import displayWidth
from tsservices.client.probe.reports.host_table import rowOf, tableLines, worstTargets
from tsservices.client.probe.reports.json_csv import CSVReport, JSONReport
from tsservices.client.probe.reports.listing import ListingReport, RawReport
from tsservices.client.probe.reports.text import TextReport
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.result import ProbeResult, ProbeState

OPTIONS = ProbeOptions(("h",), quiet=True, raw=True)

#: As long as a name can be.
LONG_NAME = ".".join(["a" * 61] * 4)


class Reporting(RecordingListener):
    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self.reporter = reporter

    def resultReady(self, target: ProbeTarget, result: ProbeResult) -> None:
        self.reporter.resultReady(target, result)


class ManyHostsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.streams = Streams()
        self.output = self.streams.output()
        self.clocks = clocksOf(self.clock)

    def targets(self, reporter: Reporter, *names: str) -> list[ProbeTarget]:
        self.transports: list[FakeTransport] = []
        targets = []
        for name in names:
            target, transport = targetOn(self.clock, Reporting(reporter), name=name)
            targets.append(target)
            self.transports.append(transport)
        reporter.started(targets)
        return targets

    def exchange(self, target: ProbeTarget, sequence: int, delay: float | None) -> None:
        # The delay is in milliseconds; None: there is no reply.
        transport = target.transport
        assert isinstance(transport, FakeTransport)
        target.sendNext(0, 0)
        if delay is None:
            transport.fail(sequence, ProbeState.TIMEOUT, "")
        else:
            self.clock.advance(delay / 1000)
            transport.stamp(sequence, age=round(delay * MILLISECOND))
            transport.reply(sequence, 0, 0, 0, sequence)

    def printed(self) -> list[str]:
        return self.streams.out.getvalue().splitlines()

    def play(self, reporter: Reporter) -> Sequence[ProbeTarget]:
        targets = self.targets(reporter, "good", "slow.example", "dead", "lossy")
        for sequence in range(4):
            for target, delay in zip(targets, (1, 200, None, 2), strict=True):
                self.exchange(
                    target, sequence, None if target.name == "lossy" and sequence else delay
                )
        return targets

    def test_worst(self) -> None:
        reporter = TextReport(self.output, self.clocks, OPTIONS)
        targets = self.play(reporter)
        assert [target.name for target in worstTargets(targets)] == [
            "dead",
            "lossy",
            "slow.example",
        ]
        reporter.summary(targets)
        lines = self.printed()
        assert lines[0] == "PROBE 4 hosts port 21576: STAMP, 44 bytes every 1 s"
        assert lines[2:7] == [
            "ms           xmt rcv  loss   min   avg   max   p99 jitter",
            "good           4   4    0% 1.000 1.000 1.000 1.000  0.000",
            "slow.example   4   4    0% 200.0 200.0 200.0 200.0  0.000",
            "dead           4   0  100%     -     -     -     -      -",
            "lossy          4   1   75% 2.000 2.000 2.000 2.000      -",
        ]
        assert lines[8] == "The worst 3 of 4 hosts, by loss and p99:"
        heads = [line.split()[1] for line in lines if line.startswith("---")]
        assert heads == ["dead", "lossy", "slow.example"]

    def test_linesOfWhichHost(self) -> None:
        """Two names may have one address, and a router or this host may speak of any of them."""
        alone = [
            "44 bytes from 192.0.2.1: seq=0",
            "from 192.0.2.9 (a router): seq=1 no",
            "from this host: seq=2 no",
            "from 192.0.2.1: seq=3 no",
            "no answer from 192.0.2.1: seq=4 within 1 s",
        ]
        besideOthers = [
            "44 bytes from two (192.0.2.1): seq=0",
            "from 192.0.2.9 (a router) for two (192.0.2.1): seq=1 no",
            "from this host for two (192.0.2.1): seq=2 no",
            "from two (192.0.2.1): seq=3 no",
            "no answer from two (192.0.2.1): seq=4 within 1 s",
        ]
        for names, expected in ((("two",), alone), (("one", "two"), besideOthers)):
            self.streams = Streams()
            reporter = TextReport(self.streams.output(), self.clocks, ProbeOptions(names))
            target = self.targets(reporter, *names)[-1]
            self.exchange(target, 0, 1)
            for error in (
                ErrorReport(ErrorSource.ROUTER, "192.0.2.9"),
                ErrorReport(ErrorSource.SELF),
                ErrorReport(ErrorSource.TARGET, "192.0.2.1"),
            ):
                target.sendNext(0, 0)
                target.failed(None, ProbeState.UNREACHABLE, "no", error)
            self.exchange(target, 4, None)
            lines = self.printed()[len(names) :]
            assert [line.partition(" ttl=")[0] for line in lines] == expected

    def test_longNames(self) -> None:
        reporter = TextReport(self.output, self.clocks, OPTIONS)
        names = ("2001:db8:1111:2222:3333:4444:5555:6666", LONG_NAME, "例え.テスト", "a")
        targets = self.targets(reporter, *names)
        for target in targets:
            self.exchange(target, 0, 999.999)
            target.statistics.transmitted = 10**12
            target.statistics.received = 10**12
        reporter.summary(targets)
        lines = self.printed()[1:]
        assert max(map(displayWidth, lines)) <= 80
        table = tableLines("ms", [rowOf(target) for target in targets])
        figures = [line for line in table if line.endswith(" 1000  1000  1000  1000      -")]
        assert len(figures) == len(names)
        assert len({*map(displayWidth, figures)}) == 1

    def listed(self, listing: Listing) -> list[str]:
        reporter = ListingReport(self.output, listing)
        targets = self.play(reporter)
        shown = self.printed()
        reporter.summary(targets)
        assert self.printed()[: len(shown)] == shown
        assert bool(shown) is (listing == "alive")
        return self.printed()

    def test_alive(self) -> None:
        assert self.listed("alive") == ["good", "slow.example", "lossy"]

    def test_unreachable(self) -> None:
        assert self.listed("unreachable") == ["dead"]

    def test_raw(self) -> None:
        reporter = RawReport(self.output, self.clocks, OPTIONS)
        targets = self.targets(reporter, "a", "long.example")
        for sequence, delay in enumerate((1, None, 0.5, None)):
            self.exchange(targets[0], sequence, delay)
        reporter.summary(targets)
        assert self.printed() == ["a            : 1.000 - 0.500 -", "long.example : - - - -"]

    def test_reports(self) -> None:
        reporter = TextReport(self.output, self.clocks, replace(OPTIONS, report=2.0))
        (target,) = self.targets(reporter, "a")
        self.exchange(target, 0, 1)
        self.clock.advance(1.999)
        reporter.periodic([target])
        self.exchange(target, 1, 9)
        self.exchange(target, 2, None)
        self.clock.advance(0.491)
        reporter.periodic([target])
        assert self.printed()[1:] == [
            "after 2 s, ms xmt rcv  loss   min   avg   max   p99 jitter",
            "a               1   1    0% 1.000 1.000 1.000 1.000      -",
            "  last 2 s      1   1    0% 1.000 1.000 1.000 1.000      -",
            "after 2.5 s, ms xmt rcv  loss   min   avg   max   p99 jitter",
            "a                 3   2 33.3% 1.000 5.000 9.000 9.000  0.500",
            "  last 0.5 s      2   1   50% 9.000 9.000 9.000 9.000      -",
        ]

    def test_reportsJSON(self) -> None:
        reporter = JSONReport(self.output, self.clocks, replace(OPTIONS, quiet=True))
        (target,) = self.targets(reporter, "a")
        self.exchange(target, 0, 1)
        self.clock.advance(1.999)
        reporter.periodic([target])
        self.exchange(target, 1, 9)
        self.exchange(target, 2, None)
        self.clock.advance(0.491)
        reporter.interim([target])
        first, second = (json.loads(line) for line in self.printed())
        assert (first["type"], second["type"]) == ("interim", "interim")

        def last(interim: dict[str, Any]) -> list[Any]:
            since = interim["since_last"]
            names = ("span_ns", "transmitted", "received", "lost", "loss_percent")
            return [*(since[name] for name in names), since["round_trip_ns"]["max"]]

        assert last(first) == [2 * 10**9, 1, 1, 0, 0.0, MILLISECOND]
        assert last(second) == [500_000_000, 2, 1, 1, 50.0, 9 * MILLISECOND]
        assert second["transmitted"] == 3

    def test_reportsCSV(self) -> None:
        reporter = CSVReport(self.output, self.clocks, OPTIONS)
        (target,) = self.targets(reporter, "a")
        reporter.periodic([target])
        assert len(self.printed()) == 1
        assert "last 0 s" in self.streams.errors.getvalue()
