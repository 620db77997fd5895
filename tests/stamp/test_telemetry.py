"""
Tests for L{tsservices.stamp.telemetry} and L{tsservices.stamp.stats.result}.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

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
    FollowUp,
    fillFollowUp,
    findFollowUp,
    isWellFormed,
    readFollowUp,
    requestExtensions,
)

TELLING = FollowUp(7, 0x0102030405060708, 2)
#: An extension of another type.
PADDING = b"\x80\x01\x00\x03abc"

#: Nanoseconds from T3 in a packet to its leaving, of all packets here.
TURN = 100


def test_exactBytes() -> None:
    """Flags, type, length, number, time, method and three zeros."""
    empty = requestExtensions(20)
    assert empty == bytes.fromhex("80070010") + bytes(16)
    answer = fillFollowUp(empty, 0, TELLING)
    assert answer == bytes.fromhex("00070010 00000007 0102030405060708 02 000000")
    assert readFollowUp(answer) == TELLING


@given(st.integers(0, 300))
def test_room(room: int) -> None:
    """The extension and its padding fill all the room there is, or do not fit in."""
    extensions = requestExtensions(room)
    if room < EXTENSION_LENGTH or EXTENSION_LENGTH < room < EXTENSION_LENGTH + 4:
        assert extensions is None
        return
    assert extensions is not None
    assert len(extensions) == room
    assert findFollowUp(extensions) == 0
    if room > EXTENSION_LENGTH:
        length = room - EXTENSION_LENGTH - 4
        assert extensions[20:] == b"\x80\x01" + length.to_bytes(2, "big") + bytes(length)


@given(
    st.binary(max_size=60),
    st.builds(FollowUp, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 255)),
)
def test_anything(extensions: bytes, told: FollowUp) -> None:
    """
    Whatever stands there, an answer is as long, differs in one extension alone, and says what
    was told or that something was wrong.
    """
    begin = findFollowUp(extensions)
    if begin is None:
        assert readFollowUp(extensions) is None
        return
    answer = fillFollowUp(extensions, begin, told)
    assert len(answer) == len(extensions)
    assert answer[:begin] == extensions[:begin]
    assert answer[begin + 1 : begin + 4] == extensions[begin + 1 : begin + 4]
    assert findFollowUp(answer) == begin
    if isWellFormed(extensions, begin):
        assert readFollowUp(answer) == told
        assert answer[begin + 20 :] == extensions[begin + 20 :]
    else:
        assert answer[begin] == 0x40
        assert readFollowUp(answer) is None


def test_others() -> None:
    """Other extensions stay as they are, before it and behind it."""
    empty = requestExtensions(20)
    assert empty is not None
    answer = fillFollowUp(PADDING + empty + PADDING, 7, TELLING)
    assert answer == PADDING + fillFollowUp(empty, 0, TELLING) + PADDING
    assert readFollowUp(answer) == TELLING
    assert findFollowUp(PADDING * 15 + empty) == 7 * 15
    assert findFollowUp(PADDING * 16 + empty) is None
    assert findFollowUp(bytes(1400)) is None


def test_malformed() -> None:
    """A wrong length is marked, and number and time are zero as far as there are any."""
    for length, there in ((12, 12), (20, 20), (16, 15), (3, 20), (0, 0), (65535, 16)):
        head = b"\x80\x07" + length.to_bytes(2, "big")
        answer = fillFollowUp(head + b"\xff" * there, 0, TELLING)
        zeros = min(12, length, there)
        assert answer == b"\x40" + head[1:] + bytes(zeros) + b"\xff" * (there - zeros)


def test_unread() -> None:
    """Who copies does not know it, and who complains says nothing."""
    empty = requestExtensions(20)
    assert empty is not None
    assert readFollowUp(empty) is None
    good = fillFollowUp(empty, 0, TELLING)
    for flags in (0x80, 0x40, 0x20, 0xC0):
        assert readFollowUp(bytes([flags]) + good[1:]) is None
    assert readFollowUp(fillFollowUp(empty, 0, UNKNOWN_FOLLOW_UP)) == UNKNOWN_FOLLOW_UP
    assert readFollowUp(bytes(20)) is None


def outcome(sequence: int, counted: int, state: ProbeState = ProbeState.OK) -> ProbeResult:
    at = 10_000 * counted
    stamps = Timestamps(at, at + 1000, at + 100, at + 500, "kk")
    return ProbeResult(sequence, state, at, at, 1100, stamps, counted, 64, 64)


def left(counted: int) -> int:
    return 10_000 * counted + 500 + TURN


def after(counted: int) -> FollowUpInfo:
    return FollowUpInfo(counted - 1, left(counted - 1)) if counted else FollowUpInfo(0, None)


def told(ready: Sequence[ProbeResult]) -> list[tuple[int, int | None]]:
    return [(each.sequence, each.followUpDelay) for each in ready]


def test_completed() -> None:
    """T3 becomes the later one, and the round trip shorter by the difference."""
    before = outcome(3, 3)
    found = withDeparture(before, left(3))
    assert found.followUpDelay == TURN
    assert before.delays.network is not None
    assert found.delays.network == before.delays.network - TURN
    assert found.application == before.application
    assert found.delays.server == 500
    assert found.delays.down == 400


def test_impossible() -> None:
    """A time before T3, or later than the reply came, is of another clock: T3 stays."""
    before = outcome(3, 3)
    for wrong in (left(3) - TURN - 1, left(3) + 501, 0, 2**62):
        assert withDeparture(before, wrong) is before
    bare = ProbeResult(0, ProbeState.OK, 0, 0)
    assert withDeparture(bare, 5) is bare
    assert withDeparture(before, left(3) - TURN).followUpDelay == 0


def test_next() -> None:
    """Each reply frees the one before it, and the end frees the last."""
    pairing = FollowUpMatcher()
    assert pairing.add(outcome(0, 0), after(0)) == []
    assert told(pairing.add(outcome(1, 1), after(1))) == [(0, TURN)]
    assert told(pairing.add(outcome(2, 2), after(2))) == [(1, TURN)]
    assert told(pairing.release()) == [(2, None)]
    assert pairing.release() == []


def test_lost() -> None:
    """With a reply lost, the one before it has T3 of its packet, and the next is held."""
    pairing = FollowUpMatcher()
    pairing.add(outcome(0, 0), after(0))
    assert told(pairing.add(outcome(2, 2), after(2))) == [(0, None)]
    assert told(pairing.add(outcome(3, 3), after(3))) == [(2, TURN)]


def test_failed() -> None:
    """What could not tell any more is not waited for; a packet sent before could not anyway."""
    pairing = FollowUpMatcher()
    pairing.add(outcome(5, 5), after(5))
    assert pairing.failed(4) == []
    assert told(pairing.failed(6)) == [(5, None)]
    assert pairing.failed(7) == []


def test_ignorant() -> None:
    """
    A reflector that does not know the extension has nothing held; one that never tells a
    time, nothing after a few replies, until it does.
    """
    pairing = FollowUpMatcher()
    assert told(pairing.add(outcome(0, 0), None)) == [(0, None)]
    found = [pairing.add(outcome(each, each), FollowUpInfo(0, None)) for each in range(1, 9)]
    assert [len(each) for each in found] == [0] + [1] * (MAXIMUM_MISSES - 2) + [2] + [1] * (
        8 - MAXIMUM_MISSES
    )
    assert pairing.release() == []
    assert told(pairing.add(outcome(9, 9), after(9))) == []


def test_overtaken() -> None:
    """A reply that was overtaken by the one which tells of it needs not be held."""
    pairing = FollowUpMatcher()
    pairing.add(outcome(0, 0), after(0))
    assert told(pairing.add(outcome(2, 2), after(2))) == [(0, None)]
    assert told(pairing.add(outcome(1, 1), after(1))) == [(1, TURN)]
    assert told(pairing.add(outcome(3, 3), after(3))) == [(2, TURN)]


def test_begunAnew() -> None:
    """A reflector that counts from 0 again does not have the old reply held for ever."""
    pairing = FollowUpMatcher()
    pairing.add(outcome(1000, 1000), after(1000))
    assert told(pairing.add(outcome(1001, 0), after(0))) == [(1000, None)]
    assert told(pairing.add(outcome(1002, 1), after(1))) == [(1001, TURN)]


@dataclass(frozen=True)
class Way:
    """What happens to replies, in hundredths."""

    lost: int
    doubled: int
    overtaken: int


@given(
    st.integers(0, 2**32),
    st.integers(1, 150),
    st.builds(Way, st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)),
)
def test_anyWay(seed: int, count: int, way: Way) -> None:
    """
    Whatever the network does: each answered packet is told once, with its own time or with
    none; a time is missing only where the reply that has it did not come, or came out of
    order; and no more than one is held.
    """
    random = Random(seed)
    arrivals: list[tuple[float, int]] = []
    for number in range(count):
        if random.randrange(100) < way.lost:
            continue
        for _ in range(2 if random.randrange(100) < way.doubled else 1):
            late = random.random() * 5 if random.randrange(100) < way.overtaken else 0
            arrivals.append((number + late, number))
    arrivals.sort()
    pairing = FollowUpMatcher()
    seen: set[int] = set()
    ready: list[ProbeResult] = []
    for _, number in arrivals:
        state = ProbeState.DUPLICATE if number in seen else ProbeState.OK
        seen.add(number)
        ready += pairing.add(outcome(number, number, state), after(number))
        firsts = {each.sequence for each in ready if each.state is ProbeState.OK}
        assert len(seen - firsts) <= 1
        assert len(pairing._departures) <= MAXIMUM_DEPARTURES
    ready += pairing.release()
    whole = [each for each in ready if each.state is ProbeState.OK]
    assert sorted(each.sequence for each in whole) == sorted(seen)
    assert {each.followUpDelay for each in whole} <= {TURN, None}
    unknown = {each.sequence for each in whole if each.followUpDelay is None}
    assert {number for number in seen if number + 1 not in seen} <= unknown
    if not way.overtaken:
        assert unknown == {number for number in seen if number + 1 not in seen}
    assert len(ready) == len(arrivals)
