"""Tests for L{tsservices.admin.exposition}, L{tsservices.admin.http} and what they count."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import fields
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import APIServer
from tsservices.admin import http
from tsservices.admin.exposition import PREFIX, ROWS, Row, ServerCollector, placeOf
from tsservices.chat.errors import NOT_STORED, ChatError
from tsservices.cluster.status import TROUBLE
from tsservices.common import counters as counting
from tsservices.common.counters import (
    AnyCounters,
    CounterRegistry,
    DatagramCounters,
    StampCounters,
    StreamCounters,
)
from tsservices.common.histograms import SECONDS, Histogram

#: Of Prometheus: letters, digits and underscores; counters end with _total, which is added.
NAME = re.compile(r"[a-z][a-z0-9_]*")


def kinds(kind: type[AnyCounters]) -> list[type[AnyCounters]]:
    return [kind, *(item for sub in kind.__subclasses__() for item in kinds(sub))]


#: By their names: the decorator of dataclasses with slots makes a class again, and the first one is
#: there until it is collected.
ALL_KINDS = {item.__name__: item for kind in get_args(AnyCounters) for item in kinds(kind)}


@pytest.mark.parametrize("kind", ALL_KINDS.values(), ids=ALL_KINDS)
def test_everyCounterIsAMetric(kind: type[AnyCounters]) -> None:
    assert set(ROWS[kind]) == {item.name for item in fields(kind)}
    assert set(counting._NAMES) == set(ROWS)


def test_namesOfMetrics() -> None:
    rows: dict[str, Row] = {}
    for table in ROWS.values():
        for row in table.values():
            assert NAME.fullmatch(row.name)
            assert not row.name.endswith("_total")
            assert row.help.endswith(".")
            other = rows.setdefault(row.name, row)
            # One name is one kind of metric, with the same labels and the same help.
            assert (other.grows, other.help, bool(other.reason)) == (
                row.grows,
                row.help,
                bool(row.reason),
            )


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        (
            {"offering": "hello", "transport": "tcp", "host": "::1", "port": 5, "tls": True},
            ("hello", "tls", "[::1]:5"),
        ),
        ({"offering": "hello", "transport": "unix", "path": '/a"\n'}, ("hello", "unix", '/a"\n')),
        ({"offering": "chat", "node": "n1"}, ("chat", "", "n1")),
        ({"offering": "chat", "database": "/x/chat.db"}, ("chat", "", "/x/chat.db")),
    ],
    ids=["host", "path", "node", "database"],
)
def test_places(labels: dict[str, object], place: tuple[str, str, str]) -> None:
    assert placeOf(labels) == place


def exposed(collector: ServerCollector) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(collector)
    text = generate_latest(registry).decode()
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics() -> None:
    registry = CounterRegistry()
    registry.add(
        {"offering": "hello", "transport": "tcp", "host": "127.0.0.1", "port": 7},
        StreamCounters(accepted=3, open=2, slow=1),
    )
    for port, records in ((8, DatagramCounters(muted=4)), (9, StampCounters(forged=5))):
        registry.add({"offering": "x", "transport": "udp", "host": "h", "port": port}, records)
    # The last character is how Python reads a byte of a path that is not UTF-8.
    registry.add(
        {"offering": "odd", "transport": "unix", "path": 'a"b\\\n\udcff'}, StreamCounters()
    )
    times = Histogram()
    times.counts[0], times.counts[1], times.counts[-1], times.total = 1, 1, 1, 99.00025
    collector = ServerCollector(
        registry, lambda: {"chat_apply_seconds": ("x.", times)}, {"rooms": ("Rooms.", lambda: 7)}
    )
    found = exposed(collector)
    place = ("address=127.0.0.1:7", "service=hello", "transport=tcp")
    assert found[PREFIX + "connections_accepted_total", *place] == 3
    assert found[PREFIX + "connections_open", *place] == 2
    closed = ("address=127.0.0.1:7", "reason=slow", "service=hello", "transport=tcp")
    assert found[PREFIX + "connections_closed_total", *closed] == 1
    dropped = PREFIX + "datagrams_dropped_total"
    assert found[dropped, "address=h:8", "reason=muted", "service=x", "transport=udp"] == 4
    assert found[dropped, "address=h:9", "reason=forged", "service=x", "transport=udp"] == 5
    assert found[PREFIX + "rooms",] == 7
    assert found[PREFIX + "chat_apply_seconds_bucket", "le=0.0001"] == 1
    assert found[PREFIX + "chat_apply_seconds_bucket", "le=0.00025"] == 2
    assert found[PREFIX + "chat_apply_seconds_bucket", "le=10.0"] == 2
    assert found[PREFIX + "chat_apply_seconds_bucket", "le=+Inf"] == 3
    assert found[PREFIX + "chat_apply_seconds_count",] == 3
    assert found[PREFIX + "chat_apply_seconds_sum",] == pytest.approx(99.00025)
    assert len(SECONDS) + 1 == len(times.counts)


class Monitored:
    def __init__(self, networks: tuple[str, ...] = (), proxies: bool = False) -> None:
        self.server = APIServer()
        chat = self.server.chat
        access = http.MetricsAccess(chat, tuple(map(ipaddress.ip_network, networks)))
        self.why = ""
        collector = ServerCollector(
            CounterRegistry(), lambda: http.chatTimes(chat), http.chatGauges(chat, lambda: 5)
        )
        checks = {**http.chatChecks(chat), "listeners": lambda: self.why}
        web: Any = self.server.wiring.web
        web.resources = lambda: http.resources(access, collector, checks)
        if proxies:
            proxy = ipaddress.ip_network("127.0.0.0/8")
            web.config = type(web.config)(proxies=(proxy,))


class TestWhoMaySeeMetrics:
    @pytest.mark.parametrize(
        ("host", "headers", "proxies", "networks", "status"),
        [
            ("127.0.0.1", [], False, (), 200),
            ("::1", [], False, (), 200),
            ("192.0.2.1", [], False, (), 401),
            ("192.0.2.1", [], False, ("192.0.2.0/24",), 200),
            # A proxy on this machine that nobody knows.
            ("127.0.0.1", ["X-Forwarded-For: 127.0.0.1"], False, (), 401),
            ("127.0.0.1", ["X-Forwarded-Proto: https"], False, ("127.0.0.0/8",), 401),
            ("127.0.0.1", ["X-Real-IP: 127.0.0.1"], False, ("127.0.0.0/8",), 401),
            ("127.0.0.1", ["Forwarded: for=127.0.0.1"], False, (), 401),
            ("127.0.0.1", ["Via: 1.1 proxy"], False, (), 401),
            ("127.0.0.1", ["X-Forwarded-Port: 443"], False, (), 401),
            ("127.0.0.1", ["CF-Ray: 1"], False, (), 401),
            ("127.0.0.1", ["X-Forwarded-For: 192.0.2.9", "Via: x"], True, ("192.0.2.0/24",), 200),
            # One that is known: the client counts.
            ("127.0.0.1", ["X-Forwarded-For: 192.0.2.9"], True, (), 401),
            ("127.0.0.1", ["X-Forwarded-For: 192.0.2.9"], True, ("192.0.2.0/24",), 200),
            ("127.0.0.1", ["X-Forwarded-For: 127.0.0.1"], True, (), 401),
            (
                "127.0.0.1",
                ["X-Forwarded-For: 192.0.2.9, 203.0.113.5"],
                True,
                ("192.0.2.0/24",),
                401,
            ),
            ("127.0.0.1", [], True, (), 401),
        ],
        ids=str,
    )
    def test_addresses(
        self, host: str, headers: list[str], proxies: bool, networks: tuple[str, ...], status: int
    ) -> None:
        server = Monitored(networks, proxies).server
        response = server.request("GET", "/metrics", *headers, host=host)
        assert response.status == status
        assert (b"tsservices_chat_rooms" in response.body) == (status == 200)
        if status == 401:
            assert response.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("127.0.0.2:80", 200),
            ("[::1]:80", 200),
            ("LOCALHOST.", 200),
            # A proxy that adds no header of its own, and passes on what the browser has asked for.
            ("chat.example", 401),
        ],
    )
    def test_names(self, name: str, status: int) -> None:
        monitored = Monitored()
        web: Any = monitored.server.wiring.web
        web.config = type(web.config)(hosts=frozenset({"chat.example"}))
        connection = monitored.server.connectProgram()
        connection.send(f"GET /metrics HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        assert connection.taken().startswith(b"HTTP/1.1 %d " % status)

    def test_namesOfNetworks(self) -> None:
        # Whoever is far may call the server by its name.
        monitored = Monitored(("192.0.2.0/24",))
        web: Any = monitored.server.wiring.web
        web.config = type(web.config)(hosts=frozenset({"chat.example"}))
        connection = monitored.server.connectProgram("192.0.2.1")
        connection.send(b"GET /metrics HTTP/1.1\r\nHost: chat.example\r\n\r\n")
        assert connection.taken().startswith(b"HTTP/1.1 200 ")

    def test_tokens(self) -> None:
        server = Monitored().server
        boss, other = server.addAccount("boss", "read"), server.addAccount("other")
        server.state.operators = frozenset({"boss"})
        assert server.get("/metrics", token=boss, host="192.0.2.1").status == 200
        for token in (other, "nonsense"):
            assert server.get("/metrics", token=token, host="192.0.2.1").status == 403
        basic = server.get("/metrics", "Authorization: Basic x", host="192.0.2.1")
        assert basic.status == 403

    @pytest.mark.parametrize(
        ("accept", "contentType", "end"),
        [
            ("text/plain;version=0.0.4", "text/plain; version=0.0.4", b"\n"),
            (
                "application/openmetrics-text; version=1.0.0",
                "application/openmetrics-text",
                b"# EOF\n",
            ),
            (
                "application/openmetrics-text; version=abc; escaping=x\ty",
                "application/openmetrics",
                b"",
            ),
            ("*/*", "text/plain", b"\n"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_forms(self, accept: str, contentType: str, end: bytes) -> None:
        response = Monitored().server.get("/metrics", f"Accept: {accept}")
        assert response.status == 200
        assert response.headers["content-type"].startswith(contentType)
        assert response.body.endswith(end)

    def test_times(self) -> None:
        server = Monitored().server
        # Nothing is counted before somebody asks.
        server.get("/metrics")
        server.say(server.member("ann", "tea"), "hello")
        text = server.get("/metrics").body.decode()
        for name in ("apply", "store", "fanout", "delivery"):
            (count,) = re.findall(rf"tsservices_chat_{name}_seconds_count (\d+)", text)
            assert int(count) > 0

    def test_head(self) -> None:
        assert Monitored().server.request("HEAD", "/metrics").status == 200

    def test_methods(self) -> None:
        assert Monitored().server.request("POST", "/metrics").status == 405


class TestHealth:
    def test_healthy(self) -> None:
        server = Monitored().server
        server.chat.open = False
        assert server.get("/healthz", host="192.0.2.1").body == b"ok\n"

    def test_ready(self) -> None:
        server = Monitored().server
        assert server.get("/readyz", host="192.0.2.1").body == b"ready\n"
        assert server.get("/readyz").body == b"ready\nstorage: ok\nchat: ok\nlisteners: ok\n"

    @pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1"])
    @pytest.mark.parametrize(
        "head", ["1.0\r\n", "1.1\r\nHost: 192.0.2.9:80\r\n", "1.1\r\nHost:\r\n"]
    )
    def test_probes(self, head: str, host: str) -> None:
        """They name no server, or a balancer; the reasons are not for such a name."""
        server = Monitored(("192.0.2.0/24",)).server
        for path, body in (("/healthz", b"ok\n"), ("/readyz", b"ready\n")):
            connection = server.connectProgram(host)
            connection.send(f"GET {path} HTTP/{head}\r\n".encode())
            assert connection.taken().endswith(b"\r\n\r\n" + body)
        for start, status in (("GET /metrics", 421), ("POST /healthz", 403)):
            connection = server.connectProgram(host)
            connection.send(f"{start} HTTP/{head}Origin: http://192.0.2.9:80\r\n\r\n".encode())
            assert connection.taken().split()[1] == b"%d" % status

    @pytest.mark.parametrize("what", ["storage", "chat", "others", "listeners"])
    def test_notReady(self, what: str) -> None:
        monitored = Monitored()
        server = monitored.server
        if what == "storage":
            server.chat.storage.trouble = ChatError(NOT_STORED, reason="/secret is full")
        elif what == "chat":
            server.chat.open = False
        elif what == "others":
            server.chat.trouble = TROUBLE
            what = "chat"
        else:
            monitored.why = "1 of 2 places do not listen"
        far, near = server.get("/readyz", host="192.0.2.1"), server.get("/readyz")
        assert far.status == near.status == 503
        assert far.body == f"not ready: {what}\n".encode()
        assert near.body.startswith(far.body)
        assert len(near.body.splitlines()) == 4
