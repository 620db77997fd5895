"""Tests for L{tsservices.stamp.packets}, beside another reading of the same RFC."""

from __future__ import annotations

import struct
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.stamp import packets
from tsservices.stamp.packets import PacketError, ReflectorPacket, SenderPacket
from tsservices.stamp.timestamps import ErrorEstimate, fromNTP, fromPTP, toNTP, toPTP

with warnings.catch_warnings():
    # It warns of ciphers that it does not need here.
    warnings.simplefilter("ignore")
    from scapy.contrib import stamp as oracle

NOON = 1_795_176_600_123_456_789


def numbers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


SENDERS = st.builds(
    SenderPacket,
    sequence=numbers(32),
    timestamp=numbers(64),
    errorEstimate=numbers(16),
    ssid=numbers(16),
    extensions=st.binary(max_size=40),
)
REFLECTORS = st.builds(
    ReflectorPacket,
    sequence=numbers(32),
    timestamp=numbers(64),
    errorEstimate=numbers(16),
    receiveTimestamp=numbers(64),
    senderSequence=numbers(32),
    senderTimestamp=numbers(64),
    senderErrorEstimate=numbers(16),
    senderTTL=numbers(8),
    ssid=numbers(16),
    extensions=st.binary(max_size=40),
)


def test_sender() -> None:
    """Figure 2 of RFC 8762, with the SSID of RFC 8972."""
    packet = SenderPacket(0x01020304, 0x05060708090A0B0C, 0x0D0E, 0x0F10, b"rest")
    assert packet.encode() == bytes(range(1, 17)) + bytes(28) + b"rest"


def test_authenticatedSender() -> None:
    """Figure 4 of RFC 8762, with the SSID."""
    packet = SenderPacket(0x01020304, 0x05060708090A0B0C, 0x0D0E, 0x0F10, b"rest")
    expected = b"\1\2\3\4" + bytes(12) + bytes(range(5, 17)) + bytes(68) + bytes(16) + b"rest"
    assert packet.encode(authenticated=True) == expected


REFLECTED = ReflectorPacket(
    sequence=0x01020304,
    timestamp=0x1112131415161718,
    errorEstimate=0x2122,
    receiveTimestamp=0x3132333435363738,
    senderSequence=0x41424344,
    senderTimestamp=0x5152535455565758,
    senderErrorEstimate=0x6162,
    senderTTL=0x71,
    ssid=0x8182,
    extensions=b"rest",
)


def test_reflector() -> None:
    """Figure 5 of RFC 8762, with the SSID."""
    expected = (
        "01020304" "1112131415161718" "2122" "8182" "3132333435363738"
        "41424344" "5152535455565758" "6162" "0000" "71" "000000"
    )  # fmt: skip
    assert REFLECTED.encode() == bytes.fromhex(expected) + b"rest"


def test_authenticatedReflector() -> None:
    """Figure 6 of RFC 8762, with the SSID."""
    parts = (
        "01020304", "00" * 12, "1112131415161718", "2122", "8182", "00" * 4, "3132333435363738",
        "00" * 8, "41424344", "00" * 12, "5152535455565758", "6162", "00" * 6, "71", "00" * 15,
        "00" * 16,
    )  # fmt: skip
    assert REFLECTED.encode(authenticated=True) == bytes.fromhex("".join(parts)) + b"rest"


@pytest.mark.parametrize(
    ("layout", "length"),
    [
        (packets.SENDER, 44),
        (packets.SENDER_AUTHENTICATED, 112),
        (packets.REFLECTOR, 44),
        (packets.REFLECTOR_COPYING, 44),
        (packets.REFLECTOR_AUTHENTICATED, packets.HMAC_OFFSET),
    ],
)
def test_lengths(layout: struct.Struct, length: int) -> None:
    assert layout.size == length


@given(REFLECTORS)
def test_fieldsReadOfAnyPacket(packet: ReflectorPacket) -> None:
    t2, t1 = packet.receiveTimestamp >> 32, packet.senderTimestamp >> 32
    whole = packets.RECEIVED.unpack_from(packet.encode())
    assert whole == (packet.sequence, packet.ssid, t2, t1)
    sealed = packets.RECEIVED_AUTHENTICATED.unpack_from(packet.encode(authenticated=True))
    assert sealed == (
        (packet.sequence, packet.timestamp, packet.errorEstimate, packet.ssid, t2, t1)
    )


@given(SENDERS)
def test_copied(packet: SenderPacket) -> None:
    """The first 14 octets of a sender's packet are number, T1 and error estimate of the reply."""
    copied = packets.REFLECTOR_COPYING.pack(1, 2, 3, 4, 5, packet.encode(), 6)
    assert ReflectorPacket.decode(copied) == ReflectorPacket(
        1, 2, 3, 5, packet.sequence, packet.timestamp, packet.errorEstimate, 6, 4
    )


