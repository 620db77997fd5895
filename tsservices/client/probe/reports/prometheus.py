"""
The figures for Prometheus, at C{/metrics}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from tsservices.client.probe.target import ProbeTarget
from tsservices.stamp.stats.distribution import Distribution

#: Before all names.
PREFIX = "tsservices_probe_"

#: Upper bounds of the buckets in nanoseconds: 5 us to 5 s.
BUCKETS = (
    *(step * 10**power for power in range(3, 9) for step in (5, 10, 25)),
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
)

#: What every figure has.
LABELS = ("host", "address")


class TargetCollector:
    """Reads the targets when it is asked."""

    def __init__(self, targets: Sequence[ProbeTarget]) -> None:
        self._targets = targets

    def collect(self) -> Iterable[Metric]:
        """All figures there are."""
        yield from self._counters()
        yield from self._gauges()
        trips = HistogramMetricFamily(
            PREFIX + "round_trip_seconds", "Round trips, by whose clock.", labels=(*LABELS, "clock")
        )
        queues = HistogramMetricFamily(
            PREFIX + "queueing_seconds",
            "One-way delay above its minimum.",
            labels=(*LABELS, "direction"),
        )
        for target in self._targets:
            tally = target.statistics
            _addHistogram(trips, target, "network", tally.network)
            _addHistogram(trips, target, "application", tally.application)
            _addHistogram(queues, target, "up", tally.queueUp.summary())
            _addHistogram(queues, target, "down", tally.queueDown.summary())
        yield trips
        yield queues

    def _counters(self) -> Iterable[Metric]:
        for name, meaning, attribute in (
            ("transmitted", "Packets sent.", "transmitted"),
            ("received", "Packets with a reply in time.", "received"),
            ("followed_up", "Replies of which it is known when they left.", "followed"),
            ("late", "Replies after the time was over.", "late"),
            ("skipped", "Packets not sent because their turn was missed.", "skipped"),
            ("strays", "Replies that belong to nothing.", "strays"),
        ):
            family = CounterMetricFamily(PREFIX + name, meaning, labels=LABELS)
            for target in self._targets:
                family.add_metric(_labels(target), getattr(target.statistics, attribute))
            yield family
        lost = CounterMetricFamily(
            PREFIX + "lost", "Packets without a reply in time.", labels=(*LABELS, "reason")
        )
        doubled = CounterMetricFamily(
            PREFIX + "duplicates", "Replies beyond the first.", labels=LABELS
        )
        reordered = CounterMetricFamily(
            PREFIX + "reordered", "Replies that were overtaken.", labels=LABELS
        )
        for target in self._targets:
            tally, labels = target.statistics, _labels(target)
            lost.add_metric([*labels, "timeout"], tally.timeouts)
            lost.add_metric([*labels, "refused"], tally.refused)
            lost.add_metric([*labels, "unreachable"], tally.unreachable)
            doubled.add_metric(labels, tally.directions.duplicates)
            reordered.add_metric(labels, tally.directions.reordered)
        yield from (lost, doubled, reordered)

    def _gauges(self) -> Iterable[Metric]:
        ways = GaugeMetricFamily(
            PREFIX + "lost_on_the_way", "Packets lost, by direction.", labels=(*LABELS, "direction")
        )
        jitter = GaugeMetricFamily(
            PREFIX + "jitter_seconds", "Interarrival jitter (RFC 3550).", labels=LABELS
        )
        offset = GaugeMetricFamily(
            PREFIX + "clock_offset_seconds", "The other clock less this one.", labels=LABELS
        )
        bound = GaugeMetricFamily(
            PREFIX + "clock_offset_bound_seconds",
            "How much the offset may be wrong.",
            labels=LABELS,
        )
        skew = GaugeMetricFamily(
            PREFIX + "clock_skew_ppm", "How much faster the other clock runs.", labels=LABELS
        )
        for target in self._targets:
            tally, labels = target.statistics, _labels(target)
            up, down = tally.lostUp, tally.lostDown
            if up is not None and down is not None:
                ways.add_metric([*labels, "up"], up)
                ways.add_metric([*labels, "down"], down)
            if tally.jitter.estimate is not None:
                jitter.add_metric(labels, tally.jitter.estimate / 1e9)
            known = tally.clock.offset()
            if known is not None:
                offset.add_metric(labels, known.value / 1e9)
                bound.add_metric(labels, known.bound / 1e9)
            slope = tally.clock.skew()
            if slope is not None:
                skew.add_metric(labels, slope.ppm)
        yield from (ways, jitter, offset, bound, skew)


def _labels(target: ProbeTarget) -> list[str]:
    return [target.name, target.address]


def _addHistogram(
    family: HistogramMetricFamily, target: ProbeTarget, kind: str, values: Distribution
) -> None:
    buckets = [(str(bound / 1e9), values.histogram.countUpTo(bound)) for bound in BUCKETS]
    buckets.append(("+Inf", values.count))
    total = (values.moments.mean or 0.0) * values.count / 1e9
    family.add_metric([*_labels(target), kind], buckets, total)


class MetricsResource(Resource):
    """C{/metrics}."""

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        """The figures as text."""
        request.setHeader(b"content-type", CONTENT_TYPE_LATEST.encode("ascii"))
        page: bytes = generate_latest(self._registry)
        return page


def metricsSite(targets: Sequence[ProbeTarget]) -> Site:
    """A site with one page, C{/metrics}."""
    # A collector is whatever has that method, whatever the annotations say.
    registry: Any = CollectorRegistry(auto_describe=False)
    registry.register(TargetCollector(targets))
    root = Resource()
    root.putChild(b"metrics", MetricsResource(registry))
    site = Site(root)
    site.noisy = False
    return site
