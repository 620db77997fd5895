"""Arrays of equal records that are read and written by single calls.  Pure."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, calcsize
from typing import Any


@lru_cache(1024)
def repeated(form: str, count: int) -> Struct:
    """
    Make a L{Struct} of a repeated form, which reads or writes a whole batch by one call of C.

    @param form: it may begin with a byte order, which then applies to all.
    """
    return Struct(form[0] + form[1:] * count if form[0] in "@=<>!" else form * count)


class Table:
    """Memory with equal records at equal distances."""

    def __init__(self, memory: Any, start: int, stride: int) -> None:
        """
        @param start: the offset of the first record.
        @param stride: the distance of two records, in bytes.
        """
        self._memory = memoryview(memory)
        self._start = start
        self._stride = stride
        self._columns: dict[tuple[str, int], memoryview] = {}

    def column(self, form: str, offset: int) -> memoryview:
        """
        Get one field of all records as a column, which one call can read or write.

        @param form: of C{struct}, one character.
        @param offset: of the field in a record.  Offset, C{start} and C{stride} have to be
            multiples of the field's size.
        """
        column = self._columns.get((form, offset))
        if column is None:
            size = calcsize(form)
            table = self._memory.cast("B").cast(form)  # type: ignore[call-overload]
            column = table[(self._start + offset) // size :: self._stride // size]
            self._columns[form, offset] = column
        return column

    def parts(self, offset: int, size: int, count: int) -> tuple[bytes, ...]:
        """Get some bytes of each of the first records."""
        after = self._stride - offset - size
        form = repeated(f"{offset}x{size}s{after}x", count)
        return form.unpack_from(self._memory, self._start)
