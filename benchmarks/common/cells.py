"""
Cells: the rows of a benchmark's table, and the choice of those to measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar


class Named(Protocol):
    """A cell or a peer."""

    @property
    def name(self) -> str:
        """The name in options."""


class NamedCell(Named, Protocol):
    """A cell of a benchmark that has short runs."""

    @property
    def quick(self) -> bool:
        """Whether a short run measures it."""


CellT = TypeVar("CellT", bound=NamedCell)


def matchingCells(cells: Sequence[CellT], patterns: Iterable[str], quick: bool) -> list[CellT]:
    """
    Get the cells of a run, in the order of C{cells}: those that match a pattern; without patterns
    all, or the quick ones.

    @raise ValueError: A pattern matches no cell.
    """
    wanted = list(patterns)
    for pattern in wanted:
        if not any(_matches(cell, pattern) for cell in cells):
            known = ", ".join(cell.name for cell in cells)
            raise ValueError(f"no cell matches {pattern!r}; there are: {known}")
    return [
        cell
        for cell in cells
        if any(_matches(cell, pattern) for pattern in wanted)
        or (not wanted and (cell.quick or not quick))
    ]


def _matches(cell: Named, pattern: str) -> bool:
    return cell.name.startswith(pattern) or fnmatchcase(cell.name, pattern)
