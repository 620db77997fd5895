"""Tests for L{tsservices.stamp.telemetry} and L{tsservices.stamp.stats.follow_up}."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.stamp.extensions import isWellFormed
from tsservices.stamp.stats.follow_up import (
    MAXIMUM_DEPARTURES,
    MAXIMUM_MISSES,
    FollowUpInfo,
    FollowUpMatcher,
    withDeparture,
)
from tsservices.stamp.stats.result import ProbeResult, ProbeState, Timestamps
from tsservices.stamp.telemetry import (
    EXTENSION_LENGTH,
    UNKNOWN_FOLLOW_UP,
    VALUE_LENGTH,
    FollowUp,
    fillFollowUp,
    findFollowUp,
    readFollowUp,
    requestExtensions,
)

KNOWN = FollowUp(7, 0x0102030405060708, 2)
#: An extension of another type.
PADDING = b"\x80\x01\x00\x03abc"

#: Nanoseconds from T3 in a packet to its leaving, of all packets here.
TURN = 100


def test_exactOctets() -> None:
    empty = requestExtensions(20)
    assert empty == bytes.fromhex("80070010") + bytes(16)
    answer = fillFollowUp(empty, 0, KNOWN)
    assert answer == bytes.fromhex("00070010 00000007 0102030405060708 02 000000")
    assert readFollowUp(answer) == KNOWN


@given(st.integers(0, 300))
def test_requestFillsPacket(octets: int) -> None:
    extensions = requestExtensions(octets)
    if octets < EXTENSION_LENGTH or EXTENSION_LENGTH < octets < EXTENSION_LENGTH + 4:
        assert extensions is None
        return
    assert extensions is not None
    assert len(extensions) == octets
    assert findFollowUp(extensions) == 0
    if octets > EXTENSION_LENGTH:
        length = octets - EXTENSION_LENGTH - 4
        assert extensions[20:] == b"\x80\x01" + length.to_bytes(2, "big") + bytes(length)


@given(
    st.binary(max_size=60),
    st.builds(FollowUp, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 255)),
)
def test_anyExtensions(extensions: bytes, followUp: FollowUp) -> None:
    """A reply is as long, and differs in the one extension alone."""
    begin = findFollowUp(extensions)
    if begin is None:
        assert readFollowUp(extensions) is None
        return
    answer = fillFollowUp(extensions, begin, followUp)
    assert len(answer) == len(extensions)
    assert answer[:begin] == extensions[:begin]
    assert answer[begin + 1 : begin + 4] == extensions[begin + 1 : begin + 4]
    assert findFollowUp(answer) == begin
    if isWellFormed(extensions, begin, VALUE_LENGTH):
        assert readFollowUp(answer) == followUp
        assert answer[begin + 20 :] == extensions[begin + 20 :]
    else:
        assert answer[begin] == 0x40
        assert readFollowUp(answer) is None


def test_otherExtensionsAreUntouched() -> None:
    empty = requestExtensions(20)
    assert empty is not None
    answer = fillFollowUp(PADDING + empty + PADDING, 7, KNOWN)
    assert answer == PADDING + fillFollowUp(empty, 0, KNOWN) + PADDING
    assert readFollowUp(answer) == KNOWN
    assert findFollowUp(PADDING * 15 + empty) == 7 * 15
    assert findFollowUp(PADDING * 16 + empty) is None
    assert findFollowUp(bytes(1400)) is None


@pytest.mark.parametrize(
    ("length", "octets"), [(12, 12), (20, 20), (16, 15), (3, 20), (0, 0), (65535, 16)]
)
def test_malformed(length: int, octets: int) -> None:
    """It is marked, and number and time are zero as far as there are any."""
    head = b"\x80\x07" + length.to_bytes(2, "big")
    answer = fillFollowUp(head + b"\xff" * octets, 0, KNOWN)
    zeros = min(12, length, octets)
    assert answer == b"\x40" + head[1:] + bytes(zeros) + b"\xff" * (octets - zeros)


def test_notUnderstood() -> None:
    """An extension that was copied, or has any flag, says nothing."""
    empty = requestExtensions(20)
    assert empty is not None
    assert readFollowUp(empty) is None
    good = fillFollowUp(empty, 0, KNOWN)
    for flags in (0x80, 0x40, 0x20, 0xC0):
        assert readFollowUp(bytes([flags]) + good[1:]) is None
    assert readFollowUp(fillFollowUp(empty, 0, UNKNOWN_FOLLOW_UP)) == UNKNOWN_FOLLOW_UP
    assert readFollowUp(bytes(20)) is None


def resultOf(sequence: int, number: int, state: ProbeState = ProbeState.OK) -> ProbeResult:
    time = 10_000 * number
    stamps = Timestamps(time, time + 1000, time + 100, time + 500, "kk")
    return ProbeResult(sequence, state, time, time, 1100, stamps, number, 64, 64)


def departureOf(number: int) -> int:
    return 10_000 * number + 500 + TURN


def infoOf(number: int) -> FollowUpInfo:
    return FollowUpInfo(number - 1, departureOf(number - 1)) if number else FollowUpInfo(0, None)


def summaryOf(ready: Sequence[ProbeResult]) -> list[tuple[int, int | None]]:
    return [(result.sequence, result.followUpDelay) for result in ready]


def test_withDeparture() -> None:
    before = resultOf(3, 3)
    completed = withDeparture(before, departureOf(3))
    assert completed.followUpDelay == TURN
    assert before.delays.network is not None
    assert completed.delays.network == before.delays.network - TURN
    assert completed.application == before.application
    assert completed.delays.server == 500
    assert completed.delays.down == 400


def test_impossibleDeparture() -> None:
    """A time before T3, or later than the reply came, is of another clock."""
    before = resultOf(3, 3)
    for wrong in (departureOf(3) - TURN - 1, departureOf(3) + 501, 0, 2**62):
        assert withDeparture(before, wrong) is before
    bare = ProbeResult(0, ProbeState.OK, 0, 0)
    assert withDeparture(bare, 5) is bare
    assert withDeparture(before, departureOf(3) - TURN).followUpDelay == 0


def test_eachReplyCompletesThePrevious() -> None:
    matcher = FollowUpMatcher()
    assert matcher.add(resultOf(0, 0), infoOf(0)) == []
    assert summaryOf(matcher.add(resultOf(1, 1), infoOf(1))) == [(0, TURN)]
    assert summaryOf(matcher.add(resultOf(2, 2), infoOf(2))) == [(1, TURN)]
    assert summaryOf(matcher.release()) == [(2, None)]
    assert matcher.release() == []


def test_lost() -> None:
    """The reply before a lost one has T3 of its packet."""
    matcher = FollowUpMatcher()
    matcher.add(resultOf(0, 0), infoOf(0))
    assert summaryOf(matcher.add(resultOf(2, 2), infoOf(2))) == [(0, None)]
    assert summaryOf(matcher.add(resultOf(3, 3), infoOf(3))) == [(2, TURN)]


def test_failed() -> None:
    matcher = FollowUpMatcher()
    matcher.add(resultOf(5, 5), infoOf(5))
    assert matcher.failed(4) == []
    assert summaryOf(matcher.failed(6)) == [(5, None)]
    assert matcher.failed(7) == []


def test_ignorant() -> None:
    """Without the extension no reply waits; without times none waits after a few."""
    matcher = FollowUpMatcher()
    assert summaryOf(matcher.add(resultOf(0, 0), None)) == [(0, None)]
    released = [matcher.add(resultOf(i, i), FollowUpInfo(0, None)) for i in range(1, 9)]
    assert [len(result) for result in released] == [0] + [1] * (MAXIMUM_MISSES - 2) + [2] + [1] * (
        8 - MAXIMUM_MISSES
    )
    assert matcher.release() == []
    assert summaryOf(matcher.add(resultOf(9, 9), infoOf(9))) == []


def test_overtaken() -> None:
    matcher = FollowUpMatcher()
    matcher.add(resultOf(0, 0), infoOf(0))
    assert summaryOf(matcher.add(resultOf(2, 2), infoOf(2))) == [(0, None)]
    assert summaryOf(matcher.add(resultOf(1, 1), infoOf(1))) == [(1, TURN)]
    assert summaryOf(matcher.add(resultOf(3, 3), infoOf(3))) == [(2, TURN)]


def test_restartedReflector() -> None:
    matcher = FollowUpMatcher()
    matcher.add(resultOf(1000, 1000), infoOf(1000))
    assert summaryOf(matcher.add(resultOf(1001, 0), infoOf(0))) == [(1000, None)]
    assert summaryOf(matcher.add(resultOf(1002, 1), infoOf(1))) == [(1001, TURN)]


@dataclass(frozen=True)
class Network:
    """What happens to replies, in hundredths."""

    lost: int
    doubled: int
    overtaken: int


@given(
    st.integers(0, 2**32),
    st.integers(1, 150),
    st.builds(Network, st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)),
)
def test_anyNetwork(seed: int, count: int, network: Network) -> None:
    """A time is missing only where the reply that has it was lost or came out of order."""
    random = Random(seed)
    arrivals: list[tuple[float, int]] = []
    for number in range(count):
        if random.randrange(100) < network.lost:
            continue
        for _ in range(2 if random.randrange(100) < network.doubled else 1):
            late = random.random() * 5 if random.randrange(100) < network.overtaken else 0
            arrivals.append((number + late, number))
    arrivals.sort()
    matcher = FollowUpMatcher()
    answered: set[int] = set()
    ready: list[ProbeResult] = []
    for _, number in arrivals:
        state = ProbeState.DUPLICATE if number in answered else ProbeState.OK
        answered.add(number)
        ready += matcher.add(resultOf(number, number, state), infoOf(number))
        completed = {result.sequence for result in ready if result.state is ProbeState.OK}
        assert len(answered - completed) <= 1
        assert len(matcher._departures) <= MAXIMUM_DEPARTURES
    ready += matcher.release()
    first = [result for result in ready if result.state is ProbeState.OK]
    assert sorted(result.sequence for result in first) == sorted(answered)
    assert {result.followUpDelay for result in first} <= {TURN, None}
    unknown = {result.sequence for result in first if result.followUpDelay is None}
    assert {number for number in answered if number + 1 not in answered} <= unknown
    if not network.overtaken:
        assert unknown == {number for number in answered if number + 1 not in answered}
    assert len(ready) == len(arrivals)
