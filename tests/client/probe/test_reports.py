"""Tests for what the probe prints, draws and serves, and for its exit status."""

from __future__ import annotations

import errno
import io
import json
import os
import warnings
from dataclasses import replace
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
from tsservices.client.probe.changes import TargetChange
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Reporter
from tsservices.client.probe.reports.disturbances import LISTED, disturbanceLines
from tsservices.client.probe.reports.histogram import histogramLines
from tsservices.client.probe.reports.json_csv import (
    COLUMNS,
    MARK_COLUMNS,
    CSVReport,
    JSONReport,
    changeRecord,
    markRecord,
)
from tsservices.client.probe.reports.progress import progressText, showProgress
from tsservices.client.probe.reports.summary import (
    changeLines,
    markLines,
    pathLines,
    summaryLines,
)
from tsservices.client.probe.reports.text import TextReport, marksText
from tsservices.client.probe.run import exitStatus
from tsservices.client.probe.target import ProbeTarget
from tsservices.client.probe.wires.base import PathMTU
from tsservices.stamp.stats.clock_steps import ClockOwner, ClockStep
from tsservices.stamp.stats.distribution import Histogram
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource
from tsservices.stamp.stats.marks import MarkCounts, Marks
from tsservices.stamp.stats.result import ProbeState
from tsservices.stamp.stats.stalls import Stall
from tsservices.stamp.stats.thresholds import parseThresholds

#: Nanoseconds.
SECOND = 1_000_000_000

#: The report of the packets of L{play}.
LINES = """\
PROBE host.example (192.0.2.1) port 21576: STAMP, 44 bytes every 1 s
44 bytes from 192.0.2.1: seq=0 ttl=64 net=3.000 app=5.000 up=1.000 down=2.000 ms
from 192.0.2.1: seq=1 connection refused
no answer yet from 192.0.2.1: seq=2
host.example: the reflector's clock stepped by -7.500 ms (+/- 5.503 ms)
44 bytes from 192.0.2.1: seq=3 ttl=64 net=4.000 app=5.000 up=-6.000 down=10.000 ms
44 bytes from 192.0.2.1: seq=3 ttl=64 net=4.000 app=5.000 up=-6.000 down=10.000 ms (DUP!)
no answer from 192.0.2.1: seq=2 within 1 s
44 bytes from 192.0.2.1: seq=2 ttl=64 net=999.000 app=1000.000 up=0.000 down=999.000 ms (LATE)
"""

#: The summary of the same.
SUMMARY = """\

--- host.example probe statistics ---
4 packets transmitted, 2 received, +1 duplicate, +1 error, 50% packet loss,
    time 1005 ms
lost: refused 1, late 1
loss bursts: 1, longest 2
1 error: connection refused
duplicates: 1 (up 0, down 1)
reordered: 1 (up 1, down 0)
clock steps: reflector 1:
  at 0.005 s: the reflector's clock stepped by -7.500 ms (+/- 5.503 ms)
  up and down (raw) and clock offset: of the last 1 packet, since then
rtt min/avg/max/mdev = 3.000/3.500/4.000/0.500 ms
ms         network       app    server    up raw  down raw  queue up  queue dn
min          3.000     5.000     1.000    -6.000    10.000     0.000     0.000
avg          3.500     5.000     1.500    -6.000    10.000     0.000     0.000
max          4.000     5.000     2.000    -6.000    10.000     0.000     0.000
stddev       0.500     0.000     0.500     0.000     0.000     0.000     0.000
p50          3.000     5.000     1.000    -6.000    10.000     0.000     0.000
p90          4.000     5.000     2.000    -6.000    10.000     0.000     0.000
p95          4.000     5.000     2.000    -6.000    10.000     0.000     0.000
p99          4.000     5.000     2.000    -6.000    10.000     0.000     0.000
p99.9        4.000     5.000     2.000    -6.000    10.000     0.000     0.000
clock offset -8.000 ms +/- 2.000 ms, skew unknown (the run is too short)
"""

