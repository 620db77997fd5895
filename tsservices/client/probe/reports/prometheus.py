"""The statistics for Prometheus, at C{/metrics}.  Their names are public."""

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

#: The beginning of all names.
PREFIX = "tsservices_probe_"

#: Upper bounds of the buckets in nanoseconds: 5 us to 5 s.
BUCKETS = (
    *(step * 10**power for power in range(3, 9) for step in (5, 10, 25)),
    5_000_000_000,
)

#: The labels of every metric.
LABELS = ("host", "address")


#: Name, help and attribute of L{TargetStatistics} of the counters without further labels.
COUNTERS = (
    ("transmitted", "Packets sent.", "transmitted"),
    ("received", "Packets with a reply in time.", "received"),
    ("followed_up", "Replies of which it is known when they left.", "followedUp"),
    ("late", "Replies after the time was over.", "late"),
    ("skipped", "Packets not sent because their turn was missed.", "skipped"),
    ("strays", "Replies that belong to nothing.", "strays"),
)


class TargetCollector:
    """A collector that reads the statistics of the targets at each scrape, and stores none."""

    def __init__(self, targets: Sequence[ProbeTarget]) -> None:
        self._targets = targets

    def collect(self) -> Iterable[Metric]:
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
            statistics = target.statistics
            _addHistogram(trips, target, "network", statistics.network)
            _addHistogram(trips, target, "application", statistics.application)
            _addHistogram(queues, target, "up", statistics.queueingUp.summary())
            _addHistogram(queues, target, "down", statistics.queueingDown.summary())
        yield trips
        yield queues

    def _counters(self) -> Iterable[Metric]:
        for name, meaning, attribute in COUNTERS:
            family = CounterMetricFamily(PREFIX + name, meaning, labels=LABELS)
            for target in self._targets:
                family.add_metric(_labels(target), getattr(target.statistics, attribute))
            yield family
        lost = CounterMetricFamily(
            PREFIX + "lost", "Packets without a reply in time.", labels=(*LABELS, "reason")
        )
        duplicates = CounterMetricFamily(
            PREFIX + "duplicates", "Replies beyond the first.", labels=LABELS
        )
        reordered = CounterMetricFamily(
            PREFIX + "reordered", "Replies that were overtaken.", labels=LABELS
        )
        steps = CounterMetricFamily(
            PREFIX + "clock_steps", "How often a clock was set.", labels=(*LABELS, "clock")
        )
        pieces = CounterMetricFamily(
            PREFIX + "pieces",
            "How often the figures by direction began anew.",
            labels=(*LABELS, "reason"),
        )
        stalls = CounterMetricFamily(
            PREFIX + "stalls", "How often the probe itself did not run.", labels=LABELS
        )
        stalled = CounterMetricFamily(
            PREFIX + "stalled_seconds", "How long the probe itself did not run.", labels=LABELS
        )
        errors = CounterMetricFamily(
            PREFIX + "errors",
            "Packets that somebody said did not arrive: who, from which address, and why.",
            labels=(*LABELS, "by", "from", "reason"),
        )
        overflowed = CounterMetricFamily(
            PREFIX + "overflowed", "Datagrams dropped here: the buffer was full.", labels=LABELS
        )
        for target in self._targets:
            statistics, labels = target.statistics, _labels(target)
            for owner, count in statistics.steps.counts.items():
                steps.add_metric([*labels, owner.value], count)
            for reason, count in statistics.pieces.items():
                pieces.add_metric([*labels, reason.value], count)
            stalls.add_metric(labels, statistics.stalls.count)
            stalled.add_metric(labels, statistics.stalls.total / 1e9)
            overflowed.add_metric(labels, statistics.stalls.overflowed)
            lost.add_metric([*labels, "timeout"], statistics.timeouts)
            lost.add_metric([*labels, "refused"], statistics.refused)
            lost.add_metric([*labels, "unreachable"], statistics.unreachable)
            duplicates.add_metric(labels, statistics.directions.duplicates)
            reordered.add_metric(labels, statistics.directions.reordered)
            for error, count in statistics.errors.counts.items():
                # An unknown value is empty, which Prometheus treats like a missing label.
                by = "" if error.source is None else error.source.value
                errors.add_metric([*labels, by, error.address or "", error.reason], count)
            if statistics.errors.others:
                errors.add_metric([*labels, "", "", "others"], statistics.errors.others)
        yield from (lost, duplicates, reordered, steps, pieces, stalls, stalled)
        yield from (overflowed, errors)

    def _gauges(self) -> Iterable[Metric]:
        directions = GaugeMetricFamily(
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
        pathMTU = GaugeMetricFamily(
            PREFIX + "path_mtu_bytes",
            "How long packets to the target may be, as far as the kernel knows.",
            labels=LABELS,
        )
        for target in self._targets:
            statistics, labels = target.statistics, _labels(target)
            path = target.transport.pathMTU()
            if path is not None:
                pathMTU.add_metric(labels, path.mtu)
            up, down = statistics.lostUp, statistics.lostDown
            if up is not None and down is not None:
                directions.add_metric([*labels, "up"], up)
                directions.add_metric([*labels, "down"], down)
            if statistics.jitter.estimate is not None:
                jitter.add_metric(labels, statistics.jitter.estimate / 1e9)
            clockOffset = statistics.clock.offset()
            if clockOffset is not None:
                offset.add_metric(labels, clockOffset.value / 1e9)
                bound.add_metric(labels, clockOffset.bound / 1e9)
            clockSkew = statistics.clock.skew()
            if clockSkew is not None:
                skew.add_metric(labels, clockSkew.ppm)
        yield from (directions, jitter, offset, bound, skew, pathMTU)


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
    """The page C{/metrics}."""

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        request.setHeader(b"content-type", CONTENT_TYPE_LATEST.encode("ascii"))
        page: bytes = generate_latest(self._registry)
        return page


def metricsSite(targets: Sequence[ProbeTarget]) -> Site:
    """Return a site with one page, C{/metrics}."""
    # Any object with a method collect is a collector, though the annotations do not allow it.
    registry: Any = CollectorRegistry(auto_describe=False)
    registry.register(TargetCollector(targets))
    root = Resource()
    root.putChild(b"metrics", MetricsResource(registry))
    site = Site(root)
    site.noisy = False
    return site
