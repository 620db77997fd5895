"""
What programs read from the probe: the names and values of its JSON, CSV and Prometheus reports.

C{files/reports.json} was recorded by C{python -m tests.client.probe.test_formats} and is public:
a change of it is a change of the schema.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.support.probe import RecordingListener, Streams, clocksOf, play, targetOn
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.reports.base import Reporter
from tsservices.client.probe.reports.json_csv import CSVReport, JSONReport
from tsservices.client.probe.wires.base import PathMTU
from tsservices.stamp.stats.errors import ErrorReport, ErrorSource

OPTIONS = ProbeOptions(("host.example",))
RECORDED = Path(__file__).parent / "files" / "reports.json"


def lines(kind: str) -> list[str]:
    clock, streams = Clock(), Streams()
    output, clocks = streams.output(), clocksOf(clock)
    reporter: Reporter = JSONReport(output, clocks, OPTIONS)
    if kind == "csv":
        reporter = CSVReport(output, clocks, OPTIONS)
    target = play(clock, reporter)
    reporter.interim([target])
    reporter.summary([target])
    return streams.out.getvalue().splitlines()


def metrics() -> list[Any]:
    from tsservices.client.probe.reports.prometheus import TargetCollector

    clock = Clock()
    target = play(clock, CSVReport(Streams().output(), clocksOf(clock), OPTIONS))
    return [
        [family.name, family.documentation, family.type]
        + [[sample.name, sample.labels, sample.value] for sample in family.samples]
        for family in TargetCollector([target]).collect()
    ]


def recorded(kind: str) -> Any:
    return json.loads(RECORDED.read_text())[kind]


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_lines(kind: str) -> None:
    assert lines(kind) == recorded(kind)


def test_prometheus() -> None:
    pytest.importorskip("prometheus_client", reason="the extra http is not installed")
    assert json.loads(json.dumps(metrics())) == recorded("prometheus")


def test_prometheusOfErrors() -> None:
    pytest.importorskip("prometheus_client", reason="the extra http is not installed")
    from tsservices.client.probe.reports.prometheus import TargetCollector

    target, transport = targetOn(Clock(), RecordingListener())
    transport.path = PathMTU(1400, 1372, 1500, 1500, True)
    router = ErrorReport(ErrorSource.ROUTER, "192.0.2.9")
    for error in (router, None, router):
        target.statistics.errors.add("no way", error)
    samples = [
        sample for family in TargetCollector([target]).collect() for sample in family.samples
    ]
    assert [
        [sample.labels[name] for name in ("by", "from", "reason")] + [sample.value]
        for sample in samples
        if sample.name == "tsservices_probe_errors_total"
    ] == [["router", "192.0.2.9", "no way", 2], ["", "", "no way", 1]]
    assert [sample.value for sample in samples if sample.name.endswith("path_mtu_bytes")] == [1400]


if __name__ == "__main__":
    reports = {"json": lines("json"), "csv": lines("csv"), "prometheus": metrics()}
    RECORDED.write_text(json.dumps(reports, indent=1) + "\n")
