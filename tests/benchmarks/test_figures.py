"""
Tests for the figures of L{benchmarks.echo}: ratios, tables, JSON and the picture.
"""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.common.figures import medianOf, pairedRatio
from benchmarks.common.tables import aligned, document, number
from benchmarks.echo.cells import CELLS, Kind, chosenCells
from benchmarks.echo.figures import flagsOf, requestsPerSecond, rowsOf
from benchmarks.echo.load import LoadReport
from benchmarks.echo.measure import Lateness, Sample
from benchmarks.echo.peers import PEERS
from benchmarks.echo.picture import picture, short
from benchmarks.echo.report import tables
from tests.support.benchmarks import REPORT, sampled


class RatioTests(SynchronousTestCase):
    def test_pairs(self) -> None:
        """A ratio is taken inside a round: when the machine halves its speed for one, it stays."""
        ours = [sampled("tsservices", turn, rate) for turn, rate in enumerate((110, 55, 220))]
        base = [sampled("uvloop", turn, rate) for turn, rate in enumerate((100, 50, 200))]
        assert pairedRatio(ours, base, requestsPerSecond) == pytest.approx(1.1)

    def test_missingRound(self) -> None:
        """A round that one of the two failed in counts for neither."""
        ours = [sampled("tsservices", turn, rate) for turn, rate in ((0, 100), (2, 300))]
        base = [sampled("uvloop", turn, rate) for turn, rate in ((1, 1), (2, 100))]
        assert pairedRatio(ours, base, requestsPerSecond) == 3
        assert pairedRatio(ours, [], requestsPerSecond) is None

    def test_medianOf(self) -> None:
        """Samples without the figure do not count."""
        samples = [sampled("c", 0, 1), replace(sampled("c", 1, 2), idleBytes=700.0)]
        assert medianOf(samples, lambda sample: sample.idleBytes) == 700
        assert medianOf(samples, lambda sample: sample.idleRatio) is None

    def test_serverCpu(self) -> None:
        """CPU is in microseconds for one request, and unknown where no clock was read."""
        assert REPORT.serverCpu == pytest.approx(10.0)
        assert REPORT.serverBusy == pytest.approx(0.005)
        assert replace(REPORT, serverCpuSeconds=None).serverCpu is None

    def test_idleRatios(self) -> None:
        """The rate and the CPU of one request are divided by those without idle connections."""
        beside = replace(REPORT, requestsPerSecond=450.0, serverCpuSeconds=0.012)
        sample = Sample("idle", "c", 0, beside, withoutIdle=REPORT)
        assert sample.idleRatio == pytest.approx(0.9)
        assert sample.idleCpuRatio == pytest.approx(1.2)

    def test_waited(self) -> None:
        """The longest wait of both sides and both reports is that of the sample."""
        disturbed = replace(REPORT, waited=0.02, serverWaited=0.3)
        assert Sample("idle", "c", 0, REPORT, withoutIdle=disturbed).waited == 0.3
        unknown = replace(REPORT, waited=None, serverWaited=None)
        assert Sample("a", "c", 0, unknown).waited == 0

    def test_flags(self) -> None:
        """A busy generator, a core that others used and lost datagrams have flags."""
        assert flagsOf([Sample("a", "c", 0, REPORT)]) == ()
        busy = replace(REPORT, utilisation=0.6, waited=0.38)
        assert flagsOf([Sample("a", "c", 0, busy)]) == ("generator busy", "core shared")
        lossy = replace(REPORT, lost=11)
        assert flagsOf([Sample("a", "c", 0, lossy)]) == ("datagrams lost",)

    def test_rows(self) -> None:
        """There is a row for each cell and peer with a sample, in the order of the tables."""
        cells = chosenCells(["tcp-1c-64b", "tcp-64c-64b"], False)
        samples = [sampled("c", 0, 200), sampled("uvloop", 0, 100), sampled("uvloop", 1, 120)]
        rows = rowsOf(samples, cells, PEERS)
        assert [(row.cell, row.peer) for row in rows] == [
            ("tcp-64c-64b", "uvloop"),
            ("tcp-64c-64b", "c"),
        ]
        assert (rows[0].requestsPerSecond, rows[0].lowest, rows[0].highest) == (110, 100, 120)
        assert (rows[0].rateToC, rows[1].rateToUvloop) == (0.5, 2)


class ReportTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.samples = []
        for cell in CELLS:
            for peer, rate in (("tsservices", 123_456.0), ("uvloop", 100_000.0)):
                sample = sampled(peer, 0, rate, cell.name)
                if cell.kind is Kind.IDLE:
                    sample = replace(sample, idleBytes=1062.0, withoutIdle=REPORT)
                if cell.kind is Kind.LATENESS:
                    sample = replace(sample, lateness=Lateness(200, 1.25, 4.75, 9.5))
                self.samples.append(sample)
        self.rows = rowsOf(self.samples, CELLS, PEERS)

    def test_aligned(self) -> None:
        """Figures stand under each other's last digit, and no line ends in blanks."""
        lines = [("a", "b", "rate", ""), ("cell", "peer", "1", "note"), ("c", "p", "12345", "")]
        assert aligned(lines).splitlines() == [
            "a     b      rate",
            "cell  peer      1  note",
            "c     p     12345",
        ]

    def test_number(self) -> None:
        """A figure that does not exist is a dash."""
        assert number(None) == "-"
        assert number(1234567.0) == "1,234,567"
        assert number(6.789, 2) == "6.79"

    def test_tables(self) -> None:
        """Each row is there with its ratio, and the tables of idle and lateness follow."""
        requests, idle, late = tables(self.rows, CELLS, PEERS).split("\n\n")
        assert len(requests.splitlines()) == 1 + 2 * len(CELLS)
        assert "123,456" in requests
        assert "1.23" in requests
        assert "1,062" in idle
        assert "4.75" in late

    def test_document(self) -> None:
        """The JSON has every sample with the whole report of the generator."""
        written = json.loads(json.dumps(document(self.samples, self.rows, {"cores": 2})))
        assert len(written["samples"]) == len(self.samples)
        assert LoadReport(**written["samples"][0]["load"]) == self.samples[0].load

    def test_picture(self) -> None:
        """
        The picture is well-formed, has a bar for each row, both colour schemes, and no markup
        from a caption.
        """
        cells = [cell for cell in CELLS if cell.pictured]
        svg = picture(self.rows, cells, PEERS, "<AMD & friends>")
        root = ElementTree.fromstring(svg)
        space = "{http://www.w3.org/2000/svg}"
        assert root.tag == f"{space}svg"
        bars = [bar for bar in root.iter(f"{space}rect") if bar.get("class") in ("bar", "ours")]
        assert len(bars) == 2 * len(cells)
        assert "prefers-color-scheme: dark" in svg
        width = float(root.get("width", "0"))
        assert all(float(bar.get("x", "")) + float(bar.get("width", "")) < width for bar in bars)

    def test_emptyPicture(self) -> None:
        """A run without samples still draws a well-formed picture."""
        ElementTree.fromstring(picture([], CELLS, PEERS, ""))

    def test_short(self) -> None:
        """Rates have three digits."""
        rates = (12, 9_870, 9_999, 98_700, 99_990, 5_971_320)
        assert [short(rate) for rate in rates] == [
            "12",
            "9.87k",
            "10.0k",
            "98.7k",
            "100k",
            "5971k",
        ]
