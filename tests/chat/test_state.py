"""Tests for L{tsservices.chat.state}."""

from __future__ import annotations

import pytest

from tests.support.chat import NOON, StateHarness, kinds, only
from tsservices.chat import errors
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


def gathered(*names: str, limits: Limits | None = None) -> StateHarness:
    chat = StateHarness(limits)
    for name in names:
        chat.tick(enter(name), join(name))
    chat.clear()
    return chat


class TestNames:
    def test_firstHolderKeepsNick(self) -> None:
        chat = StateHarness()
        chat.tick(enter("ann"), Enter("b", "ANN", "ann"))
        entered = chat.heard("ann")
        assert kinds(entered) == [Welcome]
        assert chat.errorCodes("b") == [errors.NICK_TAKEN]
        assert chat.sessions["b"].nick == ""
        chat.tick(join("b"))
        assert chat.errorCodes("b") == [errors.NAME_FIRST]

    def test_secondEnterRenames(self) -> None:
        chat = gathered("bob")
        chat.tick(enter("ann"), join("ann"), Enter("ann", "Eve", "eve"))
        assert set(chat.state.sessionsByNick) == {"bob", "eve"}
        assert chat.sessions["ann"].nick == "Eve"
        assert kinds(chat.heard("bob")) == [UserJoined, NickChanged]
        chat.tick(Quit("ann", ""))
        assert set(chat.state.sessionsByNick) == {"bob"}

    def test_rename(self) -> None:
        chat = gathered("ann", "bob", "cat")
        chat.tick(join("ann", "q"), join("bob", "q"), Part("cat", "r", ""))
        chat.clear()
        chat.tick(Rename("ann", "Eve", "eve"))
        for ident, count in (("ann", 1), ("bob", 1), ("cat", 0)):
            assert len(chat.heard(ident)) == count
        chat.tick(Rename("cat", "ann", "ann"))
        assert chat.errorCodes("cat") == []

    def test_renameRejected(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(Rename("ann", "bob", "bob"), Rename("x", "zoe", "zoe"))
        assert chat.errorCodes("ann") == [errors.NICK_TAKEN]
        assert chat.errorCodes("x") == [errors.NAME_FIRST]
        assert chat.sessions["ann"].nick == "Ann"

    def test_renameCase(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(Rename("ann", "ANN", "ann"))
        assert kinds(chat.heard("bob")) == [NickChanged]
        chat.tick(Rename("ann", "ANN", "ann"))
        assert chat.heard("bob") == []
        assert chat.state.sessionsByNick["ann"] == (chat.sessions["ann"],)


class TestRooms:
    def test_join(self) -> None:
        chat = gathered("ann")
        chat.tick(say("ann", "x"), SetTopic("ann", "r", "tea"))
        chat.clear()
        chat.tick(enter("bob"), Join("bob", "R", "r"))
        entered = only(JoinedRoom, chat.heard("bob")[1:])
        assert (entered.roomName, entered.nicks, entered.memberCount) == ("R", ["Ann", "Bob"], 2)
        assert (entered.joinedSeq, entered.topic.text, entered.nick) == (2, "tea", "Bob")
        assert entered.replay is not None
        assert [item.kind for item in entered.replay.messages] == [MESSAGE, TOPIC]
        joined = only(UserJoined, chat.heard("ann"))
        assert joined.nick == "Bob"

    def test_joinTwice(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(join("ann"), join("ann"))
        assert chat.heard("bob") == []

    def test_namesAreBounded(self) -> None:
        chat = gathered(*(f"p{number}" for number in range(NAMES_SHOWN + 1)))
        chat.tick(enter("late"), join("late"))
        entered = only(JoinedRoom, chat.heard("late")[-1:])
        assert (len(entered.nicks), entered.memberCount) == (NAMES_SHOWN, NAMES_SHOWN + 2)

    def test_roomLimits(self) -> None:
        chat = gathered("ann", "bob", limits=Limits(roomsEach=2, maxRooms=3))
        chat.tick(join("ann", "a"), join("ann", "b"))
        assert chat.errorCodes("ann") == [errors.ROOMS_EACH]
        chat.tick(enter("cat"), join("cat", "b"), join("bob", "c"))
        assert chat.errorCodes("bob") == [errors.ROOMS_ALL]
        chat.tick(join("bob", "a"))
        assert chat.errorCodes("bob") == []

    def test_part(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(Part("ann", "r", "tea"), say("ann", "x"), say("bob", "y"))
        left = only(UserLeft, chat.heard("bob"))
        assert (left.nick, left.reason) == ("Ann", "tea")
        heard = chat.heard("ann")
        assert isinstance(heard[0], LeftRoom)
        assert len(heard) == 2
        chat.tick(Part("ann", "r", ""))
        assert chat.errorCodes("ann") == [errors.NOT_IN_ROOM]

    def test_emptyRooms(self) -> None:
        chat = gathered("ann")
        chat.tick(join("ann", "q"), say("ann", "x"))
        chat.tick(Part("ann", "r", ""), Part("ann", "q", ""))
        assert set(chat.state.rooms) == {"r"}
        assert chat.state.rooms["r"].replay() is None

    def test_joinInTurnOfLastPart(self) -> None:
        chat = gathered("ann")
        chat.tick(say("ann", "x"))
        chat.tick(enter("bob"), Part("ann", "r", ""), join("bob"))
        entered = only(JoinedRoom, chat.heard("bob")[-1:])
        assert entered.replay is not None
        assert [item.texts for item in entered.replay.messages] == [("x",)]
        assert chat.state.rooms["r"].replay() is not None

    def test_storedRoom(self) -> None:
        chat = StateHarness(records=[RoomRecord("r", "R", 7, NOON + 5, "tea", "eve", NOON)])
        chat.tick(enter("ann"), join("ann"), say("ann", "x"))
        (message,) = chat.batches[-1].messages
        assert (message.first, message.time, message.previous) == (8, NOON + 6, NOON + 5)
        entered = only(JoinedRoom, chat.heard("ann")[1:2])
        assert (entered.topic.text, entered.joinedSeq, entered.replay) == ("tea", 7, None)


class TestTalk:
    def test_numbersAndTimes(self) -> None:
        chat = gathered("ann", "bob")
        for stamp in (NOON, NOON, NOON - 10, NOON + 3):
            chat.tick(say("ann", "a", "b"), say("bob", "c"), stamp=stamp)
        messages = [item for batch in chat.batches for item in batch.messages]
        times = [item.time + n for item in messages for n in range(len(item.texts))]
        assert [item.first for item in messages] == [1, 3, 4, 6, 7, 9, 10, 12]
        assert times == list(range(NOON, NOON + 12))
        assert [item.previous for item in messages][1:] == [
            item.time + len(item.texts) - 1 for item in messages
        ][:-1]

    def test_rejectedTakesNoNumber(self) -> None:
        chat = gathered("ann")
        batch = chat.tick(say("x", "a"), SetTopic("x", "r", "a"), enter("x"), say("x", "b"))
        assert chat.errorCodes("x") == [errors.NOT_IN_ROOM] * 3
        assert (batch.messages, batch.roomRecords) == ([], [])
        assert chat.tick(say("ann", "c")).messages[0].first == 1

    def test_errorNamesRoom(self) -> None:
        chat = gathered("ann")
        chat.tick(enter("x"), say("x", "a"), say("x", "a", room="nowhere"))
        heard = chat.heard("x")[1:]
        assert [str(item.error) for item in heard if isinstance(item, ErrorReply)] == [
            "you are not in #R; /join #R first",
            "you are not in #nowhere; /join #nowhere first",
        ]

    def test_topic(self) -> None:
        chat = gathered("ann")
        chat.tick(SetTopic("ann", "r", "tea"))
        record = chat.state.rooms["r"].record
        assert (record.topic, record.topicBy, record.topicTime) == ("tea", "Ann", NOON)
        batch = chat.tick(SetTopic("ann", "r", ""))
        assert (record.topic, record.topicBy, record.seq) == ("", "", 2)
        assert [(item.kind, item.texts) for item in batch.messages] == [(TOPIC, ("",))]

    def test_replayIsBounded(self) -> None:
        chat = gathered("ann")
        chat.tick(say("ann", *map(str, range(50))))
        chat.tick(enter("bob"), join("bob"))
        entered = only(JoinedRoom, chat.heard("bob")[-1:])
        assert entered.replay is not None
        (message,) = entered.replay.messages
        assert message.texts == tuple(map(str, range(50 - REPLAYED_LINES, 50)))
        assert (message.first, entered.replay.until) == (31, 50)
        assert (message.time, message.index) == (NOON + 30, 30)

    def test_privateMessage(self) -> None:
        chat = gathered("ann", "bob", "cat")
        batch = chat.tick(SendPrivate("ann", "BOB", "bob", ME, "waves"), stamp=NOON + 1)
        for ident in ("ann", "bob"):
            heard = only(PrivateMessage, chat.heard(ident))
            assert (heard.nick, heard.to, heard.kind, heard.text) == ("Ann", "Bob", ME, "waves")
            assert heard.time == NOON + 1
        assert chat.heard("cat") == []
        assert (batch.messages, batch.roomRecords) == ([], [])

    def test_privateMessageToOneself(self) -> None:
        chat = gathered("ann")
        chat.tick(SendPrivate("ann", "ann", "ann", MESSAGE, "hm"))
        assert kinds(chat.heard("ann")) == [PrivateMessage]

    def test_privateMessageRejected(self) -> None:
        chat = gathered("ann")
        chat.tick(SendPrivate("ann", "bob", "bob", MESSAGE, "x"))
        assert chat.errorCodes("ann") == [errors.NO_PERSON]
        chat.tick(SendPrivate("x", "ann", "ann", MESSAGE, "x"))
        assert chat.errorCodes("x") == [errors.NAME_FIRST]
        assert chat.heard("ann") == []

    def test_away(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(SetAway("bob", "lunch"), SetAway("bob", "lunch"))
        assert kinds(chat.heard("ann")) == [AwayChanged]
        chat.tick(SendPrivate("ann", "bob", "bob", MESSAGE, "x"))
        assert kinds(chat.heard("ann")) == [PrivateMessage, AwayReply]
        chat.tick(SetAway("bob", ""))
        assert kinds(chat.heard("ann")) == [AwayChanged]


class TestQuit:
    def test_quit(self) -> None:
        chat = gathered("ann", "bob", "cat")
        chat.tick(join("ann", "q"), join("bob", "q"), Part("cat", "r", ""))
        chat.clear()
        chat.tick(Quit("ann", "tea"))
        gone = only(UserQuit, chat.heard("bob"))
        assert (gone.nick, gone.reason) == ("Ann", "tea")
        assert chat.heard("cat") == chat.heard("ann") == []
        assert "ann" not in chat.state.sessionsByNick
        assert chat.sessions["ann"].rooms == {}
        assert list(chat.state.rooms["q"].members) == ["bob"]

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
        chat = gathered("ann", "bob")
        chat.tick(Quit("ann", ""))
        chat.clear()
        batch = chat.tick(event)
        assert len(chat.errorCodes("ann")) == 1
        assert chat.heard("bob") == []
        assert batch.messages == []

    def test_quitTwice(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(Quit("ann", ""), Quit("ann", ""), Quit("x", ""))
        assert len(chat.heard("bob")) == 1
        assert chat.heard("x") == []

    def test_linesOfLastTurn(self) -> None:
        chat = gathered("ann", "bob")
        chat.tick(say("ann", "bye"), Quit("ann", ""))
        assert kinds(chat.heard("bob")) == [RoomMessages, UserQuit]
