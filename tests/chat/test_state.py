"""
Tests for L{tsservices.chat.state}.
"""

from __future__ import annotations

import pytest

from tests.support.chat import NOON, Sessions
from tsservices.chat.errors import (
    NAME_FIRST,
    NICK_TAKEN,
    NO_PERSON,
    NOT_IN_ROOM,
    ROOMS_ALL,
    ROOMS_EACH,
)
from tsservices.chat.handlers.membership import NAMES_SHOWN
from tsservices.chat.notifications import (
    AwayChanged,
    AwayReply,
    ErrorReply,
    JoinedRoom,
    LeftRoom,
    NickChanged,
    PrivateMessage,
    RoomMessages,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
)
from tsservices.chat.operations import (
    ME,
    MESSAGE,
    TOPIC,
    Enter,
    Join,
    Operation,
    Part,
    Quit,
    Rename,
    Say,
    SendPrivate,
    SetAway,
    SetTopic,
)
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import REPLAYED_LINES
from tsservices.common.limits import Limits


def enter(who: str) -> Enter:
    return Enter(who, who.title(), who)


def join(who: str, room: str = "r") -> Join:
    return Join(who, room.title(), room)


def say(who: str, *texts: str, room: str = "r") -> Say:
    return Say(who, room, MESSAGE, texts)


def gathered(*names: str, limits: Limits | None = None) -> Sessions:
    sessions = Sessions(limits)
    for name in names:
        sessions.turn(enter(name), join(name))
    sessions.hush()
    return sessions


class TestNames:
    """One holder for each name."""

    def test_enter(self) -> None:
        """The first who says a name has it; the second is refused, and has none."""
        sessions = Sessions()
        sessions.turn(enter("ann"), Enter("b", "ANN", "ann"))
        entered = sessions.ears["ann"].take()
        assert [type(each) for each in entered] == [Welcome]
        assert sessions.ears["b"].reasons() == [NICK_TAKEN]
        assert sessions.people["b"].nick == ""
        sessions.turn(join("b"))
        assert sessions.ears["b"].reasons() == [NAME_FIRST]

    def test_twice(self) -> None:
        """
        A second first name, proposed before the outcome of the first was known, is
        another name: the first one is free again.
        """
        sessions = gathered("bob")
        sessions.turn(enter("ann"), join("ann"), Enter("ann", "Eve", "eve"))
        assert set(sessions.state.sessionsByNick) == {"bob", "eve"}
        assert sessions.people["ann"].nick == "Eve"
        assert [type(each) for each in sessions.ears["bob"].take()] == [UserJoined, NickChanged]
        sessions.turn(Quit("ann", ""))
        assert set(sessions.state.sessionsByNick) == {"bob"}

    def test_rename(self) -> None:
        """All neighbours are told once, also in several rooms; the old name is free."""
        sessions = gathered("ann", "bob", "cat")
        sessions.turn(join("ann", "q"), join("bob", "q"), Part("cat", "r", ""))
        sessions.hush()
        sessions.turn(Rename("ann", "Eve", "eve"))
        for who, count in (("ann", 1), ("bob", 1), ("cat", 0)):
            assert len(sessions.ears[who].take()) == count
        sessions.turn(Rename("cat", "ann", "ann"))
        assert sessions.ears["cat"].reasons() == []

    def test_renameRefused(self) -> None:
        """A taken name stays where it is; who has none can't change it."""
        sessions = gathered("ann", "bob")
        sessions.turn(Rename("ann", "bob", "bob"), Rename("x", "zoe", "zoe"))
        assert sessions.ears["ann"].reasons() == [NICK_TAKEN]
        assert sessions.ears["x"].reasons() == [NAME_FIRST]
        assert sessions.people["ann"].nick == "Ann"

    def test_renameCase(self) -> None:
        """One's own name may be written in another way; the same way is no change."""
        sessions = gathered("ann", "bob")
        sessions.turn(Rename("ann", "ANN", "ann"))
        assert [type(each) for each in sessions.ears["bob"].take()] == [NickChanged]
        sessions.turn(Rename("ann", "ANN", "ann"))
        assert sessions.ears["bob"].take() == []
        assert sessions.state.sessionsByNick["ann"] == (sessions.people["ann"],)


