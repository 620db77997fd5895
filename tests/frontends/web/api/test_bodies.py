"""Tests for L{tsservices.frontends.web.api.bodies}."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.errors import ChatError
from tsservices.common.text import visible
from tsservices.frontends.web.api.bodies import POST_LINES, readPost
from tsservices.frontends.web.api.errors import APIError


def texts(text: str) -> tuple[str, ...]:
    return readPost(json.dumps({"text": text}).encode(), 4096).texts


def test_plain() -> None:
    body = readPost(b'{"text": "hello"}', 4096)
    assert (body.kind, body.texts) == ("message", ("hello",))
    assert readPost(b'{"text": "waves", "kind": "me"}', 4096).kind == "me"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb", ("a", "b")),
        ("a\r\n\r\n b ", ("a", " b ")),
        ("a\u2028b\x0bc", ("a", "b", "c")),
        ("\n\nx\n", ("x",)),
        ("bell \x07", ("bell \\x07",)),
        ("\x1b[2J", ("\\x1b[2J",)),
        ("‮evil", ("\\u202eevil",)),
        ("<script>alert(1)</script>", ("<script>alert(1)</script>",)),
        ("/topic x", ("/topic x",)),
        ("x" * 4096, ("x" * 4096,)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_lines(text: str, lines: tuple[str, ...]) -> None:
    assert texts(text) == lines


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"text": 1}',
        b'{"text": null}',
        b"{}",
        b'{"text": ""}',
        b'{"text": " \\n\\t"}',
        b'{"text": "x", "kind": "topic"}',
        b'{"text": "x", "kind": 1}',
        b'{"text": "x", "nick": "root"}',
        b'{"text": "x", "text": "y"}',
        b'{"text": "\\ud800"}',
        b'{"text": "x", "kind": NaN}',
        b'\xff{"text": "x"}',
        b'{"text": "\xc3"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"1" * 60_000,
        b'{"text": "x"} x',
        b'\xef\xbb\xbf{"text": "x"}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_refused(raw: bytes) -> None:
    with pytest.raises(APIError) as caught:
        readPost(raw, 4096)
    assert caught.value.status == 400
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 4097, "line-long"),
        ("é" * 2049, "line-long"),
        ("/login ann secret", "command-hidden"),
        (" /login ann secret", "command-hidden"),
    ],
    ids=lambda value: value[:20],
)
def test_unsayable(text: str, code: str) -> None:
    with pytest.raises(ChatError) as caught:
        texts(text)
    assert caught.value.code.name == code


def test_mostLines() -> None:
    assert len(texts("x\n" * POST_LINES)) == POST_LINES
    with pytest.raises(APIError):
        texts("x\n" * (POST_LINES + 1))


def test_digests() -> None:
    bodies = [
        readPost(raw, 4096)
        for raw in (
            b'{"text": "a\\nb"}',
            b'{"text": "ab"}',
            b'{"text": "a\\nb", "kind": "me"}',
            b'{"kind": "message", "text": "a\\r\\nb"}',
        )
    ]
    digests = [body.digest("tea") for body in bodies]
    assert len({*digests, bodies[0].digest("lobby")}) == 4
    assert digests[0] == digests[3]


@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=40).map(lambda text: json.dumps({"text": text}).encode()),
    )
)
def test_anything(raw: bytes) -> None:
    try:
        body = readPost(raw, 64)
    except (APIError, ChatError):
        return
    assert body.texts
    for line in body.texts:
        assert line.strip()
        assert visible(line) == line
