"""
Tests for accounts to which several connections are logged in.
"""

from __future__ import annotations

from tests.support.chat import NOON, PASSWORD, Town
from tests.support.chat_accounts import codes, login, names
from tsservices.chat.errors import NICK_SHARED, TAKEN_OVER
from tsservices.chat.handlers.accounts import SESSIONS_EACH
from tsservices.chat.notifications import (
    AccountChanged,
    JoinedRoom,
    PrivateMessage,
    UserJoined,
    UserLeft,
    UserQuit,
)
from tsservices.common.timestamps import NANOSECONDS


class TestSeveralSessions:
    """One account, several connections."""

    def setup_method(self) -> None:
        self.town = Town()
        self.bob = self.town.person("bob")
        self.ann = self.town.owner("ann")

    def test_oneJoinOneLeave(self) -> None:
        """The room is told of the first that enters, and of the last that leaves."""
        second = login(self.town, "ann")
        heard = second.do("/join lobby")
        (entered,) = heard
        assert isinstance(entered, JoinedRoom)
        assert (entered.nicks, entered.memberCount) == (["bob", "ann"], 2)
        assert self.bob.take() == self.ann.take() == []
        self.ann.do("/part")
        assert self.bob.take() == []
        assert second.take() == []
        second.do("/part")
        (left,) = self.bob.take()
        assert isinstance(left, UserLeft)
        self.ann.do("/join lobby")
        second.do("/join lobby")
        assert names(self.bob.take()) == ["UserJoined"]
        self.ann.do("/quit")
        assert self.bob.take() == []
        second.do("/quit")
        assert names(self.bob.take()) == ["UserQuit"]

    def test_quitOfOne(self) -> None:
        """
        Who quits by one connection, and is in another room by another one, has left
        the rooms where only the first one was, but is not gone.
        """
        second = login(self.town, "ann", "tea")
        self.bob.do("/join tea")
        self.town.hush()
        self.ann.do("/quit")
        (left,) = self.bob.take()
        assert isinstance(left, UserLeft)
        assert (left.room, left.nick) == ("lobby", "ann")
        second.do("/quit")
        (gone,) = self.bob.take()
        assert isinstance(gone, UserQuit)

    def test_ownLines(self) -> None:
        """What one says by one connection is seen on the others."""
        second = login(self.town, "ann", "lobby")
        self.ann.do("hello")
        assert second.lines() == self.bob.lines() == ["hello"]
        assert self.ann.take() == []

    def test_whispers(self) -> None:
        """What is said to them comes to all connections, and what they say too, once."""
        second, third = login(self.town, "ann"), login(self.town, "ann")
        self.bob.type("/msg ann psst")
        self.town.turn()
        for person in (self.ann, second, third, self.bob):
            (heard,) = person.take()
            assert isinstance(heard, PrivateMessage)
            assert (heard.nick, heard.to, heard.text, heard.ident) == ("bob", "ann", "psst", "")
        second.type("/msg bob yes")
        self.town.turn()
        for person in (self.ann, second, third, self.bob):
            assert names(person.take()) == ["PrivateMessage"]
        second.type("/msg ann note to myself")
        self.town.turn()
        for person in (self.ann, second, third):
            assert names(person.take()) == ["PrivateMessage"]

    def test_tooMany(self) -> None:
        """One more than there may be: the oldest has to go, and nobody is told of it."""
        for _ in range(SESSIONS_EACH - 1):
            login(self.town, "ann")
        assert self.ann.dismissals == []
        login(self.town, "ann", "lobby")
        assert self.ann.dismissals[0].code is TAKEN_OVER
        assert len(self.town.house.state.sessionsByAccount["ann"]) == SESSIONS_EACH
        assert len(self.town.house.state.sessions) == SESSIONS_EACH + 1
        assert self.ann.session.rooms == {}
        self.ann.conversation.quit("")
        self.town.turn()
        assert len(self.town.house.state.sessionsByAccount["ann"]) == SESSIONS_EACH

    def test_renameWhileShared(self) -> None:
        """
        A name that two connections have is not changed by one of them; one that another
        connection of the same account has may be taken again.
        """
        second = login(self.town, "ann", "lobby")
        assert codes(second.do("/nick eve")) == [NICK_SHARED.name]
        self.ann.do("/quit")
        second.do("/nick eve")
        third = login(self.town, "ann", "lobby")
        self.town.hush()
        assert names(second.do("/nick ann")) == ["NickChanged", "UserLeft"]
        assert names(self.bob.take()) == ["UserLeft"]
        holders = self.town.house.state.sessionsByNick
        assert set(holders["ann"]) == {second.session, third.session}
        assert set(holders) == {"ann", "bob"}

    def test_logoutOfOne(self) -> None:
        """Who logs one connection out is two people then."""
        second = login(self.town, "ann", "lobby")
        heard = second.do("/logout")
        assert codes(heard) == ["loggedOut"]
        assert second.session.nick == "guest-1"
        joined, changed = self.bob.take()
        assert isinstance(joined, UserJoined)
        assert (joined.nick, joined.account) == ("guest-1", None)
        assert isinstance(changed, AccountChanged)
        assert (changed.nick, changed.account) == ("guest-1", None)
        assert self.ann.session.account == "ann"
        room = self.town.house.state.rooms["lobby"]
        assert room.nickCounts == {"bob": 1, "ann": 1, "guest-1": 1}

    def test_loginInTheRoom(self) -> None:
        """A guest who logs in where the account is already is seen to leave, not to come."""
        cat = self.town.person("cat")
        self.town.hush()
        cat.do(f"/login ann {PASSWORD}")
        assert names(self.bob.take())[:1] == ["UserLeft"]
        assert self.town.house.state.rooms["lobby"].nickCounts == {"bob": 1, "ann": 2}

    def test_seen(self) -> None:
        """When an account was here is known also when it was not by that name."""
        self.ann.do("/nick eve")
        self.town.now += 5 * NANOSECONDS
        self.ann.do("/quit")
        assert self.town.house.state.accounts["ann"].seen == NOON + 5 * NANOSECONDS
