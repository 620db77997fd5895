"""Tests for L{benchmarks.path}: what is counted, how it is printed, and one run of the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks
from tsservices.transport.epoll.set import available

if available():
    from benchmarks.path.__main__ import exceeded
    from benchmarks.path.trace import PathError, Trace, counts, flattened
    from benchmarks.path.tree import lines

CHECKOUT = Path(benchmarks.__file__).resolve().parent.parent
# Seconds: the command ends by itself before.
LIMIT = 20

pytestmark = pytest.mark.skipif(not available(), reason="this platform has no epoll")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.path", *options],
        cwd=CHECKOUT,
        timeout=LIMIT,
        capture_output=True,
        text=True,
        check=False,
    )


class TestPath:
    """Traces that are made by hand."""

    def trace(self) -> Trace:
        """One call before the read, one after the last send, and between them two that repeat."""
        trace = Trace()

        def call(outer: object, name: str) -> object:
            trace.calls += 1
            return trace._add(outer, f"module{name[0]}", name)  # type: ignore[arg-type]

        turn = call(trace.root, "turn")
        call(call(turn, "before"), "inner")
        trace.reads.append(trace._add(turn, "", "read").number)  # type: ignore[arg-type]
        for _ in range(3):
            call(turn, "look")
            deliver = call(turn, "deliver")
            trace.sends.append(trace._add(deliver, "", "send").number)  # type: ignore[arg-type]
        call(turn, "after")
        return trace

    def test_counts(self) -> None:
        assert counts(self.trace()) == {"calls": 7, "modules": 3, "sends": 3, "outside": 3}

    def test_lines(self) -> None:
        assert lines(self.trace().path()) == [
            "modulet:turn",
            "  -> read",
            "  x3:",
            "    modulel:look",
            "    moduled:deliver",
            "      -> send",
        ]

    def test_repeated(self) -> None:
        trace = Trace()
        for _ in range(4):
            trace._add(trace.root, "throttle", "take")
        assert lines(trace.root.inner) == ["throttle:take  x4"]
        assert len(flattened(trace.root.inner)) == 4

    def test_nothingSeen(self) -> None:
        with pytest.raises(PathError):
            Trace().path()

    def test_exceeded(self) -> None:
        counted = {
            "line": {"calls": 55, "modules": 20},
            "trusted datagram": {"calls": 4},
            "untrusted datagram": {"calls": 12},
        }
        assert exceeded(counted, (55, 20, 12)) == []
        assert exceeded(counted, (54, 19, 11)) == [
            "line: 55 calls, at most 54 wanted",
            "line: 20 modules, at most 19 wanted",
            "untrusted datagram: 12 calls, at most 11 wanted",
        ]


class TestCommand:
    def test_json(self) -> None:
        done = run("--json", "--check", "1000", "1000", "1000")
        assert done.returncode == 0, done.stderr
        counted = json.loads(done.stdout)
        assert list(counted) == ["line", "trusted datagram", "untrusted datagram"]
        assert counted["line"]["sends"] == 4
        assert counted["line"]["calls"] > counted["line"]["modules"] > 10
        # Only an address that is not trusted has a rate limit.
        assert counted["untrusted datagram"]["calls"] > counted["trusted datagram"]["calls"]
