"""Tests for L{tsservices.frontends.line.input}."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.errors import COMMAND_HIDDEN, LINE_LONG, NOT_UTF8, ChatError
from tsservices.common.limits import Limits
from tsservices.common.lines import LINES_AT_ONCE
from tsservices.frontends.flood import FloodControl
from tsservices.frontends.line.input import LineInput, isCommand

#: Bytes in a line of these tests.
LIMIT = 64

#: What stands for the sign of a command, and is none.
HIDDEN_SIGNS = (
    *[" /", "\t/", "\xa0/", "\u3000/", "\u200b/", "\u2060/", "\ufeff/", "\0/", "\x85/", "\u2028/"],
    *["\u202e/", "\u200f/", "\u0301/", "\ufe0f/", "\u034f/", "\u3164/", "\x1b[A/", "\x1b[200~/"],
    *["\x1b[[A/", "\x1b[<0;10;20M/", "\x1b[?1;2c/", "\x1bOP/", "\x1bOo/", "\x1bx/", "\x1b/"],
    *["\x1b]11;rgb:0/0/0\x07/", "\x1b]11;rgb:0/0/0\x1b\\/", "\x9b1;5A/", "\U0001f67c"],
    *[
        "'/",
        '"/',
        "\u201c/",
        "> /",
        " //",
        "\uff0f",
        "\uff0f\uff0f",
        " \uff0f ",
        "\u2044",
        "\u2215",
    ],
    *["\\", "\uff3c", "\u29f8", "\u30ce", " \u0338", "\u2571"],
)

#: What an intake gives.
Taken = list["tuple[str, ...] | ChatError"]


def intake(flood: FloodControl | None = None) -> LineInput:
    return LineInput(LIMIT, flood, lambda: 0.0)


class TestWhole:
    def test_plainLinesAreTakenAtOnce(self) -> None:
        lines = intake()
        assert lines.takeWholeLines(b"one\n\ntwo \n") == ("one", "two ")
        assert lines.takeWholeLines(b" \n") == ()
        assert (lines.waiting, lines.clean) == (False, True)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"a",
            b"a\nb",
            b"/who\n",
            b"a\n/who\n",
            b"//a\n",
            b"a\r\n",
            b"a\xff\n",
            b"\xc3\n",
            b"a\x08\n",
            b"a" * LIMIT + b"\n",
        ],
    )
    def test_otherInputIsFed(self, data: bytes) -> None:
        assert intake().takeWholeLines(data) is None

    def test_tooManyLines(self) -> None:
        lines = LineInput(4096, None, lambda: 0.0)
        assert lines.takeWholeLines(b"x\n" * (LINES_AT_ONCE + 1)) is None
        assert lines.takeWholeLines(b"x\n" * LINES_AT_ONCE) == ("x",) * LINES_AT_ONCE

    @pytest.mark.parametrize("before", [b"a", b"/who\n", b"a\r", b"\xff", b"x" * 2 * LIMIT])
    def test_afterUnfinishedLine(self, before: bytes) -> None:
        lines = intake()
        lines.feed(before)
        assert not lines.clean
        assert lines.takeWholeLines(b"b\n") is None
        lines.feed(b"b\n")
        drain(lines)
        assert lines.takeWholeLines(b"c\n") == ("c",)

    def test_flood(self) -> None:
        lines = intake(FloodControl(Limits(floodLines=1, floodBytes=0), 0.0))
        taken = 0
        while lines.takeWholeLines(b"a\n") is not None:
            taken += 1
        assert 0 < taken < 100
        lines.feed(b"a\n")
        assert lines.take(True) == ()
        assert lines.delay > 0


def drain(lines: LineInput, together: bool = True) -> Taken:
    taken: Taken = []
    while lines.waiting:
        item = lines.take(together)
        if item:
            taken.append(item)
        if lines.delay:
            break
    return taken


def given_(*chunks: bytes, together: bool = True) -> Taken:
    lines = intake()
    for chunk in chunks:
        lines.feed(chunk)
    return drain(lines, together)


def flat(taken: Taken) -> list[object]:
    return [
        text for item in taken for text in ([item.code] if isinstance(item, ChatError) else item)
    ]


class TestIntake:
    def test_messagesTogetherCommandsAlone(self) -> None:
        assert given_(b"a\nb\r\n/who\n/me x\nc\n//d\n") == [
            ("a", "b"),
            ("/who",),
            ("/me x",),
            ("c",),
            ("//d",),
        ]

    def test_oneByOne(self) -> None:
        assert given_(b"a\n\nb\n/who\n", together=False) == [("a",), ("b",), ("/who",)]

    def test_many(self) -> None:
        count = 2 * LINES_AT_ONCE + 1
        assert len(flat(given_(b"x\n" * count))) == count

    def test_emptyLinesAreLeftOut(self) -> None:
        assert given_(b"\n \n\t\n\r\na\n \n") == [("a",)]

    def test_editedIntoCommand(self) -> None:
        assert given_(b"hello\nx\x08/msg ann secret\nbye\n") == [
            ("hello",),
            ("/msg ann secret",),
            ("bye",),
        ]
        assert given_(b"hello\n/wh\x15bye\n") == [("hello",), ("bye",)]

    def test_rejectedLine(self) -> None:
        taken = given_(b"a\n" + b"x" * (LIMIT + 1) + b"\nb\n\xff\nc\n" + "é".encode()[:1] + b"\n")
        assert [type(item).__name__ for item in taken] == [
            "tuple",
            "ChatError",
            "tuple",
            "ChatError",
            "tuple",
            "ChatError",
        ]
        assert flat(taken) == ["a", LINE_LONG, "b", NOT_UTF8, "c", NOT_UTF8]
        assert str(taken[3]) == "this line is not UTF-8 at byte 1: nothing of it was sent"

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            (b"a\0b", "a\\x00b"),
            (b"\x1b[31mred", "\\x1b[31mred"),
            ("a\N{RIGHT-TO-LEFT OVERRIDE}b".encode(), "a\\u202eb"),
            ("a\x85b".encode(), "a\\x85b"),
            ("a\N{LINE SEPARATOR}b".encode(), "a\\u2028b"),
            (b"a\tb", "a\tb"),
            ("\N{FAMILY}\N{ZERO WIDTH JOINER}\N{GIRL}e\N{COMBINING ACUTE ACCENT}".encode(), None),
        ],
    )
    def test_controlCharactersBecomeVisible(self, sent: bytes, shown: str | None) -> None:
        expected = sent.decode() if shown is None else shown
        assert given_(sent + b"\n") == [(expected,)]
        assert given_(b"x\n" + sent + b"\nx\n") == [("x", expected, "x")]

    @pytest.mark.parametrize("place", [1, 2, 3, 5])
    def test_byteOrderMark(self, place: int) -> None:
        data = "\ufeffann\nhel\ufefflo\n\ufeff/who\n".encode()
        assert given_(data[:place], data[place:]) == [("ann", "hello"), ("/who",)]
        lines = intake()
        lines.feed(data[:2])
        lines.endOfInput()
        assert flat(drain(lines)) == [NOT_UTF8]

    @pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\n\r", b"\r\0"])
    def test_overlongLineEndsAsOthersDo(self, end: bytes) -> None:
        data = end.join([b"a", b"x" * (LIMIT + 1), b"b", b""])
        assert flat(given_(data)) == ["a", LINE_LONG, "b"]
        assert flat(given_(*(bytes([byte]) for byte in data))) == ["a", LINE_LONG, "b"]

    def test_whiteSpaceOfCommands(self) -> None:
        sent = "/join\u2028tea\x85a\x0bb\n/login ann\u2029a\u200b\x85b\n".encode()
        assert flat(given_(sent)) == ["/join tea a b", "/login ann a\u200b\x85b"]

    @pytest.mark.parametrize("sign", HIDDEN_SIGNS, ids=ascii)
    @pytest.mark.parametrize(
        "command", ["login ann secret", "LOGIN\xa0ann secret", "passwd a secret"]
    )
    def test_passwordCommandBehindSomething(self, sign: str, command: str) -> None:
        for line in (f"{sign}{command}\n", f"hello\n{sign}{command}\n"):
            lines = intake()
            lines.takeWholeLines(b"x\n")
            assert lines.takeWholeLines(line.encode()) is None
            lines.feed(line.encode())
            taken = drain(lines)
            assert flat(taken)[-1] is COMMAND_HIDDEN
            assert "secret" not in str(taken)

    @pytest.mark.parametrize(
        "line",
        [
            *["//login ann secret", " hello", "and/or login", "/ login ann", " login ann"],
            *["either /login or /register", " /me waves", "ノート", "... login", "¯\\_(ツ)_/¯"],
        ],
    )
    def test_otherLinesAreTaken(self, line: str) -> None:
        assert flat(given_(f"x\n{line}\n".encode())) == ["x", line]

    def test_lastLineNeedsNoEnding(self) -> None:
        lines = intake()
        lines.feed(b"a\nb\r\nc")
        lines.endOfInput()
        assert drain(lines) == [("a", "b", "c")]
        lines = intake()
        lines.feed(b"a\n" + b"x" * (LIMIT + 1))
        lines.endOfInput()
        assert flat(drain(lines)) == ["a", LINE_LONG]

    def test_delayedLinesKeepTheirOrder(self) -> None:
        now = 0.0
        limits = Limits(floodLines=1, floodBytes=0)
        lines = LineInput(LIMIT, FloodControl(limits, now), lambda: now)
        sent = [str(number) for number in range(30)]
        lines.feed("\n".join(sent).encode() + b"\n")
        taken = flat(drain(lines))
        assert taken == sent[:10]
        assert lines.delay == pytest.approx(1.0)
        assert lines.waiting
        now = 1.5
        taken += flat(drain(lines))
        assert taken == sent[:11]
        now = 100.0
        taken += flat(drain(lines))
        now = 200.0
        taken += flat(drain(lines))
        assert taken == sent
        assert lines.delay == 0.0

    @given(
        st.lists(
            st.sampled_from(
                [
                    *b"a /x //x".split(),
                    *[b"\n", b"\n\r", b"\r\n", b"\r\0", b"\r", b"\0", b"\x08", b"\x15"],
                    *["\ufeff".encode(), b" /login x"],
                    *[b"\xc3", b"\xa9", b"\xff", b"\xff\xfb\x01", b"\xff\xfa", b"\xff\xf0"],
                    b"z" * LIMIT,
                ]
            ),
            max_size=30,
        ).map(b"".join),
        st.lists(st.integers(0, 200)),
    )
    def test_anyCut(self, data: bytes, cuts: list[int]) -> None:
        places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
        whole, cut = intake(), intake()
        whole.feed(data)
        whole.endOfInput()
        taken: Taken = []
        for a, b in pairwise(places):
            talk = cut.takeWholeLines(data[a:b])
            if talk is None:
                cut.feed(data[a:b])
                taken += drain(cut)
            else:
                taken.append(talk)
        cut.endOfInput()
        taken += drain(cut)
        assert flat(taken) == flat(drain(whole))
        for item in taken:
            if isinstance(item, tuple) and len(item) > 1:
                assert not any(isCommand(text) for text in item)
