"""Tests for L{tsservices.chat.batch}."""

from __future__ import annotations

from tests.support.chat import NOON, IndexFormatter, RecordingOutlet, StateHarness, kinds
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
    Ignore,
    Join,
    Operation,
    Part,
    Rename,
    Say,
    SendPrivate,
    SetAway,
    SetTopic,
)


def say(ident: str, *texts: str, room: str = "r", kind: str = MESSAGE) -> Operation:
    return Say(ident, room, kind, texts)


def gathered(*names: str, room: str = "r") -> StateHarness:
    chat = StateHarness()
    for name in names:
        chat.tick(Enter(name, name, name), Join(name, room, room))
    chat.clear()
    for outlet in chat.outlets.values():
        outlet.written.clear()
        outlet.roomCounts.clear()
    return chat


class TestRoomDelivery:
    def test_sharedBytesAreEncodedOncePerFormat(self) -> None:
        chat = gathered("ann", "bob", "cat", "dan", "eve")
        other = IndexFormatter()
        chat.outlets["eve"] = RecordingOutlet(other)
        chat.sessions["eve"].recipient = chat.outlets["eve"]
        chat.tick(say("ann", "1", "2"), say("bob", "3"), say("ann", "4"))
        outlets = chat.outlets
        assert len(outlets["cat"].written) == 1
        assert outlets["cat"].written[0] is outlets["dan"].written[0]
        assert other.encodings == 3
        assert [len(outlets[item].written) for item in outlets] == [1] * 5
        heard = {name: outlet.texts() for name, outlet in outlets.items()}
        assert heard["cat"] == heard["dan"] == heard["eve"] == ["1", "2", "3", "4"]
        assert heard["ann"] == ["3"]
        assert heard["bob"] == ["1", "2", "4"]

    def test_authorAloneGetsNothing(self) -> None:
        chat = gathered("ann")
        chat.tick(say("ann", "1"))
        assert chat.outlets["ann"].written == []

    def test_wantsEcho(self) -> None:
        chat = gathered("ann", "bob")
        chat.sessions["ann"].wantsEcho = True
        chat.tick(say("bob", "1"), say("ann", "2"), say("bob", "3"))
        assert chat.outlets["ann"].texts() == ["1", "2", "3"]

    def test_wantsAcks(self) -> None:
        chat = gathered("ann", "bob")
        chat.sessions["ann"].wantsAcks = True
        chat.tick(say("bob", "1"), say("ann", "2", "3"), SetTopic("ann", "r", "t"))
        heard = chat.heard("ann")
        stored = [(item.first, item.last) for item in heard if isinstance(item, MessageStored)]
        assert stored == [(2, 3), (4, 4)]
        assert [item.kind for item in heard if isinstance(item, RoomMessages)] == [MESSAGE, TOPIC]
        assert not [item for item in chat.heard("bob") if isinstance(item, MessageStored)]

    def test_authorGetsOwnTopic(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(SetTopic("ann", "r", "tea"))
        assert [outlet.texts() for outlet in chat.outlets.values()] == [["tea"], ["tea"]]

    def test_ignoredLinesAreLeftOut(self) -> None:
        chat = gathered("ann", "bob", "cat")
        chat.tick(Ignore("cat", "Ann", ("ann",), True))
        chat.clear()
        chat.tick(
            say("ann", "1"),
            say("ann", "2", kind=ME),
            say("bob", "3"),
            SendPrivate("ann", "cat", "cat", MESSAGE, "psst"),
            SetAway("ann", "RUDE"),
            Part("ann", "r", "RUDE"),
        )
        heard = chat.heard("cat")
        assert kinds(heard) == [RoomMessages, UserLeft]
        line, left = heard
        assert isinstance(line, RoomMessages)
        assert line.texts == ("3",)
        assert isinstance(left, UserLeft)
        assert (left.nick, left.reason) == ("ann", "")
        assert chat.outlets["bob"].texts() == ["1", "2"]

    def test_ignoringFollowsRenames(self) -> None:
        chat = gathered("ann", "bob", "cat")
        chat.tick(
            Ignore("bob", "Ann", ("ann",), True),
            say("ann", "1"),
            Rename("ann", "Zoe", "zoe"),
            say("ann", "2"),
            Rename("cat", "Ann", "ann"),
            say("cat", "3"),
        )
        assert chat.outlets["bob"].texts() == ["3"]

    def test_sessionOfAnotherNode(self) -> None:
        chat = gathered("ann", "bob")
        chat.sessions["bob"].recipient = None
        chat.tick(
            say("ann", "1"), SendPrivate("ann", "bob", "bob", MESSAGE, "psst"), Part("bob", "r", "")
        )
        assert chat.heard("bob") == []

    def test_manyAuthorsSplitDelivery(self) -> None:
        names = [f"p{number:03}" for number in range(AUTHORS_PER_DELIVERY + 20)]
        chat = gathered("ear", *names)
        chat.tick(*(say(name, name) for name in names))
        assert chat.outlets["ear"].texts() == names
        assert len(chat.outlets["ear"].written) == 2
        for name in names:
            assert chat.outlets[name].texts() == [item for item in names if item != name]


class TestBatch:
    def test_linesOnlyWhileMember(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(
            say("ann", "1"),
            Enter("cat", "cat", "cat"),
            Join("cat", "r", "r"),
            say("ann", "2"),
            Part("bob", "r", "bye"),
            say("ann", "3"),
            Part("cat", "r", ""),
            say("ann", "4"),
        )
        assert kinds(chat.outlets["bob"].notifications) == [
            RoomMessages,
            UserJoined,
            RoomMessages,
            LeftRoom,
        ]
        assert chat.outlets["bob"].texts() == ["1", "2"]
        entered = [
            item for item in chat.outlets["cat"].notifications if isinstance(item, JoinedRoom)
        ]
        assert entered[0].joinedSeq == 1
        assert entered[0].replay is not None
        assert [item.texts for item in entered[0].replay.messages] == [("1",)]
        assert chat.outlets["cat"].texts() == ["2", "3"]

    def test_repliesKeepTheirPlace(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(
            say("ann", "1"),
            SendPrivate("ann", "bob", "bob", MESSAGE, "2"),
            say("ann", "3"),
            Rename("ann", "eve", "eve"),
            say("ann", "4"),
        )
        heard = chat.heard("bob")
        assert kinds(heard) == [
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
        chat = gathered("ann", "bob")
        chat.tick(Join("bob", "q", "q"), release=False)
        chat.tick(Part("bob", "r", ""), release=False)
        assert chat.outlets["bob"].roomCounts == []
        first, second = chat.batches[-2:]
        first.deliver()
        assert chat.outlets["bob"].roomCounts == [2]
        second.deliver()
        assert chat.outlets["bob"].roomCounts == [2, 1]

    def test_formatOfLinesBeforePart(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(Join("bob", "q", "q"))
        outlet = chat.outlets["bob"]
        when: list[tuple[int, str]] = []
        outlet.roomCounts.clear()
        push = outlet.write

        def noted(data: bytes) -> None:
            push(data)
            when.extend((len(outlet.roomCounts), text) for text in outlet.texts())

        outlet.write = noted  # type: ignore[method-assign]
        chat.tick(say("ann", "1"), Part("bob", "q", ""), say("ann", "2"))
        assert when == [(0, "1"), (1, "2")]

    def test_frozenRecordsDoNotChange(self) -> None:
        chat = gathered("ann")
        first = chat.tick(say("ann", "1", "2"), SetTopic("ann", "r", "tea"), release=False)
        second = chat.tick(SetTopic("ann", "r", "coffee"), release=False)
        assert [(item.seq, item.topic) for item in first.roomRecords] == [(3, "tea")]
        assert [(item.seq, item.topic) for item in second.roomRecords] == [(4, "coffee")]
        room = chat.state.rooms["r"]
        assert room.storedSeq == 0
        first.deliver()
        assert (room.storedSeq, room.storedTopic().text) == (3, "tea")
        second.deliver()
        assert (room.storedSeq, room.storedTopic().text) == (4, "coffee")

    def test_idsCountOverAllRooms(self) -> None:
        chat = gathered("ann")
        batch = chat.tick(
            Join("ann", "q", "q"), say("ann", "1", "2"), say("ann", "3", room="q"), stamp=NOON
        )
        assert batch.lineCount == 3
        assert [(item.index, item.ident(0)) for item in batch.messages] == [
            (0, f"log-{batch.position}-0"),
            (2, f"log-{batch.position}-2"),
        ]
        assert batch.messages[0].ident(1) == f"log-{batch.position}-1"

    def test_severalRoomsInOneOrder(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(Join("ann", "q", "q"), Join("bob", "q", "q"))
        chat.clear()
        chat.tick(say("ann", "1"), say("ann", "2", room="q"), say("ann", "3"))
        assert chat.outlets["bob"].texts() == ["1", "2", "3"]
