"""Tests for L{tsservices.chat.state}."""

from __future__ import annotations

import pytest

from tests.support.chat import NOON, Sessions, only
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


def enter(ident: str) -> Enter:
    return Enter(ident, ident.title(), ident)


def join(ident: str, room: str = "r") -> Join:
    return Join(ident, room.title(), room)


def say(ident: str, *texts: str, room: str = "r") -> Say:
    return Say(ident, room, MESSAGE, texts)


def gathered(*names: str, limits: Limits | None = None) -> Sessions:
    sessions = Sessions(limits)
    for name in names:
        sessions.turn(enter(name), join(name))
    sessions.hush()
    return sessions


class TestNames:
    def test_firstHolderKeepsNick(self) -> None:
        sessions = Sessions()
        sessions.turn(enter("ann"), Enter("b", "ANN", "ann"))
        entered = sessions.ears["ann"].take()
        assert [type(item) for item in entered] == [Welcome]
        assert sessions.ears["b"].reasons() == [NICK_TAKEN]
        assert sessions.people["b"].nick == ""
        sessions.turn(join("b"))
        assert sessions.ears["b"].reasons() == [NAME_FIRST]

    def test_secondEnterRenames(self) -> None:
        sessions = gathered("bob")
        sessions.turn(enter("ann"), join("ann"), Enter("ann", "Eve", "eve"))
        assert set(sessions.state.sessionsByNick) == {"bob", "eve"}
        assert sessions.people["ann"].nick == "Eve"
        assert [type(item) for item in sessions.ears["bob"].take()] == [UserJoined, NickChanged]
        sessions.turn(Quit("ann", ""))
        assert set(sessions.state.sessionsByNick) == {"bob"}

    def test_rename(self) -> None:
        sessions = gathered("ann", "bob", "cat")
        sessions.turn(join("ann", "q"), join("bob", "q"), Part("cat", "r", ""))
        sessions.hush()
        sessions.turn(Rename("ann", "Eve", "eve"))
        for ident, count in (("ann", 1), ("bob", 1), ("cat", 0)):
            assert len(sessions.ears[ident].take()) == count
        sessions.turn(Rename("cat", "ann", "ann"))
        assert sessions.ears["cat"].reasons() == []

    def test_renameRejected(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Rename("ann", "bob", "bob"), Rename("x", "zoe", "zoe"))
        assert sessions.ears["ann"].reasons() == [NICK_TAKEN]
        assert sessions.ears["x"].reasons() == [NAME_FIRST]
        assert sessions.people["ann"].nick == "Ann"

    def test_renameCase(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Rename("ann", "ANN", "ann"))
        assert [type(item) for item in sessions.ears["bob"].take()] == [NickChanged]
        sessions.turn(Rename("ann", "ANN", "ann"))
        assert sessions.ears["bob"].take() == []
        assert sessions.state.sessionsByNick["ann"] == (sessions.people["ann"],)


