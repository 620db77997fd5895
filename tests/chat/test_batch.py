"""
Tests for L{tsservices.chat.batch}.
"""

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


def say(who: str, *texts: str, room: str = "r", kind: str = MESSAGE) -> Operation:
    return Say(who, room, kind, texts)


def gathered(*names: str, room: str = "r") -> Sessions:
    sessions = Sessions()
    for name in names:
        sessions.turn(Enter(name, name, name), Join(name, room, room))
    sessions.hush()
    for ear in sessions.ears.values():
        ear.pushed.clear()
        ear.moves.clear()
    return sessions


class TestSlice:
    def test_once(self) -> None:
        """
        What many are told is one object for all who hear in the same form, written once
        for each form; nobody hears their own lines.
        """
        sessions = gathered("ann", "bob", "cat", "dan", "eve")
        other = Index()
        sessions.ears["eve"] = Ear(other)
        sessions.people["eve"].recipient = sessions.ears["eve"]
        sessions.turn(say("ann", "1", "2"), say("bob", "3"), say("ann", "4"))
        ears = sessions.ears
        assert len(ears["cat"].pushed) == 1
        assert ears["cat"].pushed[0] is ears["dan"].pushed[0]
        assert other.encodings == 3
        assert [len(ears[each].pushed) for each in ears] == [1] * 5
        heard = {name: ear.lines() for name, ear in ears.items()}
        assert heard["cat"] == heard["dan"] == heard["eve"] == ["1", "2", "3", "4"]
        assert heard["ann"] == ["3"]
        assert heard["bob"] == ["1", "2", "4"]

    def test_alone(self) -> None:
        """Who has nothing to hear is pushed nothing."""
        sessions = gathered("ann")
        sessions.turn(say("ann", "1"))
        assert sessions.ears["ann"].pushed == []

    def test_echo(self) -> None:
        """Who wants it hears their own lines, in their place."""
        sessions = gathered("ann", "bob")
        sessions.people["ann"].wantsEcho = True
        sessions.turn(say("bob", "1"), say("ann", "2"), say("bob", "3"))
        assert sessions.ears["ann"].lines() == ["1", "2", "3"]

    def test_ack(self) -> None:
        """Who wants it is told the numbers of their own lines, and of no others'."""
        sessions = gathered("ann", "bob")
        sessions.people["ann"].wantsAcks = True
        sessions.turn(say("bob", "1"), say("ann", "2", "3"), SetTopic("ann", "r", "t"))
        heard = sessions.ears["ann"].take()
        stored = [(each.first, each.last) for each in heard if isinstance(each, MessageStored)]
        assert stored == [(2, 3), (4, 4)]
        assert [each.kind for each in heard if isinstance(each, RoomMessages)] == [MESSAGE, TOPIC]
        assert not [each for each in sessions.ears["bob"].take() if isinstance(each, MessageStored)]

    def test_ownTopic(self) -> None:
        """Who changes the topic is told of it like all others."""
        sessions = gathered("ann", "bob")
        sessions.turn(SetTopic("ann", "r", "tea"))
        assert [ear.lines() for ear in sessions.ears.values()] == [["tea"], ["tea"]]

    def test_ignored(self) -> None:
        """Who ignores somebody hears none of their lines; what happens they hear."""
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
        assert [type(each) for each in heard] == [RoomMessages, UserLeft]
        assert isinstance(heard[0], RoomMessages)
        assert heard[0].texts == ("3",)
        assert sessions.ears["bob"].lines() == ["1", "2"]

    def test_ignoredNameAtThatTime(self) -> None:
        """It is the name somebody had when they said it that counts."""
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

    def test_elsewhere(self) -> None:
        """Sessions of other nodes hear nothing here."""
        sessions = gathered("ann", "bob")
        sessions.people["bob"].recipient = None
        sessions.turn(
            say("ann", "1"), SendPrivate("ann", "bob", "bob", MESSAGE, "psst"), Part("bob", "r", "")
        )
        assert sessions.ears["bob"].take() == []

    def test_manyAuthors(self) -> None:
        """More authors than are written for at once make more slices; the order stays."""
        names = [f"p{number:03}" for number in range(AUTHORS_PER_DELIVERY + 20)]
        sessions = gathered("ear", *names)
        sessions.turn(*(say(name, name) for name in names))
        assert sessions.ears["ear"].lines() == names
        assert len(sessions.ears["ear"].pushed) == 2
        for name in names:
            assert sessions.ears[name].lines() == [each for each in names if each != name]


