"""Tests for L{tsservices.chat.room}."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import DELETED
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.session import Session


def lines(first: int, count: int = 1) -> RoomMessages:
    texts = tuple(str(number) for number in range(first, first + count))
    return RoomMessages("r", "R", first, first, "log", first, 0, "message", "ann", None, "s", texts)


def grown(*counts: int) -> Room:
    room = Room(RoomRecord("r", "R"))
    for count in counts:
        room.addRecent(lines(room.record.seq + 1, count))
        room.record.seq += count
    return room


def numbers(room: Room) -> list[int] | None:
    replay = room.replay()
    if replay is None:
        return None
    for item in replay.messages:
        assert item.texts == tuple(str(n) for n in range(item.first, item.last + 1))
    return [number for item in replay.messages for number in range(item.first, item.last + 1)]


class TestRoomRecord:
    def test_recordCopy(self) -> None:
        record = RoomRecord("r", "R", 5, 6, "tea", "ann", 7)
        copy = record.copy()
        assert copy == record
        for item in fields(record):
            setattr(record, item.name, "other")
        assert copy == RoomRecord("r", "R", 5, 6, "tea", "ann", 7)


class TestRoom:
    def test_recipientsUntilMembersChange(self) -> None:
        room = Room(RoomRecord("r", "R"))
        ann, bob = Session("a", None), Session("b", None)
        room.addMember(ann)
        first = room.recipients
        assert first is room.recipients
        assert list(first) == [ann]
        room.addMember(bob)
        assert list(room.recipients) == [ann, bob]
        room.removeMember(ann)
        assert list(room.recipients) == [bob]
        assert list(first) == [ann]

    @given(st.lists(st.integers(1, 45), max_size=12))
    def test_replayIsBounded(self, counts: list[int]) -> None:
        room = grown(*counts)
        last = sum(counts)
        assert numbers(room) == list(range(max(1, last - REPLAYED_LINES + 1), last + 1))
        groups = list(room._recent)
        assert sum(len(item.texts) for item in groups[1:]) < REPLAYED_LINES

    def test_clearRecent(self) -> None:
        room = grown(3)
        room.clearRecent()
        assert room.replay() is None
        room.preload([lines(1, 3)], 3)
        assert numbers(room) == [1, 2, 3]
        assert numbers(grown()) == []

    def test_preloadWhileLinesCome(self) -> None:
        room = Room(RoomRecord("r", "R", seq=30))
        assert room.replay() is None
        room.addRecent(lines(31, 2))
        room.record.seq = 32
        assert room.replay() is None
        room.preload([lines(11, 10), lines(21, 10), lines(31, 2)], 32)
        assert numbers(room) == list(range(13, 33))
        room.preload([lines(11, 10), lines(21, 10)], 30)
        assert numbers(room) == list(range(13, 33))

    def test_preloadAfterDeletion(self) -> None:
        room = Room(RoomRecord("r", "R", seq=30))
        room.deleteMessage(2)
        room.deleteMessage(12)
        room.deleteMessage(21)
        room.preload([lines(11, 10), lines(21, 10)], 30)
        # Two more are wanted, which memory has not.
        assert room.replay() is None
        room.preload([lines(9, 3), lines(12).without(12)[0], lines(13, 8), lines(21, 10)], 30)
        replay = room.replay()
        assert replay is not None
        texts = [text for item in replay.messages for text in item.texts]
        assert texts == ["" if n in (12, 21) else str(n) for n in range(9, 31)]
        assert [item.first for item in replay.messages if item.kind == DELETED] == [12, 21]

    def test_preloadWithGap(self) -> None:
        room = Room(RoomRecord("r", "R", seq=30))
        room.preload([lines(1, 20)], 20)
        assert room.replay() is None

    @pytest.mark.parametrize(("stored", "first"), [([lines(21, 10)], 21), ([], 31)])
    def test_preloadOfPrunedLines(self, stored: list[RoomMessages], first: int) -> None:
        room = Room(RoomRecord("r", "R", seq=30))
        room.preload(stored, 30)
        replay = room.replay()
        assert replay is not None
        assert replay.missing == (11, first - 1)
        assert numbers(room) == list(range(first, 31))
        room.addRecent(lines(31, 15))
        room.record.seq = 45
        replay = room.replay()
        assert replay is not None
        assert replay.missing == ((26, 30) if first == 31 else None)
        assert numbers(room) == list(range(max(first, 26), 46))

    def test_storedTopic(self) -> None:
        record = RoomRecord("r", "R", 1, 1, "tea", "ann", 1)
        room = Room(record)
        record.topic = "coffee"
        assert room.topic().text == "coffee"
        assert room.storedTopic().text == "tea"
        assert room.storedSeq == 1
