"""
Tables and JSON documents: figures as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.common.figures import PeerFigures
from benchmarks.common.samples import LoadSample


def number(value: float | None, places: int = 0) -> str:
    """Format a figure for a table; a dash if there is none."""
    return "-" if value is None else f"{value:,.{places}f}"


def percent(value: float | None) -> str:
    """Format a share as a percentage."""
    return "-" if value is None else f"{value * 100:.0f}%"


def aligned(lines: Sequence[Sequence[str]], texts: int = 2) -> str:
    """
    Align columns under their headings, figures to the right.

    @param texts: The number of text columns at the left; the last column is always text.
    """
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    out = []
    for line in lines:
        cells = [
            text.ljust(width) if column < texts or column == len(widths) - 1 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def document(
    samples: Sequence[LoadSample], rows: Sequence[PeerFigures], about: dict[str, object]
) -> dict[str, object]:
    """Make the document of C{--json}: the run, every row and every sample."""
    return {
        "about": about,
        "rows": [asdict(row) for row in rows],
        "samples": [asdict(sample) for sample in samples],
    }