OPTIONS = ProbeOptions(("host.example",))
HISTOGRAM = replace(OPTIONS, histogram=True)
QUIET = replace(OPTIONS, quiet=True)


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
        other, _ = targetOn(self.clock, RecordingListener(), name="other.example")
        reporter.summary([target, other])
        lines = self.streams.out.getvalue().splitlines()
        assert lines[2:5] == [
            "ms            xmt rcv  loss   min   avg   max   p99 jitter",
            "host.example    4   2   50% 3.000 3.500 4.000 4.000      -",
            "other.example   0   0     -     -     -     -     -      -",
        ]
        assert lines.count("--- host.example probe statistics ---") == 1

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
            text = "\n".join(summaryLines(target, HISTOGRAM))
            assert words in text, text
            assert "loss bursts: 2, longest 1" in text
            assert "skipped: 2" in text
            assert "strays (no reply to anything): 1" in text
            assert "TCP's own account: rtt 1.000 ms" in text
            assert "stamped by the kernel: 0 of 2 at sending" in text

    def test_disturbances(self) -> None:
        target, _ = targetOn(self.clock, RecordingListener())
        statistics = target.statistics
        text = "\n".join(disturbanceLines(statistics))
        assert text == ""
        stalls = statistics.stalls
        statistics.addSent(0, 0, 40, True)
        for number in range(LISTED + 1):
            stalls.add(Stall(number * SECOND, 2 * SECOND + number, SECOND * (number == 3)))
            owner = ClockOwner.THIS_HOST if number % 2 else ClockOwner.REFLECTOR
            step = (SECOND * 3600 if number % 2 else -MILLISECOND) * number
            statistics.steps.add(ClockStep(owner, number * SECOND, step, MILLISECOND))
        stalls.unmeasured, stalls.overflowed = 3, 17
        statistics.contradicted = 2
        lines = summaryLines(target, OPTIONS)
        text = "\n".join(lines)
        for expected in (
            "this program did not run: 9 times, longest 2.000 s, in all 18.000 s",
            "  of that the system slept for 1.000 s",
            "  the last 8 of them:\n  at 1.000 s for 2.000 s",
            "  packets due meanwhile, not sent and not lost: 40",
            "  replies read only after it, without app time: 3",
            "buffer was full: 17 datagrams",
            "times that contradict each other: 2 packets, of which only app is known",
            "clock steps: this host 4 and reflector 5, the last 8 of them:\n  at 1.000 s: this ",
            "  at 4.000 s: the reflector's clock stepped by -4.000 ms (+/- 1.000 ms)",
            "  at 7.000 s: this host's clock stepped by +25200.000 s (+/- 1.000 ms)",
        ):
            assert expected in text, text
        assert "not sent in time" not in text
        assert max(map(len, lines)) <= 80

    def test_disturbancesAsTheyHappen(self) -> None:
        step = ClockStep(ClockOwner.REFLECTOR, SECOND, 10 * SECOND, MILLISECOND)
        stall = Stall(SECOND, 3 * SECOND, 2 * SECOND)
        target, _ = targetOn(self.clock, RecordingListener())
        for quiet in (False, True):
            for reporter in (
                self.text(quiet=quiet),
                JSONReport(self.output, self.clocks, replace(OPTIONS, quiet=quiet)),
                CSVReport(self.output, self.clocks, replace(OPTIONS, quiet=quiet)),
            ):
                reporter.clockStepped(target, step)
                reporter.stalled(stall)
        texts = [
            "host.example: the reflector's clock stepped by +10.000 s (+/- 1.000 ms)",
            "this program did not run for 3.000 s, the system slept for 2.000 s of that",
        ]
        *lines, first, second = self.streams.out.getvalue().splitlines()
        assert lines == texts
        assert self.streams.errors.getvalue().splitlines() == texts
        parsed = json.loads(first)
        assert (parsed["type"], parsed["host"], parsed["clock"], parsed["step_ns"]) == (
            "clock_step",
            "host.example",
            "reflector",
            10 * SECOND,
        )
        parsed = json.loads(second)
        assert (parsed["type"], parsed["schema"], parsed["duration_ns"], parsed["slept_ns"]) == (
            "stall",
            1,
            3 * SECOND,
            2 * SECOND,
        )

    def changed(self, reporter: Reporter) -> tuple[ProbeTarget, list[TargetChange]]:
        class Forwarding(RecordingListener):
            def changed(self, target: ProbeTarget, change: TargetChange) -> None:
                reporter.changed(target, change)

        target, transport = targetOn(self.clock, Forwarding())
        first, second = "2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8::7777"
        changes = [
            TargetChange(0, EPOCH, first, "192.0.2.1", "198.51.100.1", "198.51.100.1"),
            TargetChange(0, EPOCH, second, first, "198.51.100.2", "198.51.100.1"),
            TargetChange(0, EPOCH, second, second, "198.51.100.2", "198.51.100.2"),
        ]
        for change in changes:
            target.move(transport, change)
        target.reconnected("connection closed by the server")
        return target, changes

    def test_changesInText(self) -> None:
        target, _ = self.changed(self.text())
        assert self.streams.out.getvalue().splitlines() == [
            "host.example: now to 2001:db8:1111:2222:3333:4444:5555:6666 (was 192.0.2.1)",
            "host.example: now to 2001:db8::7777 (was 2001:db8:1111:2222:3333:4444:5555:6666); "
            "now from 198.51.100.2 (was 198.51.100.1)",
            "host.example: now from 198.51.100.2 (the interface is a new one)",
            "host.example: connection closed by the server, opened again",
        ]
        assert changeLines(target) == [
            "connection lost and opened again: 1",
            "at seq=0: now to 2001:db8:1111:2222:3333:4444:5555:6666",
            "  (was 192.0.2.1)",
            "at seq=0: now to 2001:db8::7777",
            "  (was 2001:db8:1111:2222:3333:4444:5555:6666)",
            "  now from 198.51.100.2",
            "  (was 198.51.100.1)",
            "at seq=0: now from 198.51.100.2",
            "  (the interface is a new one)",
        ]
        self.changed(self.text(quiet=True))
        assert len(self.streams.out.getvalue().splitlines()) == 4
        target.changeCount = 40
        assert "addresses changed: 40 times, the last of them:" in changeLines(target)

    def test_changesForPrograms(self) -> None:
        reporter = JSONReport(self.streams.output(), clocksOf(self.clock), OPTIONS)
        target, changes = self.changed(reporter)
        reporter.summary([target])
        lines = [json.loads(line) for line in self.streams.out.getvalue().splitlines()]
        assert [line["type"] for line in lines] == ["change"] * 4 + ["summary"]
        assert lines[3]["reason"] == "connection closed by the server"
        records = [changeRecord(change) for change in changes]
        assert lines[4]["changes"] == records
        assert (lines[4]["change_count"], lines[4]["reconnects"]) == (3, 1)
        for line, record in zip(lines, records, strict=False):
            assert record.items() <= line.items()
        assert records[0] == {
            "seq": 0,
            "time_ns": EPOCH,
            "to": "2001:db8:1111:2222:3333:4444:5555:6666",
            "to_was": "192.0.2.1",
            "from": "198.51.100.1",
            "from_was": "198.51.100.1",
            "reason": None,
        }
        options = ProbeOptions(("host.example",))
        self.changed(CSVReport(self.output, self.clocks, options))
        assert "host.example: now from" in self.streams.errors.getvalue()
        written = self.streams.out.getvalue(), self.streams.errors.getvalue()
        self.changed(
            JSONReport(self.streams.output(), clocksOf(self.clock), replace(options, quiet=True))
        )
        self.changed(CSVReport(self.output, self.clocks, replace(options, quiet=True)))
        assert (self.streams.out.getvalue(), self.streams.errors.getvalue()) == written

    def test_withoutAddress(self) -> None:
        reporter = self.text()
        target, _ = targetOn(self.clock, RecordingListener())
        target.address = ""
        reporter.started([target])
        JSONReport(self.streams.output(), clocksOf(self.clock), OPTIONS).summary([target])
        text, record = self.streams.out.getvalue().splitlines()
        assert text.startswith("PROBE host.example (no address yet) port")
        assert json.loads(record)["address"] is None

    def test_whoSaysSo(self) -> None:
        reporter = self.text()
        listener = RecordingListener()
        target, transport = targetOn(self.clock, listener)
        router = ErrorReport(ErrorSource.ROUTER, "203.0.113.1", 3, 1)
        for number, error in enumerate((router, router, ErrorReport(ErrorSource.SELF), None)):
            target.sendNext(0, 0)
            transport.fail(number, ProbeState.UNREACHABLE, "no way", error)
        for result in listener.results:
            reporter.resultReady(target, result)
        lines = self.streams.out.getvalue().splitlines()
        assert lines == [
            "from 203.0.113.1 (a router): seq=0 no way",
            "from 203.0.113.1 (a router): seq=1 no way",
            "from this host: seq=2 no way",
            "from 192.0.2.1: seq=3 no way",
        ]
        summary = summaryLines(target, OPTIONS)
        assert summary[4:] == [
            "2 errors from 203.0.113.1 (a router): no way",
            "1 error from this host: no way",
            "1 error: no way",
        ]
        target.statistics.errors.others = 7
        assert summaryLines(target, OPTIONS)[-1] == "7 other errors"

    def test_path(self) -> None:
        for path, text in (
            (None, None),
            (PathMTU(1500, 1472, 1500, 72, False), None),
            (
                PathMTU(1500, 1472, 1500, 72, True),
                "path MTU 1500 or less: packets had 72 bytes, longer may not fit",
            ),
            (
                PathMTU(1500, 1472, 1500, 1500, True),
                "path MTU 1500: the largest -s without fragments is 1472",
            ),
            (
                PathMTU(1400, 1372, 1500, 72, True),
                "path MTU 1400, 1500 at the start: the largest -s without fragments is 1372",
            ),
        ):
            assert pathLines(path) == ([] if text is None else [text])

    def test_header(self) -> None:
        for port, text in ((0, "(192.0.2.1): STAMP"), (7, "(192.0.2.1) port 7: STAMP")):
            target, transport = targetOn(self.clock, RecordingListener())
            target.port = port
            transport.path = PathMTU(1400, 1372, 1500, 72, True)
            self.text().started([target])
            line = self.streams.out.getvalue().splitlines()[-1]
            assert line == f"PROBE host.example {text}, 44 bytes every 1 s, MTU 1400"
        other, otherTransport = targetOn(self.clock, RecordingListener(), name="other.example")
        for mtu, shown in ((1400, "1400"), (1500, "1400 to 1500")):
            otherTransport.path = PathMTU(mtu, 1372, 1500, 72, True)
            self.text(quiet=True).started([other, target])
            line = self.streams.out.getvalue().splitlines()[-1]
            assert line.endswith(f"every 1 s, MTU {shown}"), line

    def test_marks(self) -> None:
        assert marksText(Marks(46, 0, 0, 8, 1, 3, None, 46, False)) == (
            "dscp up 46>0 down 0>8 ecn up 1>3 down ?"
        )
        assert marksText(Marks(46, ecnUpSent=2)) == "dscp up 46>? down ?>? ecn up 2>? down ?"
        counts = MarkCounts()
        assert markLines(counts) == []
        counts.add(Marks(46, dscpAsked=46))
        assert markLines(counts) == ["the reflector does not know Class of Service (RFC 8972, 4.4)"]
        for _ in range(2):
            counts.add(Marks(46, 0, 0, 8, 1, 3, 3, 46, False))
        counts.add(Marks(46, 46, 46, 46, 0, 0, None, 46, True))
        assert markLines(counts) == [
            "DSCP 46 arrived as 0 at the reflector: 2 of 3",
            "DSCP 46 arrived unchanged at the reflector: 1 of 3",
            "ECN 1 arrived as 3 at the reflector: 2 of 3",
            "DSCP 46 was asked for replies, the reflector must not use it (RP): 2 of 3",
            "DSCP 0 came back as 8: 2 of 3",
            "DSCP 46 came back unchanged: 1 of 3",
            "replies came back with ECN 3: 2 of 3",
        ]

    def test_csvOfMarks(self) -> None:
        reporter = CSVReport(self.output, self.clocks, replace(OPTIONS, dscpBack=0))
        self.play(reporter)
        reporter.started([])
        *rows, header = self.streams.out.getvalue().splitlines()
        assert header == ",".join((*COLUMNS, *MARK_COLUMNS))
        assert {row.count(",") for row in rows} == {header.count(",")}
        assert markRecord(Marks(1, 2, 3, 4, 0, 1, 2, 9, False)) == dict(
            zip(MARK_COLUMNS, (1, 2, 3, 4, 0, 1, 2, 0), strict=True)
        )

    def test_jitter(self) -> None:
        target, transport = targetOn(self.clock, RecordingListener())
        for number in range(30):
            target.sendNext(0, 0)
            self.clock.advance(0.1)
            transport.stamp(number, age=4 * MILLISECOND + 1000 * (number % 2))
            transport.reply(number, MILLISECOND, 0, 3 * MILLISECOND, number)
        text = "\n".join(summaryLines(target, OPTIONS))
        rows = {line[:8]: line.split()[-1] for line in text.splitlines()}
        assert [rows[name] for name in ("jitter  ", "ipdv p99", "pdv p99 ")] == ["0.000"] * 3
        assert "\njitter       0.001                         0.001     0.000\n" in text
        assert ", skew +0.017 ppm +/- 0.109" in text

    def test_interim(self) -> None:
        reporter = self.text(quiet=True)
        target = self.play(reporter)
        reporter.interim([target])
        assert self.streams.errors.getvalue() == (
            "host.example: 2/4 packets, 50% loss, min/p50/p99/max = 3.000/3.000/4.000/4.000 ms\n"
        )

    def test_quietJSON(self) -> None:
        reporter = JSONReport(self.output, self.clocks, replace(OPTIONS, quiet=True))
        reporter.summary([self.play(reporter)])
        (line,) = self.streams.out.getvalue().splitlines()
        assert json.loads(line)["type"] == "summary"
        assert self.streams.errors.getvalue() == ""

    def test_csvSummaryOnStandardError(self) -> None:
        reporter = CSVReport(self.output, self.clocks, QUIET)
        reporter.summary([self.play(reporter)])
        assert self.streams.out.getvalue() == ",".join(COLUMNS) + "\n"
        assert "probe statistics" in self.streams.errors.getvalue()

    def test_plot(self) -> None:
        if find_spec("matplotlib") is None:
            self.skipTest("the extra plot is not installed")
        from tsservices.client.probe.reports.plot import drawPlot

        drawPlot([self.play(self.text()), targetOn(self.clock, RecordingListener())[0]], "a.png")
        assert Path("a.png").read_bytes().startswith(b"\x89PNG")

    def test_plotOfGaps(self) -> None:
        if find_spec("matplotlib") is None:
            self.skipTest("the extra plot is not installed")
        from tsservices.client.probe.reports.plot import runFigure

        target, _ = targetOn(self.clock, RecordingListener())
        for time, roundTrip in ((0, 5), (SECOND, None), (2 * SECOND, 6)):
            target.statistics.timeline.add(time, roundTrip)
        line = runFigure([target]).axes[0].lines[0]
        # The line has no value where all packets were lost, so it is not drawn through them.
        assert str(line.get_ydata()) == "[5.e-06    nan 6.e-06]"

    def test_plotOfManyHosts(self) -> None:
        if find_spec("matplotlib") is None:
            self.skipTest("the extra plot is not installed")
        from tsservices.client.probe.reports.plot import drawPlot, runFigure

        names = ["a$\\b$", "x" * 200, *map(str, range(12))]
        targets = [targetOn(self.clock, RecordingListener(), name=name)[0] for name in names]
        for target in targets:
            target.statistics.timeline.add(0, MILLISECOND)
            target.statistics.network.add(MILLISECOND)
            target.statistics.application.add(MILLISECOND)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            drawPlot(targets, "a.png")
        time, share = [axes.get_legend() for axes in runFigure(targets).axes]
        assert time is not None
        assert share is not None
        assert time.get_title().get_text() == "the first 10 of 14"
        assert [text.get_text() for text in time.get_texts()][:3] == [names[0], "x" * 40, "0"]
        assert [text.get_text() for text in share.get_texts()] == ["network", "application"]

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
        showing = showProgress(self.clock, self.output, [target], lambda: 40)
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

    def test_unwritable(self) -> None:
        for stream in ("out", "errors"):
            streams = Streams()
            setattr(streams, stream, FullStream())
            output = streams.output()
            output.note("a")
            output.line("b")
            output.line("c")
            assert output.failure is not None
            assert output.failure.errno == errno.ENOSPC
            assert streams.closed == (stream == "out")

    def test_readerGone(self) -> None:
        streams = Streams()
        streams.out = FullStream(errno.EPIPE)
        output = streams.output()
        output.line("a")
        assert (output.failure, output.closed, streams.closed) == (None, True, 1)

    def test_encoding(self) -> None:
        streams = Streams()
        streams.out = streams.errors = AsciiStream()
        output = streams.output()
        output.line("bücher \udcff")
        output.note("例")
        output.error("é")
        output.progress("é")
        assert streams.out.getvalue().splitlines()[:3] == [
            "b\\xfccher \\udcff",
            "\\u4f8b",
            "tsservices: \\xe9",
        ]
        assert (output.canShow("a"), output.canShow("é")) == (True, False)


class FullStream(io.StringIO):
    """A disk that is full, or a pipe that nobody reads."""

    def __init__(self, number: int = errno.ENOSPC) -> None:
        super().__init__()
        self.number = number

    def flush(self) -> None:
        raise OSError(self.number, os.strerror(self.number))


class AsciiStream(io.StringIO):
    encoding = "ascii"

    def write(self, text: str) -> int:
        text.encode("ascii")
        return super().write(text)


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

    def test_ascii(self) -> None:
        histogram = Histogram()
        histogram.add(1_000_000, 400)
        histogram.add(4_000_000, 1)
        lines = histogramLines(histogram, rows=2, width=8, ascii=True)
        assert [line.rpartition("% ")[2] for line in lines] == ["########", "#"]

    def test_extremes(self) -> None:
        assert histogramLines(Histogram()) == []
        for value in (0, 1, 5_000_000):
            histogram = Histogram()
            histogram.add(value)
            (line,) = histogramLines(histogram)
            assert "100.0%" in line
