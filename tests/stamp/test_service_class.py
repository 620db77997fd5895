"""Tests for L{tsservices.stamp.service_class}, beside another reading of the same RFC."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.stamp.extensions import (
    CLASS_OF_SERVICE,
    UNRECOGNIZED,
    fillUp,
    findExtension,
    isWellFormed,
)
from tsservices.stamp.service_class import (
    EXTENSION_LENGTH,
    VALUE_LENGTH,
    ServiceClass,
    fillServiceClass,
    parseDSCP,
    readServiceClass,
    requestServiceClass,
)
from tsservices.stamp.telemetry import EMPTY_FOLLOW_UP

with warnings.catch_warnings():
    # It warns of ciphers that it does not need here.
    warnings.simplefilter("ignore")
    from scapy.contrib import stamp as oracle

ALL = frozenset(range(64))
SAME: frozenset[int] = frozenset()

DSCPS = st.integers(0, 63)


def test_exactOctets() -> None:
    request = requestServiceClass(46)
    assert request == bytes.fromhex("80040004 b8000000")
    reply, tos = fillServiceClass(request, 10 << 2 | 3, ALL)
    # 46, 10, 3 and 0 in 6, 6, 2 and 2 bits.
    assert reply == bytes.fromhex("00040004") + (0b101110_001010_11_00 << 16).to_bytes(4, "big")
    assert tos == 46 << 2
    reply, tos = fillServiceClass(request, 10 << 2 | 3, SAME)
    assert reply[4:6] == 0b101110_001010_11_01.to_bytes(2, "big")
    assert tos == 10 << 2


@given(DSCPS, DSCPS, st.integers(0, 3), st.frozensets(DSCPS), st.booleans(), st.integers(0, 40))
def test_roundTrip(
    asked: int, received: int, ecn: int, allowed: frozenset[int], followUp: bool, padding: int
) -> None:
    """In any order with other extensions, and as long as before."""
    request = EMPTY_FOLLOW_UP * followUp + requestServiceClass(asked)
    extensions = fillUp(request, len(request) + padding) or request
    reply, tos = fillServiceClass(extensions, received << 2 | ecn, allowed)
    permitted = asked == received or asked in allowed
    read = readServiceClass(reply)
    assert read == ServiceClass(asked, received, ecn, permitted)
    assert tos == (asked if permitted else received) << 2 == read.sentDSCP << 2
    assert len(reply) == len(extensions)
    assert reply[: len(EMPTY_FOLLOW_UP) * followUp] == EMPTY_FOLLOW_UP * followUp
    assert reply[len(request) :] == extensions[len(request) :]


@given(DSCPS, DSCPS, st.integers(0, 3))
def test_scapyReads(asked: int, received: int, ecn: int) -> None:
    for extension in (
        requestServiceClass(asked),
        fillServiceClass(requestServiceClass(asked), received << 2 | ecn, SAME)[0],
    ):
        decoded = oracle.STAMPTestTLV(extension)
        # As a number: its names of the flags begin at the wrong end.
        understood = int(decoded.flags) == 0
        assert understood or int(decoded.flags) == UNRECOGNIZED
        assert (decoded.type, decoded.len) == (CLASS_OF_SERVICE, VALUE_LENGTH)
        bits = int.from_bytes(bytes(decoded.value), "big")
        assert bits >> 26 == asked
        if understood:
            assert (bits >> 20 & 63, bits >> 18 & 3) == (received, ecn)
            assert bits >> 16 & 3 == (asked != received)


@given(st.binary(max_size=60), st.integers(0, 255))
def test_anyExtensions(extensions: bytes, tos: int) -> None:
    """A reply is as long, and differs in the one extension alone."""
    begin = findExtension(extensions, CLASS_OF_SERVICE)
    reply, replyTOS = fillServiceClass(extensions, tos, SAME)
    assert len(reply) == len(extensions)
    if begin is None:
        assert (reply, replyTOS) == (extensions, None)
        return
    end = begin + EXTENSION_LENGTH
    assert reply[:begin] == extensions[:begin]
    assert reply[end:] == extensions[end:]
    wellFormed = isWellFormed(extensions, begin, VALUE_LENGTH)
    assert (replyTOS is not None) == wellFormed
    assert (readServiceClass(reply) is not None) == wellFormed


@pytest.mark.parametrize(
    "extension",
    [
        "80040003b8000000",
        "80040005b800000000",
        "80040000",
        "80040004b800",
        "8004ffffb8000000",
    ],
)
def test_malformed(extension: str) -> None:
    data = bytes.fromhex(extension)
    reply, tos = fillServiceClass(data, 0xB8, ALL)
    assert (reply[:1], reply[1:], tos) == (b"\x40", data[1:], None)
    assert readServiceClass(reply) is None


@pytest.mark.parametrize("flags", [0x80, 0x40, 0x20])
def test_complaintsAreNoValue(flags: int) -> None:
    reply, _ = fillServiceClass(requestServiceClass(46), 0, ALL)
    assert readServiceClass(bytes([flags]) + reply[1:]) is None
    assert readServiceClass(b"") is None


def test_reservedStays() -> None:
    """Others have a use for these bits (draft-ietf-ippm-stamp-cos-ecn)."""
    reply, _ = fillServiceClass(bytes.fromhex("80040004b8009abc"), 0, ALL)
    assert reply[6:] == b"\0\0"


@pytest.mark.parametrize(
    ("text", "dscp"),
    [("0", 0), ("63", 63), ("0x2e", 46), ("EF", 46), ("ef", 46), ("AF41", 34), ("CS7", 56)],
)
def test_names(text: str, dscp: int) -> None:
    assert parseDSCP(text) == dscp


@pytest.mark.parametrize(
    "text", ["64", "-1", "", "AF44", "AF14", "CS8", "x", "1e1", "0xb8", "9" * 9999]
)
def test_noNames(text: str) -> None:
    with pytest.raises(ValueError, match="is no DSCP"):
        parseDSCP(text)
