"""Tests for L{tsservices.common.lines}."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.lines import LineSplitter, LineTooLong


def split(limit: int, chunks: list[bytes], most: int = 512) -> list[bytes | LineTooLong]:
    splitter = LineSplitter(limit)
    lines: list[bytes | LineTooLong] = []
    for chunk in chunks:
        splitter.feed(chunk)
        while splitter.more:
            lines += splitter.take(most)
    rest = splitter.finish()
    return [*lines, rest] if rest else lines


class TestLineSplitter:
    @given(st.binary(max_size=60), st.lists(st.integers(0, 60)), st.integers(1, 4))
    def test_anyCut(self, data: bytes, cuts: list[int], most: int) -> None:
        places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
        chunks = [data[a:b] for a, b in pairwise(places)]
        expected = data.split(b"\n")
        last = expected.pop()
        assert split(100, chunks, most) == expected + ([last] if last else [])

    @given(st.lists(st.integers(0, 12), max_size=8), st.integers(1, 20), st.integers(1, 3))
    def test_overlongLine(self, lengths: list[int], size: int, most: int) -> None:
        data = b"".join(b"x" * length + b"\n" for length in lengths)
        chunks = [data[i : i + size] for i in range(0, len(data), size)]
        expected = [LineTooLong(5) if length > 5 else b"x" * length for length in lengths]
        assert split(5, chunks, most) == expected

    def test_carriageReturnDoesNotCount(self) -> None:
        for chunks in ([b"xxxxx\r\nok\r\n"], [b"xxxxx\r", b"\nok\r\n"]):
            assert split(5, chunks) == [b"xxxxx\r", b"ok\r"]
        for chunks in ([b"xxxxxx\r\nok\n"], [b"xxxxx\r", b"x\nok\n"], [b"xxxxx\r\r\nok\n"]):
            assert split(5, chunks) == [LineTooLong(5), b"ok"]

    def test_endOfOverlongLine(self) -> None:
        assert split(5, [b"x" * 6, b"tail"]) == [LineTooLong(5)]
        assert split(5, [b"x" * 6, b"tail", b"\nok"]) == [LineTooLong(5), b"ok"]

    def test_endlessLineIsDropped(self) -> None:
        splitter = LineSplitter(1000)
        for _ in range(100):
            splitter.feed(b"x" * 500)
            while splitter.more:
                splitter.take(1)
            assert len(splitter._pending) + sum(map(len, splitter._pieces)) <= 1000

    def test_pieces(self) -> None:
        """Pieces of an unfinished line are not searched again: that would be quadratic."""
        splitter = LineSplitter(1000)
        splitter.feed(b"x")
        assert splitter.take(1) == []
        for _ in range(98):
            splitter.feed(b"y")
            assert not splitter.more
            assert splitter.unfinished
        splitter.feed(b"z\n!")
        assert splitter.more
        assert splitter.take(1) == [b"x" + b"y" * 98 + b"z"]
        assert not splitter.more
        assert splitter.finish() == b"!"
        assert not splitter.unfinished
