"""A histogram for a terminal."""

from __future__ import annotations

import math

from tsservices.stamp.stats.distribution import Histogram

MAXIMUM_ROWS = 16

#: Characters of the longest bar: the line has at most 80.
WIDTH = 43

#: The end of a bar: eighths of a character.
EIGHTHS = " ▏▎▍▌▋▊▉"

#: All characters of bars, and the only one for outputs that do not have them.
BAR_CHARACTERS = EIGHTHS + "█"
ASCII_BAR = "#"


def histogramLines(
    histogram: Histogram, rows: int = MAXIMUM_ROWS, width: int = WIDTH, ascii: bool = False
) -> list[str]:
    """
    Return a line for each span of values: its start, the count, the share, and a bar.

    The spans grow by a constant factor, since delays are spread over orders of magnitude.

    @param histogram: of durations in nanoseconds.
    """
    low, high = histogram.minimum, histogram.maximum
    if low is None or high is None:
        return []
    start, end = max(low, 1), max(high, 1)
    factor = max(1.02, (end / start) ** (1 / rows))
    count = min(rows, math.floor(math.log(end / start, factor)) + 1)
    counts = [0] * count
    for minimum, maximum, number in histogram.ranges():
        middle = max((minimum + maximum) / 2, start)
        counts[min(count - 1, int(math.log(middle / start, factor)))] += number
    longest = max(counts)
    lines = []
    for row, number in enumerate(counts):
        bar = _bar(width * number / longest, ascii)
        share = 100 * number / histogram.total
        lines.append(
            f"{start * factor**row / 1e6:>12.4f} ms {number:>9} {share:5.1f}% {bar}".rstrip()
        )
    return lines


def _bar(length: float, ascii: bool) -> str:
    # Even a few of very many values must be visible, because they are the tail.
    if ascii:
        return ASCII_BAR * max(round(length), length > 0)
    eighths = max(round(8 * length), length > 0)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
