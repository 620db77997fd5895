"""Tests for accounts to which several connections are logged in."""

from __future__ import annotations

from tests.support.chat import NOON, PASSWORD, ChatHarness, codes, kindNames, only
from tsservices.chat.errors import NICK_SHARED, TAKEN_OVER
from tsservices.chat.handlers.accounts import SESSIONS_EACH
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    JoinedRoom,
    MemberList,
    PrivateMessage,
    UserJoined,
    UserLeft,
    UserQuit,
    WhoisReply,
)
from tsservices.common.timestamps import NANOSECONDS


class TestSeveralSessions:
    def setup_method(self) -> None:
        self.chat = ChatHarness()
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

    def test_oldestIsReplaced(self) -> None:
        for _ in range(SESSIONS_EACH - 1):
            self.chat.login("ann")
        assert self.ann.replacements == []
        self.chat.login("ann", "lobby")
        assert self.ann.replacements[0].code is TAKEN_OVER
        assert len(self.chat.context.state.sessionsByAccount["ann"]) == SESSIONS_EACH
        assert len(self.chat.context.state.sessions) == SESSIONS_EACH + 1
        assert self.ann.session.rooms == {}
        self.ann.controller.quit("")
        self.chat.tick()
        assert len(self.chat.context.state.sessionsByAccount["ann"]) == SESSIONS_EACH

    def test_renameOfSharedNick(self) -> None:
        second = self.chat.login("ann", "lobby")
        assert codes(second.say("/nick eve")) == [NICK_SHARED.name]
        self.ann.say("/quit")
        second.say("/nick eve")
        third = self.chat.login("ann", "lobby")
        self.chat.clear()
        assert kindNames(second.say("/nick ann")) == ["NickChanged", "UserLeft"]
        assert kindNames(self.bob.heard()) == ["UserLeft"]
        holders = self.chat.context.state.sessionsByNick
        assert set(holders["ann"]) == {second.session, third.session}
        assert set(holders) == {"ann", "bob"}

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