@given(SENDERS | REFLECTORS, st.booleans())
def test_roundTrip(packet: SenderPacket | ReflectorPacket, sealed: bool) -> None:
    assert type(packet).decode(packet.encode(sealed), sealed) == packet


@given(st.binary(max_size=200), st.booleans())
def test_anyOctets(datagram: bytes, sealed: bool) -> None:
    """MBZ may be anything."""
    for kind in (SenderPacket, ReflectorPacket):
        if len(datagram) < (112 if sealed else 44):
            with pytest.raises(PacketError) as caught:
                kind.decode(datagram, sealed)
            assert caught.value.counter == "badSize"
        else:
            kind.decode(datagram, sealed)


@pytest.mark.parametrize("length", range(44))
def test_truncated(length: int) -> None:
    for kind in (SenderPacket, ReflectorPacket):
        with pytest.raises(PacketError, match=f"{length} bytes of at least 44"):
            kind.decode(REFLECTED.encode()[:length])


def test_tooLarge() -> None:
    with pytest.raises(struct.error):
        SenderPacket(1 << 32, 0, 0).encode()


def test_errorEstimateTellsFormatOfTime() -> None:
    ntp = ErrorEstimate.atLeast(1000, True).encode()
    ptp = ErrorEstimate.atLeast(1000, True, ptp=True).encode()
    assert SenderPacket(1, toNTP(NOON), ntp).sentAt(NOON) == NOON
    assert SenderPacket(1, toPTP(NOON), ptp).sentAt(NOON) == NOON
    packet = ReflectorPacket(1, toPTP(NOON + 2), ptp, toPTP(NOON + 1), 1, toNTP(NOON), ntp, 64)
    assert packet.sentAt(NOON) == NOON + 2
    assert packet.receivedAt(NOON) == NOON + 1
    assert packet.senderSentAt(NOON) == NOON


@given(SENDERS)
def test_senderAgainstScapy(packet: SenderPacket) -> None:
    if packet.extensions:
        return
    decoded = oracle.STAMPSessionSenderTestUnauthenticated(packet.encode())
    assert (decoded.seq, decoded.ssid, decoded.mbz) == (packet.sequence, packet.ssid, 0)
    _sameEstimate(decoded.err_estimate, packet.errorEstimate)
    _sameTime(decoded.ts, packet.timestamp, packet.errorEstimate)


@given(REFLECTORS)
def test_reflectorAgainstScapy(packet: ReflectorPacket) -> None:
    if packet.extensions:
        return
    decoded = oracle.STAMPSessionReflectorTestUnauthenticated(packet.encode())
    assert (decoded.seq, decoded.ssid, decoded.mbz1, decoded.mbz2) == (
        packet.sequence,
        packet.ssid,
        0,
        0,
    )
    assert (decoded.seq_sender, decoded.ttl_sender) == (packet.senderSequence, packet.senderTTL)
    _sameEstimate(decoded.err_estimate, packet.errorEstimate)
    _sameEstimate(decoded.err_estimate_sender, packet.senderErrorEstimate)
    _sameTime(decoded.ts, packet.timestamp, packet.errorEstimate)
    _sameTime(decoded.ts_rx, packet.receiveTimestamp, packet.errorEstimate)
    _sameTime(decoded.ts_sender, packet.senderTimestamp, packet.senderErrorEstimate)


def test_scapyWrites() -> None:
    seconds = 1_795_176_600
    written = bytes(
        oracle.STAMPSessionSenderTestUnauthenticated(
            seq=7,
            ts=seconds + 2_208_988_800,
            err_estimate=oracle.ErrorEstimate(S=1, Z=0, scale=5, multiplier=9),
            ssid=513,
        )
    )
    packet = SenderPacket.decode(written)
    assert (packet.sequence, packet.ssid) == (7, 513)
    assert ErrorEstimate.decode(packet.errorEstimate) == ErrorEstimate(True, False, 5, 9)
    assert packet.sentAt(NOON) == seconds * 10**9
    assert packet.encode() == written


def _sameEstimate(decoded: oracle.ErrorEstimate, value: int) -> None:
    ours = ErrorEstimate.decode(value)
    assert (ours.synchronised, ours.ptp) == (decoded.S, decoded.Z)
    assert (decoded.scale, decoded.multiplier) == (ours.scale, ours.multiplier)


def _sameTime(decoded: float, value: int, errorEstimate: int) -> None:
    if ErrorEstimate.decode(errorEstimate).ptp:
        assert decoded == value
        assert (
            fromPTP(value, 0) % 10**9 == struct.unpack(">4xI", value.to_bytes(8, "big"))[0] % 10**9
        )
    else:
        assert abs(float(decoded) - value / 2**32) < 1e-5
        near = (value >> 32) * 10**9 - 2_208_988_800 * 10**9
        assert abs(fromNTP(value, near) / 1e9 + 2_208_988_800 - float(decoded)) < 1e-5
