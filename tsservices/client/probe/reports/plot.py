"""A picture of a run: round trips by time, and their distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from tsservices.client.probe.reports.columns import clipped
from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.distribution import Histogram

#: Width and height in inches.
SIZE = (11, 4.5)

#: Different colors of targets.  A legend has no more names, which would hide the picture.
COLORS = 10

#: Columns of a name in the legend.
NAME_COLUMNS = 40


def _cumulative(histogram: Histogram) -> tuple[list[float], list[float]]:
    values: list[float] = []
    shares: list[float] = []
    total = 0
    for low, high, count in histogram.ranges():
        total += count
        # The axis is logarithmic: it has no zero.
        values.append(max(1.0, (low + high) / 2) / 1e6)
        shares.append(100 * total / histogram.total)
    return values, shares


def _milliseconds(nanoseconds: float | None) -> float:
    # Not a number interrupts a line: a bucket of lost packets alone has no round trips.
    return math.nan if nanoseconds is None else nanoseconds / 1e6


def drawPlot(targets: Sequence[ProbeTarget], path: str) -> None:
    """
    @raise OSError: the file cannot be written.
    @raise ValueError: the format of the picture is not supported.
    """
    runFigure(targets).savefig(path, dpi=120)


def runFigure(targets: Sequence[ProbeTarget]) -> Figure:
    """Return the picture."""
    figure = Figure(figsize=SIZE, layout="constrained")
    time, share = figure.subplots(1, 2, width_ratios=[2, 1])
    for number, target in enumerate(targets):
        statistics = target.statistics
        color = f"C{number % COLORS}"
        buckets = [(start / 1e9, bucket) for start, bucket in statistics.timeline.buckets()]
        times = [start for start, _ in buckets]
        minima = [_milliseconds(bucket.minimum) for _, bucket in buckets]
        maxima = [_milliseconds(bucket.maximum) for _, bucket in buckets]
        means = [
            _milliseconds(bucket.total / bucket.count if bucket.count else None)
            for _, bucket in buckets
        ]
        time.fill_between(times, minima, maxima, color=color, alpha=0.3, linewidth=0)
        time.plot(times, means, ".-", color=color, markersize=2, linewidth=0.6, label=target.name)
        lost = [start for start, bucket in buckets if bucket.lost]
        if lost:
            floor = max(min(filter(math.isfinite, minima), default=0.001), 1e-6)
            time.plot(lost, [floor] * len(lost), "x", color="red", markersize=4)
        for label, style, values in (
            ("network", "-", statistics.network),
            ("application", "--", statistics.application),
        ):
            if values.count:
                share.plot(*_cumulative(values.histogram), style, color=color, label=label)
    time.set(xlabel="seconds since the start", ylabel="round trip, ms", yscale="log")
    time.set_title("round trip by time: mean, least to most; x lost")
    share.set(xlabel="round trip, ms", ylabel="% not above", xscale="log")
    share.set_title("distribution")
    for axes in (time, share):
        axes.grid(True, alpha=0.3)
        handles, labels = axes.get_legend_handles_labels()
        # All targets have the same two lines of the distribution.
        named = dict(zip(labels, handles, strict=True))
        if named:
            legend = axes.legend(
                list(named.values())[:COLORS],
                [clipped(name, NAME_COLUMNS) for name in named][:COLORS],
                loc="best",
                fontsize="small",
                title=f"the first {COLORS} of {len(named)}" if len(named) > COLORS else None,
                title_fontsize="small",
            )
            for text in legend.get_texts():
                # A name is no formula, even if it has dollar signs.
                text.set_parse_math(False)
    return figure
