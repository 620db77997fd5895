"""Tests for L{tsservices.chat.controller}."""

from __future__ import annotations

import pytest

from tests.support.chat import ChatHarness, kindNames, kinds, only
from tsservices.chat import errors
from tsservices.chat.handlers.membership import LOBBY
from tsservices.chat.notifications import (
    HistoryReplay,
    JoinedRoom,
    Notice,
    ResumeToken,
    RoomMessages,
    Topic,
    Welcome,
)
from tsservices.chat.operations import ME, MESSAGE
from tsservices.chat.records import RoomRecord
from tsservices.chat.storage import HISTORY_PAGE
from tsservices.common.limits import Limits


class TestEntering:
    def test_bareNameEntersTheLobby(self, chat: ChatHarness) -> None:
        ann = chat.connect()
        heard = ann.say("Ann")
        assert kinds(heard) == [Welcome, ResumeToken, JoinedRoom]
        assert ann.controller.current == LOBBY

    def test_nickCommandJoinsNoRoom(self, chat: ChatHarness) -> None:
        ann = chat.connect()
        assert kinds(ann.say("/nick Ann")) == [Welcome, ResumeToken]
        assert ann.session.rooms == {}
        ann.type("hello")
        assert ann.errorCodes() == [errors.NOWHERE]

    def test_badOrTakenNameIsRejectedAtOnce(self, chat: ChatHarness) -> None:
        chat.join("bob")
        ann = chat.connect()
        ann.type("p\N{CYRILLIC SMALL LETTER A}ypal", "BOB")
        assert ann.errorCodes() == [errors.NAME_SCRIPTS, errors.NICK_TAKEN]
        assert not ann.controller.busy
        ann.say("ann")
        assert ann.controller.current == LOBBY

    def test_sameNameInOneTick(self, chat: ChatHarness) -> None:
        one, other = chat.connect(), chat.connect()
        one.type("ann")
        other.type("ann")
        chat.tick()
        assert one.controller.entered
        assert other.errorCodes() == [errors.NICK_TAKEN]
        assert not other.controller.entered
        assert not other.controller.busy
        other.say("eve")
        assert other.controller.current == LOBBY

    def test_lobbyIsFull(self) -> None:
        chat = ChatHarness(Limits(maxRooms=1))
        chat.join("bob", "tea")
        ann = chat.connect()
        ann.say("ann")
        assert ann.controller.entered
        assert ann.controller.current == ""


