"""Tests for what the probe prints, draws and serves, and for its exit status."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.probe import (
    EPOCH,
    MILLISECOND,
    RecordingListener,
    Streams,
    clocksOf,
    play,
    targetOn,
)
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Reporter
from tsservices.client.probe.reports.histogram import histogramLines
from tsservices.client.probe.reports.json_csv import COLUMNS, CSVReport, JSONReport
from tsservices.client.probe.reports.progress import progressText, showProgress
from tsservices.client.probe.reports.summary import summaryLines
from tsservices.client.probe.reports.text import TextReport
from tsservices.client.probe.run import exitStatus
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.distribution import Histogram
from tsservices.stamp.stats.thresholds import parseThresholds

#: The report of the packets of L{play}.
LINES = """\
PROBE host.example (192.0.2.1) port 21576: STAMP, 44 bytes every 1 s
44 bytes from 192.0.2.1: seq=0 ttl=64 net=3.000 app=5.000 up=1.000 down=2.000 ms
from 192.0.2.1: seq=1 connection refused
no answer yet from 192.0.2.1: seq=2
44 bytes from 192.0.2.1: seq=3 ttl=64 net=4.000 app=5.000 up=-6.000 down=10.000 ms
44 bytes from 192.0.2.1: seq=3 ttl=64 net=4.000 app=5.000 up=-6.000 down=10.000 ms (DUP!)
no answer from 192.0.2.1: seq=2 within 1 s
44 bytes from 192.0.2.1: seq=2 ttl=64 net=999.000 app=1000.000 up=0.000 down=999.000 ms (LATE)
"""

#: The summary of the same.
SUMMARY = """\

