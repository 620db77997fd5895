"""Tests for L{tsservices.cluster.status}."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

from tests.support.broker import ScriptedBroker
from tsservices.cluster.status import (
    BEHIND,
    BrokerStatus,
    NodeStatus,
    StatusChangeLog,
    describe,
    updateCounters,
)
from tsservices.common.counters import ClusterCounters

#: Of node a, which knows of another one.
STATUS = NodeStatus(
    incarnation="inc",
    up=True,
    position=117,
    lag=3,
    messages=2,
    size=512,
    quiet=0.2,
    taken=90,
    duplicates=4,
    gaps=5,
    strangers=6,
    garbage=7,
    nodes=(("b", "b1", 12.34), ("a", "a1", 0.25)),
)


def connectedBroker() -> ScriptedBroker:
    made = ScriptedBroker()
    made.where, made.connections, made.published = "nats://here:4222", 8, 9
    made.doubts, made.resubscriptions = 10, 11
    return made


class TestDescribe:
    def test_nodes(self) -> None:
        typed: BrokerStatus = connectedBroker()
        assert describe("a", STATUS, typed) == [
            "a (this one): heard 0.2 s ago, since its start a1",
            "b: heard 12.3 s ago, since its start b1",
            "a is at 117, 3 behind; 2 messages (512 bytes) on the way",
            "the engine: nats://here:4222, connection number 8; 9 messages sent, 10 doubts,"
            " asked anew 11 times",
        ]

    def test_withoutConnection(self) -> None:
        away = ScriptedBroker()
        away.lastError = "nobody answers"
        lines = describe("a", replace(STATUS, nodes=()), away)
        assert lines[0].startswith("a is at 117")
        assert lines[1].startswith("the engine: no connection, connection number 0")
        assert lines[2:] == ["its last error: nobody answers"]


def test_everyCounterIsSetAndReset() -> None:
    counters = ClusterCounters()
    updateCounters(counters, STATUS, connectedBroker())
    assert asdict(counters) == {
        "connected": 1,
        "connections": 8,
        "published": 9,
        "doubts": 10,
        "resubscriptions": 11,
        "nodes": 2,
        "position": 117,
        "lag": 3,
        "outbox": 2,
        "outboxBytes": 512,
        "duplicates": 4,
        "gaps": 5,
        "strangers": 6,
        "garbage": 7,
    }
    none: dict[str, Any] = {field.name: 0 for field in fields(NodeStatus) if field.type == "int"}
    updateCounters(counters, replace(STATUS, nodes=(), **none), ScriptedBroker())
    assert counters == ClusterCounters()


class TestStatusChangeLog:
    def setup_method(self) -> None:
        self.lines: list[str] = []
        self.changes = StatusChangeLog(self.lines.append)

    def look(self, lag: int, *names: str) -> list[str]:
        self.lines.clear()
        nodes = tuple((name, "i", 0.1) for name in names)
        self.changes.update(replace(STATUS, lag=lag, nodes=nodes))
        return list(self.lines)

    def test_nodes(self) -> None:
        assert self.look(0) == []
        assert self.look(0, "b", "a") == ["nodes that are up: a, b"]
        assert self.look(0, "a", "b") == []
        assert self.look(0, "b") == ["nodes that are up: b"]
        assert self.look(0) == ["nodes that are up: none"]

    def test_behind(self) -> None:
        assert self.look(BEHIND) == []
        assert self.look(BEHIND + 1) == [f"{BEHIND + 1} messages behind"]
        assert self.look(BEHIND + 2) == []
        assert self.look(BEHIND // 2 + 1) == []
        assert self.look(BEHIND // 2) == ["not behind any more"]
        assert self.look(BEHIND) == []
