"""
The counters and times of a server as Prometheus metrics, read only at scrapes.

The names of the metrics are public, and stay if the fields of the counters are renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import accumulate
from typing import NamedTuple

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from tsservices import __version__
from tsservices.common.addresses import hostPort
from tsservices.common.counters import (
    AnyCounters,
    ClusterCounters,
    CounterRegistry,
    DatagramCounters,
    StampCounters,
    StorageCounters,
    StreamCounters,
    WebCounters,
)
from tsservices.common.histograms import SECONDS, Histogram

#: The prefix of all names.
PREFIX = "tsservices_"


class Row(NamedTuple):
    """A metric: its name without the prefix and without C{_total}, its help, and its kind."""

    name: str
    help: str
    #: Whether it is a counter, which only grows, or else a gauge.
    grows: bool = True
    #: The value of the label C{reason}; empty: it has no such label.
    reason: str = ""


def _now(name: str, help: str) -> Row:
    return Row(name, help, grows=False)


_DATAGRAMS: dict[str, Row] = {
    "received": Row("datagrams_received", "Datagrams read."),
    "receivedBytes": Row("datagrams_received_bytes", "Bytes of datagrams read."),
    "answered": Row("datagrams_answered", "Datagrams answered."),
    "unsent": Row("datagrams_unsent", "Answers that the system did not send."),
    **{
        field: Row("datagrams_dropped", "Datagrams that were not answered, by why.", reason=word)
        for field, word in (
            ("badSource", "bad_source"),
            ("ownFormat", "own_format"),
            ("badSize", "bad_size"),
            ("overRate", "over_rate"),
            ("muted", "muted"),
        )
    },
}

_CLOSED = "Connections that the server has closed, by why."

_STREAMS: dict[str, Row] = {
    "accepted": Row("connections_accepted", "Connections accepted."),
    "open": _now("connections_open", "Connections open now."),
    "refused": Row("connections_refused", "Connections refused by a limit on their number."),
    "received": Row("stream_chunks_received", "Chunks read from connections."),
    "receivedBytes": Row("stream_received_bytes", "Bytes read from connections."),
    "overlong": Row("lines_overlong", "Lines over the limit, which were skipped."),
    "idle": Row("connections_closed", _CLOSED, reason="idle"),
    "stalled": Row("connections_closed", _CLOSED, reason="stalled"),
    "unproxied": Row("connections_closed", _CLOSED, reason="unproxied"),
    "slow": Row("connections_closed", _CLOSED, reason="slow"),
    "refusals": Row("requests_refused", "Requests that were refused with a reason."),
    "delayed": Row("floods_delayed", "How often a connection was slowed down."),
    "tlsFailures": Row("tls_failures", "TLS handshakes that failed."),
}

#: The metric of each field of each kind of counters.
ROWS: dict[type[AnyCounters], dict[str, Row]] = {
    StreamCounters: _STREAMS,
    WebCounters: {
        **_STREAMS,
        "unanswered": Row("connections_closed", _CLOSED, reason="unanswered"),
        "requests": Row("http_requests", "Requests of HTTP that were taken."),
        "badRequests": Row("http_requests_malformed", "Requests of wrong form, host or origin."),
        "upgrades": Row("websockets_opened", "Connections that have become WebSockets."),
        "sockets": _now("websockets_open", "WebSockets that are open now."),
        "messages": Row("websocket_messages_received", "Messages that browsers have sent."),
        "signIns": Row("sign_ins", "Browsers that have signed in to an account."),
        "signInsRefused": Row("sign_ins_refused", "Attempts at that which were refused."),
    },
    DatagramCounters: _DATAGRAMS,
    StampCounters: {
        **_DATAGRAMS,
        "forged": Row("datagrams_dropped", _DATAGRAMS["muted"].help, reason="forged"),
        "replayed": Row("datagrams_dropped", _DATAGRAMS["muted"].help, reason="replayed"),
        "unstamped": Row("datagrams_unstamped", "Datagrams without a time from the kernel."),
    },
    ClusterCounters: {
        "connected": _now("cluster_connected", "1 if there is a connection to the broker."),
        "connections": Row("cluster_connections", "Connections to the broker that were made."),
        "published": Row("cluster_published", "Messages sent to the broker."),
        "doubts": Row("cluster_doubts", "Messages of which it was not known if they were sent."),
        "resubscriptions": Row("cluster_resubscriptions", "How often the consumer began again."),
        "nodes": _now("cluster_nodes", "Nodes that are up, as far as this one knows."),
        "position": _now("cluster_position", "The last message of the stream that was read."),
        "lag": _now("cluster_lag_messages", "Messages of the stream that were not read."),
        "outbox": _now("cluster_outbox_messages", "Messages not yet confirmed by the broker."),
        "outboxBytes": _now("cluster_outbox_bytes", "Bytes of messages not yet confirmed."),
        "duplicates": Row("cluster_duplicates", "Messages that came a second time."),
        "gaps": Row("cluster_gaps", "Messages that came before their turn."),
        "strangers": Row("cluster_strangers", "Messages of nodes that were not up."),
        "garbage": Row("cluster_garbage", "Messages that could not be understood."),
    },
    StorageCounters: {
        "logBytes": _now("storage_wal_bytes", "The write-ahead log after its last checkpoint."),
        "waits": Row("storage_waits", "How often nothing could be stored for a while."),
        "readErrors": Row("storage_read_errors", "Queries that failed, not for want of time."),
    },
}

#: Labels of all metrics of counters; empty if they do not apply.
LABELS = ("service", "transport", "address")

#: Gets the present value of a number.
Gauge = Callable[[], float]


class ServerCollector:
    """The collector for Prometheus: reads all values at each scrape, and stores none."""

    def __init__(
        self,
        counters: CounterRegistry,
        times: Callable[[], dict[str, tuple[str, Histogram]]],
        gauges: dict[str, tuple[str, Gauge]],
    ) -> None:
        """
        @param times: gets the help and the histogram of each time, by name without the prefix.
        @param gauges: the help and the value of each gauge, by name without the prefix.
        """
        self._counters = counters
        self._times = times
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Make all metrics, each once."""
        build = InfoMetricFamily(f"{PREFIX}build", "The version of the server.")
        build.add_metric((), {"version": __version__})
        yield build
        yield from self._countersAsMetrics()
        for name, (help, gauge) in self._gauges.items():
            metric = GaugeMetricFamily(PREFIX + name, help)
            metric.add_metric((), gauge())
            yield metric
        for name, (help, times) in self._times().items():
            histogram = HistogramMetricFamily(PREFIX + name, help)
            histogram.add_metric((), _buckets(times), times.total)
            yield histogram

    def _countersAsMetrics(self) -> Iterable[Metric]:
        metrics: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for labels, counters in self._counters.entries:
            place = placeOf(labels)
            for field in fields(counters):
                row = ROWS[type(counters)][field.name]
                names = (*LABELS, "reason") if row.reason else LABELS
                values = (*place, row.reason) if row.reason else place
                metric = metrics.get(row.name)
                if metric is None:
                    family = CounterMetricFamily if row.grows else GaugeMetricFamily
                    metric = metrics[row.name] = family(PREFIX + row.name, row.help, labels=names)
                metric.add_metric(values, getattr(counters, field.name))
        return metrics.values()


def placeOf(labels: dict[str, object]) -> tuple[str, str, str]:
    """Get the values of L{LABELS} for one record of counters."""
    transport = str(labels.get("transport", ""))
    if labels.get("tls"):
        transport = "tls"
    if "host" in labels:
        address = hostPort(str(labels["host"]), int(str(labels["port"])))
    else:
        address = str(labels.get("path") or labels.get("node") or labels.get("database") or "")
        # A path may have any bytes.
        address = address.encode("utf-8", "backslashreplace").decode("utf-8")
    return str(labels["offering"]), transport, address


def _buckets(times: Histogram) -> list[tuple[str, float]]:
    # The values are consistent, because nothing is counted while this runs.
    bounds = [*map(repr, SECONDS), "+Inf"]
    return list(zip(bounds, map(float, accumulate(times.counts)), strict=True))
