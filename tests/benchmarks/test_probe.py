"""Tests for L{benchmarks.probe}: what is read from the probe, the table, and the goals."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import pytest
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.common.generators import LoadError
from benchmarks.probe.__main__ import main
from benchmarks.probe.measure import Run, Trips, pooled, readProbe
from benchmarks.probe.report import goals, table


def result(sequence: int, state: str = "ok", clocks: str = "kk") -> dict[str, Any]:
    return {
        "type": "probe",
        "state": state,
        "clocks": clocks,
        "network_ns": 10_000 + sequence,
        "application_ns": 500_000,
        "server_ns": 200_000,
    }


TIMER = {"p50": 600_000, "p95": 900_000, "p99": 1_000_000, "max": 2_000_000}


def run(name: str, kernel: float, user: float) -> Run:
    trips = {
        "kernel": Trips("kernel", [kernel] * 100, 0),
        "user": Trips("user space", [user] * 100, 0),
    }
    return Run(name, trips, {"p50": 1.0, "p95": 60.0, "p99": 1500.0, "max": 9000.0})


class ReadTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        lines = [
            result(0),
            result(1) | {"follow_up_ns": 4000},
            result(2, clocks="uk"),
            result(3, "timeout"),
        ]
        found = readProbe("idle", [*lines, {"type": "summary", "timer_ns": TIMER}])
        assert found.trips["kernel"].microseconds == [10.0, 10.001]
        assert found.trips["written"].microseconds == [10.0, 10.001 + 4]
        assert found.trips["user"].microseconds == [300.0, 300.0]
        assert found.trips["application"].microseconds == [500.0, 500.0]
        assert found.trips["kernel"].lost == 1
        assert found.timer == {"p50": 600.0, "p95": 900.0, "p99": 1000.0, "max": 2000.0}

    def test_noReply(self) -> None:
        with pytest.raises(LoadError):
            readProbe("idle", [result(0, "timeout"), {"type": "summary", "timer_ns": TIMER}])


class PooledTests(SynchronousTestCase):
    def test_pooled(self) -> None:
        whole = pooled([run("idle", 10, 100), run("idle", 30, 300)])
        assert whole.trips["kernel"].microseconds == [10.0] * 100 + [30.0] * 100
        assert whole.trips["user"].at(100) == 300
        assert whole.timer["p95"] == 60.0
        assert whole.load is None

    def test_load(self) -> None:
        loads = (0.5, 0.3, 0.4)
        whole = pooled([replace(run("busy", 10, 200), load=load) for load in loads])
        assert whole.load == 0.3
        (goal,) = goals([whole])
        assert goal.text.endswith("; the server used 30% of a core")


class ReportTests(SynchronousTestCase):
    def test_goals(self) -> None:
        peer = Run("ping", {"rtt": Trips("ping", [30.0] * 100, 0)})
        runs = [run("idle", 20, 100), run("busy", 20, 100), run("precise", 20, 100), peer]
        found = [goal.reached for goal in goals(runs)]
        assert found == [True, False, True, True, False]
        assert goals([]) == []

    def test_table(self) -> None:
        text = table([run("idle", 20, 100)])
        assert "idle: kernel                  20.0      20.0      20.0      20.0" in text
        assert "idle: user space" in text
        assert "60.0    1500.0    9000.0" in text


class CommandTests(SynchronousTestCase):
    def test_refused(self) -> None:
        for arguments, reason in (
            (["--only", "nope"], "no run 'nope'"),
            (["--packets", "3"], "--packets"),
        ):
            errors = io.StringIO()
            with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
                main(arguments)
            assert reason in errors.getvalue()
