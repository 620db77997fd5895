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
from tsservices.client.probe import argument_types, cli
from tsservices.client.probe.options import STAMP_OFFSET, ProbeOptions
from tsservices.client.probe.source import Source
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
        ("-I 192.0.2.1 h", ProbeOptions(("h",), source=Source("192.0.2.1"))),
        ("--resolve 0 h", ProbeOptions(("h",), resolve=0.0)),
        ("--resolve 2.5 h", ProbeOptions(("h",), resolve=2.5)),
        ("--no-follow-up h", ProbeOptions(("h",), followUp=False)),
        ("--icmp -s 0 -t 255 h", ProbeOptions(("h",), 0, "icmp", size=0, ttl=255)),
        ("-M want -t 1 h", ProbeOptions(("h",), mtuDiscovery="want", ttl=1)),
        ("--udp -M do h", ProbeOptions(("h",), 21567, "udp", mtuDiscovery="do")),
        ("--cos h", ProbeOptions(("h",), dscpBack=0)),
        ("--cos -Q 0xba -s 52 h", ProbeOptions(("h",), tos=0xBA, size=52, dscpBack=46)),
        ("--cos-back af41 -Q 0xb8 h", ProbeOptions(("h",), tos=0xB8, dscpBack=34)),
        ("--reflector stateful h", ProbeOptions(("h",), stateful=True)),
        ("--reflector stateless h", ProbeOptions(("h",), stateful=False)),
        ("a -q b", ProbeOptions(("a", "b"), quiet=True)),
        ("-g 192.0.2.0/30", ProbeOptions(("192.0.2.1", "192.0.2.2"))),
        ("-g ::1 -c 1 ::2", ProbeOptions(("::1", "::2"), count=1)),
        ("-C 3 h", ProbeOptions(("h",), count=3, raw=True)),
        ("--report 2.5 h", ProbeOptions(("h",), report=2.5)),
        ("-a h", ProbeOptions(("h",), count=4, followUp=False, quiet=True, listing="alive")),
        (
            "-u -w 2 h",
            ProbeOptions(("h",), deadline=2.0, followUp=False, quiet=True, listing="unreachable"),
        ),
        ("--prometheus 9 --bind [::1] h", ProbeOptions(("h",), prometheus=9, bind="::1")),
    ],
)
def test_accepted(line: str, options: ProbeOptions) -> None:
    assert parse(*line.split()) == options


def test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hosts"
    path.write_text("# all\na\nb # second\n\nh\na\n")
    assert parse("h", "-f", str(path)).hosts == ("h", "a", "b")
    assert f"given again, and measured once: h ({path}:5), a ({path}:6)" in capsys.readouterr().err
    path.write_bytes(b"a\nb c\n")
    assert f"{path}:2: 'b c' is no host name" in refusal(f"-f {path}")


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
        ("-i 1_5 h", "no number of seconds"),
        ("-i ٣ h", "no number of seconds"),
        ("-W 0 h", "no number of seconds"),
        ("-I fe80::1 h", "is link-local: add the interface"),
        ("-I a/b h", "neither an address nor an interface"),
        ("--resolve x h", "no number of seconds"),
        ("-s 43 h", "44 to 65507"),
        ("-s 70000 h", "no size"),
        ("--udp -s 600 h", "32 to 512"),
        ("-Q 256 h", "from 0 to 255"),
        ("-Q x h", "from 0 to 255"),
        ("-Q 1_0 h", "from 0 to 255"),
        ("-Q 0b11 h", "from 0 to 255"),
        ("-Q 010 h", "from 0 to 255"),
        ("-4 -6 h", "not allowed with"),
        ("--tcp --udp h", "not allowed with"),
        ("--json --csv h", "not allowed with"),
        ("--tcp --key k h", "--key is for STAMP"),
        ("--udp --reflector stateful h", "--reflector is for STAMP"),
        ("--tcp --no-follow-up h", "--no-follow-up is for STAMP"),
        ("--icmp --cos h", "--cos is for STAMP"),
        ("--udp --cos-back 3 h", "--cos is for STAMP"),
        ("--cos --key k h", "--cos goes without --key"),
        ("--cos -s 51 h", "52 to 65507"),
        ("--cos -s 54 h", "52, or 56 and more"),
        ("--cos-back 64 h", "is no DSCP"),
        ("--tcp -M do h", "-M goes without --tcp"),
        ("-M maybe h", "invalid choice"),
        ("-t 0 h", "from 1 to 255"),
        ("-t 256 h", "from 1 to 255"),
        ("--icmp --port 7 h", "--port goes without --icmp"),
        ("--icmp --tcp h", "not allowed with"),
        ("--icmp -s 65508 h", "no size"),
        ("--key nofile h", "No such file"),
        ("--json --histogram h", "goes without --json"),
        ("--fail-if p99 h", "is no condition"),
        ("--port 0 h", "no port"),
        ("--jso h", "unrecognized arguments"),
        ("-c 1 -C 1 h", "not allowed with"),
        ("-C 1000001 h", "at most 1000000"),
        ("-a -u h", "not allowed with"),
        ("-a --csv h", "-a and -u print names only: they go without --json and --csv"),
        ("-u --report 1 h", "without --report"),
        ("-a --histogram h", "without --histogram"),
        ("-u -C 1 h", "without -C"),
        ("-C 1 --json h", "-C goes without"),
        ("--bind ::1 h", "--bind needs --prometheus"),
        ("--prometheus 9 --bind localhost h", "no IPv4 or IPv6 address"),
        ("--report 0 h", "no number of seconds"),
        ("192.0.2.0/24", "is a network, which needs -g"),
        ("-g", "-g needs a network, or two addresses"),
        ("-g 10.0.0.0/8", "at most 65536"),
        ("-g 192.0.2.0/30 -f x", "-g goes without -f"),
        ("-f nofile", "-f: nofile cannot be read: No such file"),
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
        (object(), "--plot . h", ". is a folder"),
        (object(), "--plot a.xyz h", "a.xyz does not end with a kind of picture: "),
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
    st.sampled_from(
        [
            argument_types.packetCount,
            argument_types.packetInterval,
            argument_types.packetSize,
            argument_types.typeOfService,
        ]
    ),
    st.text(max_size=8),
)
def test_argumentTypesRaiseNothingElse(read: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(argparse.ArgumentTypeError):
        read(text)