class TestRooms:
    """Entering and leaving."""

    def test_join(self) -> None:
        """
        Who enters is told of the room as its first visitor wrote it; the others of who
        entered.
        """
        sessions = gathered("ann")
        sessions.turn(say("ann", "x"), SetTopic("ann", "r", "tea"))
        sessions.hush()
        sessions.turn(enter("bob"), Join("bob", "R", "r"))
        _, entered = sessions.ears["bob"].take()
        assert isinstance(entered, JoinedRoom)
        assert (entered.roomName, entered.nicks, entered.memberCount) == ("R", ["Ann", "Bob"], 2)
        assert (entered.joinedSeq, entered.topic.text, entered.nick) == (2, "tea", "Bob")
        assert entered.replay is not None
        assert [each.kind for each in entered.replay.messages] == [MESSAGE, TOPIC]
        (joined,) = sessions.ears["ann"].take()
        assert isinstance(joined, UserJoined)
        assert joined.nick == "Bob"

    def test_joinTwice(self) -> None:
        """Who is there already does not enter again."""
        sessions = gathered("ann", "bob")
        sessions.turn(join("ann"), join("ann"))
        assert sessions.ears["bob"].take() == []

    def test_crowd(self) -> None:
        """Not all names of a crowd are told."""
        sessions = gathered(*(f"p{number}" for number in range(NAMES_SHOWN + 1)))
        sessions.turn(enter("late"), join("late"))
        entered = sessions.ears["late"].take()[-1]
        assert isinstance(entered, JoinedRoom)
        assert (len(entered.nicks), entered.memberCount) == (NAMES_SHOWN, NAMES_SHOWN + 2)

    def test_bounds(self) -> None:
        """Nobody is in too many rooms, and there are not too many."""
        sessions = gathered("ann", "bob", limits=Limits(roomsEach=2, maxRooms=3))
        sessions.turn(join("ann", "a"), join("ann", "b"))
        assert sessions.ears["ann"].reasons() == [ROOMS_EACH]
        sessions.turn(enter("cat"), join("cat", "b"), join("bob", "c"))
        assert sessions.ears["bob"].reasons() == [ROOMS_ALL]
        sessions.turn(join("bob", "a"))
        assert sessions.ears["bob"].reasons() == []

    def test_part(self) -> None:
        """Who leaves is told, and the others why; lines after it are for them only."""
        sessions = gathered("ann", "bob")
        sessions.turn(Part("ann", "r", "tea"), say("ann", "x"), say("bob", "y"))
        (left,) = sessions.ears["bob"].take()
        assert isinstance(left, UserLeft)
        assert (left.nick, left.reason) == ("Ann", "tea")
        heard = sessions.ears["ann"].take()
        assert isinstance(heard[0], LeftRoom)
        assert len(heard) == 2
        sessions.turn(Part("ann", "r", ""))
        assert sessions.ears["ann"].reasons() == [NOT_IN_ROOM]

    def test_emptied(self) -> None:
        """A room where nothing was said goes with its last visitor; another one stays."""
        sessions = gathered("ann")
        sessions.turn(join("ann", "q"), say("ann", "x"))
        sessions.turn(Part("ann", "r", ""), Part("ann", "q", ""))
        assert set(sessions.state.rooms) == {"r"}
        assert sessions.state.rooms["r"].replay() is None

    def test_emptiedAndEntered(self) -> None:
        """Who enters in the turn in which the last one leaves is shown what was said."""
        sessions = gathered("ann")
        sessions.turn(say("ann", "x"))
        sessions.turn(enter("bob"), Part("ann", "r", ""), join("bob"))
        entered = sessions.ears["bob"].take()[-1]
        assert isinstance(entered, JoinedRoom)
        assert entered.replay is not None
        assert [each.texts for each in entered.replay.messages] == [("x",)]
        assert sessions.state.rooms["r"].replay() is not None

    def test_kept(self) -> None:
        """Rooms that were kept are there, with their topic, and their numbers go on."""
        sessions = Sessions(records=[RoomRecord("r", "R", 7, NOON + 5, "tea", "eve", NOON)])
        sessions.turn(enter("ann"), join("ann"), say("ann", "x"))
        (said,) = sessions.batches[-1].messages
        assert (said.first, said.time, said.previous) == (8, NOON + 6, NOON + 5)
        entered = sessions.ears["ann"].take()[1]
        assert isinstance(entered, JoinedRoom)
        assert (entered.topic.text, entered.joinedSeq, entered.replay) == ("tea", 7, None)


