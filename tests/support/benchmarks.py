"""Reports and samples for the tests of L{benchmarks}."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.chat.measure import ChatReport, ChatSample
from benchmarks.echo.load import LoadReport
from benchmarks.echo.measure import Sample

REPORT = LoadReport(
    requests=1000,
    seconds=2.0,
    requestsPerSecond=500.0,
    p50=100.0,
    p99=200.0,
    maximum=300.0,
    cpuSeconds=1.0,
    utilisation=0.5,
    serverCpuSeconds=0.01,
    waited=0.0,
    serverWaited=0.0,
    stamps=1000,
    lost=0,
    wrong=0,
    closed=0,
    firstReply="[Fri Nov 20 12:10:00 2026] ",
    began=10.0,
    ended=12.0,
)


def sampled(peer: str, turn: int, rate: float, cell: str = "tcp-64c-64b") -> Sample:
    return Sample(cell, peer, turn, replace(REPORT, requestsPerSecond=rate))


CHAT_REPORT = ChatReport(
    deliveries=1_000_000,
    deliveriesPerSecond=500_000.0,
    windows=1000,
    seconds=2.0,
    p50=1500.0,
    p99=2500.0,
    maximum=3000.0,
    cpuSeconds=1.0,
    utilisation=0.5,
    serverCpuSeconds=1.5,
    waited=0.0,
    serverWaited=0.0,
    began=10.0,
    ended=12.0,
    cutOff=0,
    joinSeconds=0.5,
    joinCpuSeconds=0.25,
)


def chatted(peer: str, turn: int, rate: float, cell: str = "200m-20w-8s") -> ChatSample:
    return ChatSample(cell, peer, turn, replace(CHAT_REPORT, deliveriesPerSecond=rate))
