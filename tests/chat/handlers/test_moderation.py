"""Tests for L{tsservices.chat.handlers.moderation}: kicks and operators."""

from __future__ import annotations

import pytest

from tests.support.chat_rooms import TeaRoom, lines, reasons
from tsservices.chat.errors import (
    GUEST_OPERATOR,
    NO_PERSON,
    NOT_ALLOWED,
    NOT_IN_ROOM,
    NOT_RESTRAINED,
    ONESELF,
    STANDS_ABOVE,
    USAGE,
    ErrorCode,
)
from tsservices.chat.notifications import LeftRoom, RoomMessages, UserLeft
from tsservices.chat.operations import BAN, KICK, MESSAGE, Restrict, Say
from tsservices.chat.permissions import MEMBER, OPERATOR


class TestKick(TeaRoom):
    def test_kick(self) -> None:
        heard = self.opal.do("/kick BOB be  nice")
        assert lines(heard) == [(KICK, "bob be  nice")]
        assert lines(self.mel.take()) == [(KICK, "bob be  nice")]
        sent, left = self.bob.take()
        assert isinstance(sent, RoomMessages)
        assert isinstance(left, LeftRoom)
        assert not self.there(self.bob)
        assert self.bob.moves[-1] == 0
        assert reasons(self.bob.do("hello")) == [NOT_IN_ROOM]
        self.bob.do("/join tea")
        assert self.there(self.bob)

    def test_lineBehindKick(self) -> None:
        self.opal.type("/kick bob")
        self.bob.type("one", "two")
        self.town.turn()
        assert lines(self.mel.take()) == [(KICK, "bob")]
        assert self.bob.reasons() == [NOT_IN_ROOM, NOT_IN_ROOM]
        self.bob.do("/join tea")
        self.town.hush()
        self.bob.type("one")
        self.opal.type("/kick bob")
        self.town.turn()
        assert lines(self.mel.take()) == [(MESSAGE, "one"), (KICK, "bob")]

    def test_allSessionsOfAccount(self) -> None:
        self.mel.do("/nick zed")
        second, third = self.login("mel", "tea"), self.login("mel", "tea")
        assert {item.session.nick for item in (self.mel, second, third)} == {"zed", "mel"}
        self.opal.do("/kick mel")
        assert not any(self.there(item) for item in (self.mel, second, third))
        heard = self.bob.take()
        assert lines(heard) == [(KICK, "mel")]
        assert [item.nick for item in heard if isinstance(item, UserLeft)] == ["zed"]
        self.mel.do("/join tea")
        self.town.hush()
        self.opal.do("/kick zed")
        assert not self.there(self.mel)
        assert [type(item) for item in self.bob.take()] == [RoomMessages]

    def test_kickByAccountName(self) -> None:
        self.mel.do("/nick zed")
        self.opal.do("/kick mel")
        assert not self.there(self.mel)

    def test_kicksAreNotIgnored(self) -> None:
        for person in (self.bob, self.mel):
            person.do("/ignore opal")
        self.opal.do("hello", "/kick bob")
        assert lines(self.mel.take()) == [(KICK, "bob")]
        assert lines(self.bob.take()) == [(KICK, "bob")]

    @pytest.mark.parametrize(
        ("name", "line", "reason"),
        [
            ("bob", "/kick mel", NOT_ALLOWED),
            ("mel", "/kick bob", NOT_ALLOWED),
            ("opal", "/kick ann", STANDS_ABOVE),
            ("opal", "/kick root", STANDS_ABOVE),
            ("opal", "/kick opal", ONESELF),
            ("ann", "/kick ann", ONESELF),
            ("ann", "/kick root", STANDS_ABOVE),
            ("root", "/kick root", ONESELF),
            ("ann", "/kick nobody", NO_PERSON),
            ("ann", "/kick ~s1", NO_PERSON),
            ("ann", "/kick", USAGE),
            ("ann", "/ban ann", ONESELF),
            ("ann", "/mute ann", ONESELF),
            ("opal", "/ban ann", STANDS_ABOVE),
            ("opal", "/mute ann", STANDS_ABOVE),
            ("ann", "/ban root", STANDS_ABOVE),
            ("bob", "/ban bob", NOT_ALLOWED),
            ("mel", "/ban", NOT_ALLOWED),
            ("ann", "/op bob", GUEST_OPERATOR),
            ("ann", "/op ~x", GUEST_OPERATOR),
            ("ann", "/op nobody", NO_PERSON),
            ("ann", "/op mel please", USAGE),
            ("opal", "/op mel", NOT_ALLOWED),
            ("opal", "/deop ann", NOT_ALLOWED),
            ("mel", "/deop opal", NOT_ALLOWED),
            ("ann", "/unban nobody", NOT_RESTRAINED),
            ("ann", "/unmute bob", NOT_RESTRAINED),
            ("ann", "/unban bob x", USAGE),
        ],
    )
    def test_rejections(self, name: str, line: str, reason: ErrorCode) -> None:
        seq = self.room.record.seq
        assert reasons(getattr(self, name).do(line)) == [reason]
        assert self.room.record.seq == seq
        assert len(self.room.members) == 5
        assert self.room.permissions.restrictions == {}

    def test_ranks(self) -> None:
        self.ann.do("/op mel")
        for line in ("/kick mel", "/ban mel", "/mute mel"):
            assert reasons(self.opal.do(line)) == [STANDS_ABOVE]
        for line in ("/mute mel", "/unmute mel", "/ban mel"):
            assert reasons(self.ann.do(line)) == []
        assert not self.there(self.mel)