class TestRooms:
    def test_join(self) -> None:
        sessions = gathered("ann")
        sessions.turn(say("ann", "x"), SetTopic("ann", "r", "tea"))
        sessions.hush()
        sessions.turn(enter("bob"), Join("bob", "R", "r"))
        entered = only(JoinedRoom, sessions.ears["bob"].take()[1:])
        assert (entered.roomName, entered.nicks, entered.memberCount) == ("R", ["Ann", "Bob"], 2)
        assert (entered.joinedSeq, entered.topic.text, entered.nick) == (2, "tea", "Bob")
        assert entered.replay is not None
        assert [item.kind for item in entered.replay.messages] == [MESSAGE, TOPIC]
        joined = only(UserJoined, sessions.ears["ann"].take())
        assert joined.nick == "Bob"

    def test_joinTwice(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(join("ann"), join("ann"))
        assert sessions.ears["bob"].take() == []

    def test_namesAreBounded(self) -> None:
        sessions = gathered(*(f"p{number}" for number in range(NAMES_SHOWN + 1)))
        sessions.turn(enter("late"), join("late"))
        entered = only(JoinedRoom, sessions.ears["late"].take()[-1:])
        assert (len(entered.nicks), entered.memberCount) == (NAMES_SHOWN, NAMES_SHOWN + 2)

    def test_roomLimits(self) -> None:
        sessions = gathered("ann", "bob", limits=Limits(roomsEach=2, maxRooms=3))
        sessions.turn(join("ann", "a"), join("ann", "b"))
        assert sessions.ears["ann"].reasons() == [ROOMS_EACH]
        sessions.turn(enter("cat"), join("cat", "b"), join("bob", "c"))
        assert sessions.ears["bob"].reasons() == [ROOMS_ALL]
        sessions.turn(join("bob", "a"))
        assert sessions.ears["bob"].reasons() == []

    def test_part(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Part("ann", "r", "tea"), say("ann", "x"), say("bob", "y"))
        left = only(UserLeft, sessions.ears["bob"].take())
        assert (left.nick, left.reason) == ("Ann", "tea")
        heard = sessions.ears["ann"].take()
        assert isinstance(heard[0], LeftRoom)
        assert len(heard) == 2
        sessions.turn(Part("ann", "r", ""))
        assert sessions.ears["ann"].reasons() == [NOT_IN_ROOM]

    def test_emptyRooms(self) -> None:
        sessions = gathered("ann")
        sessions.turn(join("ann", "q"), say("ann", "x"))
        sessions.turn(Part("ann", "r", ""), Part("ann", "q", ""))
        assert set(sessions.state.rooms) == {"r"}
        assert sessions.state.rooms["r"].replay() is None

    def test_joinInTurnOfLastPart(self) -> None:
        sessions = gathered("ann")
        sessions.turn(say("ann", "x"))
        sessions.turn(enter("bob"), Part("ann", "r", ""), join("bob"))
        entered = only(JoinedRoom, sessions.ears["bob"].take()[-1:])
        assert entered.replay is not None
        assert [item.texts for item in entered.replay.messages] == [("x",)]
        assert sessions.state.rooms["r"].replay() is not None

    def test_storedRoom(self) -> None:
        sessions = Sessions(records=[RoomRecord("r", "R", 7, NOON + 5, "tea", "eve", NOON)])
        sessions.turn(enter("ann"), join("ann"), say("ann", "x"))
        (said,) = sessions.batches[-1].messages
        assert (said.first, said.time, said.previous) == (8, NOON + 6, NOON + 5)
        entered = only(JoinedRoom, sessions.ears["ann"].take()[1:2])
        assert (entered.topic.text, entered.joinedSeq, entered.replay) == ("tea", 7, None)


class TestTalk:
    def test_numbersAndTimes(self) -> None:
        sessions = gathered("ann", "bob")
        for stamp in (NOON, NOON, NOON - 10, NOON + 3):
            sessions.turn(say("ann", "a", "b"), say("bob", "c"), stamp=stamp)
        said = [item for batch in sessions.batches for item in batch.messages]
        times = [item.time + n for item in said for n in range(len(item.texts))]
        assert [item.first for item in said] == [1, 3, 4, 6, 7, 9, 10, 12]
        assert times == list(range(NOON, NOON + 12))
        assert [item.previous for item in said][1:] == [
            item.time + len(item.texts) - 1 for item in said
        ][:-1]

    def test_rejectedTakesNoNumber(self) -> None:
        sessions = gathered("ann")
        batch = sessions.turn(say("x", "a"), SetTopic("x", "r", "a"), enter("x"), say("x", "b"))
        assert sessions.ears["x"].reasons() == [NOT_IN_ROOM] * 3
        assert (batch.messages, batch.roomRecords) == ([], [])
        assert sessions.turn(say("ann", "c")).messages[0].first == 1

    def test_errorNamesRoom(self) -> None:
        sessions = gathered("ann")
        sessions.turn(enter("x"), say("x", "a"), say("x", "a", room="nowhere"))
        heard = sessions.ears["x"].take()[1:]
        assert [str(item.error) for item in heard if isinstance(item, ErrorReply)] == [
            "you are not in #R; /join #R first",
            "you are not in #nowhere; /join #nowhere first",
        ]

    def test_topic(self) -> None:
        sessions = gathered("ann")
        sessions.turn(SetTopic("ann", "r", "tea"))
        record = sessions.state.rooms["r"].record
        assert (record.topic, record.topicBy, record.topicTime) == ("tea", "Ann", NOON)
        batch = sessions.turn(SetTopic("ann", "r", ""))
        assert (record.topic, record.topicBy, record.seq) == ("", "", 2)
        assert [(item.kind, item.texts) for item in batch.messages] == [(TOPIC, ("",))]

    def test_replayIsBounded(self) -> None:
        sessions = gathered("ann")
        sessions.turn(say("ann", *map(str, range(50))))
        sessions.turn(enter("bob"), join("bob"))
        entered = only(JoinedRoom, sessions.ears["bob"].take()[-1:])
        assert entered.replay is not None
        (said,) = entered.replay.messages
        assert said.texts == tuple(map(str, range(50 - REPLAYED_LINES, 50)))
        assert (said.first, entered.replay.until) == (31, 50)
        assert (said.time, said.index) == (NOON + 30, 30)

    def test_privateMessage(self) -> None:
        sessions = gathered("ann", "bob", "cat")
        batch = sessions.turn(SendPrivate("ann", "BOB", "bob", ME, "waves"), stamp=NOON + 1)
        for ident in ("ann", "bob"):
            heard = only(PrivateMessage, sessions.ears[ident].take())
            assert (heard.nick, heard.to, heard.kind, heard.text) == ("Ann", "Bob", ME, "waves")
            assert heard.time == NOON + 1
        assert sessions.ears["cat"].take() == []
        assert (batch.messages, batch.roomRecords) == ([], [])

    def test_privateMessageToOneself(self) -> None:
        sessions = gathered("ann")
        sessions.turn(SendPrivate("ann", "ann", "ann", MESSAGE, "hm"))
        assert [type(item) for item in sessions.ears["ann"].take()] == [PrivateMessage]

    def test_privateMessageRejected(self) -> None:
        sessions = gathered("ann")
        sessions.turn(SendPrivate("ann", "bob", "bob", MESSAGE, "x"))
        assert sessions.ears["ann"].reasons() == [NO_PERSON]
        sessions.turn(SendPrivate("x", "ann", "ann", MESSAGE, "x"))
        assert sessions.ears["x"].reasons() == [NAME_FIRST]
        assert sessions.ears["ann"].take() == []

    def test_away(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(SetAway("bob", "lunch"), SetAway("bob", "lunch"))
        assert [type(item) for item in sessions.ears["ann"].take()] == [AwayChanged]
        sessions.turn(SendPrivate("ann", "bob", "bob", MESSAGE, "x"))
        assert [type(item) for item in sessions.ears["ann"].take()] == [PrivateMessage, AwayReply]
        sessions.turn(SetAway("bob", ""))
        assert [type(item) for item in sessions.ears["ann"].take()] == [AwayChanged]


class TestQuit:
    def test_quit(self) -> None:
        sessions = gathered("ann", "bob", "cat")
        sessions.turn(join("ann", "q"), join("bob", "q"), Part("cat", "r", ""))
        sessions.hush()
        sessions.turn(Quit("ann", "tea"))
        gone = only(UserQuit, sessions.ears["bob"].take())
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
    def test_nothingAfterQuit(self, event: Operation) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Quit("ann", ""))
        sessions.hush()
        batch = sessions.turn(event)
        assert len(sessions.ears["ann"].reasons()) == 1
        assert sessions.ears["bob"].take() == []
        assert batch.messages == []

    def test_quitTwice(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(Quit("ann", ""), Quit("ann", ""), Quit("x", ""))
        assert len(sessions.ears["bob"].take()) == 1
        assert sessions.ears["x"].take() == []

    def test_linesOfLastTurn(self) -> None:
        sessions = gathered("ann", "bob")
        sessions.turn(say("ann", "bye"), Quit("ann", ""))
        assert [type(item) for item in sessions.ears["bob"].take()] == [RoomMessages, UserQuit]
