"""
Tests for going on from another connection: L{tsservices.chat.operations.Resume}.
"""

from __future__ import annotations

import pytest

from tests.support.chat import PASSWORD, Person, Town
from tsservices.chat.errors import MUTED, NOTHING_TO_RESUME, TAKEN_OVER
from tsservices.chat.notifications import ErrorReply, Resumed, ResumeToken, RoomMessages, UserQuit
from tsservices.chat.operations import (
    MESSAGE,
    ClearUnread,
    DeleteMessage,
    DropAccount,
    Join,
    Kick,
    Login,
    Logout,
    MarkRead,
    Operation,
    Part,
    Quit,
    Register,
    Rename,
    Say,
    SendPrivate,
    SetAway,
    SetPassword,
    SetTopic,
)
from tsservices.chat.permissions import FOUNDER


def entered(town: Town, *lines: str) -> tuple[Person, str]:
    person = town.stranger()
    tokens = [each.token for each in person.do(*lines) if isinstance(each, ResumeToken)]
    town.hush()
    return person, tokens[0]


class TestResume:
    """Ann has a room, and bob and cat are in it."""

    def setup_method(self) -> None:
        self.town = Town()
        self.bob = self.town.person("bob", "milk")
        self.ann, self.token = entered(self.town, "/nick Ann", "/join tea", "/join milk")
        self.cat = self.town.person("cat", "tea")
        self.bob.do("/join tea")
        self.ann.do("/away lunch", "/ignore cat", "hello")
        self.town.hush()

    def test_everything(self) -> None:
        """
        Rooms, their order and that of the members, name, absence and ignores are kept;
        the old connection is told why it ends, and nobody else of anything.
        """
        state = self.town.house.state
        before = {key: [each.nick for each in room.recipients] for key, room in state.rooms.items()}
        several = {key: room.inSeveralRooms for key, room in state.rooms.items()}
        new = self.town.stranger("~elsewhere")
        heard = new.do(f"/resume {self.token}")
        assert [type(each) for each in heard] == [Resumed, ResumeToken]
        resumed, told = heard
        assert isinstance(resumed, Resumed)
        assert (resumed.nick, resumed.account) == ("Ann", None)
        assert resumed.rooms == [("tea", 0), ("milk", 1)]
        assert isinstance(told, ResumeToken)
        assert told.token == self.token
        assert {
            key: [each.nick for each in room.recipients] for key, room in state.rooms.items()
        } == before
        assert {key: room.inSeveralRooms for key, room in state.rooms.items()} == several
        session = new.session
        assert list(session.rooms) == ["tea", "milk"]
        assert (session.nick, session.away, session.ignores) == ("Ann", "lunch", frozenset({"cat"}))
        assert session.cloak == "~elsewhere"
        assert state.rank(session, state.rooms["tea"]) == FOUNDER
        assert [each.code for each in self.ann.dismissals] == [TAKEN_OVER]
        assert self.bob.take() == self.cat.take() == self.ann.take() == []
        assert self.ann.session.ident not in state.sessions
        assert new.conversation.current == "milk"
        new.do("here I am")
        assert self.bob.lines() == ["here I am"]

    def test_oldOneEnds(self) -> None:
        """When the old connection then ends, nobody leaves."""
        new = self.town.stranger()
        new.do(f"/resume {self.token}")
        self.ann.conversation.quit("lost")
        self.town.turn()
        assert not any(isinstance(each, UserQuit) for each in self.bob.take())
        assert self.town.house.state.sessionsByNick["ann"] == (new.session,)

    def test_unknown(self) -> None:
        """What nobody was told is nothing to go on with; nor is anything for who has a name."""
        stranger = self.town.stranger()
        (refused,) = stranger.do("/resume what")
        assert isinstance(refused, ErrorReply)
        assert refused.error.code is NOTHING_TO_RESUME
        assert not stranger.conversation.entered
        self.cat.do("/join milk", "/join tea")
        for token in (self.token, "what"):
            (refused,) = self.cat.do(f"/resume {token}")
            assert isinstance(refused, ErrorReply)
            assert refused.error.code is NOTHING_TO_RESUME
            assert self.cat.conversation.current == "tea"
        assert self.ann.dismissals == []

    def test_again(self) -> None:
        """The same secret takes over the one that has taken over."""
        second, third = self.town.stranger(), self.town.stranger()
        second.do(f"/resume {self.token}")
        third.do(f"/resume {self.token}")
        assert [each.code for each in second.dismissals] == [TAKEN_OVER]
        assert len(self.ann.dismissals) == 1
        assert self.town.house.state.sessionsByNick["ann"] == (third.session,)

    def test_twoAtOnce(self) -> None:
        """Of two that come in the same turn the last goes on."""
        second, third = self.town.stranger(), self.town.stranger()
        second.type(f"/resume {self.token}")
        third.type(f"/resume {self.token}")
        self.town.turn()
        assert len(second.dismissals) == len(self.ann.dismissals) == 1
        assert list(third.session.rooms) == ["tea", "milk"]
        assert second.session.rooms == {}

    def test_afterQuit(self) -> None:
        """Who has left has nothing to go on with."""
        self.ann.do("/quit")
        stranger = self.town.stranger()
        stranger.do(f"/resume {self.token}")
        assert not stranger.conversation.entered
        assert self.town.house.state.tokens.keys() == {
            each.session.token for each in (self.bob, self.cat)
        }

    def test_linesInTheSameTurn(self) -> None:
        """
        What is said in the turn of the take-over is heard once: before it by the old
        connection, after it by the new one.
        """
        new = self.town.stranger()
        self.bob.type("/msg #milk one")
        new.type(f"/resume {self.token}")
        self.bob.type("/msg #milk two")
        self.town.turn()
        assert self.ann.lines() == ["one"]
        heard = new.take()
        (resumed,) = [each for each in heard if isinstance(each, Resumed)]
        assert dict(resumed.rooms)["milk"] == 2
        assert [each.texts for each in heard if isinstance(each, RoomMessages)] == [("two",)]

    @pytest.mark.parametrize(
        "event",
        [
            Say("", "milk", MESSAGE, ("x",)),
            Join("", "new", "new"),
            Part("", "milk", ""),
            Rename("", "eve", "eve"),
            SetAway("", "x"),
            SetTopic("", "milk", "x"),
            SendPrivate("", "bob", "bob", MESSAGE, "x"),
            Register("", "ann", "v"),
            Kick("", "tea", "bob", "bob", ""),
            DeleteMessage("", "milk", 1, None),
            Login("", "zoe", 0, "~x", ""),
            Logout(""),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_outstanding(self, event: Operation) -> None:
        """What the old connection has proposed, and stands behind the take-over, is not done."""
        zoe = self.town.owner("zoe")
        if isinstance(event, Login):
            event.version = self.town.house.state.accounts["zoe"].version
        self.outstanding(event, self.ann, self.token)
        assert zoe.take() == []

    def outstanding(self, event: Operation, old: Person, token: str) -> None:
        new = self.town.stranger()
        event.session = old.session.ident
        new.type(f"/resume {token}")
        self.town.house.pipeline.propose(event, old.session)
        state = self.town.house.state
        self.town.turn()
        assert len(old.reasons()) == 1
        assert self.bob.take() == []
        assert old.session.ident not in state.sessions
        held = [each for holders in state.sessionsByNick.values() for each in holders]
        assert sorted(each.ident for each in held) == sorted(state.sessions)
        assert state.sessionsByNick["ann"] == (new.session,)

    @pytest.mark.parametrize("kind", ["logout", "password", "drop"])
    def test_outstandingOfAccount(self, kind: str) -> None:
        """The same, where an account is concerned."""
        self.town = Town(operators=["ann"])
        self.bob = self.town.person("bob")
        old, token = entered(self.town, "/nick ann", f"/register {PASSWORD}", "/join lobby")
        account = self.town.house.state.accounts["ann"]
        events = {
            "logout": Logout(""),
            "password": SetPassword("", "ann", account.version, "v"),
            "drop": DropAccount("", "ann"),
        }
        self.outstanding(events[kind], old, token)
        assert self.town.house.state.accounts["ann"] == account
        assert len(self.town.house.state.sessionsByAccount["ann"]) == 1

    def test_nothingIsMarked(self) -> None:
        """Nor does it read what is unread."""
        town = Town()
        old, token = entered(town, "/nick eve", f"/register {PASSWORD}", "/join lobby", "x")
        new = town.stranger()
        new.type(f"/resume {token}")
        for event in (ClearUnread("s1"), MarkRead("s1", "lobby", 1), Quit("s1", "")):
            town.house.pipeline.propose(event, old.session)
        town.turn()
        assert town.house.state.readMarkers == {}
        assert town.house.state.sessionsByNick["eve"] == (new.session,)

    def test_account(self) -> None:
        """
        Who is logged in goes on so, without a password; the account knows the new one
        only.
        """
        town = Town()
        old, token = entered(town, "/nick eve", f"/register {PASSWORD}", "/join lobby")
        new = town.stranger()
        new.do(f"/resume {token}")
        assert new.session.account == "eve"
        assert town.house.state.sessionsByAccount == {"eve": (new.session,)}
        old.conversation.quit("")
        town.turn()
        assert town.house.state.sessionsByAccount == {"eve": (new.session,)}
        new.do("/logout", "/quit")
        assert town.house.state.sessionsByNick == town.house.state.sessionsByAccount == {}

    def test_muted(self) -> None:
        """Who is silenced is so on another connection too."""
        self.bob.do("/quit")
        self.ann.do("/join tea", "/mute cat")
        cat = self.cat.session
        stranger = self.town.stranger(cat.cloak)
        token = self.cat.conversation._token
        stranger.do(f"/resume {token}", "/join tea")
        (refused,) = stranger.do("hello")
        assert isinstance(refused, ErrorReply)
        assert refused.error.code is MUTED