class TestBatch:
    def test_membership(self) -> None:
        """
        Each hears what was said while they were in the room, and no more, though all of
        it is of one turn.
        """
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
        assert [type(each) for each in sessions.ears["bob"].heard] == [
            RoomMessages,
            UserJoined,
            RoomMessages,
            LeftRoom,
        ]
        assert sessions.ears["bob"].lines() == ["1", "2"]
        entered = [each for each in sessions.ears["cat"].heard if isinstance(each, JoinedRoom)]
        assert entered[0].joinedSeq == 1
        assert entered[0].replay is not None
        assert [each.texts for each in entered[0].replay.messages] == [("1",)]
        assert sessions.ears["cat"].lines() == ["2", "3"]

    def test_inOrder(self) -> None:
        """What one person is told comes between what is told to rooms, as it happened."""
        sessions = gathered("ann", "bob")
        sessions.turn(
            say("ann", "1"),
            SendPrivate("ann", "bob", "bob", MESSAGE, "2"),
            say("ann", "3"),
            Rename("ann", "eve", "eve"),
            say("ann", "4"),
        )
        heard = sessions.ears["bob"].take()
        assert [type(each) for each in heard] == [
            RoomMessages,
            PrivateMessage,
            RoomMessages,
            NickChanged,
            RoomMessages,
        ]
        assert [each.nick for each in heard if isinstance(each, RoomMessages)] == [
            "ann",
            "ann",
            "eve",
        ]

    def test_formFollows(self) -> None:
        """
        The number of rooms is told in its place among what happens, and not before its
        batch is released.
        """
        sessions = gathered("ann", "bob")
        sessions.turn(Join("bob", "q", "q"), release=False)
        sessions.turn(Part("bob", "r", ""), release=False)
        assert sessions.ears["bob"].moves == []
        first, second = sessions.batches[-2:]
        first.deliver()
        assert sessions.ears["bob"].moves == [2]
        second.deliver()
        assert sessions.ears["bob"].moves == [2, 1]

    def test_formOfWhatWasSaidBefore(self) -> None:
        """
        What was said before somebody left one of two rooms is told in the form that
        names rooms, also if all is of one turn.
        """
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

    def test_sealed(self) -> None:
        """What the journal gets does not change with the rooms."""
        sessions = gathered("ann")
        first = sessions.turn(say("ann", "1", "2"), SetTopic("ann", "r", "tea"), release=False)
        second = sessions.turn(SetTopic("ann", "r", "coffee"), release=False)
        assert [(each.seq, each.topic) for each in first.roomRecords] == [(3, "tea")]
        assert [(each.seq, each.topic) for each in second.roomRecords] == [(4, "coffee")]
        room = sessions.state.rooms["r"]
        assert room.storedSeq == 0
        first.deliver()
        assert (room.storedSeq, room.storedTopic().text) == (3, "tea")
        second.deliver()
        assert (room.storedSeq, room.storedTopic().text) == (4, "coffee")

    def test_numbers(self) -> None:
        """Lines are counted over all rooms of the batch, which makes their ids."""
        sessions = gathered("ann")
        batch = sessions.turn(
            Join("ann", "q", "q"), say("ann", "1", "2"), say("ann", "3", room="q"), stamp=NOON
        )
        assert batch.lineCount == 3
        assert [(each.index, each.ident(0)) for each in batch.messages] == [
            (0, f"log-{batch.position}-0"),
            (2, f"log-{batch.position}-2"),
        ]
        assert batch.messages[0].ident(1) == f"log-{batch.position}-1"

    def test_severalRoomsInOrder(self) -> None:
        """Who is in two rooms hears what is said in both in the order in which it was said."""
        sessions = gathered("ann", "bob")
        sessions.turn(Join("ann", "q", "q"), Join("bob", "q", "q"))
        sessions.hush()
        sessions.turn(say("ann", "1"), say("ann", "2", room="q"), say("ann", "3"))
        assert sessions.ears["bob"].lines() == ["1", "2", "3"]
