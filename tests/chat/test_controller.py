"""
Tests for L{tsservices.chat.controller}.
"""

from __future__ import annotations

import pytest

from tests.support.chat import Person, Town
from tsservices.chat.errors import (
    NAME_FIRST,
    NAME_SCRIPTS,
    NICK_TAKEN,
    NOT_IN_ROOM,
    NOT_STORED,
    NOWHERE,
    READ_FAILED,
    ROOMS_EACH,
    ChatError,
)
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


def kinds(person: Person) -> list[str]:
    return [type(each).__name__ for each in person.take()]


class TestEntering:
    """The first line."""

    def test_introduce(self) -> None:
        """A bare name enters, and lands in the lobby."""
        town = Town()
        ann = town.stranger()
        heard = ann.do("Ann")
        assert [type(each) for each in heard] == [Welcome, ResumeToken, JoinedRoom]
        assert ann.conversation.current == LOBBY

    def test_command(self) -> None:
        """Who enters by command is in no room unasked."""
        town = Town()
        ann = town.stranger()
        assert [type(each) for each in ann.do("/nick Ann")] == [Welcome, ResumeToken]
        assert ann.session.rooms == {}
        ann.type("hello")
        assert ann.reasons() == [NOWHERE]

    def test_refused(self) -> None:
        """
        A name that can't be one, or that somebody has, is refused at once; another one
        may be said.
        """
        town = Town()
        town.person("bob")
        ann = town.stranger()
        ann.type("p\N{CYRILLIC SMALL LETTER A}ypal", "BOB")
        assert ann.reasons() == [NAME_SCRIPTS, NICK_TAKEN]
        assert not ann.conversation.busy
        ann.do("ann")
        assert ann.conversation.current == LOBBY

    def test_tooLate(self) -> None:
        """Of two who say a name in the same turn one has it, and the other stays outside."""
        town = Town()
        one, other = town.stranger(), town.stranger()
        one.type("ann")
        other.type("ann")
        town.turn()
        assert one.conversation.entered
        assert other.reasons() == [NICK_TAKEN]
        assert not other.conversation.entered
        assert not other.conversation.busy
        other.do("eve")
        assert other.conversation.current == LOBBY

    def test_lobbyIsFull(self) -> None:
        """Who can't enter the lobby has a name all the same, and is told."""
        town = Town(Limits(maxRooms=1))
        town.person("bob", "tea")
        ann = town.stranger()
        ann.do("ann")
        assert ann.conversation.entered
        assert ann.conversation.current == ""


class TestOrder:
    """A session is a queue."""

    def test_talkPipelines(self) -> None:
        """Talk does not wait for what was said before to be stored."""
        town = Town()
        ann, bob = town.person("ann"), town.person("bob")
        town.hush()
        town.journal.slow = True
        for text in "123":
            ann.type(text, "/me " + text)
            town.turn()
            assert not ann.conversation.busy
        assert ann.session.pending == 6
        assert bob.lines() == []
        town.journal.keep()
        town.turn()
        assert bob.lines() == ["1", "1", "2", "2", "3", "3"]

    def test_commandsWait(self) -> None:
        """
        A command that looks at the state waits for what was said before, and what comes
        after waits for it.
        """
        town = Town()
        ann = town.person("ann")
        town.journal.slow = True
        ann.type("/topic tea", "/topic")
        town.turn()
        assert ann.conversation.busy
        assert kinds(ann) == []
        town.journal.keep()
        town.turn()
        heard = ann.take()
        assert [type(each) for each in heard] == [RoomMessages, Topic]
        assert isinstance(heard[1], Topic)
        assert heard[1].text == "tea"
        assert not ann.conversation.busy

    def test_talkWaitsForCommands(self) -> None:
        """Talk waits for what a command before it has changed, even whether one may."""
        town = Town()
        ann = town.person("ann")
        town.journal.slow = True
        ann.type("/topic tea")
        town.turn()
        assert ann.conversation.busy
        town.journal.keep()
        town.turn()
        assert not ann.conversation.busy

    def test_othersDoNotWait(self) -> None:
        """What one person has outstanding holds nobody else up."""
        town = Town()
        ann, bob = town.person("ann"), town.person("bob")
        town.journal.slow = True
        ann.type("x")
        town.turn()
        town.hush()
        bob.type("/who")
        assert kinds(bob) == ["MemberList"]

    def test_topicIsStoredFirst(self) -> None:
        """Nobody is told of a topic that a crash could take back, whichever way they ask."""
        town = Town()
        ann, bob = town.person("ann"), town.person("bob")
        ann.do("/topic tea")
        town.hush()
        town.journal.slow = True
        ann.type("/topic coffee")
        town.turn()
        bob.type("/topic", "/rooms")
        topic, rooms = bob.take()
        assert isinstance(topic, Topic)
        assert topic.text == "tea"
        assert getattr(rooms, "rooms", None) == [("lobby", 2, "tea")]

    def test_refusedLater(self) -> None:
        """What a queued command refuses its person is told."""
        town = Town()
        ann = town.person("ann")
        town.journal.slow = True
        ann.type("x", "/who nowhere")
        town.turn()
        assert ann.reasons() == []
        town.journal.keep()
        town.turn()
        assert len(ann.reasons()) == 1

    def test_current(self) -> None:
        """
        Talk goes where one has turned to; after a leave, to the last room entered of
        those that are left.
        """
        town = Town()
        ann = town.person("ann", "tea", "coffee", "milk")
        current = [ann.conversation.current]
        for command in ("/join tea", "/part milk", "/part tea", "/part"):
            ann.do(command)
            current.append(ann.conversation.current)
        assert current == ["milk", "tea", "tea", "coffee", ""]
        ann.type("x")
        assert ann.reasons() == [NOWHERE]


