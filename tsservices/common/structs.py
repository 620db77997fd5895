"""Things of one form that are read and written many at a time.  Pure."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, calcsize
from typing import Any


@lru_cache(1024)
def repeated(form: str, count: int) -> Struct:
    """
    What reads and writes a form many times: one call of C for a whole batch.

    @param form: it may begin with a byte order, which then stands for all.
    """
    return Struct(form[0] + form[1:] * count if form[0] in "@=<>!" else form * count)


class Table:
    """Memory in which things of the same form lie at equal distances."""

    def __init__(self, memory: Any, start: int, stride: int) -> None:
        """
        @param start: of the first.
        @param stride: the bytes from each to the next.
        """
        self._memory = memoryview(memory)
        self._start = start
        self._stride = stride
        self._columns: dict[tuple[str, int], memoryview] = {}

    def column(self, form: str, offset: int) -> memoryview:
        """
        One field of all of them, which can be read and written: whole columns by one call.

        @param form: of C{struct}, one character.
        @param offset: where the field begins.  This, the first one's start and the distance are
            multiples of its size.
        """
        column = self._columns.get((form, offset))
        if column is None:
            size = calcsize(form)
            table = self._memory.cast("B").cast(form)  # type: ignore[call-overload]
            column = table[(self._start + offset) // size :: self._stride // size]
            self._columns[form, offset] = column
        return column

    def parts(self, offset: int, size: int, count: int) -> tuple[bytes, ...]:
        """Some bytes of the first ones of them."""
        after = self._stride - offset - size
        form = repeated(f"{offset}x{size}s{after}x", count)
        return form.unpack_from(self._memory, self._start)
