"""Tests for L{tsservices.storage.sqlite.fulltext}: what becomes of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.storage.sqlite.fulltext import holds, nameWord, phrases, searchable


class TestWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", ""),
            ("Hello, World!", "hello world"),
            ("don't c3po_r2-d2", "don t c3po r2 d2"),
            ("Grüße ÉCOLE e\u0301cole", "grusse ecole ecole"),
            ("\uff37\uff49\uff44\uff45 ﬁne ①", "wide fine 1"),
            ("我们 都hi说。", "我 们 都 hi 说"),
            ("ガギ が か\u3099 ｶﾞ", "ガ ギ が が ガ"),
            ("한국어는 각", "한 국 어 는 각"),
            ("สวัสดี", "ส ว ั ส ด ี"),
            ("Привет, мир Ёлка", "привет мир елка"),
            ("हिन्दी", "हिन्दी"),
            ("so\u00adft ze\u200dro", "soft zero"),
            ("\ud800 \0 ␀ 🎉 \x1b[1m", "1m"),
            ("x" * 130, f"{'x' * 64} {'x' * 64} xx"),
        ],
    )
    def test_searchable(self, text: str, words: str) -> None:
        assert searchable(text) == words

    def test_phrases(self) -> None:
        assert phrases(()) == []
        assert phrases(("!!", "a b", "A-B", "c")) == ["a b", "c"]
        assert phrases(("!!", "")) is None

    def test_holds(self) -> None:
        assert holds("One two, three", ["two three", "one"])
        assert not holds("one two three", ["three two"])
        assert not holds("one two three", ["one three"])
        assert not holds("one two three", ["thre"])
        assert holds("我们都说", phrases(["们都"]) or ["x"])
        assert not holds("我们都说", phrases(["我都"]) or ["x"])

    @given(st.text(), st.text())
    def test_normalForm(self, text: str, other: str) -> None:
        words = searchable(text)
        assert words == " ".join(words.split())
        assert all(not item.isascii() or item.isalnum() or item == " " for item in words)
        assert max(map(len, words.split()), default=0) <= 64
        assert holds(f"{other} {text} {other}", [words] if words else [])

    def test_namesStayDistinct(self) -> None:
        names = {"ann", "Ann", "a-n", "a_n", "büb", "我", "\ud800", "x" * 32}
        assert len({nameWord(item) for item in names}) == len(names)
        assert all(searchable(nameWord(item)[:64]) == nameWord(item)[:64] for item in names)
