"""
Tests for L{tsservices.stamp.reflector}.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.common.addresses import TrustedNetworks
from tsservices.common.counters import StampCounters
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import PEERS_REMEMBERED
from tsservices.common.timestamps import FORMS, TimestampFormatter
from tsservices.stamp import telemetry as followup
from tsservices.stamp.auth import authenticate, verify
from tsservices.stamp.packets import ReflectorPacket, SenderPacket
from tsservices.stamp.reflector import DepartureCallback, ReflectorConfig, SessionReflector
from tsservices.stamp.telemetry import METHOD_SOFTWARE, UNKNOWN_FOLLOW_UP, FollowUp
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


class Place:
    """
    A reflector whose time is set by hand.

    @ivar now: the time in seconds.
    @ivar departure: T3, in nanoseconds since 1970.
    """

    def __init__(self, mode: ReflectorConfig | None = None, **limits: int) -> None:
        self.counters = StampCounters()
        self.now = 0.0
        self.departure = NOON + 5000
        self.left: DepartureCallback | None = None
        self.mode = mode or ReflectorConfig()
        self.reflector = SessionReflector(
            self.mode,
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
    ) -> bytes | None:
        answer = self.reflector.reflect(
            datagram, address, received, True, destination, ttl, self.now
        )
        self.left = None
        if isinstance(answer, tuple):
            answer, self.left = answer
        return answer

    def answer(self, datagram: bytes, *address: str | int) -> ReflectorPacket:
        answer = self.ask(datagram, *([address] if address else []))  # type: ignore[arg-type]
        assert answer is not None, self.counters
        return ReflectorPacket.decode(answer, self.mode.key is not None)

    def dropped(self, name: str, datagram: bytes, *more: object) -> None:
        before = asdict(self.counters)
        assert self.ask(datagram, *more) is None  # type: ignore[arg-type]
        after = asdict(self.counters)
        changed = {each for each in after if after[each] != before[each]}
        assert changed - {"receivedBytes"} == {"received", name}


def test_open() -> None:
    """Every field of an unauthenticated answer."""
    place = Place()
    place.reflector.errorEstimate = 0x8C01
    answer = place.answer(PACKET.encode())
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
    assert (place.counters.received, place.counters.receivedBytes) == (1, 44)
    assert place.counters.answered == 1


def test_exactBytes() -> None:
    """What must be zero is zero, whatever the sender has there."""
    place = Place(ReflectorConfig(stateful=False))
    answer = place.ask(PACKET.encode())
    assert answer == place.answer(PACKET.encode()).encode()
    noisy = bytearray(PACKET.encode())
    noisy[16:28] = noisy[32:44] = b"\xee" * 12
    assert place.ask(bytes(noisy)) == answer


#: A packet that asks when the answer before its own left, with padding.
FOLLOWING = replace(PACKET, extensions=followup.requestExtensions(40) or b"")


def test_followUp() -> None:
    """The answer tells when the one before it left, if anybody said so; and padding stays."""
    place = Place()
    for number in range(3):
        answer = place.answer(FOLLOWING.encode())
        expected = FollowUp(number - 1, toNTP(NOON + 7000 + number - 1), METHOD_SOFTWARE)
        assert followup.readFollowUp(answer.extensions) == (
            expected if number else UNKNOWN_FOLLOW_UP
        )
        assert answer.extensions[followup.EXTENSION_LENGTH :] == FOLLOWING.extensions[20:]
        assert place.left is not None
        place.left(NOON + 7000 + number)


def wanted(place: Place) -> bool:
    return place.left is not None


def test_followUpUnknown() -> None:
    """
    An answer of which nobody said when it left, or that did not ask, is not told of: neither
    is one before it.
    """
    place = Place()
    place.answer(FOLLOWING.encode())
    assert place.left is not None
    place.left(NOON)
    plain = place.answer(PACKET.encode())
    assert (plain.sequence, plain.extensions, wanted(place)) == (1, b"", False)
    assert followup.readFollowUp(place.answer(FOLLOWING.encode()).extensions) == UNKNOWN_FOLLOW_UP
    assert followup.readFollowUp(place.answer(FOLLOWING.encode()).extensions) == UNKNOWN_FOLLOW_UP


def test_followUpLate() -> None:
    """A time that comes after the next answer has gone is told of nothing else."""
    place = Place()
    place.answer(FOLLOWING.encode())
    late = place.left
    place.answer(FOLLOWING.encode())
    assert late is not None
    late(NOON)
    assert followup.readFollowUp(place.answer(FOLLOWING.encode()).extensions) == UNKNOWN_FOLLOW_UP


def test_followUpOfOthers() -> None:
    """Each session is told of its own answers."""
    place = Place()
    place.answer(FOLLOWING.encode())
    assert place.left is not None
    place.left(NOON)
    other = place.answer(FOLLOWING.encode(), "192.0.2.8", 862)
    assert followup.readFollowUp(other.extensions) == UNKNOWN_FOLLOW_UP
    mine = followup.readFollowUp(place.answer(FOLLOWING.encode()).extensions)
    assert mine == FollowUp(0, toNTP(NOON), METHOD_SOFTWARE)


def test_followUpRefused() -> None:
    """
    A stateless reflector tells nothing, one with authentication does not understand, and a
    wrong length is marked; none of them wants to know when the answer leaves.
    """
    stateless = Place(ReflectorConfig(stateful=False))
    for _ in range(3):
        assert (
            followup.readFollowUp(stateless.answer(FOLLOWING.encode()).extensions)
            == UNKNOWN_FOLLOW_UP
        )
        assert stateless.left is None
    sealed = Place(ReflectorConfig(KEY))
    answer = sealed.answer(authenticate(KEY, FOLLOWING.encode(authenticated=True)))
    assert (answer.extensions, sealed.left) == (FOLLOWING.extensions, None)
    wrong = Place()
    answer = wrong.answer(replace(PACKET, extensions=b"\x80\x07\x00\x11" + b"x" * 17).encode())
    assert answer.extensions == b"\x40\x07\x00\x11" + bytes(12) + b"x" * 5
    assert (wrong.left, wrong.counters.answered) == (None, 1)


@given(st.binary(max_size=100))
def test_anyExtension(rest: bytes) -> None:
    """Whatever stands behind the base packet, the answer is as long."""
    assert len(Place().answer(replace(PACKET, extensions=rest).encode()).extensions) == len(rest)


def test_sealed() -> None:
    """Every field of an authenticated answer, and its authentication."""
    place = Place(ReflectorConfig(KEY))
    datagram = authenticate(KEY, PACKET.encode(authenticated=True))
    answer = place.ask(datagram)
    assert answer is not None
    verify(KEY, answer)
    packet = ReflectorPacket.decode(answer, authenticated=True)
    assert packet == replace(
        ReflectorPacket.decode(Place().ask(PACKET.encode()) or b""),
        errorEstimate=place.reflector.errorEstimate,
    )
    assert answer == authenticate(KEY, packet.encode(authenticated=True))


@pytest.mark.parametrize("mode", [ReflectorConfig(), ReflectorConfig(KEY)])
def test_symmetric(mode: ReflectorConfig) -> None:
    """The answer is as long as the packet, and what stands behind the base packet comes back."""
    place = Place(mode, stampRate=1000, stampBurst=1000)
    for extra in (0, 1, 4, 100, 1400):
        packet = replace(
            PACKET, sequence=extra, timestamp=PACKET.timestamp + extra, extensions=b"\x80" * extra
        )
        datagram = packet.encode(mode.key is not None)
        datagram = datagram if mode.key is None else authenticate(mode.key, datagram)
        answer = place.ask(datagram)
        assert answer is not None
        assert len(answer) == len(datagram)
        assert ReflectorPacket.decode(answer, mode.key is not None).extensions == packet.extensions


def test_unknownTTL() -> None:
    """Where the system does not tell the TTL it is 255."""
    answer = Place().ask(PACKET.encode(), ttl=None)
    assert ReflectorPacket.decode(answer or b"").senderTTL == 255


def test_defaultEstimate() -> None:
    """As long as nobody says better the clock follows nothing."""
    estimate = ErrorEstimate.decode(Place().answer(PACKET.encode()).errorEstimate)
    assert not estimate.synchronised
    assert not estimate.ptp
    assert estimate.nanoseconds == 255 * 10**9


def test_stateful() -> None:
    """Each session, which is source, destination and identifier, is counted for itself."""
    place = Place()
    other = replace(PACKET, ssid=1).encode()
    data = PACKET.encode()
    assert [place.answer(data).sequence for _ in range(3)] == [0, 1, 2]
    assert place.answer(other).sequence == 0
    assert place.answer(data, "192.0.2.7", 863).sequence == 0
    assert place.answer(data, "192.0.2.8", 862).sequence == 0
    assert ReflectorPacket.decode(place.ask(data, destination="::1") or b"").sequence == 0
    assert place.answer(data).sequence == 3


def test_stateless() -> None:
    """Without state the sender's number comes back, and nothing is remembered."""
    place = Place(ReflectorConfig(stateful=False))
    assert [place.answer(PACKET.encode()).sequence for _ in range(3)] == [5, 5, 5]
    assert not place.reflector._sessions