class TestTalk:
    """Lines, numbers and times."""

    def test_numbers(self) -> None:
        """A room numbers its lines, and time never stands still, nor goes back."""
        sessions = gathered("ann", "bob")
        for stamp in (NOON, NOON, NOON - 10, NOON + 3):
            sessions.turn(say("ann", "a", "b"), say("bob", "c"), stamp=stamp)
        said = [each for batch in sessions.batches for each in batch.messages]
        times = [each.time + n for each in said for n in range(len(each.texts))]
        assert [each.first for each in said] == [1, 3, 4, 6, 7, 9, 10, 12]
        assert times == list(range(NOON, NOON + 12))
        assert [each.previous for each in said][1:] == [
            each.time + len(each.texts) - 1 for each in said
        ][:-1]

    def test_refusedTakesNoNumber(self) -> None:
        """What is refused leaves no gap, changes nothing and keeps nothing."""
        sessions = gathered("ann")
        batch = sessions.turn(say("x", "a"), SetTopic("x", "r", "a"), enter("x"), say("x", "b"))
        assert sessions.ears["x"].reasons() == [NOT_IN_ROOM] * 3
        assert (batch.messages, batch.roomRecords) == ([], [])
        assert sessions.turn(say("ann", "c")).messages[0].first == 1

    def test_refusalNamesTheRoom(self) -> None:
        """A refusal calls a room by its name, if there is one."""
        sessions = gathered("ann")
        sessions.turn(enter("x"), say("x", "a"), say("x", "a", room="nowhere"))
        heard = sessions.ears["x"].take()[1:]
        assert [str(each.error) for each in heard if isinstance(each, ErrorReply)] == [
            "you are not in #R; /join #R first",
            "you are not in #nowhere; /join #nowhere first",
        ]

    def test_topic(self) -> None:
        """A topic is a line, and taking it away is one too."""
        sessions = gathered("ann")
        sessions.turn(SetTopic("ann", "r", "tea"))
        record = sessions.state.rooms["r"].record
        assert (record.topic, record.topicBy, record.topicTime) == ("tea", "Ann", NOON)
        batch = sessions.turn(SetTopic("ann", "r", ""))
        assert (record.topic, record.topicBy, record.seq) == ("", "", 2)
        assert [(each.kind, each.texts) for each in batch.messages] == [(TOPIC, ("",))]

    def test_replayIsBounded(self) -> None:
        """Who enters is shown the last lines, cut out of longer speeches."""
        sessions = gathered("ann")
        sessions.turn(say("ann", *map(str, range(50))))
        sessions.turn(enter("bob"), join("bob"))
        entered = sessions.ears["bob"].take()[-1]
        assert isinstance(entered, JoinedRoom)
        assert entered.replay is not None
        (said,) = entered.replay.messages
        assert said.texts == tuple(map(str, range(50 - REPLAYED_LINES, 50)))
        assert (said.first, entered.replay.until) == (31, 50)
        assert (said.time, said.index) == (NOON + 30, 30)

    def test_whisper(self) -> None:
        """Both are told, nobody else, and nothing is kept."""
        sessions = gathered("ann", "bob", "cat")
        batch = sessions.turn(SendPrivate("ann", "BOB", "bob", ME, "waves"), stamp=NOON + 1)
        for who in ("ann", "bob"):
            (heard,) = sessions.ears[who].take()
            assert isinstance(heard, PrivateMessage)
            assert (heard.nick, heard.to, heard.kind, heard.text) == ("Ann", "Bob", ME, "waves")
            assert heard.time == NOON + 1
        assert sessions.ears["cat"].take() == []
        assert (batch.messages, batch.roomRecords) == ([], [])

    def test_whisperToOneself(self) -> None:
        """Who speaks to themselves hears it once."""
        sessions = gathered("ann")
        sessions.turn(SendPrivate("ann", "ann", "ann", MESSAGE, "hm"))
        assert [type(each) for each in sessions.ears["ann"].take()] == [PrivateMessage]

    def test_whisperRefused(self) -> None:
        """Nobody is called that, or nobody speaks."""
        sessions = gathered("ann")
        sessions.turn(SendPrivate("ann", "bob", "bob", MESSAGE, "x"))
        assert sessions.ears["ann"].reasons() == [NO_PERSON]
        sessions.turn(SendPrivate("x", "ann", "ann", MESSAGE, "x"))
        assert sessions.ears["x"].reasons() == [NAME_FIRST]
        assert sessions.ears["ann"].take() == []

    def test_away(self) -> None:
        """Neighbours are told once of a change; who whispers is told each time."""
        sessions = gathered("ann", "bob")
        sessions.turn(SetAway("bob", "lunch"), SetAway("bob", "lunch"))
        assert [type(each) for each in sessions.ears["ann"].take()] == [AwayChanged]
        sessions.turn(SendPrivate("ann", "bob", "bob", MESSAGE, "x"))
        assert [type(each) for each in sessions.ears["ann"].take()] == [PrivateMessage, AwayReply]
        sessions.turn(SetAway("bob", ""))
        assert [type(each) for each in sessions.ears["ann"].take()] == [AwayChanged]


