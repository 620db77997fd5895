"""Tests for L{tsservices.stamp.reflector}."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.counters import StampCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED
from tsservices.common.timestamps import FORMS, TimestampFormatter
from tsservices.stamp.auth import authenticate, verify
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.reflector import DepartureCallback, ReflectorConfig, SessionReflector
from tsservices.stamp.service_class import ServiceClass, readServiceClass, requestServiceClass
from tsservices.stamp.telemetry import (
    EMPTY_FOLLOW_UP,
    EXTENSION_LENGTH,
    METHOD_SOFTWARE,
    UNKNOWN_FOLLOW_UP,
    FollowUp,
    readFollowUp,
    requestExtensions,
)
from tsservices.stamp.timestamps import ErrorEstimate, toNTP, toPTP

#: T2 of everything here, in nanoseconds since 1970.
NOON = 1_795_176_600_123_456_789

#: When the seconds of NTP are 0 again.
ERA_1 = 2_085_978_496 * 10**9

KEY = bytes(range(32))
SENDER = ("192.0.2.7", 862)
HERE = "198.51.100.1"
PACKET = SenderPacket(5, toNTP(NOON - 1_000_000), 0x8BD2, 0x1234)
DROPS = ("badSource", "badSize", "forged", "ownFormat", "overRate", "replayed")


class Harness:
    def __init__(self, config: ReflectorConfig | None = None, **limits: int) -> None:
        self.counters = StampCounters()
        #: Monotonic seconds, and T3 in nanoseconds since 1970.
        self.now = 0.0
        self.departure = NOON + 5000
        self.onDeparture: DepartureCallback | None = None
        self.config = config or ReflectorConfig()
        self.reflector = SessionReflector(
            self.config,
            Limits(**limits),
            TrustedNetworks(["10.0.0.0/8"]),
            self.counters,
            lambda: self.departure,
        )

    def ask(
        self,
        datagram: bytes,
        address: tuple[str, int] = SENDER,
        destination: str | None = HERE,
        ttl: int | None = 61,
        received: int = NOON,
        tos: int | None = None,
    ) -> bytes | None:
        answer = self.reflector.reflect(
            datagram, address, received, True, destination, ttl, self.now, tos
        )
        self.onDeparture = None
        self.tos: int | None = None
        if isinstance(answer, tuple):
            answer, self.onDeparture, self.tos = answer
        return answer

    def answer(self, datagram: bytes, *address: str | int) -> ReflectorPacket:
        answer = self.ask(datagram, *([address] if address else []))  # type: ignore[arg-type]
        assert answer is not None, self.counters
        return ReflectorPacket.decode(answer, self.config.key is not None)

    def followUp(self) -> FollowUp | None:
        return readFollowUp(self.answer(ASKING.encode()).extensions)

    def assertDropped(self, name: str, datagram: bytes, *more: object) -> None:
        before = asdict(self.counters)
        assert self.ask(datagram, *more) is None  # type: ignore[arg-type]
        after = asdict(self.counters)
        changed = {counter for counter in after if after[counter] != before[counter]}
        assert changed - {"receivedBytes"} == {"received", name}


def test_unauthenticatedReply() -> None:
    harness = Harness()
    harness.reflector.errorEstimate = 0x8C01
    answer = harness.answer(PACKET.encode())
    assert answer == ReflectorPacket(
        sequence=0,
        timestamp=toNTP(NOON + 5000),
        errorEstimate=0x8C01,
        receiveTimestamp=toNTP(NOON),
        senderSequence=5,
        senderTimestamp=PACKET.timestamp,
        senderErrorEstimate=PACKET.errorEstimate,
        senderTTL=61,
        ssid=0x1234,
    )
    assert (harness.counters.received, harness.counters.receivedBytes) == (1, 44)
    assert harness.counters.answered == 1


def test_mbzIsZero() -> None:
    harness = Harness(ReflectorConfig(stateful=False))
    answer = harness.ask(PACKET.encode())
    assert answer == harness.answer(PACKET.encode()).encode()
    noisy = bytearray(PACKET.encode())
    noisy[16:28] = noisy[32:44] = b"\xee" * 12
    assert harness.ask(bytes(noisy)) == answer


#: A packet that asks when the answer before its own onDeparture, with padding.
ASKING = PACKET._replace(extensions=requestExtensions(40) or b"")


def test_followUp() -> None:
    """The reply says when the one before it left; padding stays."""
    harness = Harness()
    for number in range(3):
        answer = harness.answer(ASKING.encode())
        expected = FollowUp(number - 1, toNTP(NOON + 7000 + number - 1), METHOD_SOFTWARE)
        assert readFollowUp(answer.extensions) == (expected if number else UNKNOWN_FOLLOW_UP)
        assert answer.extensions[EXTENSION_LENGTH:] == ASKING.extensions[EXTENSION_LENGTH:]
        assert harness.onDeparture is not None
        harness.onDeparture(NOON + 7000 + number)


@pytest.mark.parametrize(
    ("allowed", "tos", "replyTOS", "permitted"),
    [
        ((), 46 << 2, 46 << 2, True),
        ((), 0, 0, False),
        ((), 10 << 2 | 3, 10 << 2, False),
        ((46, 8), 10 << 2, 46 << 2, True),
        ((8,), 10 << 2, 10 << 2, False),
    ],
)
@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize("followUp", [True, False])
def test_serviceClass(
    allowed: tuple[int, ...],
    tos: int,
    replyTOS: int,
    permitted: bool,
    stateful: bool,
    followUp: bool,
) -> None:
    harness = Harness(ReflectorConfig(stateful=stateful, allowedDSCPs=frozenset(allowed)))
    request = EMPTY_FOLLOW_UP * followUp + requestServiceClass(46)
    reply = harness.ask(PACKET._replace(extensions=request).encode(), tos=tos)
    assert reply is not None
    extensions = ReflectorPacket.decode(reply).extensions
    assert readServiceClass(extensions) == ServiceClass(46, tos >> 2, tos & 3, permitted)
    assert (readFollowUp(extensions) is not None) == followUp
    assert harness.tos == replyTOS
    assert (harness.onDeparture is not None) == (followUp and stateful)


def test_serviceClassUnknown() -> None:
    """Where the port does not know the type of service, the extension is not understood."""
    harness = Harness()
    request = requestServiceClass(46)
    assert harness.answer(PACKET._replace(extensions=request).encode()).extensions == request
    assert harness.tos is None
    sealed = Harness(ReflectorConfig(key=KEY, allowedDSCPs=frozenset({46})))
    packet = PACKET._replace(extensions=request).encode(authenticated=True)
    reply = sealed.ask(authenticate(KEY, packet), tos=0)
    assert reply is not None
    assert ReflectorPacket.decode(reply, authenticated=True).extensions == request
    assert sealed.tos is None


def test_followUpUnknown() -> None:
    harness = Harness()
    harness.answer(ASKING.encode())
    assert harness.onDeparture is not None
    harness.onDeparture(NOON)
    plain = harness.answer(PACKET.encode())
    assert (plain.sequence, plain.extensions) == (1, b"")
    # Through vars, since mypy remembers that it was not None.
    assert vars(harness)["onDeparture"] is None
    assert harness.followUp() == UNKNOWN_FOLLOW_UP
    assert harness.followUp() == UNKNOWN_FOLLOW_UP


def test_followUpLate() -> None:
    """A departure that is reported after the next reply has gone belongs to no reply."""
    harness = Harness()
    harness.answer(ASKING.encode())
    late = harness.onDeparture
    harness.answer(ASKING.encode())
    assert late is not None
    late(NOON)
    assert harness.followUp() == UNKNOWN_FOLLOW_UP


def test_followUpOfOtherSession() -> None:
    harness = Harness()
    harness.answer(ASKING.encode())
    assert harness.onDeparture is not None
    harness.onDeparture(NOON)
    other = harness.answer(ASKING.encode(), "192.0.2.8", 862)
    assert readFollowUp(other.extensions) == UNKNOWN_FOLLOW_UP
    assert harness.followUp() == FollowUp(0, toNTP(NOON), METHOD_SOFTWARE)


def test_followUpNotAnswered() -> None:
    stateless = Harness(ReflectorConfig(stateful=False))
    for _ in range(3):
        assert stateless.followUp() == UNKNOWN_FOLLOW_UP
        assert stateless.onDeparture is None
    authenticated = Harness(ReflectorConfig(KEY))
    answer = authenticated.answer(authenticate(KEY, ASKING.encode(authenticated=True)))
    assert (answer.extensions, authenticated.onDeparture) == (ASKING.extensions, None)
    wrong = Harness()
    answer = wrong.answer(PACKET._replace(extensions=b"\x80\x07\x00\x11" + b"x" * 17).encode())
    assert answer.extensions == b"\x40\x07\x00\x11" + bytes(12) + b"x" * 5
    assert (wrong.onDeparture, wrong.counters.answered) == (None, 1)


@given(st.binary(max_size=100))
def test_anyExtension(octets: bytes) -> None:
    packet = PACKET._replace(extensions=octets)
    assert len(Harness().answer(packet.encode()).extensions) == len(octets)


def test_authenticatedReply() -> None:
    harness = Harness(ReflectorConfig(KEY))
    datagram = authenticate(KEY, PACKET.encode(authenticated=True))
    answer = harness.ask(datagram)
    assert answer is not None
    verify(KEY, answer)
    packet = ReflectorPacket.decode(answer, authenticated=True)
    unauthenticated = ReflectorPacket.decode(Harness().ask(PACKET.encode()) or b"")
    assert packet == unauthenticated._replace(errorEstimate=harness.reflector.errorEstimate)
    assert answer == authenticate(KEY, packet.encode(authenticated=True))


@pytest.mark.parametrize("config", [ReflectorConfig(), ReflectorConfig(KEY)])
@pytest.mark.parametrize("padding", [0, 1, 4, 100, 1400])
def test_symmetricLength(config: ReflectorConfig, padding: int) -> None:
    packet = PACKET._replace(extensions=b"\x80" * padding)
    datagram = packet.encode(config.key is not None)
    datagram = datagram if config.key is None else authenticate(config.key, datagram)
    assert Harness(config).answer(datagram).extensions == packet.extensions


def test_unknownTTL() -> None:
    answer = Harness().ask(PACKET.encode(), ttl=None)
    assert ReflectorPacket.decode(answer or b"").senderTTL == 255


def test_defaultEstimate() -> None:
    estimate = ErrorEstimate.decode(Harness().answer(PACKET.encode()).errorEstimate)
    assert not estimate.synchronised
    assert not estimate.ptp
    assert estimate.nanoseconds == 255 * 10**9


def test_stateful() -> None:
    """A session is source, destination and SSID."""
    harness = Harness()
    other = PACKET._replace(ssid=1).encode()
    data = PACKET.encode()
    assert [harness.answer(data).sequence for _ in range(3)] == [0, 1, 2]
    assert harness.answer(other).sequence == 0
    assert harness.answer(data, "192.0.2.7", 863).sequence == 0
    assert harness.answer(data, "192.0.2.8", 862).sequence == 0
    assert ReflectorPacket.decode(harness.ask(data, destination="::1") or b"").sequence == 0
    assert harness.answer(data).sequence == 3


def test_stateless() -> None:
    harness = Harness(ReflectorConfig(stateful=False))
    assert [harness.answer(PACKET.encode()).sequence for _ in range(3)] == [5, 5, 5]
    assert not harness.reflector._sessions


def test_idleSession() -> None:
    harness = Harness()
    for _ in range(5):
        harness.now += 900
        harness.answer(PACKET.encode())
    assert harness.answer(PACKET.encode()).sequence == 5
    harness.now += 901
    assert harness.answer(PACKET.encode()).sequence == 0


def test_oldestSilentSessionGoes() -> None:
    harness = Harness(stampSessions=3, stampRate=100, stampBurst=1000)
    data = PACKET.encode()
    for port in (1, 2, 3, 1, 4, 5):
        harness.now += 1
        harness.answer(data, "192.0.2.7", port)
    assert len(harness.reflector._sessions) == 3
    assert harness.answer(data, "192.0.2.7", 1).sequence == 2


def test_sourcesAreBounded() -> None:
    harness = Harness(stampSessions=10)
    for n in range(PEERS_REMEMBERED + 100):
        harness.ask(PACKET.encode(), (f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1))
    assert len(harness.reflector._sources) == len(harness.reflector._buckets) == PEERS_REMEMBERED
    assert len(harness.reflector._sessions) == 10


def test_badSource() -> None:
    """Source ports below 1024 are allowed: RFC 8762 lets senders use 862."""
    data = PACKET.encode()
    for port in (1, 7, 862, 1023):
        Harness().answer(data, "192.0.2.7", port)
    assert Harness().ask(data, destination=None)
    Harness().assertDropped("badSource", data, ("192.0.2.7", 0))
    Harness().assertDropped("badSource", data, SENDER, "")


@pytest.mark.parametrize(
    "host", ["224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "no address"]
)
def test_badSourceAddress(host: str) -> None:
    Harness().assertDropped("badSource", PACKET.encode(), (host, 5000))


@pytest.mark.parametrize("length", [0, 1, 13, 14, 43])
def test_short(length: int) -> None:
    Harness().assertDropped("badSize", PACKET.encode()[:length])
    Harness(ReflectorConfig(KEY)).assertDropped("badSize", PACKET.encode()[:length])


def test_twampLight() -> None:
    harness = Harness()
    friend = ("10.1.2.3", 5000)
    for length in (14, 20, 43):
        answer = harness.answer(PACKET.encode()[:length], *friend)
        assert len(answer.encode()) == 44
        assert (answer.senderSequence, answer.senderTimestamp) == (5, PACKET.timestamp)
        assert answer.ssid == (0 if length == 14 else 0x1234)
    for length in (0, 1, 13):
        harness.assertDropped("badSize", PACKET.encode()[:length], friend)
    Harness(ReflectorConfig(KEY)).assertDropped("badSize", PACKET.encode(), friend)


def test_long() -> None:
    harness = Harness(stampDatagram=200)
    assert len(harness.ask(PACKET.encode() + bytes(156)) or b"") == 200
    harness.assertDropped("badSize", PACKET.encode() + bytes(157))


def test_wrongKey() -> None:
    harness = Harness(ReflectorConfig(KEY))
    datagram = PACKET.encode(authenticated=True)
    harness.assertDropped("forged", datagram)
    harness.assertDropped("forged", authenticate(KEY[::-1], datagram))
    authenticated = bytearray(authenticate(KEY, datagram))
    authenticated[3] ^= 1
    harness.assertDropped("forged", bytes(authenticated))


@pytest.mark.parametrize("stateful", [True, False])
def test_replayed(stateful: bool) -> None:
    harness = Harness(ReflectorConfig(KEY, stateful))
    first = authenticate(KEY, PACKET.encode(authenticated=True))
    later = PACKET._replace(sequence=9, timestamp=toNTP(NOON))
    assert harness.ask(first)
    harness.assertDropped("replayed", first)
    assert harness.ask(authenticate(KEY, later.encode(authenticated=True)))
    harness.assertDropped("replayed", first)
    assert harness.ask(first, ("192.0.2.9", 1)), "another session"


def test_rate() -> None:
    """Trusted sources too; a network of IPv6 is one source."""
    harness = Harness(stampRate=100, stampBurst=200)
    data = PACKET.encode()
    for host in ("192.0.2.7", "10.0.0.1"):
        for _ in range(200):
            harness.answer(data, host, 5000)
        harness.assertDropped("overRate", data, (host, 5001))
    harness.now += 0.01
    harness.answer(data, "192.0.2.7", 5000)
    harness.assertDropped("overRate", data, ("192.0.2.7", 5000))
    answered = sum(harness.ask(data, (f"2001:db8::{n:x}", 7)) is not None for n in range(1, 301))
    assert answered == 200


@pytest.mark.parametrize("form", [toNTP, toPTP])
@pytest.mark.parametrize("off", [-86_000, -5, 0, 5, 86_000])
def test_replyIsNotAnswered(form: object, off: int) -> None:
    """In either format of time."""
    assert callable(form)
    time = form(NOON + off * 10**9)
    for config in (ReflectorConfig(), ReflectorConfig(KEY)):
        answer = ReflectorPacket(1, time, 1, time, 1, time, 1, 64).encode(config.key is not None)
        Harness(config).assertDropped(
            "ownFormat", answer if config.key is None else authenticate(config.key, answer)
        )


def test_ownTimeComesBack() -> None:
    """The reply to a reply of ours has our T3 as its T1, whatever the other clock says."""
    harness = Harness()
    first = harness.answer(PACKET.encode())
    other = ReflectorPacket(1, 1 << 62, 1, 1 << 62, first.sequence, first.timestamp, 1, 64)
    harness.assertDropped(
        "ownFormat", other.encode(), ("192.0.2.8", 862), HERE, 64, NOON + 9 * 10**9
    )


def test_notAReply() -> None:
    """Other values in these harnesses, and zeros even when zero is about now."""
    harness = Harness(stampRate=1000, stampBurst=1000)
    for second2, second1 in ((NOON, 0), (0, NOON - 100 * 10**9), (NOON - 10**15, NOON - 10**14)):
        data = bytearray(PACKET.encode())
        data[16:24] = toNTP(second2).to_bytes(8, "big") if second2 else bytes(8)
        data[28:36] = toNTP(second1).to_bytes(8, "big") if second1 else bytes(8)
        assert harness.ask(bytes(data))
    for off in (-80_000, -1, 0, 1, 80_000):
        assert harness.ask(PACKET.encode(), received=ERA_1 + off * 10**9)


@pytest.mark.parametrize("offset", [-3, 3])
def test_replyInNextEra(offset: int) -> None:
    """On both sides of the wrap in 2036."""
    now = ERA_1 + offset * 10**9
    time = toNTP(ERA_1 - offset * 10**9)
    answer = ReflectorPacket(1, time, 1, time, 1, time, 1, 64).encode()
    Harness().assertDropped("ownFormat", answer, SENDER, HERE, 64, now)


@pytest.mark.parametrize("form", FORMS)
def test_textReplyIsNotAnswered(form: str) -> None:
    data = TimestampFormatter(form, lambda: NOON).stamp() + bytes(60)
    Harness().assertDropped("ownFormat", data)


def test_greetingIsNotAnswered() -> None:
    Harness().assertDropped("ownFormat", b"Hello, " + bytes(60) + b"!")
    assert Harness().ask(b"[" + bytes(60))


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_anyOctets(datagram: bytes, authenticated: bool, stateful: bool) -> None:
    """Any octets have a reply of the same length (44 at least), or a counter."""
    harness = Harness(ReflectorConfig(KEY if authenticated else None, stateful))
    for address in (SENDER, ("10.0.0.1", 9)):
        answer = harness.ask(datagram, address)
        if answer is not None:
            assert len(answer) == max(44, len(datagram))
    counters = asdict(harness.counters)
    assert counters["received"] == 2
    assert counters["answered"] + sum(counters[name] for name in DROPS) == 2


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize(
    "modes",
    [(ReflectorConfig(), ReflectorConfig()), (ReflectorConfig(), ReflectorConfig(stateful=False))],
)
@pytest.mark.parametrize("trusted", [True, False])
def test_loop(first: int, modes: tuple[ReflectorConfig, ReflectorConfig], trusted: bool) -> None:
    """One forged packet between two reflectors: at most 3 others follow."""
    packet = (
        PACKET.encode(),
        bytes(44),
        b"\xff" * 44,
        PACKET.encode()[:14],
        PACKET.encode() + bytes(1000),
    )[first]
    followed = len(exchange(packet, modes, trusted))
    assert followed <= 3
    assert followed >= 1 or (len(packet) < 44 and not trusted)


def test_authenticatedLoop() -> None:
    """With one key, and a recorded packet."""
    packet = authenticate(KEY, PACKET.encode(authenticated=True))
    assert 1 <= len(exchange(packet, (ReflectorConfig(KEY), ReflectorConfig(KEY)), False)) <= 2
    assert (
        1 <= len(exchange(packet, (ReflectorConfig(KEY), ReflectorConfig(KEY, False)), False)) <= 2
    )
    assert 1 <= len(exchange(packet, (ReflectorConfig(KEY), ReflectorConfig()), False)) <= 2


def exchange(
    packet: bytes, modes: tuple[ReflectorConfig, ReflectorConfig], trusted: bool
) -> list[bytes]:
    harnesses = [Harness(config) for config in modes]
    hosts = ("10.0.0.1", "10.0.0.2") if trusted else ("192.0.2.1", "192.0.2.2")
    sent: list[bytes] = []
    at, time = 0, NOON
    while len(sent) < 100:
        time += 50_000
        harness = harnesses[at]
        harness.departure = time + 10_000
        answer = harness.ask(packet, (hosts[1 - at], 862), hosts[at], 64, time)
        if answer is None:
            break
        sent.append(answer)
        packet, at = answer, 1 - at
    return sent
