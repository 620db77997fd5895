"""Tests for L{tsservices.client.cli}."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices import __version__
from tsservices.client import server_options
from tsservices.client.cli import (
    LINE_OFFSET,
    TALK_OFFSET,
    Command,
    EchoOptions,
    OperatorOptions,
    TalkOptions,
    parseArguments,
)
from tsservices.client.server_options import TLSOptions
from tsservices.client.trust import TrustOptions
from tsservices.server.registry import BY_NAME

KEY = "aa" * 32

TLS = TLSOptions(TrustOptions(), "/state")
TLS_BY_KEY = TLSOptions(TrustOptions(fingerprint=KEY), "/state")
TLS_BY_AUTHORITY = TLSOptions(TrustOptions(authorities=__file__), "/state")


def run(line: str) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            parseArguments(line.split(), lambda: "/state")
        except SystemExit as done:
            return int(done.code or 0), out.getvalue(), errors.getvalue()
    raise AssertionError(f"{line!r} was accepted")


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("", EchoOptions("127.0.0.1", 21567, "tcp", 10.0, 2)),
        ("--udp", EchoOptions("127.0.0.1", 21567, "udp", 2.0, 2)),
        ("--line", EchoOptions("127.0.0.1", 21568, "line", 10.0, 2)),
        ("--line --port 7", EchoOptions("127.0.0.1", 7, "line", 10.0, 2)),
        ("::1 --port 65535", EchoOptions("::1", 65535, "tcp", 10.0, 2)),
        ("[::1]", EchoOptions("::1", 21567, "tcp", 10.0, 2)),
        ("/run/x --udp", EchoOptions("/run/x", 21567, "udp", 2.0, 2)),
        (
            "h --udp --timeout 0.5 --retries 0",
            EchoOptions("h", 21567, "udp", 0.5, 0),
        ),
        ("talk", TalkOptions("127.0.0.1", 21572, 10.0)),
        ("talk h --port 9 --timeout 3", TalkOptions("h", 9, 3.0)),
        ("--tls", EchoOptions("127.0.0.1", 21667, "tcp", 10.0, 2, TLS)),
        ("--tls --line h", EchoOptions("h", 21668, "line", 10.0, 2, TLS)),
        ("--tls h --port 9", EchoOptions("h", 9, "tcp", 10.0, 2, TLS)),
        ("TLS://h:9/", EchoOptions("h", 9, "tcp", 10.0, 2, TLS)),
        ("tls://h:9 --port 9", EchoOptions("h", 9, "tcp", 10.0, 2, TLS)),
        ("tls://[::1]:9", EchoOptions("::1", 9, "tcp", 10.0, 2, TLS)),
        ("tls://[::1]", EchoOptions("::1", 21667, "tcp", 10.0, 2, TLS)),
        ("tls://::1", EchoOptions("::1", 21667, "tcp", 10.0, 2, TLS)),
        # Never in clear for somebody who names a key or an authority.
        (f"h --tls-fingerprint SHA256:{KEY.upper()}", EchoOptions("h", 21667, tls=TLS_BY_KEY)),
        (f"h --tls-ca {__file__}", EchoOptions("h", 21667, tls=TLS_BY_AUTHORITY)),
        ("talk --tls", TalkOptions("127.0.0.1", 21672, 10.0, TLS)),
        ("talk tls://h", TalkOptions("h", 21672, 10.0, TLS)),
        ("talk --operator", OperatorOptions("/state/operator.sock", 10.0)),
        (
            "talk --operator --state s --timeout 1",
            OperatorOptions("s/operator.sock", 1.0),
        ),
    ],
)
def test_options(line: str, options: Command) -> None:
    assert parseArguments(line.split(), lambda: "/state") == options


def test_withoutTheExtra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_options, "find_spec", lambda name: None)
    status, _, errors = run("--tls")
    assert status == 2
    assert "pip install 'tsservices[tls]'" in errors
    assert parseArguments([], lambda: "/state") == EchoOptions()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--nope", "unrecognized arguments: --nope"),
        ("--por 7", "unrecognized arguments"),
        ("a b", "unrecognized arguments: b"),
        ("--udp --line", "not allowed with"),
        ("--udp --tls", "--udp goes without TLS"),
        ("--udp tls://h", "--udp goes without TLS"),
        ("talk --operator --tls", "--operator goes without TLS"),
        ("http://h", "'http://h' is neither HOST nor tls://HOST:PORT"),
        ("tls://", "is not of the form tls://HOST:PORT"),
        ("tls://h:", "has no port behind its last colon"),
        ("tls://h:x", "'x' is no port"),
        ("tls://h:70000", "'70000' is no port"),
        ("tls://h:9/path", "is no port"),
        ("tls://a@h", "is not of the form"),
        ("tls://::1:x", "is not of the form"),
        ("tls://h:9 --port 8", "--port 8 goes without the port in tls://HOST:9"),
        ("--tls-ca /no/such", "there is no file /no/such"),
        ("--tls-fingerprint abc", "'abc' is no fingerprint"),
        (f"--tls-ca {__file__} --tls-fingerprint {KEY}", "not allowed with"),
        ("probe --tls h", "the probe measures in clear"),
        ("probe tls://h", "the probe measures in clear"),
        ("--port 0", "'0' is no port from 1 to 65535"),
        ("--port 65536", "is no port"),
        ("--port ²", "is no port"),
        ("--port 000000000001", "is no port"),
        ("--timeout 0", "is no number of seconds"),
        ("--timeout nan", "is no number of seconds"),
        ("--timeout inf", "is no number of seconds"),
        ("--timeout x", "is no number of seconds"),
        ("--udp --retries 101", "is no number from 0 to 100"),
        ("--udp --retries -1", "is no number from 0 to 100"),
        ("--retries 1", "--retries needs --udp"),
        ("/run/x", "a path needs --udp"),
        ("/run/x --udp --port 5", "a path goes without --port"),
        ("[]", "is no host name or address"),
        ("--port 3 talk", "the command 'talk' stands before its options"),
        ("talk --state s", "--state needs --operator"),
        ("talk --operator h", "--operator goes without HOST and --port"),
        ("talk --operator --port 3", "--operator goes without HOST and --port"),
        ("talk --udp", "unrecognized arguments: --udp"),
    ],
)
def test_wrongOptionsEndWithStatus2(line: str, message: str) -> None:
    status, out, errors = run(line)
    assert (status, out) == (2, "")
    assert message in errors


def test_spaces() -> None:
    with contextlib.redirect_stderr(io.StringIO()), pytest.raises(SystemExit):
        parseArguments(["a b"])


@given(st.lists(st.text(max_size=8), max_size=4))
def test_anything(words: list[str]) -> None:
    status = 0
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            parseArguments(words, lambda: "/state")
        except SystemExit as done:
            status = int(done.code or 0)
    assert status in (0, 2)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (
            "--help",
            "HOST 127.0.0.1 --port 21567 21568 --udp --line --timeout 10 2 "
            "--retries 3 --version talk status: 130",
        ),
        (
            "talk --help",
            "HOST 127.0.0.1 --port 21572 --timeout 10 --operator --state "
            "$STATE_DIRECTORY --version status:",
        ),
    ],
)
def test_helpNamesOptionsAndDefaults(line: str, parts: str) -> None:
    status, out, errors = run(line)
    assert (status, errors) == (0, "")
    assert [part for part in parts.split() if part not in out] == []
    assert max(map(len, out.splitlines())) <= 100


def test_version() -> None:
    assert run("--version")[:2] == (0, f"tsservices {__version__}\n")


def test_offsetsAreThoseOfTheCatalogue() -> None:
    assert BY_NAME["timestamp-line"].offset == LINE_OFFSET
    assert BY_NAME["talk"].offset == TALK_OFFSET