class TestSaying:
    """Refusals of talk."""

    def test_nameFirst(self) -> None:
        """Who has no name says nothing."""
        town = Town()
        with pytest.raises(ChatError) as caught:
            town.stranger().conversation.say(("x",))
        assert caught.value.code is NAME_FIRST

    def test_notThere(self) -> None:
        """Who is not in a room says nothing there."""
        town = Town()
        town.person("bob", "tea")
        ann = town.person("ann")
        with pytest.raises(ChatError) as caught:
            ann.conversation.sayIn("tea", ("x",), ME)
        assert caught.value == ChatError(NOT_IN_ROOM, room="#tea")

    def test_trouble(self) -> None:
        """
        While nothing can be stored no line is taken, nor a whisper: it would wait behind
        what is not stored, without a bound.
        """
        town = Town()
        ann, bob = town.person("ann"), town.person("bob")
        town.hush()
        town.journal.trouble = ChatError(NOT_STORED, reason="the disk is full")
        ann.type("x", "/me x", "/topic x", "/msg #lobby x")
        assert ann.reasons() == [NOT_STORED] * 4
        ann.type("/msg bob psst")
        assert bob.take() == []
        assert ann.reasons() == [NOT_STORED]
        town.journal.trouble = None
        ann.conversation.sayIn("lobby", ("a", "b"), MESSAGE)
        town.turn()
        assert bob.lines() == ["a", "b"]


