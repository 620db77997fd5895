"""Tests for L{tsservices.transport.udp_guard}."""

from __future__ import annotations

import time

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tsservices.common.addresses import LOOPBACK, TrustedNetworks
from tsservices.common.counters import DatagramCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED
from tsservices.common.timestamps import FORMS, TimestampFormatter
from tsservices.server.registry import BUILTIN
from tsservices.transport.udp_guard import (
    MAX_STREAK,
    PAUSE_SECONDS,
    REFLECTOR_PORTS,
    DatagramGuard,
)

#: The policies of the services that answer datagrams.
POLICIES = {row.name: row.guard for row in BUILTIN if row.datagram and row.guard}

STRANGER = "192.0.2.7"


class GuardTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.counters = DatagramCounters()
        self.closedPorts = set(REFLECTOR_PORTS)

    def guard(self, name: str, trust: tuple[str, ...] = LOOPBACK) -> DatagramGuard:
        return DatagramGuard(
            POLICIES[name],
            Limits(),
            TrustedNetworks(trust),
            self.closedPorts,
            self.counters,
            self.clock.seconds,
        )

    def test_badPorts(self) -> None:
        """Not even when they are trusted: an answer to a server could be answered again."""
        guard = self.guard("timestamp")
        self.closedPorts.add(40_000)
        for port in (0, 7, 1023, 1900, 2049, 3702, 5353, 11211, 40_000):
            self.assertFalse(guard.admits(b"x", "127.0.0.1", port), port)
        self.assertEqual(self.counters.badSource, 9)
        self.assertTrue(guard.admits(b"x", "127.0.0.1", 1024))

    def test_addressesThatCannotAsk(self) -> None:
        guard = self.guard("timestamp", ("0.0.0.0/0", "::/0"))
        hosts = ("224.0.0.1", "239.1.1.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1")
        for host in (*hosts, "::ffff:224.0.0.1", "no address"):
            self.assertFalse(guard.admits(b"x", host, 5000), host)
        self.assertEqual(self.counters.badSource, 8)

    def test_ownFormat(self) -> None:
        """Two servers would answer each other for ever; a first hello still gets an answer."""
        for name in ("timestamp", "hello"):
            guard = self.guard(name)
            for form in FORMS:
                data = TimestampFormatter(form, time.time_ns).stamp() + b"x"
                self.assertFalse(guard.admits(data, "127.0.0.1", 5000))
            self.assertFalse(guard.admits(b"Hello, Hello, x!!", "127.0.0.1", 5000))
            self.assertTrue(guard.admits(b"Hello, world!", "127.0.0.1", 5000))
        self.assertEqual(self.counters.ownFormat, 8)

    def test_othersMayLookLikeOurs(self) -> None:
        """Echo echoes stamps: it has to, and its bucket ends the loop."""
        self.assertTrue(
            self.guard("echo").admits(
                TimestampFormatter("ctime", time.time_ns).stamp(), "127.0.0.1", 5000
            )
        )

    def test_size(self) -> None:
        """Daytime and time are asked by empty datagrams."""
        guard = self.guard("timestamp")
        self.assertFalse(guard.admits(b"", "127.0.0.1", 5000))
        self.assertTrue(guard.admits(b"x" * 512, "127.0.0.1", 5000))
        self.assertFalse(guard.admits(b"x" * 513, "127.0.0.1", 5000))
        self.assertFalse(self.guard("echo").admits(b"", "127.0.0.1", 5000))
        for name in ("daytime", "time"):
            self.assertTrue(self.guard(name).admits(b"", "127.0.0.1", 5000))
            self.assertFalse(self.guard(name).admits(b"x" * 513, "127.0.0.1", 5000))
        self.assertEqual(self.counters.badSize, 5)

    def test_burstThenRate(self) -> None:
        guard = self.guard("timestamp")
        for _ in range(20):
            self.assertTrue(guard.admits(b"x", STRANGER, 5000))
        self.assertFalse(guard.admits(b"x", STRANGER, 5001))
        self.assertTrue(guard.admits(b"x", "192.0.2.8", 5000))
        self.clock.advance(0.2)
        self.assertTrue(guard.admits(b"x", STRANGER, 5000))
        self.assertEqual(self.counters.overRate, 1)

    def test_mute(self) -> None:
        """However little the source asks meanwhile."""
        guard = self.guard("timestamp")
        for _ in range(23):
            guard.admits(b"x", STRANGER, 5000)
        self.assertEqual(self.counters.overRate, 3)
        self.clock.advance(59)
        self.assertFalse(guard.admits(b"x", STRANGER, 5000))
        self.assertEqual(self.counters.muted, 1)
        self.clock.advance(1)
        self.assertTrue(guard.admits(b"x", STRANGER, 5000))

    def test_answersEndTheRow(self) -> None:
        """Only drops in a row count."""
        guard = self.guard("timestamp")
        for _ in range(22):
            guard.admits(b"x", STRANGER, 5000)
        self.clock.advance(0.2)
        self.assertTrue(guard.admits(b"x", STRANGER, 5000))
        self.assertFalse(guard.admits(b"x", STRANGER, 5000))
        self.clock.advance(0.2)
        self.assertTrue(guard.admits(b"x", STRANGER, 5000))

    def test_slowLoop(self) -> None:
        """A loop with a long round trip stays below the rate, but never pauses."""
        for name in POLICIES:
            guard = self.guard(name, ("none",))
            answered = 0
            for _ in range(200):
                self.clock.advance(0.25)
                answered += guard.admits(b"x", STRANGER, 5000)
            self.assertEqual(answered, 200 if name in ("timestamp", "hello") else MAX_STREAK, name)

    def test_pausesAreNoLoop(self) -> None:
        guard = self.guard("echo")
        for _ in range(200):
            self.clock.advance(PAUSE_SECONDS)
            self.assertTrue(guard.admits(b"x", STRANGER, 5000))

    def test_trust(self) -> None:
        """Trust lifts the rate for timestamp and hello, and for nothing else."""
        for name in POLICIES:
            guard = self.guard(name)
            answered = sum(guard.admits(b"x", "127.0.0.1", 5000) for _ in range(1000))
            self.assertEqual(answered, 1000 if name in ("timestamp", "hello") else 20, name)

    def test_networkIsOneSource(self) -> None:
        guard = self.guard("timestamp")
        answered = sum(guard.admits(b"x", f"2001:db8::{n:x}", 5000) for n in range(1, 101))
        self.assertEqual(answered, 20)

    def test_memoryIsBounded(self) -> None:
        guard = self.guard("timestamp")
        for n in range(PEERS_REMEMBERED + 100):
            guard.admits(b"x", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 5000)
        self.assertEqual(len(guard._sources), PEERS_REMEMBERED)
        self.assertEqual(len(guard._allowances), PEERS_REMEMBERED)