class TestOperators(TeaRoom):
    def test_operators(self) -> None:
        self.ann.do("/op MEL")
        assert self.state.rank(self.mel.session, self.room) == OPERATOR
        assert [item[0] for item in lines(self.bob.take())] == ["op"]
        self.mel.do("/deop mel")
        assert self.state.rank(self.mel.session, self.room) == MEMBER
        self.ann.do("/deop opal")
        assert self.state.rank(self.opal.session, self.room) == MEMBER
        assert self.room.permissions.roles == {}

    def test_unchangedTakesNoNumber(self) -> None:
        seq = self.room.record.seq
        self.ann.do("/op opal", "/deop mel")
        assert self.room.record.seq == seq

    def test_operatorNoLonger(self) -> None:
        self.ann.type("/deop opal")
        self.opal.type("/kick bob")
        self.town.turn()
        assert self.opal.reasons() == [NOT_ALLOWED]
        assert self.there(self.bob)

    def test_absentAccount(self) -> None:
        self.mel.do("/quit")
        self.ann.do("/op mel")
        assert self.state.rank(self.login("mel", "tea").session, self.room) == OPERATOR

    def test_operatorByGuestFounder(self) -> None:
        guest = self.town.person("guest", "milk")
        self.mel.do("/join milk")
        guest.do("/op mel", "/part")
        room = self.state.rooms["milk"]
        assert self.state.rank(self.mel.session, room) == OPERATOR
        assert room.record.founder == ""

    def test_notInRoom(self) -> None:
        self.root.do("/part tea")
        self.root.propose(Restrict, "tea", BAN, "bob", "bob", 0, "")
        self.root.propose(Say, "tea", MESSAGE, ("x",))
        self.town.turn()
        assert self.root.reasons() == [NOT_IN_ROOM, NOT_IN_ROOM]

    def test_whoisShowsCloak(self) -> None:
        cloak = self.bob.session.cloak
        for person, shown in ((self.opal, cloak), (self.root, cloak), (self.mel, "")):
            assert getattr(person.do("/whois bob")[0], "cloak", None) == shown
        self.bob.do("/part")
        self.town.hush()
        assert getattr(self.opal.do("/whois bob")[0], "cloak", None) == ""
        assert getattr(self.root.do("/whois bob")[0], "cloak", None) == cloak
