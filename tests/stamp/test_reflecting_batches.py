"""Tests for L{tsservices.stamp.reflector}: packets that are answered together."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.counters import StampCounters
from tsservices.common.limits import Limits
from tsservices.common.sources import readSockaddr
from tsservices.common.structs import Table
from tsservices.stamp.packets import UNAUTHENTICATED_LENGTH, ReflectorPacket, SenderPacket
from tsservices.stamp.reflector import ReflectorConfig, SessionReflector
from tsservices.stamp.timestamps import toNTP

#: T2 and T3 of everything here: whole seconds and nanoseconds since 1970.
SECOND = 1_795_176_600
NANOSECONDS = 123_456_789
NOON = SECOND * 10**9 + NANOSECONDS

#: Bytes from one packet to the next.
STRIDE = 192

SLOTS = 64
HERE = "198.51.100.1"
PACKET = SenderPacket(5, toNTP(NOON - 1_000_000), 0x8BD2)


def source(host: str, port: int = 862) -> bytes:
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    if len(packed) == 4:
        return bytes(2) + port.to_bytes(2, "big") + packed
    return bytes(2) + port.to_bytes(2, "big") + bytes(4) + packed + bytes(4)


HOST = source("192.0.2.7")


class Batch:
    """Packets and replies in memory, as a port has them."""

    def __init__(self) -> None:
        self._in = bytearray(STRIDE * SLOTS)
        self.received = Table(self._in, 0, STRIDE)
        self.layOut()
        self._packets: list[bytes] = []
        self._sources: list[bytes] = []

    def layOut(self) -> None:
        self.out = bytearray(UNAUTHENTICATED_LENGTH * SLOTS)
        self._replies = Table(self.out, 0, UNAUTHENTICATED_LENGTH)

    def fill(self, packets: Sequence[bytes], sources: Sequence[bytes]) -> None:
        self._packets, self._sources = list(packets), list(sources)
        for slot, packet in enumerate(packets):
            self._in[slot * STRIDE : slot * STRIDE + len(packet)] = packet

    def lengths(self) -> list[int]:
        return list(map(len, self._packets))

    def firstOctets(self) -> bytes:
        return b"".join(packet[:1] for packet in self._packets)

    def sources(self) -> list[bytes]:
        return self._sources

    def replyBuffers(self, length: int) -> Table:
        assert length == UNAUTHENTICATED_LENGTH
        return self._replies

    def replies(self) -> list[bytes]:
        ends = range(0, len(self._packets) * UNAUTHENTICATED_LENGTH, UNAUTHENTICATED_LENGTH)
        return [bytes(self.out[end : end + UNAUTHENTICATED_LENGTH]) for end in ends]


class Harness:
    def __init__(self, config: ReflectorConfig | None = None, **limits: Any) -> None:
        self.counters = StampCounters()
        self.now = 0.0
        self.batch = Batch()
        self.reflector = SessionReflector(
            config or ReflectorConfig(),
            Limits(**limits),
            TrustedNetworks(["10.0.0.0/8"]),
            self.counters,
            lambda: NOON,
        )

    def each(
        self,
        packets: Sequence[bytes],
        sources: Sequence[bytes],
        destination: str | None = HERE,
        ttl: int | None = 61,
    ) -> list[Any]:
        return [
            self.reflector.reflect(
                packet, readSockaddr(raw)[:2], NOON, True, destination, ttl, self.now
            )
            for packet, raw in zip(packets, sources, strict=True)
        ]

    def together(
        self,
        packets: Sequence[bytes],
        sources: Sequence[bytes],
        destination: str | None = HERE,
        ttl: int | None = 61,
    ) -> list[bytes] | None:
        """L{None} if they are not answered together."""
        count = len(packets)
        self.batch.fill(packets, sources)
        if not self.reflector.reflectAll(
            self.batch,
            SECOND,
            [NANOSECONDS] * count,
            destination,
            None if ttl is None else bytes([ttl]) * count,
            self.now,
        ):
            return None
        self.reflector.depart(0, count)
        self.reflector.departed()
        return self.batch.replies()

    def numbers(self, *sources: bytes, packet: SenderPacket = PACKET) -> list[int]:
        replies = self.together([packet.encode()] * len(sources), sources)
        assert replies is not None, self.counters
        return [ReflectorPacket.decode(reply).sequence for reply in replies]


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize("ssids", [(0,), (0, 7)])
def test_asOneByOne(stateful: bool, ssids: Sequence[int]) -> None:
    """The same replies octet for octet, the same counters, whatever came before."""
    choose = random.Random(1)
    hosts = [source("192.0.2.7", 1), source("192.0.2.7", 2), source("192.0.2.8")]
    limits = {"stampSessions": 3, "stampRate": 10, "stampBurst": 150}
    config = ReflectorConfig(stateful=stateful)
    single, batching = Harness(config, **limits), Harness(config, **limits)
    answered = 0
    for turn in range(60):
        count = choose.randrange(1, 40)
        packets = [
            SenderPacket(
                choose.getrandbits(32), choose.getrandbits(64), 0x8BD2, choose.choice(ssids)
            ).encode()
            for _ in range(count)
        ]
        sources = choose.choices(hosts, k=count)
        where, ttl = choose.choice([HERE, None]), choose.choice([61, None, 0])
        single.now = batching.now = single.now + choose.choice((0, 1, 10, 1000))
        single.reflector.errorEstimate = batching.reflector.errorEstimate = 0x8B00 + turn
        expected = single.each(packets, sources, where, ttl)
        replies = batching.together(packets, sources, where, ttl)
        if replies is None:
            replies = batching.each(packets, sources, where, ttl)
        else:
            answered += 1
        assert replies == expected
        assert asdict(batching.counters) == asdict(single.counters)
    assert 20 < answered < 60


def test_idleSession() -> None:
    harness = Harness()
    assert harness.numbers(HOST, HOST) == [0, 1]
    harness.now += 900
    assert harness.numbers(HOST) == [2]
    harness.now += 901
    assert harness.numbers(HOST, HOST) == [0, 1]


def test_idleSinceTheLast() -> None:
    """Also if that came soon after the one before."""
    harness = Harness(stampIdle=1)
    assert harness.numbers(HOST) == [0]
    harness.now = 0.005
    assert harness.numbers(HOST) == [1]
    harness.now = 1.003
    assert harness.numbers(HOST) == [2]


@pytest.mark.parametrize("pause", [1.0, 0.006])
def test_silentSessionGoes(pause: float) -> None:
    """One whose packets come without a longer pause is not the silent one."""
    harness = Harness(stampSessions=2)
    other, new = source("192.0.2.8"), source("192.0.2.9")
    assert harness.numbers(HOST, other) == [0, 0]
    for number in range(1, 5):
        harness.now += pause
        assert harness.numbers(HOST) == [number]
    assert harness.numbers(new) == [0]
    assert harness.numbers(HOST) == [5]
    assert harness.numbers(other) == [0]


def test_forgottenSession() -> None:
    """Also within one pass, in which nothing is looked up a second time."""
    harness = Harness(stampSessions=2)
    others = [source("192.0.2.8", port) for port in (1, 2)]
    assert harness.numbers(HOST, *others, HOST) == [0, 0, 0, 0]
    assert len(harness.reflector._sessions) == 2


def test_numbersBeginAgain() -> None:
    harness = Harness()
    harness.numbers(HOST)
    next(iter(harness.reflector._sessions.values())).count = 2**32 - 1
    assert harness.numbers(HOST, HOST) == [2**32 - 1, 0]


def test_bothWays() -> None:
    """A session is one, however its packets are answered."""
    harness = Harness()
    data = PACKET._replace(ssid=9).encode()
    assert harness.numbers(HOST, packet=PACKET._replace(ssid=9)) == [0]
    (reply,) = harness.each([data], [HOST])
    assert ReflectorPacket.decode(reply).sequence == 1
    assert harness.numbers(HOST, packet=PACKET._replace(ssid=9)) == [2]
    assert harness.numbers(HOST) == [0]


def test_otherDestination() -> None:
    harness = Harness()
    data = [PACKET.encode()]
    for expected in (0, 1):
        for destination in (HERE, "198.51.100.2", None):
            replies = harness.together(data, [HOST], destination)
            assert ReflectorPacket.decode((replies or [])[0]).sequence == expected


#: T1 is a whole second.
reflected = ReflectorPacket(
    1, toNTP(NOON), 0x8BD2, toNTP(NOON), 1, toNTP(SECOND * 10**9), 0x8BD2, 61
)

UNUSUAL = {
    "a reply": (reflected.encode(), HOST, HERE),
    "a text": (b"[Fri Nov 20 12:10:00 2026] hello".ljust(44, b"\0"), HOST, HERE),
    "like a text": (b"Hex".ljust(44, b"\0"), HOST, HERE),
    "longer": (PACKET.encode() + bytes(4), HOST, HERE),
    "shorter": (PACKET.encode()[:14], source("10.0.0.1"), HERE),
    "port 0": (PACKET.encode(), source("192.0.2.7", 0), HERE),
    "group": (PACKET.encode(), source("224.0.0.1"), HERE),
    "to a group": (PACKET.encode(), HOST, ""),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual(name: str) -> None:
    """Nothing is done, so that each can be asked for."""
    harness = Harness()
    packet, raw, destination = UNUSUAL[name]
    packets, sources = [PACKET.encode(), packet], [HOST, raw]
    assert harness.together(packets, sources, destination) is None
    assert asdict(harness.counters) == asdict(StampCounters())
    assert not harness.reflector._sessions
    bucket = harness.reflector._sources.add("192.0.2.7").bucket
    assert bucket is None or bucket.tokens == bucket.burst


def test_authenticated() -> None:
    harness = Harness(ReflectorConfig(bytes(range(32))))
    assert harness.together([bytes(UNAUTHENTICATED_LENGTH)], [HOST]) is None


@pytest.mark.parametrize("hosts", [("192.0.2.7",), ("2001:db8::1", "2001:db8::2")])
def test_rate(hosts: tuple[str, ...]) -> None:
    """If one of them would be too much nothing is taken; a network of IPv6 has one rate."""
    harness = Harness(stampRate=1, stampBurst=10)
    sources = [source(host) for host in hosts] * (12 // len(hosts))
    assert harness.together([PACKET.encode()] * 12, sources) is None
    assert [bucket.tokens for bucket in harness.reflector._buckets.values()] == [10]
    assert len(harness.numbers(*sources[:10])) == 10
    assert harness.together([PACKET.encode()], sources[:1]) is None


def test_otherMemory() -> None:
    harness = Harness()
    harness.numbers(HOST)
    harness.batch = Batch()
    assert harness.numbers(HOST, HOST) == [1, 2]
    harness.batch.layOut()
    assert harness.numbers(HOST, HOST) == [3, 4]