def test_idle() -> None:
    """A session that was silent for long begins anew; one that was not goes on."""
    place = Place()
    for _ in range(5):
        place.now += 900
        place.answer(PACKET.encode())
    assert place.answer(PACKET.encode()).sequence == 5
    place.now += 901
    assert place.answer(PACKET.encode()).sequence == 0


def test_sessionsAreBounded() -> None:
    """There are so many and not more; the one that was silent longest goes."""
    place = Place(stampSessions=3, stampRate=100, stampBurst=1000)
    data = PACKET.encode()
    for port in (1, 2, 3, 1, 4, 5):
        place.now += 1
        place.answer(data, "192.0.2.7", port)
    assert len(place.reflector._sessions) == 3
    assert place.answer(data, "192.0.2.7", 1).sequence == 2


def test_sourcesAreBounded() -> None:
    """Forged sources without number take memory for a bounded number."""
    place = Place(stampSessions=10)
    for n in range(PEERS_REMEMBERED + 100):
        place.ask(PACKET.encode(), (f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}", 1))
    assert len(place.reflector._sources) == len(place.reflector._buckets) == PEERS_REMEMBERED
    assert len(place.reflector._sessions) == 10


def test_badSource() -> None:
    """Nobody asks from such addresses, or asks many; ports below 1024 are for everybody."""
    place = Place()
    data = PACKET.encode()
    for host in ("224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "no address"):
        place.dropped("badSource", data, (host, 5000))
    place.dropped("badSource", data, ("192.0.2.7", 0))
    place.dropped("badSource", data, SENDER, "")
    for port in (1, 7, 862, 1023):
        place.answer(data, "192.0.2.7", port)
    assert place.ask(data, destination=None)


@pytest.mark.parametrize("length", [0, 1, 13, 14, 43])
def test_short(length: int) -> None:
    """What is shorter than a packet is not answered: the answer would be longer."""
    Place().dropped("badSize", PACKET.encode()[:length])
    Place(ReflectorConfig(KEY)).dropped("badSize", PACKET.encode()[:length])


def test_shortAndTrusted() -> None:
    """Senders of TWAMP-Light in a trusted network are answered by a whole packet."""
    place = Place()
    friend = ("10.1.2.3", 5000)
    for length in (14, 20, 43):
        answer = place.answer(PACKET.encode()[:length], *friend)
        assert len(answer.encode()) == 44
        assert (answer.senderSequence, answer.senderTimestamp) == (5, PACKET.timestamp)
        assert answer.ssid == (0 if length == 14 else 0x1234)
    for length in (0, 1, 13):
        place.dropped("badSize", PACKET.encode()[:length], friend)
    Place(ReflectorConfig(KEY)).dropped("badSize", PACKET.encode(), friend)


def test_long() -> None:
    """What is longer than allowed is not answered."""
    place = Place(stampDatagram=200)
    assert len(place.ask(PACKET.encode() + bytes(156)) or b"") == 200
    place.dropped("badSize", PACKET.encode() + bytes(157))


def test_wrongKey() -> None:
    """With a key, whoever has not got it is not answered; nor is who had it changed."""
    place = Place(ReflectorConfig(KEY))
    datagram = PACKET.encode(authenticated=True)
    place.dropped("forged", datagram)
    place.dropped("forged", authenticate(KEY[::-1], datagram))
    sealed = bytearray(authenticate(KEY, datagram))
    sealed[3] ^= 1
    place.dropped("forged", bytes(sealed))


@pytest.mark.parametrize("stateful", [True, False])
def test_replayed(stateful: bool) -> None:
    """A packet that comes again is not answered, also by a reflector without numbers."""
    place = Place(ReflectorConfig(KEY, stateful))
    first = authenticate(KEY, PACKET.encode(authenticated=True))
    later = replace(PACKET, sequence=9, timestamp=toNTP(NOON))
    assert place.ask(first)
    place.dropped("replayed", first)
    assert place.ask(authenticate(KEY, later.encode(authenticated=True)))
    place.dropped("replayed", first)
    assert place.ask(first, ("192.0.2.9", 1)), "another session"


def test_rate() -> None:
    """Each source has a burst, then a rate, trusted or not; a network of IPv6 is one source."""
    place = Place(stampRate=100, stampBurst=200)
    data = PACKET.encode()
    for host in ("192.0.2.7", "10.0.0.1"):
        for _ in range(200):
            place.answer(data, host, 5000)
        place.dropped("overRate", data, (host, 5001))
    place.now += 0.01
    place.answer(data, "192.0.2.7", 5000)
    place.dropped("overRate", data, ("192.0.2.7", 5000))
    answered = sum(place.ask(data, (f"2001:db8::{n:x}", 7)) is not None for n in range(1, 301))
    assert answered == 200


@pytest.mark.parametrize("form", [toNTP, toPTP])
@pytest.mark.parametrize("off", [-86_000, -5, 0, 5, 86_000])
def test_answersAreNotAnswered(form: object, off: int) -> None:
    """Whose times are where an answer has them is an answer, in either format."""
    assert callable(form)
    time = form(NOON + off * 10**9)
    for mode in (ReflectorConfig(), ReflectorConfig(KEY)):
        answer = ReflectorPacket(1, time, 1, time, 1, time, 1, 64).encode(mode.key is not None)
        Place(mode).dropped(
            "ownFormat", answer if mode.key is None else authenticate(mode.key, answer)
        )


def test_ownTimeComesBack() -> None:
    """
    An answer to an answer of ours has our T3 where its T1 is: the other clock does not matter.
    """
    place = Place()
    first = place.answer(PACKET.encode())
    other = ReflectorPacket(1, 1 << 62, 1, 1 << 62, first.sequence, first.timestamp, 1, 64)
    place.dropped("ownFormat", other.encode(), ("192.0.2.8", 862), HERE, 64, NOON + 9 * 10**9)


def test_notAnAnswer() -> None:
    """
    A packet with something else in these places is one, and so is any with zeros there, also
    when zero is now.
    """
    place = Place(stampRate=1000, stampBurst=1000)
    for second2, second1 in ((NOON, 0), (0, NOON - 100 * 10**9), (NOON - 10**15, NOON - 10**14)):
        data = bytearray(PACKET.encode())
        data[16:24] = toNTP(second2).to_bytes(8, "big") if second2 else bytes(8)
        data[28:36] = toNTP(second1).to_bytes(8, "big") if second1 else bytes(8)
        assert place.ask(bytes(data))
    for off in (-80_000, -1, 0, 1, 80_000):
        assert place.ask(PACKET.encode(), received=ERA_1 + off * 10**9)


def test_answersInTheNextEra() -> None:
    """In 2036 answers are still known, on both sides of the wrap."""
    for off in (-3, 3):
        now = ERA_1 + off * 10**9
        time = toNTP(ERA_1 - off * 10**9)
        answer = ReflectorPacket(1, time, 1, time, 1, time, 1, 64).encode()
        Place().dropped("ownFormat", answer, SENDER, HERE, 64, now)


def test_textIsNotAnswered() -> None:
    """What timestamp and hello answer is not answered, whatever its length."""
    for form in FORMS:
        data = TimestampFormatter(form, lambda: NOON).stamp() + bytes(60)
        Place().dropped("ownFormat", data)
    Place().dropped("ownFormat", b"Hello, " + bytes(60) + b"!")
    assert Place().ask(b"[" + bytes(60))


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_anyBytes(datagram: bytes, authenticated: bool, stateful: bool) -> None:
    """Any bytes are answered by as many (44 at least), or dropped with a count."""
    place = Place(ReflectorConfig(KEY if authenticated else None, stateful))
    for address in (SENDER, ("10.0.0.1", 9)):
        answer = place.ask(datagram, address)
        if answer is not None:
            assert len(answer) == max(44, len(datagram))
    counters = asdict(place.counters)
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


def test_sealedLoop() -> None:
    """The same for reflectors with one key and a packet that somebody has recorded."""
    packet = authenticate(KEY, PACKET.encode(authenticated=True))
    assert 1 <= len(exchange(packet, (ReflectorConfig(KEY), ReflectorConfig(KEY)), False)) <= 2
    assert (
        1 <= len(exchange(packet, (ReflectorConfig(KEY), ReflectorConfig(KEY, False)), False)) <= 2
    )
    assert 1 <= len(exchange(packet, (ReflectorConfig(KEY), ReflectorConfig()), False)) <= 2


def exchange(
    packet: bytes, modes: tuple[ReflectorConfig, ReflectorConfig], trusted: bool
) -> list[bytes]:
    places = [Place(mode) for mode in modes]
    hosts = ("10.0.0.1", "10.0.0.2") if trusted else ("192.0.2.1", "192.0.2.2")
    sent: list[bytes] = []
    at, time = 0, NOON
    while len(sent) < 100:
        time += 50_000
        place = places[at]
        place.departure = time + 10_000
        answer = place.ask(packet, (hosts[1 - at], 862), hosts[at], 64, time)
        if answer is None:
            break
        sent.append(answer)
        packet, at = answer, 1 - at
    return sent