class TestOrder:
    def test_messagesDoNotWaitForStorage(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann"), chat.join("bob")
        chat.storage.slow = True
        for text in "123":
            ann.type(text, "/me " + text)
            chat.tick()
            assert not ann.controller.busy
        assert ann.session.pending == 6
        assert bob.texts() == []
        chat.finishStoring()
        assert bob.texts() == ["1", "1", "2", "2", "3", "3"]

    def test_commandsWaitForMessages(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        chat.storage.slow = True
        ann.type("/topic tea", "/topic")
        chat.tick()
        assert ann.controller.busy
        assert kindNames(ann.heard()) == []
        chat.finishStoring()
        heard = ann.heard()
        assert kinds(heard) == [RoomMessages, Topic]
        assert isinstance(heard[1], Topic)
        assert heard[1].text == "tea"
        assert not ann.controller.busy

    def test_messagesWaitForCommands(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        chat.storage.slow = True
        ann.type("/topic tea")
        chat.tick()
        assert ann.controller.busy
        chat.finishStoring()
        assert not ann.controller.busy

    def test_othersDoNotWait(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann"), chat.join("bob")
        chat.storage.slow = True
        ann.type("x")
        chat.tick()
        chat.clear()
        bob.type("/who")
        assert kindNames(bob.heard()) == ["MemberList"]

    def test_topicIsStoredBeforeAnybodySeesIt(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann"), chat.join("bob")
        ann.say("/topic tea")
        chat.clear()
        chat.storage.slow = True
        ann.type("/topic coffee")
        chat.tick()
        bob.type("/topic", "/rooms")
        topic, rooms = bob.heard()
        assert isinstance(topic, Topic)
        assert topic.text == "tea"
        assert getattr(rooms, "rooms", None) == [("lobby", 2, "tea")]

    def test_queuedCommandIsRejected(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        chat.storage.slow = True
        ann.type("x", "/who nowhere")
        chat.tick()
        assert ann.errorCodes() == []
        chat.finishStoring()
        assert len(ann.errorCodes()) == 1

    def test_currentRoom(self, chat: ChatHarness) -> None:
        ann = chat.join("ann", "tea", "coffee", "milk")
        current = [ann.controller.current]
        for command in ("/join tea", "/part milk", "/part tea", "/part"):
            ann.say(command)
            current.append(ann.controller.current)
        assert current == ["milk", "tea", "tea", "coffee", ""]
        ann.type("x")
        assert ann.errorCodes() == [errors.NOWHERE]


class TestSaying:
    def test_messageNeedsNick(self, chat: ChatHarness) -> None:
        with pytest.raises(errors.ChatError) as caught:
            chat.connect().controller.say(("x",))
        assert caught.value.code is errors.NAME_FIRST

    def test_messageNeedsMembership(self, chat: ChatHarness) -> None:
        chat.join("bob", "tea")
        ann = chat.join("ann")
        with pytest.raises(errors.ChatError) as caught:
            ann.controller.sayIn("tea", ("x",), ME)
        assert caught.value == errors.ChatError(errors.NOT_IN_ROOM, room="#tea")

    def test_trouble(self, chat: ChatHarness) -> None:
        """While nothing can be stored no message is taken: it would wait without a bound."""
        ann, bob = chat.join("ann"), chat.join("bob")
        chat.storage.trouble = errors.ChatError(errors.NOT_STORED, reason="the disk is full")
        ann.type("x", "/me x", "/topic x", "/msg #lobby x")
        assert ann.errorCodes() == [errors.NOT_STORED] * 4
        ann.type("/msg bob psst")
        assert bob.heard() == []
        assert ann.errorCodes() == [errors.NOT_STORED]
        chat.storage.trouble = None
        ann.controller.sayIn("lobby", ("a", "b"), MESSAGE)
        chat.tick()
        assert bob.texts() == ["a", "b"]


class TestJoining:
    def test_joinAgainTurnsToTheRoom(self, chat: ChatHarness) -> None:
        ann = chat.join("ann", "tea", "coffee")
        only(Notice, ann.say("/join #TEA"))
        assert ann.controller.current == "tea"

    def test_rejectedJoinChangesNothing(self) -> None:
        chat = ChatHarness(Limits(roomsEach=1))
        ann = chat.join("ann", "tea")
        ann.type("/join coffee")
        assert ann.errorCodes() == [errors.ROOMS_EACH]
        assert ann.controller.current == "tea"

    def test_emptyRoomIsPreloaded(self, chat: ChatHarness) -> None:
        ann = chat.join("ann", "tea")
        ann.say("x", "/part")
        chat.storage.slowReads = True
        ann.type("/join tea")
        assert ann.controller.busy
        chat.tick()
        assert kindNames(ann.heard()) == []
        chat.finishReading()
        entered = only(JoinedRoom, ann.heard())
        assert entered.replay is not None
        assert [item.texts for item in entered.replay.messages] == [("x",)]
        assert not ann.controller.busy

    def test_preloadFails(self, chat: ChatHarness) -> None:
        ann = chat.join("ann", "tea")
        ann.say("x", "/part")
        chat.storage.failure = errors.ChatError(errors.READ_FAILED)
        ann.type("/join tea")
        chat.tick()
        assert errors.READ_FAILED in ann.errorCodes()

    def test_partDuringPreload(self, chat: ChatHarness) -> None:
        ann = chat.join("ann", "tea")
        ann.say("x", "/part")
        chat.storage.slowReads = True
        ann.type("/join tea")
        ann.controller.quit("")
        chat.finishReading()
        assert chat.context.state.rooms["tea"].members == {}
        assert chat.context.state.sessionsByNick == {}

    def test_lastMemberLeavesDuringPreload(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann", "tea"), chat.join("bob", "coffee")
        ann.say("x")
        chat.clear()
        ann.type("/part")
        bob.type("/join tea")
        chat.tick()
        entered = only(JoinedRoom, bob.heard())
        assert entered.replay is not None
        assert [item.texts for item in entered.replay.messages] == [("x",)]


class TestReplay:
    def test_liveMessagesWaitForReplay(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann"), chat.join("bob")
        for number in range(HISTORY_PAGE + 1):
            bob.say(str(number))
        chat.clear()
        ann.type("/since 0")
        assert ann.outputBlocked
        assert ann.controller.busy
        only(HistoryReplay, ann.heard())
        ann.continueOutput()
        assert ann.outputBlocked
        only(HistoryReplay, ann.heard())
        ann.continueOutput()
        assert not ann.outputBlocked
        assert not ann.controller.busy

    def test_quitDuringReplay(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        ann.say("x")
        chat.storage.slowReads = True
        ann.type("/since 0")
        ann.controller.quit("")
        chat.finishReading()
        assert ann.heard() == []

    def test_readingFails(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        ann.say("x")
        chat.storage.failure = errors.ChatError(errors.NOT_STORED, reason="x")
        ann.type("/since 0")
        assert ann.errorCodes() == [errors.NOT_STORED]
        ann.continueOutput()
        assert not ann.outputBlocked
        assert not ann.controller.busy


class TestQuit:
    def test_quit(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann"), chat.join("bob")
        chat.storage.slow = True
        ann.type("x", "/who")
        chat.tick()
        ann.controller.quit("tea")
        ann.controller.quit("again")
        chat.tick()
        chat.finishStoring()
        assert kindNames(ann.heard()) == []
        assert kindNames(bob.heard()) == ["RoomMessages", "UserQuit"]
        assert set(chat.context.state.sessionsByNick) == {"bob"}

    def test_quitWhileNickIsPending(self, chat: ChatHarness) -> None:
        ann = chat.connect()
        ann.type("ann")
        ann.controller.quit("")
        chat.tick()
        assert not chat.context.state.sessionsByNick
        assert not chat.context.state.sessions

    def test_strangerQuits(self, chat: ChatHarness) -> None:
        ann = chat.connect()
        ann.controller.quit("")
        assert ann.session.pending == 0

    def test_storedRoomsGoOn(self) -> None:
        chat = ChatHarness(records=[RoomRecord("tea", "Tea", 5)])
        ann = chat.join("ann", "tea")
        ann.controller.session.wantsEcho = True
        message = only(RoomMessages, ann.say("x"))
        assert (message.first, message.roomName) == (6, "Tea")