class TestJoining:
    """Entering rooms."""

    def test_again(self) -> None:
        """Who is there already turns there."""
        town = Town()
        ann = town.person("ann", "tea", "coffee")
        (notice,) = ann.do("/join #TEA")
        assert isinstance(notice, Notice)
        assert ann.conversation.current == "tea"

    def test_refused(self) -> None:
        """Who is refused stays where they are."""
        town = Town(Limits(roomsEach=1))
        ann = town.person("ann", "tea")
        ann.type("/join coffee")
        assert ann.reasons() == [ROOMS_EACH]
        assert ann.conversation.current == "tea"

    def test_preloaded(self) -> None:
        """
        What was said in a room that nobody is in is read first; what is typed meanwhile
        waits.
        """
        town = Town()
        ann = town.person("ann", "tea")
        ann.do("x", "/part")
        town.journal.slowReads = True
        ann.type("/join tea")
        assert ann.conversation.busy
        town.turn()
        assert kinds(ann) == []
        town.journal.answer()
        town.turn()
        (entered,) = ann.take()
        assert isinstance(entered, JoinedRoom)
        assert entered.replay is not None
        assert [each.texts for each in entered.replay.messages] == [("x",)]
        assert not ann.conversation.busy

    def test_notPreloaded(self) -> None:
        """Who enters where nothing can be read is told so: no replay follows."""
        town = Town()
        ann = town.person("ann", "tea")
        ann.do("x", "/part")
        town.journal.failure = ChatError(READ_FAILED)
        ann.type("/join tea")
        town.turn()
        assert READ_FAILED in ann.reasons()

    def test_leftMeanwhile(self) -> None:
        """Who leaves while that is read does not enter any more."""
        town = Town()
        ann = town.person("ann", "tea")
        ann.do("x", "/part")
        town.journal.slowReads = True
        ann.type("/join tea")
        ann.conversation.quit("")
        town.journal.answer()
        town.turn()
        assert town.house.state.rooms["tea"].members == {}
        assert town.house.state.sessionsByNick == {}

    def test_lastOneLeavesMeanwhile(self) -> None:
        """Who enters in the turn in which the last one leaves is shown what was said."""
        town = Town()
        ann, bob = town.person("ann", "tea"), town.person("bob", "coffee")
        ann.do("x")
        town.hush()
        ann.type("/part")
        bob.type("/join tea")
        town.turn()
        (entered,) = bob.take()
        assert isinstance(entered, JoinedRoom)
        assert entered.replay is not None
        assert [each.texts for each in entered.replay.messages] == [("x",)]


class TestReplay:
    """History and live lines."""

    def test_liveWaits(self) -> None:
        """What is said meanwhile waits, and so does what is typed."""
        town = Town()
        ann, bob = town.person("ann"), town.person("bob")
        for number in range(HISTORY_PAGE + 1):
            bob.do(str(number))
        town.hush()
        ann.type("/since 0")
        assert ann.held
        assert ann.conversation.busy
        (page,) = ann.take()
        assert isinstance(page, HistoryReplay)
        ann.more()
        assert ann.held
        (page,) = ann.take()
        assert isinstance(page, HistoryReplay)
        ann.more()
        assert not ann.held
        assert not ann.conversation.busy

    def test_leaves(self) -> None:
        """Who leaves meanwhile is told no more."""
        town = Town()
        ann = town.person("ann")
        ann.do("x")
        town.journal.slowReads = True
        ann.type("/since 0")
        ann.conversation.quit("")
        town.journal.answer()
        town.turn()
        assert ann.take() == []

    def test_readingFails(self) -> None:
        """After a failure one goes on as before."""
        town = Town()
        ann = town.person("ann")
        ann.do("x")
        town.journal.failure = ChatError(NOT_STORED, reason="x")
        ann.type("/since 0")
        assert ann.reasons() == [NOT_STORED]
        ann.more()
        assert not ann.held
        assert not ann.conversation.busy


class TestQuit:
    """Leaving."""

    def test_quit(self) -> None:
        """The name is free, others are told once, and nothing queued is done any more."""
        town = Town()
        ann, bob = town.person("ann"), town.person("bob")
        town.hush()
        town.journal.slow = True
        ann.type("x", "/who")
        town.turn()
        ann.conversation.quit("tea")
        ann.conversation.quit("again")
        town.turn()
        town.journal.keep()
        town.turn()
        assert kinds(ann) == []
        assert kinds(bob) == ["RoomMessages", "UserQuit"]
        assert set(town.house.state.sessionsByNick) == {"bob"}

    def test_nameUnderway(self) -> None:
        """Who leaves before the outcome of their name is known leaves nothing behind."""
        town = Town()
        ann = town.stranger()
        ann.type("ann")
        ann.conversation.quit("")
        town.turn()
        assert not town.house.state.sessionsByNick
        assert not town.house.state.sessions

    def test_stranger(self) -> None:
        """Who never had a name leaves without a word."""
        town = Town()
        ann = town.stranger()
        ann.conversation.quit("")
        assert ann.session.pending == 0

    def test_records(self) -> None:
        """A town may begin with rooms; their numbers go on."""
        town = Town(records=[RoomRecord("tea", "Tea", 5)])
        ann = town.person("ann", "tea")
        ann.conversation.session.wantsEcho = True
        (said,) = ann.do("x")
        assert isinstance(said, RoomMessages)
        assert (said.first, said.roomName) == (6, "Tea")
