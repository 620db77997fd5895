"""Tests for going on from another connection: L{tsservices.chat.operations.Resume}."""

from __future__ import annotations

import pytest

from tests.support.chat import PASSWORD, ChatHarness, MemoryClient, kinds, only
from tsservices.chat import operations
from tsservices.chat.errors import MUTED, NOTHING_TO_RESUME, TAKEN_OVER
from tsservices.chat.notifications import ErrorReply, Resumed, ResumeToken, RoomMessages, UserQuit
from tsservices.chat.permissions import FOUNDER


def entered(chat: ChatHarness, *lines: str) -> tuple[MemoryClient, str]:
    person = chat.connect()
    tokens = [item.token for item in person.say(*lines) if isinstance(item, ResumeToken)]
    chat.clear()
    return person, tokens[0]


class TestResume:
    """Ann has a room, and bob and cat are in it."""

    def setup_method(self) -> None:
        self.chat = ChatHarness()
        self.bob = self.chat.join("bob", "milk")
        self.ann, self.token = entered(self.chat, "/nick Ann", "/join tea", "/join milk")
        self.cat = self.chat.join("cat", "tea")
        self.bob.say("/join tea")
        self.ann.say("/away lunch", "/ignore cat", "hello")
        self.chat.clear()

    def test_everythingMoves(self) -> None:
        state = self.chat.context.state
        before = {key: [item.nick for item in room.recipients] for key, room in state.rooms.items()}
        several = {key: room.inSeveralRooms for key, room in state.rooms.items()}
        new = self.chat.connect("~elsewhere")
        heard = new.say(f"/resume {self.token}")
        assert kinds(heard) == [Resumed, ResumeToken]
        resumed, token = heard
        assert isinstance(resumed, Resumed)
        assert (resumed.nick, resumed.account) == ("Ann", None)
        assert resumed.rooms == [("tea", 0), ("milk", 1)]
        assert isinstance(token, ResumeToken)
        assert token.token == self.token
        assert {
            key: [item.nick for item in room.recipients] for key, room in state.rooms.items()
        } == before
        assert {key: room.inSeveralRooms for key, room in state.rooms.items()} == several
        session = new.session
        assert list(session.rooms) == ["tea", "milk"]
        assert (session.nick, session.away, session.ignores) == ("Ann", "lunch", frozenset({"s3"}))
        assert session.cloak == "~elsewhere"
        assert state.rank(session, state.rooms["tea"]) == FOUNDER
        assert [item.code for item in self.ann.replacements] == [TAKEN_OVER]
        assert self.bob.heard() == self.cat.heard() == self.ann.heard() == []
        assert self.ann.session.ident not in state.sessions
        assert new.controller.current == "milk"
        new.say("here I am")
        assert self.bob.texts() == ["here I am"]

    def test_endOfOldConnection(self) -> None:
        new = self.chat.connect()
        new.say(f"/resume {self.token}")
        self.ann.controller.quit("lost")
        self.chat.tick()
        assert not any(isinstance(item, UserQuit) for item in self.bob.heard())
        assert self.chat.context.state.sessionsByNick["ann"] == (new.session,)

    def test_unknownToken(self) -> None:
        stranger = self.chat.connect()
        rejected = only(ErrorReply, stranger.say("/resume what"))
        assert rejected.error.code is NOTHING_TO_RESUME
        assert not stranger.controller.entered
        self.cat.say("/join milk", "/join tea")
        for token in (self.token, "what"):
            rejected = only(ErrorReply, self.cat.say(f"/resume {token}"))
            assert rejected.error.code is NOTHING_TO_RESUME
            assert self.cat.controller.current == "tea"
        assert self.ann.replacements == []

    def test_resumeTwice(self) -> None:
        second, third = self.chat.connect(), self.chat.connect()
        second.say(f"/resume {self.token}")
        third.say(f"/resume {self.token}")
        assert [item.code for item in second.replacements] == [TAKEN_OVER]
        assert len(self.ann.replacements) == 1
        assert self.chat.context.state.sessionsByNick["ann"] == (third.session,)

    def test_twoResumesInOneTurn(self) -> None:
        second, third = self.chat.connect(), self.chat.connect()
        second.type(f"/resume {self.token}")
        third.type(f"/resume {self.token}")
        self.chat.tick()
        assert len(second.replacements) == len(self.ann.replacements) == 1
        assert list(third.session.rooms) == ["tea", "milk"]
        assert second.session.rooms == {}

    def test_resumeAfterQuit(self) -> None:
        self.ann.say("/quit")
        stranger = self.chat.connect()
        stranger.say(f"/resume {self.token}")
        assert not stranger.controller.entered
        assert self.chat.context.state.tokens.keys() == {
            item.session.token for item in (self.bob, self.cat)
        }

    def test_linesOfSameTurnAreSaidOnce(self) -> None:
        new = self.chat.connect()
        self.bob.type("/msg #milk one")
        new.type(f"/resume {self.token}")
        self.bob.type("/msg #milk two")
        self.chat.tick()
        assert self.ann.texts() == ["one"]
        heard = new.heard()
        (resumed,) = [item for item in heard if isinstance(item, Resumed)]
        assert dict(resumed.rooms)["milk"] == 2
        assert [item.texts for item in heard if isinstance(item, RoomMessages)] == [("two",)]

    @pytest.mark.parametrize(
        "event",
        [
            operations.Say("", "milk", operations.MESSAGE, ("x",)),
            operations.Join("", "new", "new"),
            operations.Part("", "milk", ""),
            operations.Rename("", "eve", "eve"),
            operations.SetAway("", "x"),
            operations.SetTopic("", "milk", "x"),
            operations.SendPrivate("", "bob", "bob", operations.MESSAGE, "x"),
            operations.Register("", "ann", "v"),
            operations.Kick("", "tea", "bob", "bob", ""),
            operations.DeleteMessage("", "milk", 1, None),
            operations.Login("", "zoe", 0, "~x", ""),
            operations.Logout(""),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_pendingOperationsOfOldSession(self, event: operations.Operation) -> None:
        zoe = self.chat.joinRegistered("zoe")
        if isinstance(event, operations.Login):
            event.version = self.chat.context.state.accounts["zoe"].version
        self.outstanding(event, self.ann, self.token)
        assert zoe.heard() == []

    def outstanding(self, event: operations.Operation, old: MemoryClient, token: str) -> None:
        new = self.chat.connect()
        event.session = old.session.ident
        new.type(f"/resume {token}")
        self.chat.context.pipeline.propose(event, old.session)
        state = self.chat.context.state
        self.chat.tick()
        assert len(old.errorCodes()) == 1
        assert self.bob.heard() == []
        assert old.session.ident not in state.sessions
        sessions = [item for holders in state.sessionsByNick.values() for item in holders]
        assert sorted(item.ident for item in sessions) == sorted(state.sessions)
        assert state.sessionsByNick["ann"] == (new.session,)

    @pytest.mark.parametrize("kind", ["logout", "password", "drop"])
    def test_pendingAccountOperations(self, kind: str) -> None:
        self.chat = ChatHarness(operators=["ann"])
        self.bob = self.chat.join("bob")
        old, token = entered(self.chat, "/nick ann", f"/register {PASSWORD}", "/join lobby")
        account = self.chat.context.state.accounts["ann"]
        events = {
            "logout": operations.Logout(""),
            "password": operations.SetPassword("", "ann", account.version, "v"),
            "drop": operations.DropAccount("", "ann"),
        }
        self.outstanding(events[kind], old, token)
        assert self.chat.context.state.accounts["ann"] == account
        assert len(self.chat.context.state.sessionsByAccount["ann"]) == 1

    def test_pendingMarks(self, chat: ChatHarness) -> None:
        old, token = entered(chat, "/nick eve", f"/register {PASSWORD}", "/join lobby", "x")
        new = chat.connect()
        new.type(f"/resume {token}")
        for event in (
            operations.ClearUnread("s1"),
            operations.MarkRead("s1", "lobby", 1),
            operations.Quit("s1", ""),
        ):
            chat.context.pipeline.propose(event, old.session)
        chat.tick()
        assert chat.context.state.readMarkers == {}
        assert chat.context.state.sessionsByNick["eve"] == (new.session,)

    def test_account(self, chat: ChatHarness) -> None:
        old, token = entered(chat, "/nick eve", f"/register {PASSWORD}", "/join lobby")
        new = chat.connect()
        new.say(f"/resume {token}")
        assert new.session.account == "eve"
        assert chat.context.state.sessionsByAccount == {"eve": (new.session,)}
        old.controller.quit("")
        chat.tick()
        assert chat.context.state.sessionsByAccount == {"eve": (new.session,)}
        new.say("/logout", "/quit")
        assert chat.context.state.sessionsByNick == chat.context.state.sessionsByAccount == {}

    def test_mutedStays(self) -> None:
        self.bob.say("/quit")
        self.ann.say("/join tea", "/mute cat")
        cat = self.cat.session
        stranger = self.chat.connect(cat.cloak)
        token = self.cat.controller._token
        stranger.say(f"/resume {token}", "/join tea")
        rejected = only(ErrorReply, stranger.say("hello"))
        assert rejected.error.code is MUTED
