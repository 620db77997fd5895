"""Tests for the figures of L{benchmarks.echo}: ratios, tables, JSON and the picture."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.common.figures import pairedRatio
from benchmarks.common.tables import document
from benchmarks.echo.cells import CELLS, Kind, chosenCells
from benchmarks.echo.figures import flagsOf, requestsPerSecond, rowsOf
from benchmarks.echo.load import LoadReport
from benchmarks.echo.measure import Lateness, Sample
from benchmarks.echo.peers import PEERS
from benchmarks.echo.picture import picture
from benchmarks.echo.report import tables
from tests.support.benchmarks import REPORT, sampled


class RatioTests(SynchronousTestCase):
    def test_pairs(self) -> None:
        ours = [sampled("tsservices", turn, rate) for turn, rate in enumerate((110, 55, 220))]
        base = [sampled("uvloop", turn, rate) for turn, rate in enumerate((100, 50, 200))]
        assert pairedRatio(ours, base, requestsPerSecond) == pytest.approx(1.1)

    def test_missingRound(self) -> None:
        ours = [sampled("tsservices", turn, rate) for turn, rate in ((0, 100), (2, 300))]
        base = [sampled("uvloop", turn, rate) for turn, rate in ((1, 1), (2, 100))]
        assert pairedRatio(ours, base, requestsPerSecond) == 3
        assert pairedRatio(ours, [], requestsPerSecond) is None

    def test_serverCpu(self) -> None:
        assert REPORT.serverCpu == pytest.approx(10.0)
        assert REPORT.serverBusy == pytest.approx(0.005)
        assert replace(REPORT, serverCpuSeconds=None).serverCpu is None

    def test_idleRatios(self) -> None:
        beside = replace(REPORT, requestsPerSecond=450.0, serverCpuSeconds=0.012)
        sample = Sample("idle", "c", 0, beside, withoutIdle=REPORT)
        assert sample.idleRatio == pytest.approx(0.9)
        assert sample.idleCpuRatio == pytest.approx(1.2)

    def test_flags(self) -> None:
        assert flagsOf([Sample("a", "c", 0, REPORT)]) == ()
        busy = replace(REPORT, utilisation=0.6, waited=0.38)
        assert flagsOf([Sample("a", "c", 0, busy)]) == ("generator busy", "core shared")
        lossy = replace(REPORT, lost=11)
        assert flagsOf([Sample("a", "c", 0, lossy)]) == ("datagrams lost",)

    def test_rows(self) -> None:
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

    def test_tables(self) -> None:
        requests, idle, late = tables(self.rows, CELLS, PEERS).split("\n\n")
        assert len(requests.splitlines()) == 1 + 2 * len(CELLS)
        assert "123,456" in requests
        assert "1.23" in requests
        assert "1,062" in idle
        assert "4.75" in late

    def test_document(self) -> None:
        written = json.loads(json.dumps(document(self.samples, self.rows, {"cores": 2})))
        assert len(written["samples"]) == len(self.samples)
        assert LoadReport(**written["samples"][0]["load"]) == self.samples[0].load

    def test_picture(self) -> None:
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
