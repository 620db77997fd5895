"""Tests for L{tsservices.client.chat.ui.lines}."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.client.chat.ui.lines import LineList, ShownLine, Viewport
from tsservices.frontends.formats.localtime import LocalTime

#: A Saturday.
DAY = 1_795_219_200


def newLines(count: int, most: int = 10_000) -> LineList:
    lines = LineList(LocalTime(time.gmtime), most)
    for number in range(1, count + 1):
        lines.add(line(number))
    return lines


def line(number: int, text: str = "", seconds: int = 0) -> ShownLine:
    text = text or f"line {number}"
    return ShownLine(seconds or DAY + number, [("", text)], 0, number, aside=False)


def seen(view: Viewport, width: int = 36, height: int = 5) -> list[str]:
    return ["".join(text for _, text in row.spans) for row in view.visible(width, height)]


def numbers(view: Viewport, height: int = 5) -> list[int]:
    return [int(row.split()[-1]) for row in seen(view, 36, height) if "line" in row]


class TestLineList:
    def test_daysAndTimes(self) -> None:
        lines = LineList(LocalTime(time.gmtime))
        lines.add(line(1, "one"))
        lines.add(line(2, "two", DAY + 86_400))
        lines.newFrom = 1
        shown = [
            "".join(text for _, text in row.spans)
            for position in (0, 1)
            for row in lines.rowsOf(position, 80)
        ]
        assert shown == [
            "--- Saturday 21 November 2026 ---",
            "[00:00:01] one",
            "--- Sunday 22 November 2026 ---",
            "--- new ---",
            "[00:00:00] two",
        ]
        assert seen(Viewport(lines), 23, 1) == ["two"]
        assert seen(Viewport(lines), 24, 1) == ["00:00 two"]

    def test_positionsStay(self) -> None:
        lines = newLines(3)
        lines.insertOlder([line(-1), line(0)])
        assert (lines.first, lines.end, lines.find(2), lines.oldest()) == (-2, 3, 1, -1)
        assert lines.at(1).seq == 2
        assert lines.find(77) is None

    def test_trimmed(self) -> None:
        lines = newLines(10, most=10)
        lines.newFrom = 2
        for number in range(11, 12 + 500):
            lines.add(line(number))
        assert len(lines) == 10
        assert lines.at(lines.first).seq == 502
        assert lines.newFrom == lines.first
        assert lines.find(505) == lines.first + 3

    def test_asideIsNoLineOfTheRoom(self) -> None:
        lines = newLines(2)
        lines.add(ShownLine(DAY, [("", "found")], seq=1, room="lobby"))
        assert lines.numbered() == [(1, 0), (2, 1)]

    def test_clear(self) -> None:
        lines = newLines(3)
        lines.clear()
        assert (len(lines), lines.oldest(), lines.add(line(4))) == (0, 0, 3)

    def test_memory(self) -> None:
        newLines(1)
        tracemalloc.start()
        try:
            lines = newLines(0)
            for number in range(10_000):
                text = f"{number} " + "some words of a line " * 4
                nick = f"nick{number % 50}"
                spans = (("", "<"), (f"nick {nick}", nick), ("", "> "), ("", text))
                lines.add(ShownLine(DAY + number, spans, 8, number, "", nick, text, False))
            size = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert len(lines) == 10_000
        assert size < 8_000_000


class TestViewport:
    def test_follows(self) -> None:
        lines = newLines(20)
        view = Viewport(lines)
        assert numbers(view) == [16, 17, 18, 19, 20]
        lines.add(line(21))
        assert numbers(view) == [17, 18, 19, 20, 21]

    def test_scrolledStays(self) -> None:
        lines = newLines(20)
        view = Viewport(lines)
        assert not view.scroll(4, 36, 5)
        assert numbers(view) == [12, 13, 14, 15, 16]
        lines.add(line(21))
        lines.insertOlder([line(0)])
        assert numbers(view) == [12, 13, 14, 15, 16]
        assert view.below == 5
        view.scroll(-4, 36, 5)
        assert view.position is not None
        view.scroll(-4, 36, 5)
        assert view.position is None
        assert numbers(view) == [17, 18, 19, 20, 21]

    def test_top(self) -> None:
        view = Viewport(newLines(8))
        assert view.scroll(100, 36, 5)
        # The day stands above.
        assert seen(view)[0].startswith("---")
        assert numbers(view) == [1, 2, 3, 4]
        assert view.scroll(1, 36, 5)
        view.follow()
        view.toTop(36, 5)
        assert numbers(view) == [1, 2, 3, 4]
        assert numbers(view, 20) == [1, 2, 3, 4]
        assert view.below == 4

    def test_fewLines(self) -> None:
        view = Viewport(newLines(2))
        assert view.scroll(5, 36, 5)
        assert view.position is None
        assert numbers(view) == [1, 2]
        empty = Viewport(newLines(0))
        assert empty.scroll(5, 36, 5)
        assert not empty.scroll(-5, 36, 5)
        empty.toTop(36, 5)
        assert seen(empty) == []

    def test_rowsOfLongLines(self) -> None:
        lines = LineList(LocalTime(time.gmtime))
        for number in range(3):
            lines.add(line(number, "word " * 18))
        view = Viewport(lines)
        # Behind the time 30 columns are left, for 6 of them.
        assert len(seen(view, 36, 20)) == 10
        view.scroll(1, 36, 5)
        assert view.position == 2
        view.scroll(2, 36, 5)
        assert view.position == 1
        view.scroll(-3, 36, 5)
        assert view.position is None

    def test_narrower(self) -> None:
        lines = newLines(0)
        for number in range(30):
            lines.add(line(number, "word " * 12))
        view = Viewport(lines)
        view.scroll(40, 80, 5)
        position = view.position
        assert len(seen(view, 12, 5)) == 5
        assert view.visible(12, 5)[-1].position == position

    def test_removedBelowTheEyes(self) -> None:
        lines = newLines(10, most=10)
        view = Viewport(lines)
        view.scroll(3, 36, 5)
        for number in range(11, 600):
            lines.add(line(number))
        assert numbers(view)[-1] == lines.at(lines.first).seq
        view.scroll(1, 36, 5)
        assert len(seen(view)) == 5

    def test_reveal(self) -> None:
        lines = newLines(50)
        view = Viewport(lines)
        view.reveal(lines.end - 1, 36, 5)
        assert view.position is None
        view.reveal(10, 36, 5)
        assert 11 in numbers(view)
        assert numbers(view)[-1] == 13


@given(
    st.lists(st.text("ab ", max_size=60), min_size=1, max_size=30),
    st.lists(st.integers(-30, 30), max_size=10),
    st.integers(5, 40),
    st.integers(1, 12),
)
def test_wherever(texts: list[str], steps: list[int], width: int, height: int) -> None:
    lines = LineList(LocalTime(time.gmtime))
    for number, text in enumerate(texts):
        lines.add(line(number, text or "x"))
    view = Viewport(lines)
    total = sum(len(lines.rowsOf(position, width)) for position in range(lines.end))
    for step in steps:
        view.scroll(step, width, height)
        assert len(view.visible(width, height)) == min(total, height)
    view.scroll(-100_000, width, height)
    assert view.position is None


@pytest.mark.parametrize("width", [1, 2, 10, 500])
def test_anyWidth(width: int) -> None:
    assert seen(Viewport(newLines(3)), width, 3)