class TestQuit:
    """Leaving altogether."""

    def test_quit(self) -> None:
        """Neighbours are told once; name and places are free."""
        sessions = gathered("ann", "bob", "cat")
        sessions.turn(join("ann", "q"), join("bob", "q"), Part("cat", "r", ""))
        sessions.hush()
        sessions.turn(Quit("ann", "tea"))
        (gone,) = sessions.ears["bob"].take()
        assert isinstance(gone, UserQuit)
        assert (gone.nick, gone.reason) == ("Ann", "tea")
        assert sessions.ears["cat"].take() == sessions.ears["ann"].take() == []
        assert "ann" not in sessions.state.sessionsByNick
        assert sessions.people["ann"].rooms == {}
        assert list(sessions.state.rooms["q"].members) == ["bob"]

    @pytest.mark.parametrize(
        "event",
        [
            say("ann", "x"),
            join("ann"),
            Part("ann", "r", ""),
            Rename("ann", "zoe", "zoe"),
            SetAway("ann", "x"),
            SetTopic("ann", "r", "x"),
            SendPrivate("ann", "bob", "bob", MESSAGE, "x"),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_afterwards(self, event: Operation) -> None:
        """Nothing comes from who has left, and nobody is told of it."""
        sessions = gathered("ann", "bob")
        sessions.turn(Quit("ann", ""))
        sessions.hush()
        batch = sessions.turn(event)
        assert len(sessions.ears["ann"].reasons()) == 1
        assert sessions.ears["bob"].take() == []
        assert batch.messages == []

    def test_twice(self) -> None:
        """Who has left, or was never there, does not leave."""
        sessions = gathered("ann", "bob")
        sessions.turn(Quit("ann", ""), Quit("ann", ""), Quit("x", ""))
        assert len(sessions.ears["bob"].take()) == 1
        assert sessions.ears["x"].take() == []

    def test_lastWords(self) -> None:
        """What somebody said in their last turn is told."""
        sessions = gathered("ann", "bob")
        sessions.turn(say("ann", "bye"), Quit("ann", ""))
        assert [type(each) for each in sessions.ears["bob"].take()] == [RoomMessages, UserQuit]