--- host.example probe statistics ---
4 packets transmitted, 2 received, +1 duplicate, +1 error, 50% packet loss, time 1005 ms
lost: refused 1, late 1
loss bursts: 1, longest 2
duplicates: 1 (up 0, down 1)
reordered: 1 (up 1, down 0)
rtt min/avg/max/mdev = 3.000/3.500/4.000/0.500 ms
ms                  min        avg        max     stddev        p50        p90        p95        p99      p99.9
network           3.000      3.500      4.000      0.500      3.000      4.000      4.000      4.000      4.000
application       5.000      5.000      5.000      0.000      5.000      5.000      5.000      5.000      5.000
server            1.000      1.500      2.000      0.500      1.000      2.000      2.000      2.000      2.000
up (raw)         -6.000     -2.500      1.000      3.500     -6.000      1.000      1.000      1.000      1.000
down (raw)        2.000      6.000     10.000      4.000      2.000     10.000     10.000     10.000     10.000
queueing up       0.000      3.500      7.000      3.500      0.000      7.000      7.000      7.000      7.000
queueing dn       0.000      4.000      8.000      4.000      0.000      8.000      8.000      8.000      8.000
clock offset -0.500 ms +/- 1.500 ms, skew unknown (the run is too short)
"""  # noqa: E501


class ReportTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.streams = Streams()
        self.output = self.streams.output()
        self.clocks = clocksOf(self.clock)

    def play(self, reporter: Reporter) -> ProbeTarget:
        return play(self.clock, reporter)

    def text(self, quiet: bool = False, dated: bool = False) -> TextReport:
        options = ProbeOptions(("host.example",), quiet=quiet, dated=dated, outstanding=True)
        return TextReport(self.output, self.clocks, options)

    def test_text(self) -> None:
        reporter = self.text()
        target = self.play(reporter)
        self.assertEqual(self.streams.out.getvalue(), LINES)
        reporter.summary([target])
        self.assertEqual(self.streams.out.getvalue()[len(LINES) :], SUMMARY)

    def test_quiet(self) -> None:
        reporter = self.text(quiet=True)
        reporter.summary([self.play(reporter)])
        assert self.streams.out.getvalue() == LINES.partition("\n")[0] + "\n" + SUMMARY

    def test_dated(self) -> None:
        self.play(self.text(dated=True))
        second = self.streams.out.getvalue().splitlines()[1]
        assert second.startswith(f"[{EPOCH // 10**9}.005000] 44 bytes from")

    def test_many(self) -> None:
        reporter = self.text(quiet=True)
        target = self.play(reporter)
        reporter.summary([target, target])
        last = self.streams.out.getvalue().splitlines()[-1]
        assert last.startswith("host.example: 4 packets transmitted, 2 received")

    def test_losses(self) -> None:
        for stateful, words in ((True, "lost: up 1, down 0, undecided 1"), (None, "(nobody can")):
            target, transport = targetOn(self.clock, RecordingListener())
            target.statistics.directions.stateful = stateful
            for lateness in (0, 0, 0, 1):
                target.sendNext(lateness, 2 * lateness)
            transport.reply(0, number=0)
            transport.reply(2, number=1 if stateful else 2)
            transport.reply(99)
            self.clock.advance(1)
            transport.kernelTimes = lambda: {"rtt": MILLISECOND, "min_rtt": None}  # type: ignore[method-assign]
            text = "\n".join(summaryLines(target, True))
            assert words in text, text
            assert "loss bursts: 2, longest 1" in text
            assert "skipped: 2" in text
            assert "strays (no reply to anything): 1" in text
            assert "TCP's own account: rtt 1.000 ms" in text
            assert "stamped by the kernel: 0 of 2 at sending" in text

    def test_jitter(self) -> None:
        target, transport = targetOn(self.clock, RecordingListener())
        for number in range(30):
            target.sendNext(0, 0)
            self.clock.advance(0.1)
            transport.stamp(number, age=4 * MILLISECOND + 1000 * (number % 2))
            transport.reply(number, MILLISECOND, 0, 3 * MILLISECOND, number)
        text = "\n".join(summaryLines(target, False))
        assert "jitter (RFC 3550): round trip 0.001 (ipdv p99 0.001, pdv p99 0.001), up" in text
        assert ", skew +0.017 ppm +/- 0.109" in text

    def test_interim(self) -> None:
        reporter = self.text(quiet=True)
        target = self.play(reporter)
        reporter.interim([target])
        assert self.streams.errors.getvalue() == (
            "host.example: 2/4 packets, 50% loss, min/p50/p99/max = 3.000/3.000/4.000/4.000 ms\n"
        )

    def test_quietJSON(self) -> None:
        reporter = JSONReport(self.output, self.clocks, quiet=True)
        reporter.summary([self.play(reporter)])
        (line,) = self.streams.out.getvalue().splitlines()
        assert json.loads(line)["type"] == "summary"
        assert self.streams.errors.getvalue() == ""

    def test_csvSummaryOnStandardError(self) -> None:
        reporter = CSVReport(self.output, quiet=True)
        reporter.summary([self.play(reporter)])
        assert self.streams.out.getvalue() == ",".join(COLUMNS) + "\n"
        assert "probe statistics" in self.streams.errors.getvalue()

    def test_plot(self) -> None:
        if find_spec("matplotlib") is None:
            self.skipTest("the extra plot is not installed")
        from tsservices.client.probe.reports.plot import drawPlot

        drawPlot([self.play(self.text()), targetOn(self.clock, RecordingListener())[0]], "a.png")
        assert Path("a.png").read_bytes().startswith(b"\x89PNG")

    def test_exitStatus(self) -> None:
        target = self.play(self.text())
        silent, _ = targetOn(self.clock, RecordingListener())
        assert exitStatus([target], []) == (0, [])
        assert exitStatus([target, silent], [])[0] == 1
        assert exitStatus([silent], [])[0] == 1
        conditions = parseThresholds("loss>10%,p99>1s")
        assert exitStatus([target], conditions) == (3, ["host.example: loss>10%"])
        assert exitStatus([target], parseThresholds("p99>1s")) == (0, [])

    def test_progress(self) -> None:
        target = self.play(self.text(quiet=True))
        showing = showProgress(self.clock, self.output, [target], 40)
        self.clock.advance(1)
        self.output.line("done")
        showing.stop()
        line = "host.example: 2/4 packets, 50% loss, min"
        assert self.streams.errors.getvalue() == f"\r\x1b[K{line[:39]}\r\x1b[K"
        assert progressText([target, target], 80) == "2 hosts: 4/8 packets"


class OutputTests(SynchronousTestCase):
    def test_closedOutput(self) -> None:
        streams = Streams()
        output = streams.output()
        streams.out.close()
        output.line("a")
        output.line("b")
        assert (streams.closed, output.closed) == (1, True)
        output.error("x\x1b")
        assert streams.errors.getvalue() == "tsservices: x\\x1b\n"
        streams.errors.close()
        output.note("still here")


class BarChartTests(SynchronousTestCase):
    def test_byHand(self) -> None:
        histogram = Histogram()
        histogram.add(1_000_000, 40)
        histogram.add(2_000_000, 10)
        histogram.add(16_000_000, 1)
        self.assertEqual(
            histogramLines(histogram, rows=4, width=8),
            [
                "      1.0000 ms        40  78.4% ████████",
                "      2.0000 ms        10  19.6% ██",
                "      4.0000 ms         0   0.0%",
                "      8.0000 ms         1   2.0% ▎",
            ],
        )

    def test_extremes(self) -> None:
        assert histogramLines(Histogram()) == []
        for value in (0, 1, 5_000_000):
            histogram = Histogram()
            histogram.add(value)
            (line,) = histogramLines(histogram)
            assert "100.0%" in line
