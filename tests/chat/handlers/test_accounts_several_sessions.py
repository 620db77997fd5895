"""Tests for accounts to which several connections are logged in."""

from __future__ import annotations

from tests.support.chat import NOON, PASSWORD, ChatHarness, codes, kindNames, only
from tsservices.chat.login_limits import ACCOUNT_GUESSES_AT_ONCE
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    JoinedRoom,
    MemberList,
    NickChanged,
    PrivateMessage,
    UserJoined,
    UserLeft,
    UserQuit,
    WhoisReply,
)
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS


class TestSeveralSessions:
    def setup_method(self) -> None:
        self.chat = ChatHarness(Limits(sessionsEach=5))
        self.bob = self.chat.join("bob")
        self.ann = self.chat.joinRegistered("ann")

    def test_firstJoinAndLastPart(self) -> None:
        second = self.chat.login("ann")
        heard = second.say("/join lobby")
        entered = only(JoinedRoom, heard)
        assert (entered.nicks, entered.memberCount) == (["bob", "ann"], 2)
        assert self.bob.heard() == self.ann.heard() == []
        self.ann.say("/part")
        assert self.bob.heard() == []
        assert second.heard() == []
        second.say("/part")
        only(UserLeft, self.bob.heard())
        self.ann.say("/join lobby")
        second.say("/join lobby")
        assert kindNames(self.bob.heard()) == ["UserJoined"]
        self.ann.say("/quit")
        assert self.bob.heard() == []
        second.say("/quit")
        assert kindNames(self.bob.heard()) == ["UserQuit"]

    def test_quitOfOneSession(self) -> None:
        second = self.chat.login("ann", "tea")
        self.bob.say("/join tea")
        self.chat.clear()
        self.ann.say("/quit")
        left = only(UserLeft, self.bob.heard())
        assert (left.room, left.nick) == ("lobby", "ann")
        second.say("/quit")
        only(UserQuit, self.bob.heard())

    def test_ownLines(self) -> None:
        second = self.chat.login("ann", "lobby")
        self.ann.say("hello")
        assert second.texts() == self.bob.texts() == ["hello"]
        assert self.ann.heard() == []

    def test_privateMessages(self) -> None:
        second, third = self.chat.login("ann"), self.chat.login("ann")
        self.bob.type("/msg ann psst")
        self.chat.tick()
        for person in (self.ann, second, third, self.bob):
            heard = only(PrivateMessage, person.heard())
            assert (heard.nick, heard.to, heard.text, heard.ident) == ("bob", "ann", "psst", "")
        second.type("/msg bob yes")
        self.chat.tick()
        for person in (self.ann, second, third, self.bob):
            assert kindNames(person.heard()) == ["PrivateMessage"]
        second.type("/msg ann note to myself")
        self.chat.tick()
        for person in (self.ann, second, third):
            assert kindNames(person.heard()) == ["PrivateMessage"]

    def test_awayByAllConnections(self) -> None:
        second = self.chat.login("ann", "lobby")

        def shown() -> set[str]:
            listed, known, *replies = self.bob.say("/who", "/whois ann", "/msg ann hi")
            assert isinstance(listed, MemberList)
            assert isinstance(known, WhoisReply)
            texts = [item.text for item in replies if isinstance(item, AwayReply)]
            return {listed.members[-1].away, known.away, *(texts or [""])}

        assert only(AwayChanged, second.say("/away lunch")).text == "lunch"
        assert self.bob.heard() == []
        assert shown() == {""}
        assert codes(second.say("/away lunch")) == ["same"]
        self.ann.say("/away dinner")
        assert only(AwayChanged, self.bob.heard()).text == "dinner"
        assert shown() == {"dinner"}
        self.bob.say("/ignore ann")
        assert shown() == {""}
        self.bob.say("/ignore ann")
        second.say("/away")
        assert only(AwayChanged, self.bob.heard()).text == ""
        self.ann.say("/away x")
        assert self.bob.heard() == []

    def test_awayWhenAConnectionComesOrGoes(self) -> None:
        # ergochat/ergo#1531.
        self.ann.say("/away dinner")
        assert only(AwayChanged, self.bob.heard()).text == "dinner"
        second = self.chat.connect()
        second.say(f"/login ann {PASSWORD}")
        assert only(AwayChanged, self.bob.heard()).text == ""
        third = self.chat.login("ann", "lobby")
        for leave in ("/quit", "/logout"):
            assert self.bob.heard() == []
            second.say(leave)
            second = third
            texts = [item.text for item in self.bob.heard() if isinstance(item, AwayChanged)]
            assert texts == ([] if leave == "/quit" else ["dinner"])
        assert "AwayChanged" not in kindNames(self.ann.heard())
        self.ann.say("/quit")
        assert "AwayChanged" not in kindNames(self.bob.heard())

    def test_newestIsRefused(self) -> None:
        most = self.chat.context.state.limits.sessionsEach
        others = [self.chat.login("ann") for _ in range(most - 1)]
        client = self.chat.connect()
        assert codes(client.say(f"/login ann {PASSWORD}")) == ["connections-each"]
        assert not client.controller.entered
        assert all(item.replacements == [] for item in (self.ann, *others))
        # Who takes the place of a lost connection of its own needs no other one.
        resumed = self.chat.connect()
        resumed.say(f"/resume {others[0].controller._token}")
        assert len(self.chat.context.state.sessionsByAccount["ann"]) == most
        resumed.say("/quit")
        assert codes(client.say(f"/login ann {PASSWORD}")) == []
        assert len(self.chat.context.state.sessionsByAccount["ann"]) == most

    def test_renameOfSharedNick(self) -> None:
        second, apart = self.chat.login("ann", "lobby"), self.chat.login("ann")
        self.chat.clear()
        for client in (second, self.ann, self.bob, apart):
            (changed,) = second.say("/nick eve") if client is second else client.heard()
            assert isinstance(changed, NickChanged)
            assert (changed.nick, changed.to) == ("ann", "eve")
        holders = self.chat.context.state.sessionsByNick
        assert holders["eve"] == (self.ann.session, second.session, apart.session)
        third = self.chat.login("ann", "lobby")
        self.chat.clear()
        assert kindNames(second.say("/nick ann")) == ["NickChanged", "UserLeft"]
        left = only(UserLeft, self.bob.heard())
        assert (left.nick, left.account) == ("eve", "ann")
        assert len(holders["ann"]) == 4
        assert third.session in holders["ann"]
        assert set(holders) == {"ann", "bob"}

    def test_sharedNickIsNoAccount(self) -> None:
        second = self.chat.login("ann", "lobby")
        second.say("/nick eve")
        assert codes(self.bob.say("/nick eve")) == ["nick-taken"]
        # The others keep it, since they are the same person.
        second.say("/logout")
        assert (self.ann.session.nick, second.session.nick) == ("eve", "guest-1")
        second.say(f"/login ann {PASSWORD}")
        assert second.session.nick == "ann"
        second.say("/nick eve")
        assert {item.nick for item in (self.ann.session, second.session)} == {"eve"}

    def test_logoutOfOne(self) -> None:
        second = self.chat.login("ann", "lobby")
        heard = second.say("/logout")
        assert codes(heard) == ["loggedOut"]
        assert second.session.nick == "guest-1"
        joined, changed = self.bob.heard()
        assert isinstance(joined, UserJoined)
        assert (joined.nick, joined.account) == ("guest-1", None)
        assert isinstance(changed, AccountChanged)
        assert (changed.nick, changed.account) == ("guest-1", None)
        assert self.ann.session.account == "ann"
        room = self.chat.context.state.rooms["lobby"]
        assert room.nickCounts == {"bob": 1, "ann": 1, "guest-1": 1}

    def test_loginInsideRoom(self) -> None:
        cat = self.chat.join("cat")
        cat.say(f"/login ann {PASSWORD}")
        assert kindNames(self.bob.heard())[:1] == ["UserLeft"]
        assert self.chat.context.state.rooms["lobby"].nickCounts == {"bob": 1, "ann": 2}

    def test_seenUnderOtherNick(self) -> None:
        self.ann.say("/nick eve")
        self.chat.time += 5 * NANOSECONDS
        self.ann.say("/quit")
        assert self.chat.context.state.accounts["ann"].seen == NOON + 5 * NANOSECONDS


def test_manyAtOnce() -> None:
    chat = ChatHarness()
    chat.joinRegistered("ann")
    for password, logged, code in ((PASSWORD, 30, ""), ("wrong word", 0, "guessed-often")):
        chat.hasher.suspended = True
        clients = [chat.connect("~x") for _ in range(30)]
        for client in clients:
            client.type(f"/login ann {password}")
        hashed = 0
        while chat.hasher.waiting:
            hashed += chat.hasher.waiting
            chat.hasher.work()
        chat.hasher.suspended = False
        chat.tick()
        assert sum(client.session.account == "ann" for client in clients) == logged
        # Who waited for the others is no way around the bound.
        assert hashed == (logged or ACCOUNT_GUESSES_AT_ONCE)
        assert (code in codes(clients[-1].heard())) == bool(code)
