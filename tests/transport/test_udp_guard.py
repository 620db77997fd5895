"""
Tests for L{tsservices.transport.udp_guard}.
"""

from __future__ import annotations

import time

import pytest
from twisted.internet.task import Clock

from tsservices.common.addresses import LOOPBACK, TrustedNetworks
from tsservices.common.counters import DatagramCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED
from tsservices.common.timestamps import FORMS, TimestampFormatter
from tsservices.transport.udp_guard import (
    GUARDS,
    MAX_STREAK,
    PAUSE_SECONDS,
    REFLECTOR_PORTS,
    DatagramGuard,
)

TRUSTED = "127.0.0.1"
STRANGER = "192.0.2.7"
TRUSTING = ("timestamp", "hello")
STAMPS = [TimestampFormatter(form, time.time_ns).stamp() + b"x" for form in FORMS]


class Guarded:
    """A guard, its clock and its counters."""

    def __init__(self, name: str, trust: tuple[str, ...] = LOOPBACK) -> None:
        self.clock = Clock()
        self.counters = DatagramCounters()
        self.closedPorts = set(REFLECTOR_PORTS)
        self.guard = DatagramGuard(
            GUARDS[name],
            Limits(),
            TrustedNetworks(trust),
            self.closedPorts,
            self.counters,
            self.clock.seconds,
        )

    def admits(self, datagram: bytes = b"x", host: str = STRANGER, port: int = 5000) -> bool:
        return self.guard.admits(datagram, host, port)

    def admitted(self, times: int, host: str = STRANGER, pause: float = 0.0) -> int:
        """How many of some datagrams are admitted."""
        count = 0
        for _ in range(times):
            self.clock.advance(pause)
            count += self.admits(host=host)
        return count


@pytest.mark.parametrize("port", [0, 7, 1023, 1900, 2049, 3702, 5353, 11211, 40_000])
def test_badPorts(port: int) -> None:
    """Servers, reflectors and this server itself, also if they are trusted."""
    guarded = Guarded("timestamp")
    guarded.closedPorts.add(40_000)
    assert not guarded.admits(host=TRUSTED, port=port)
    assert guarded.counters.badSource == 1
    assert guarded.admits(host=TRUSTED, port=1024)


@pytest.mark.parametrize(
    "host",
    [
        "224.0.0.1",
        "239.1.1.1",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "ff02::1",
        "::ffff:224.0.0.1",
        "no address",
    ],
)
def test_badAddresses(host: str) -> None:
    guarded = Guarded("timestamp", ("0.0.0.0/0", "::/0"))
    assert not guarded.admits(host=host)
    assert guarded.counters.badSource == 1


@pytest.mark.parametrize("datagram", [*STAMPS, b"Hello, Hello, x!!"])
def test_ownFormat(datagram: bytes) -> None:
    """Echo has to echo stamps, and its rate ends the loop."""
    for name in TRUSTING:
        guarded = Guarded(name)
        assert not guarded.admits(datagram, TRUSTED)
        assert guarded.counters.ownFormat == 1
        assert guarded.admits(b"Hello, world!", TRUSTED)
    assert Guarded("echo").admits(datagram, TRUSTED)


@pytest.mark.parametrize("name", GUARDS)
@pytest.mark.parametrize(("size", "expected"), [(0, False), (1, True), (512, True), (513, False)])
def test_size(name: str, size: int, expected: bool) -> None:
    """Daytime and time are asked by empty datagrams."""
    guarded = Guarded(name)
    expected = expected or (size == 0 and name in ("daytime", "time"))
    assert guarded.admits(b"x" * size, TRUSTED) == expected
    assert guarded.counters.badSize == (not expected)


def test_rate() -> None:
    guarded = Guarded("timestamp")
    assert guarded.admitted(20) == 20
    assert not guarded.admits(port=5001)
    assert guarded.admits(host="192.0.2.8")
    guarded.clock.advance(0.2)
    assert guarded.admits()
    assert guarded.counters.overRate == 1


def test_mute() -> None:
    """However little the source asks meanwhile."""
    guarded = Guarded("timestamp")
    assert guarded.admitted(23) == 20
    assert guarded.counters.overRate == 3
    guarded.clock.advance(59)
    assert not guarded.admits()
    assert guarded.counters.muted == 1
    guarded.clock.advance(1)
    assert guarded.admits()


def test_dropsInARow() -> None:
    """An answer between drops starts their count again."""
    guarded = Guarded("timestamp")
    assert guarded.admitted(22) == 20
    guarded.clock.advance(0.2)
    assert [guarded.admits(), guarded.admits()] == [True, False]
    guarded.clock.advance(0.2)
    assert guarded.admits()


@pytest.mark.parametrize("name", GUARDS)
def test_slowLoop(name: str) -> None:
    """It stays below the rate, but it never pauses."""
    expected = 200 if name in TRUSTING else MAX_STREAK
    assert Guarded(name, ("none",)).admitted(200, pause=0.25) == expected


def test_pauses() -> None:
    assert Guarded("echo").admitted(200, pause=PAUSE_SECONDS) == 200


@pytest.mark.parametrize("name", GUARDS)
def test_trust(name: str) -> None:
    assert Guarded(name).admitted(1000, TRUSTED) == (1000 if name in TRUSTING else 20)


def test_networkIsOneSource() -> None:
    guarded = Guarded("timestamp")
    assert sum(guarded.admits(host=f"2001:db8::{n:x}") for n in range(1, 101)) == 20


def test_memory() -> None:
    guarded = Guarded("timestamp")
    for n in range(PEERS_REMEMBERED + 100):
        guarded.admits(host=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(guarded.guard._addresses) == PEERS_REMEMBERED
    assert len(guarded.guard._allowances) == PEERS_REMEMBERED
