"""Tests for L{tsservices.chat.batch}."""

from __future__ import annotations

from tests.support.chat import NOON, Ear, Index, Sessions
from tsservices.chat.batch import AUTHORS_PER_DELIVERY
from tsservices.chat.notifications import (
    JoinedRoom,
    LeftRoom,
    MessageStored,
    NickChanged,
    PrivateMessage,
    RoomMessages,
    UserJoined,
    UserLeft,
)
from tsservices.chat.operations import (
    ME,
    MESSAGE,
    TOPIC,
    Enter,
    Join,
    Operation,
    Part,
    Rename,
    Say,
    SendPrivate,
    SetTopic,
)


def say(ident: str, *texts: str, room: str = "r", kind: str = MESSAGE) -> Operation:
    return Say(ident, room, kind, texts)


def gathered(*names: str, room: str = "r") -> Sessions:
    sessions = Sessions()
    for name in names:
        sessions.turn(Enter(name, name, name), Join(name, room, room))
    sessions.hush()
    for ear in sessions.ears.values():
        ear.pushed.clear()
        ear.moves.clear()
    return sessions


class TestRoomDelivery:
    def test_sharedBytesAreEncodedOncePerFormat(self) -> None:
        sessions = gathered("ann", "bob", "cat", "dan", "eve")
        other = Index()
        sessions.ears["eve"] = Ear(other)
        sessions.people["eve"].recipient = sessions.ears["eve"]
        sessions.turn(say("ann", "1", "2"), say("bob", "3"), say("ann", "4"))
        ears = sessions.ears
        assert len(ears["cat"].pushed) == 1
        assert ears["cat"].pushed[0] is ears["dan"].pushed[0]
        assert other.encodings == 3
        assert [len(ears[item].pushed) for item in ears] == [1] * 5
        heard = {name: ear.lines() for name, ear in ears.items()}
        assert heard["cat"] == heard["dan"] == heard["eve"] == ["1", "2", "3", "4"]
        assert heard["ann"] == ["3"]
        assert heard["bob"] == ["1", "2", "4"]

    def test_authorAloneGetsNothing(self) -> None:
        sessions = gathered("ann")
        sessions.turn(say("ann", "1"))
        assert sessions.ears["ann"].pushed == []

    def test_wantsEcho(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.people["ann"].wantsEcho = True
        sessions.turn(say("bob", "1"), say("ann", "2"), say("bob", "3"))
        assert sessions.ears["ann"].lines() == ["1", "2", "3"]

    def test_wantsAcks(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.people["ann"].wantsAcks = True
        sessions.turn(say("bob", "1"), say("ann", "2", "3"), SetTopic("ann", "r", "t"))
        heard = sessions.ears["ann"].take()
        stored = [(item.first, item.last) for item in heard if isinstance(item, MessageStored)]
        assert stored == [(2, 3), (4, 4)]
        assert [item.kind for item in heard if isinstance(item, RoomMessages)] == [MESSAGE, TOPIC]
        assert not [item for item in sessions.ears["bob"].take() if isinstance(item, MessageStored)]

    def test_authorGetsOwnTopic(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(SetTopic("ann", "r", "tea"))
        assert [ear.lines() for ear in sessions.ears.values()] == [["tea"], ["tea"]]

    def test_ignoredLinesAreLeftOut(self) -> None:
        sessions = gathered("ann", "bob", "cat")
        sessions.people["cat"].ignores = frozenset({"ann"})
        sessions.turn(
            say("ann", "1"),
            say("ann", "2", kind=ME),
            say("bob", "3"),
            SendPrivate("ann", "cat", "cat", MESSAGE, "psst"),
            Part("ann", "r", ""),
        )
        heard = sessions.ears["cat"].take()
        assert [type(item) for item in heard] == [RoomMessages, UserLeft]
        assert isinstance(heard[0], RoomMessages)
        assert heard[0].texts == ("3",)
        assert sessions.ears["bob"].lines() == ["1", "2"]

    def test_ignoresByNickAtThatTime(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.people["bob"].ignores = frozenset({"zoe"})
        sessions.turn(
            say("ann", "1"),
            Rename("ann", "Zoe", "zoe"),
            say("ann", "2"),
            Rename("ann", "ann", "ann"),
            say("ann", "3"),
        )
        assert sessions.ears["bob"].lines() == ["1", "3"]

    def test_sessionOfAnotherNode(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.people["bob"].recipient = None
        sessions.turn(
            say("ann", "1"), SendPrivate("ann", "bob", "bob", MESSAGE, "psst"), Part("bob", "r", "")
        )
        assert sessions.ears["bob"].take() == []

    def test_manyAuthorsSplitDelivery(self) -> None:
        names = [f"p{number:03}" for number in range(AUTHORS_PER_DELIVERY + 20)]
        sessions = gathered("ear", *names)
        sessions.turn(*(say(name, name) for name in names))
        assert sessions.ears["ear"].lines() == names
        assert len(sessions.ears["ear"].pushed) == 2
        for name in names:
            assert sessions.ears[name].lines() == [item for item in names if item != name]


class TestBatch:
    def test_linesOnlyWhileMember(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(
            say("ann", "1"),
            Enter("cat", "cat", "cat"),
            Join("cat", "r", "r"),
            say("ann", "2"),
            Part("bob", "r", "bye"),
            say("ann", "3"),
            Part("cat", "r", ""),
            say("ann", "4"),
        )
        assert [type(item) for item in sessions.ears["bob"].heard] == [
            RoomMessages,
            UserJoined,
            RoomMessages,
            LeftRoom,
        ]
        assert sessions.ears["bob"].lines() == ["1", "2"]
        entered = [item for item in sessions.ears["cat"].heard if isinstance(item, JoinedRoom)]
        assert entered[0].joinedSeq == 1
        assert entered[0].replay is not None
        assert [item.texts for item in entered[0].replay.messages] == [("1",)]
        assert sessions.ears["cat"].lines() == ["2", "3"]

    def test_repliesKeepTheirPlace(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(
            say("ann", "1"),
            SendPrivate("ann", "bob", "bob", MESSAGE, "2"),
            say("ann", "3"),
            Rename("ann", "eve", "eve"),
            say("ann", "4"),
        )
        heard = sessions.ears["bob"].take()
        assert [type(item) for item in heard] == [
            RoomMessages,
            PrivateMessage,
            RoomMessages,
            NickChanged,
            RoomMessages,
        ]
        assert [item.nick for item in heard if isinstance(item, RoomMessages)] == [
            "ann",
            "ann",
            "eve",
        ]

    def test_roomCountInOrderAndAfterDelivery(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Join("bob", "q", "q"), release=False)
        sessions.turn(Part("bob", "r", ""), release=False)
        assert sessions.ears["bob"].moves == []
        first, second = sessions.batches[-2:]
        first.deliver()
        assert sessions.ears["bob"].moves == [2]
        second.deliver()
        assert sessions.ears["bob"].moves == [2, 1]

    def test_formatOfLinesBeforePart(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Join("bob", "q", "q"))
        ear = sessions.ears["bob"]
        when: list[tuple[int, str]] = []
        ear.moves.clear()
        push = ear.write

        def noted(data: bytes) -> None:
            push(data)
            when.extend((len(ear.moves), text) for text in ear.lines())

        ear.write = noted  # type: ignore[method-assign]
        sessions.turn(say("ann", "1"), Part("bob", "q", ""), say("ann", "2"))
        assert when == [(0, "1"), (1, "2")]

    def test_frozenRecordsDoNotChange(self) -> None:
        sessions = gathered("ann")
        first = sessions.turn(say("ann", "1", "2"), SetTopic("ann", "r", "tea"), release=False)
        second = sessions.turn(SetTopic("ann", "r", "coffee"), release=False)
        assert [(item.seq, item.topic) for item in first.roomRecords] == [(3, "tea")]
        assert [(item.seq, item.topic) for item in second.roomRecords] == [(4, "coffee")]
        room = sessions.state.rooms["r"]
        assert room.storedSeq == 0
        first.deliver()
        assert (room.storedSeq, room.storedTopic().text) == (3, "tea")
        second.deliver()
        assert (room.storedSeq, room.storedTopic().text) == (4, "coffee")

    def test_idsCountOverAllRooms(self) -> None:
        sessions = gathered("ann")
        batch = sessions.turn(
            Join("ann", "q", "q"), say("ann", "1", "2"), say("ann", "3", room="q"), stamp=NOON
        )
        assert batch.lineCount == 3
        assert [(item.index, item.ident(0)) for item in batch.messages] == [
            (0, f"log-{batch.position}-0"),
            (2, f"log-{batch.position}-2"),
        ]
        assert batch.messages[0].ident(1) == f"log-{batch.position}-1"

    def test_severalRoomsInOneOrder(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Join("ann", "q", "q"), Join("bob", "q", "q"))
        sessions.hush()
        sessions.turn(say("ann", "1"), say("ann", "2", room="q"), say("ann", "3"))
        assert sessions.ears["bob"].lines() == ["1", "2", "3"]
