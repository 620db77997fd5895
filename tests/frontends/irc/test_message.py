"""Tests for L{tsservices.frontends.irc.message}, and for the times of references to messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.frontends.irc.history.places import parseTime
from tsservices.frontends.irc.message import (
    CLIENT_TAG_BYTES,
    Message,
    MessageError,
    TooLong,
    escape,
    parse,
    pieces,
    surelyFit,
    unescape,
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"PRIVMSG #a :hello  there", Message("PRIVMSG", ["#a", "hello  there"])),
        (b"privmsg #a hello", Message("PRIVMSG", ["#a", "hello"])),
        (b"  JOIN   #a  ", Message("JOIN", ["#a"])),
        (b":ann!u@h TOPIC #a :", Message("TOPIC", ["#a", ""])),
        (b"TOPIC #a ::x", Message("TOPIC", ["#a", ":x"])),
        (b"PING a:b", Message("PING", ["a:b"])),
        (
            b"@label=1;+x=a\\sb\\:;y PING z\r",
            Message("PING", ["z"], {"label": "1", "+x": "a b;", "y": ""}),
        ),
        (b"@a=1;a=2 PING", Message("PING", [], {"a": "2"})),
        (b"NICK a\0b\rc", Message("NICK", ["abc"])),
        (
            b"X " + b" ".join(b"%d" % n for n in range(1, 18)),
            Message("X", [*map(str, range(1, 15)), "15 16 17"]),
        ),
        (b"", None),
        (b"   ", None),
        (b":abc", None),
        (b"@a=1", None),
        (b":", None),
    ],
)
def test_parse(line: bytes, message: Message | None) -> None:
    assert parse(line) == message


def test_bounds() -> None:
    tags = b"@+x=" + b"a" * (CLIENT_TAG_BYTES - 3)
    assert parse(tags + b" PING") is not None
    assert parse(b"PING " + b"a" * 505) is not None
    for line in (tags + b"a PING", b"PING " + b"a" * 506):
        with pytest.raises(TooLong):
            parse(line)


@given(st.binary())
def test_anyBytes(line: bytes) -> None:
    try:
        message = parse(line.replace(b"\n", b""))
    except MessageError:
        return
    if message is not None:
        assert message.command
        assert not {"\r", "\n", "\0"}.intersection(message.command + "".join(message.params))


@given(st.text())
def test_tagValues(value: str) -> None:
    written = escape(value)
    assert not set(" ;\r\n").intersection(written)
    assert unescape(written) == value


@pytest.mark.parametrize(("value", "meant"), [("a\\", "a"), ("\\b", "b"), ("\\\\s", "\\s")])
def test_oddEscapes(value: str, meant: str) -> None:
    assert unescape(value) == meant


@given(st.text(st.characters(codec="utf-8")), st.integers(8, 40))
def test_pieces(text: str, size: int) -> None:
    found = pieces(text, size)
    assert "".join(found) == text
    assert all(len(piece.encode()) <= size for piece in found)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("2262-01-01T00:00:00.000Z", 9_214_646_400_000_000_000),
        ("2262-05-01T00:00:00Z", None),
        ("1969-12-31T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-01-01", None),
        ("*", None),
    ],
)
def test_times(text: str, time: int | None) -> None:
    assert parseTime(text) == time


@given(st.lists(st.text(max_size=12), min_size=1).map(tuple), st.integers(-9, 40))
def test_whatSurelyFitsDoes(texts: tuple[str, ...], size: int) -> None:
    longest = max(len(text.encode("utf-8", "replace")) for text in texts)
    if surelyFit(texts, size):
        assert longest <= size
    else:
        assert 4 * longest > size
