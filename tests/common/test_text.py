"""Tests for L{tsservices.common.text}."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.text import logged, splitEnding, utf8Decoder, visible

#: A flag of a black one and letters that are not seen.
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


class TestVisible:
    def test_plainText(self) -> None:
        for text in ("hello\n\t", "服务器", "e\u0301", "👩\u200d👩\u200d👧", "🇩🇪", SCOTLAND):
            assert visible(text) == text

    def test_controlCharacters(self) -> None:
        assert visible("\x1b[2Ja\x07\r\x9b") == "\\x1b[2Ja\\x07\\x0d\\x9b"
        assert visible("a\u202eb\ufeff") == "a\\u202eb\\ufeff"

    def test_unseenCharacters(self) -> None:
        assert visible("a\xadb\u180e\U0001d173") == "a\\xadb\\u180e\\U0001d173"
        assert visible("a" + SCOTLAND[1:3]) == "a\\U000e0067\\U000e0062"

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        shown = visible(text)
        shown.encode("utf-8")
        controls = [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]
        assert controls == []

    @given(st.text())
    def test_oneLogLine(self, text: str) -> None:
        assert len(logged(text).splitlines() or [""]) == 1

    def test_logEnding(self) -> None:
        assert logged("hello\r\n") == "hello"
        assert logged("a\nb\n\n") == "a\\nb\\n"


class TestUtf8Decoder:
    def test_splitCharacter(self) -> None:
        decoder = utf8Decoder()
        first, second = "消".encode()[:2], "消".encode()[2:]
        assert decoder.decode(first) + decoder.decode(second) == "消"

    def test_notUTF8(self) -> None:
        assert utf8Decoder().decode(b"a\xff\xfeb") == "a\\xff\\xfeb"


class TestSplitEnding:
    def test_longestEnding(self) -> None:
        for data, expected in (
            (b"exit", (b"exit", b"")),
            (b"exit\n", (b"exit", b"\n")),
            (b"exit\r\n", (b"exit", b"\r\n")),
            (b"exit\r", (b"exit", b"\r")),
            (b"a\n\n", (b"a\n", b"\n")),
            (b"", (b"", b"")),
        ):
            assert splitEnding(data) == expected
