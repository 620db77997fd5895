"""Tests for L{tsservices.storage.words}."""

# ruff: noqa: RUF001

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.errors import NOT_SEARCHABLE, ChatError
from tsservices.storage.words import containsAll, nameWord, phrases, searchable


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
            ("\ud800 \0 \u2028 ... ‼ \u2800 \x1b[1m", "1m"),
            # Marks that are no letters go, and those that are stay.
            ("كِتَابَة كـتـابة أَحْمَد مُؤْمِن", "كتابه كتابه احمد مومن"),
            ("שָׁלוֹם שלום בֵּית־סֵפֶר צה״ל", "שלומ שלומ בית ספר צה ל"),
            ("ܫܠܵܡܐ Ἀθῆναι ΑΘΉΝΑΙ Ё й", "ܫܠܡܐ αθηναι αθηναι е и"),
            ("தமிழ் বাংলা ထမင်း ខ្មែរ", "தமிழ் বাংলা ထ မ င ် း ខ ្ ម ែ រ"),
            # Letters that Unicode does not take apart.
            ("ışık IŞIK isik İstanbul", "isik isik isik istanbul"),
            ("Łódź Øl Þór ðæ œuf Straße đ ħ ŧ ŋ Ǿ", "lodz ol thor dae oeuf strasse d h t n o"),
            ("λόγος ΛΟΓΟΣ қала ґанок", "λογοσ λογοσ кала ганок"),
            ("علی على ٱلكتاب کتاب", "علي علي الكتاب كتاب"),
            ("τῷ ᾠδή ΤΩ ᾼ", "τω ωδη τω α"),
            ("Tea™ №5 m²", "tea tm no 5 m2"),
            ("٣ ३ ３ ②", "3 3 3 2"),
            ("п'ять пʼять п’ять", "п ять п ять п ять"),
            ("می\u200cخواهم z\u200bw\u2060x\ufeff", "ميخواهم zwx"),
            # Symbols are words; colours and forms of emoji do not matter.
            ("tea🎉 👍🏽👍 ☕\ufe0f 1\ufe0f\u20e3", "tea 🎉 👍 👍 ☕ 1"),
            ("👨\u200d👩\u200d👧 🇩🇪🇫🇷 🇩", "👨 👩 👧 🇩🇪 🇫🇷 🇩"),
            ("a→b €5 C++ x=y", "a → b € 5 c x y"),
            # Not known to all versions of Unicode: an emoji, and a letter.
            ("\U0001fae9 \U0001c80b", "\U0001fae9 \U0001c80b"),
            ("x" * 130, f"{'x' * 64} {'x' * 64} xx"),
        ],
    )
    def test_searchable(self, text: str, words: str) -> None:
        assert searchable(text) == words

    def test_phrases(self) -> None:
        assert phrases(()) == []
        assert phrases(("!!", "a b", "A-B", "c")) == ["a b", "c"]
        with pytest.raises(ChatError) as caught:
            phrases(("!!", ""))
        assert caught.value == ChatError(NOT_SEARCHABLE)

    def test_holds(self) -> None:
        assert containsAll("One two, three", ["two three", "one"])
        assert not containsAll("one two three", ["three two"])
        assert not containsAll("one two three", ["one three"])
        assert not containsAll("one two three", ["thre"])
        assert containsAll("我们都说", phrases(["们都"]) or ["x"])
        assert not containsAll("我们都说", phrases(["我都"]) or ["x"])

    @given(st.text(), st.text())
    def test_normalForm(self, text: str, other: str) -> None:
        words = searchable(text)
        assert words == " ".join(words.split())
        assert all(not item.isascii() or item.isalnum() or item == " " for item in words)
        assert max(map(len, words.split()), default=0) <= 64
        assert containsAll(f"{other} {text} {other}", [words] if words else [])

    def test_namesStayDistinct(self) -> None:
        names = {"ann", "Ann", "a-n", "a_n", "büb", "我", "\ud800", "x" * 32}
        assert len({nameWord(item) for item in names}) == len(names)
        assert all(searchable(nameWord(item)[:64]) == nameWord(item)[:64] for item in names)
