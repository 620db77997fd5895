"""
Tests for L{tsservices.chat.room}.
"""

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


def said(first: int, count: int = 1) -> RoomMessages:
    texts = tuple(str(number) for number in range(first, first + count))
    return RoomMessages("r", "R", first, first, "log", first, 0, "message", "ann", None, "s", texts)


def grown(*counts: int) -> Room:
    room = Room(RoomRecord("r", "R"))
    for count in counts:
        room.addRecent(said(room.record.seq + 1, count))
        room.record.seq += count
    return room


def numbers(room: Room) -> list[int] | None:
    replay = room.replay()
    if replay is None:
        return None
    for each in replay.messages:
        assert each.texts == tuple(str(n) for n in range(each.first, each.last + 1))
    return [number for each in replay.messages for number in range(each.first, each.last + 1)]


class TestRoomRecord:
    def test_copy(self) -> None:
        """A copy is equal in every field, and stays when the original changes."""
        record = RoomRecord("r", "R", 5, 6, "tea", "ann", 7)
        copy = record.copy()
        assert copy == record
        for each in fields(record):
            setattr(record, each.name, "other")
        assert copy == RoomRecord("r", "R", 5, 6, "tea", "ann", 7)


class TestRoom:
    def test_audience(self) -> None:
        """The audience is one object until somebody enters or leaves."""
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
    def test_replay(self, counts: list[int]) -> None:
        """
        Who enters is shown the last lines, so many as there are to be, and memory
        does not grow with the room.
        """
        room = grown(*counts)
        last = sum(counts)
        assert numbers(room) == list(range(max(1, last - REPLAYED_LINES + 1), last + 1))
        groups = list(room._recent)
        assert sum(len(each.texts) for each in groups[1:]) < REPLAYED_LINES

    def test_forget(self) -> None:
        """What was forgotten is not at hand, and is read again; an empty room needs nothing."""
        room = grown(3)
        room.clearRecent()
        assert room.replay() is None
        room.preload([said(1, 3)], 1)
        assert numbers(room) == [1, 2, 3]
        assert numbers(grown()) == []

    def test_preloadBefore(self) -> None:
        """What was said while it was read is neither lost nor doubled."""
        room = Room(RoomRecord("r", "R", seq=30))
        assert room.replay() is None
        room.addRecent(said(31, 2))
        room.record.seq = 32
        assert room.replay() is None
        room.preload([said(11, 10), said(21, 10), said(31, 2)], 11)
        assert numbers(room) == list(range(13, 33))
        room.preload([said(11, 10), said(21, 10)], 11)
        assert numbers(room) == list(range(13, 33))

    def test_preloadDeleted(self) -> None:
        """What was deleted while it was read is not shown."""
        room = Room(RoomRecord("r", "R", seq=30))
        room.deleteMessage(2)
        room.deleteMessage(12)
        room.deleteMessage(21)
        room.preload([said(11, 10), said(21, 10)], 11)
        replay = room.replay()
        assert replay is not None
        texts = [text for each in replay.messages for text in each.texts]
        assert texts == ["" if n in (12, 21) else str(n) for n in range(11, 31)]
        assert [each.first for each in replay.messages if each.kind == DELETED] == [12, 21]

    def test_preloadGap(self) -> None:
        """Lines that do not reach up to those at hand are no use."""
        room = Room(RoomRecord("r", "R", seq=30))
        room.preload([said(11, 10)], 11)
        assert room.replay() is None

    @pytest.mark.parametrize(("kept", "first"), [([said(21, 10)], 21), ([], 31)])
    def test_preloadPruned(self, kept: list[RoomMessages], first: int) -> None:
        """What is not kept any more is told, and not looked for again."""
        room = Room(RoomRecord("r", "R", seq=30))
        room.preload(kept, 11)
        replay = room.replay()
        assert replay is not None
        assert replay.missing == (11, first - 1)
        assert numbers(room) == list(range(first, 31))
        room.addRecent(said(31, 15))
        room.record.seq = 45
        replay = room.replay()
        assert replay is not None
        assert replay.missing == ((26, 30) if first == 31 else None)
        assert numbers(room) == list(range(max(first, 26), 46))

    def test_keptTopic(self) -> None:
        """Who asks is told what is stored; who is told in order, what is decided."""
        record = RoomRecord("r", "R", 1, 1, "tea", "ann", 1)
        room = Room(record)
        record.topic = "coffee"
        assert room.topic().text == "coffee"
        assert room.storedTopic().text == "tea"
        assert room.storedSeq == 1
