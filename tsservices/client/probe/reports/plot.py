"""A picture of a run: round trips by time, and their distribution."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.distribution import Histogram

#: Width and height in inches.
SIZE = (11, 4.5)


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


def drawPlot(targets: Sequence[ProbeTarget], path: str) -> None:
    """
    @raise OSError: the file cannot be written.
    @raise ValueError: the format of the picture is not supported.
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    time, share = figure.subplots(1, 2, width_ratios=[2, 1])
    for number, target in enumerate(targets):
        statistics = target.statistics
        color = f"C{number % 10}"
        buckets = statistics.timeline.buckets()
        answered = [(start / 1e9, bucket) for start, bucket in buckets if bucket.count]
        times = [start for start, _ in answered]
        minima = [(bucket.minimum or 0) / 1e6 for _, bucket in answered]
        maxima = [(bucket.maximum or 0) / 1e6 for _, bucket in answered]
        means = [bucket.total / bucket.count / 1e6 for _, bucket in answered]
        time.fill_between(times, minima, maxima, color=color, alpha=0.3, linewidth=0)
        time.plot(times, means, ".-", color=color, markersize=2, linewidth=0.6, label=target.name)
        lost = [start / 1e9 for start, bucket in buckets if bucket.lost]
        if lost:
            floor = max(min(minima, default=0.001), 1e-6)
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
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
