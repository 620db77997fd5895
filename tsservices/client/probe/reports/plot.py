"""
A picture of a run: round trips by time, and how they are distributed.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.distribution import Histogram

#: Width and height.
INCHES = (11, 4.5)


def _cumulative(histogram: Histogram) -> tuple[list[float], list[float]]:
    values: list[float] = []
    shares: list[float] = []
    seen = 0
    for low, high, count in histogram.ranges():
        seen += count
        values.append(max(1.0, (low + high) / 2) / 1e6)
        shares.append(100 * seen / histogram.total)
    return values, shares


def drawPlot(targets: Sequence[ProbeTarget], path: str) -> None:
    """
    @raise OSError: the file cannot be written.
    @raise ValueError: there is no such kind of picture.
    """
    figure = Figure(figsize=INCHES, layout="constrained")
    time, share = figure.subplots(1, 2, width_ratios=[2, 1])
    for number, target in enumerate(targets):
        color = f"C{number % 10}"
        cells = target.statistics.timeline.buckets()
        answered = [(at / 1e9, cell) for at, cell in cells if cell.count]
        times = [at for at, _ in answered]
        least = [(cell.minimum or 0) / 1e6 for _, cell in answered]
        most = [(cell.maximum or 0) / 1e6 for _, cell in answered]
        mean = [cell.total / cell.count / 1e6 for _, cell in answered]
        time.fill_between(times, least, most, color=color, alpha=0.3, linewidth=0)
        time.plot(times, mean, ".-", color=color, markersize=2, linewidth=0.6, label=target.name)
        lost = [at / 1e9 for at, cell in cells if cell.lost]
        if lost:
            floor = min(least, default=0.001)
            time.plot(lost, [max(floor, 1e-6)] * len(lost), "x", color="red", markersize=4)
        if target.statistics.network.count:
            share.plot(
                *_cumulative(target.statistics.network.histogram), color=color, label="network"
            )
        if target.statistics.application.count:
            share.plot(
                *_cumulative(target.statistics.application.histogram),
                "--",
                color=color,
                label="application",
            )
    time.set(xlabel="seconds since the start", ylabel="round trip, ms", yscale="log")
    time.set_title("round trip by time: mean, least to most; x lost")
    share.set(xlabel="round trip, ms", ylabel="% not above", xscale="log")
    share.set_title("distribution")
    for axes in (time, share):
        axes.grid(True, alpha=0.3)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
