"""
Tests for L{tsservices.client.probe.cli}.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from pathlib import Path
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tsservices.client.cli import parseArguments
from tsservices.client.probe import cli as arguments
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


class ParseTests(SynchronousTestCase):
    def test_asks(self) -> None:
        """Each command line gives its command."""
        for line, command in [
            ("h", ProbeOptions(("h",))),
            ("a b [::1]", ProbeOptions(("a", "b", "::1"))),
            (
                "-c 5 -i 0.2 -w 9 -W 2 -s 100 -q -D -O h",
                ProbeOptions(
                    ("h",),
                    count=5,
                    interval=0.2,
                    deadline=9.0,
                    timeout=2.0,
                    size=100,
                    quiet=True,
                    dated=True,
                    outstanding=True,
                ),
            ),
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
        ]:
            assert parseArguments(["probe", *line.split()]) == command, line

    def test_conditions(self) -> None:
        """Conditions are read at the start."""
        command = parseArguments(["probe", "--fail-if", "loss>1%, p99>50ms", "h"])
        assert isinstance(command, ProbeOptions)
        assert [each.text for each in command.thresholds] == ["loss>1%", "p99>50ms"]

    def test_key(self) -> None:
        """The key is read from its file."""
        path = Path("key")
        path.touch(mode=0o600)
        path.write_text("00" * 32)
        command = parseArguments(["probe", "--key", "key", "h"])
        assert isinstance(command, ProbeOptions)
        assert command.key == bytes(32)
        os.chmod(path, 0o644)
        assert "others have rights" in run("--key key h")[2]

    def test_refuses(self) -> None:
        """A wrong command line ends with status 2 and says what is wrong."""
        for line, message in [
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
        ]:
            status, out, errors = run(line)
            assert (status, out) == (2, ""), line
            assert message in errors, (line, errors)

    def test_extras(self) -> None:
        """What needs a library that is missing says which, and how to get it."""
        with mock.patch.object(arguments, "find_spec", return_value=None):
            assert "pip install 'tsservices[plot]'" in run("--plot a.png h")[2]
            assert "pip install 'tsservices[http]'" in run("--prometheus 9000 h")[2]
        with mock.patch.object(arguments, "find_spec", return_value=object()):
            assert "there is no folder" in run("--plot no/a.png h")[2]

    def test_help(self) -> None:
        """Help explains figures, signals, conditions and exit statuses."""
        status, out, errors = run("--help")
        assert (status, errors) == (0, "")
        for words in (
            "exit status:",
            "SIGQUIT",
            "queue.up.",
            "--prometheus PORT",
            "21576",
            "mode 0600",
        ):
            assert words in out, words

    def test_first(self) -> None:
        """The command stands first."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), self.assertRaises(SystemExit):
            parseArguments(["--udp", "probe"])
        assert "'probe' stands before its options" in errors.getvalue()

    def test_port(self) -> None:
        """The port is the catalogue's."""
        assert BY_NAME["stamp"].offset == STAMP_OFFSET

    @given(st.text(max_size=8))
    def test_values(self, text: str) -> None:
        """No value raises anything but the error that argparse prints."""
        for read in (
            arguments.packetCount,
            arguments.packetInterval,
            arguments.packetSize,
            arguments.typeOfService,
        ):
            with contextlib.suppress(argparse.ArgumentTypeError):
                read(text)
