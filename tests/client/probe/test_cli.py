"""Tests for L{tsservices.client.probe.cli}."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.client.cli import parseArguments
from tsservices.client.probe import cli
from tsservices.client.probe.options import STAMP_OFFSET, ProbeOptions
from tsservices.server.registry import BY_NAME


def run(line: str) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            parseArguments(["probe", *line.split()])
        except SystemExit as done:
            return int(done.code or 0), out.getvalue(), errors.getvalue()
    raise AssertionError(f"{line!r} was accepted")


def parse(*arguments: str) -> ProbeOptions:
    options = parseArguments(["probe", *arguments])
    assert isinstance(options, ProbeOptions)
    return options


def refusal(line: str) -> str:
    status, out, errors = run(line)
    assert (status, out) == (2, "")
    return errors


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("h", ProbeOptions(("h",))),
        ("a b [::1]", ProbeOptions(("a", "b", "::1"))),
        ("-c 5 -i 0.2 -w 9 h", ProbeOptions(("h",), count=5, interval=0.2, deadline=9.0)),
        ("-W 2 -s 100 h", ProbeOptions(("h",), timeout=2.0, size=100)),
        ("-q -D -O h", ProbeOptions(("h",), quiet=True, dated=True, outstanding=True)),
        ("-Q 0xb8 -4 h", ProbeOptions(("h",), tos=184, family=4)),
        ("h -6 -Q 3", ProbeOptions(("h",), tos=3, family=6)),
        ("--tcp h", ProbeOptions(("h",), port=21567, protocol="tcp")),
        ("--udp --port 7 h", ProbeOptions(("h",), port=7, protocol="udp")),
        ("--port 862 h", ProbeOptions(("h",), port=862)),
        ("--json h", ProbeOptions(("h",), format="json")),
        ("--csv h", ProbeOptions(("h",), format="csv")),
        ("--histogram --precise h", ProbeOptions(("h",), histogram=True, precise=True)),
        ("--no-follow-up h", ProbeOptions(("h",), followUp=False)),
        ("--reflector stateful h", ProbeOptions(("h",), stateful=True)),
        ("--reflector stateless h", ProbeOptions(("h",), stateful=False)),
    ],
)
def test_accepted(line: str, options: ProbeOptions) -> None:
    assert parse(*line.split()) == options


def test_conditions() -> None:
    thresholds = parse("--fail-if", "loss>1%, p99>50ms", "h").thresholds
    assert [threshold.text for threshold in thresholds] == ["loss>1%", "p99>50ms"]


def test_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text("00" * 32)
    assert parse("--key", str(path), "h").key == bytes(32)
    path.chmod(0o644)
    assert "others have rights" in refusal(f"--key {path} h")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "HOST"),
        ("-c 0 h", "no number of packets above 0"),
        ("-c x h", "no number of packets above 0"),
        ("-i 0 h", "no number of seconds above 0"),
        ("-i 0.0001 h", "at least 0.0002"),
        ("-w nan h", "no number of seconds"),
        ("-W 0 h", "no number of seconds"),
        ("-s 43 h", "44 to 65507"),
        ("-s 70000 h", "no size"),
        ("--udp -s 600 h", "32 to 512"),
        ("-Q 256 h", "from 0 to 255"),
        ("-Q x h", "from 0 to 255"),
        ("-4 -6 h", "not allowed with"),
        ("--tcp --udp h", "not allowed with"),
        ("--json --csv h", "not allowed with"),
        ("--tcp --key k h", "--key is for STAMP"),
        ("--udp --reflector stateful h", "--reflector is for STAMP"),
        ("--tcp --no-follow-up h", "--no-follow-up is for STAMP"),
        ("--key nofile h", "No such file"),
        ("--json --histogram h", "goes without --json"),
        ("--fail-if p99 h", "is no condition"),
        ("--port 0 h", "no port"),
        ("--jso h", "unrecognized arguments"),
    ],
)
def test_refused(line: str, message: str) -> None:
    assert message in refusal(line)


@pytest.mark.parametrize(
    ("library", "line", "message"),
    [
        (None, "--plot a.png h", "pip install 'tsservices[plot]'"),
        (None, "--prometheus 9000 h", "pip install 'tsservices[http]'"),
        (object(), "--plot no/a.png h", "there is no folder"),
    ],
)
def test_extras(library: object, line: str, message: str) -> None:
    with mock.patch.object(cli, "find_spec", return_value=library):
        assert message in refusal(line)


@pytest.mark.parametrize(
    "text",
    ["exit status:", "SIGQUIT", "queue.up.", "--prometheus PORT", "21576", "mode 0600"],
)
def test_help(text: str) -> None:
    status, out, errors = run("--help")
    assert (status, errors) == (0, "")
    assert text in out


def test_first() -> None:
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), pytest.raises(SystemExit):
        parseArguments(["--udp", "probe"])
    assert "'probe' stands before its options" in errors.getvalue()


def test_port() -> None:
    assert BY_NAME["stamp"].offset == STAMP_OFFSET


@given(
    st.sampled_from([cli.packetCount, cli.packetInterval, cli.packetSize, cli.typeOfService]),
    st.text(max_size=8),
)
def test_argumentTypesRaiseNothingElse(read: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(argparse.ArgumentTypeError):
        read(text)
