"""Tests for L{tsservices.chat.handlers.moderation}: kicks and operators."""

from __future__ import annotations

import pytest

from tests.support.chat import RoomCase, errorCodes, kindsAndTexts
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


class TestKick(RoomCase):
    def test_kick(self) -> None:
        heard = self.opal.say("/kick BOB be  nice")
        assert kindsAndTexts(heard) == [(KICK, "bob be  nice")]
        assert kindsAndTexts(self.mel.heard()) == [(KICK, "bob be  nice")]
        sent, left = self.bob.heard()
        assert isinstance(sent, RoomMessages)
        assert isinstance(left, LeftRoom)
        assert not self.isMember(self.bob)
        assert self.bob.roomCounts[-1] == 0
        assert errorCodes(self.bob.say("hello")) == [NOT_IN_ROOM]
        self.bob.say("/join tea")
        assert self.isMember(self.bob)

    def test_lineBehindKick(self) -> None:
        self.opal.type("/kick bob")
        self.bob.type("one", "two")
        self.chat.tick()
        assert kindsAndTexts(self.mel.heard()) == [(KICK, "bob")]
        assert self.bob.errorCodes() == [NOT_IN_ROOM, NOT_IN_ROOM]
        self.bob.say("/join tea")
        self.chat.clear()
        self.bob.type("one")
        self.opal.type("/kick bob")
        self.chat.tick()
        assert kindsAndTexts(self.mel.heard()) == [(MESSAGE, "one"), (KICK, "bob")]

    def test_allSessionsOfAccount(self) -> None:
        self.mel.say("/nick zed")
        second, third = self.chat.login("mel", "tea"), self.chat.login("mel", "tea")
        assert {item.session.nick for item in (self.mel, second, third)} == {"zed", "mel"}
        self.opal.say("/kick mel")
        assert not any(self.isMember(item) for item in (self.mel, second, third))
        heard = self.bob.heard()
        assert kindsAndTexts(heard) == [(KICK, "mel")]
        assert [item.nick for item in heard if isinstance(item, UserLeft)] == ["zed"]
        self.mel.say("/join tea")
        self.chat.clear()
        self.opal.say("/kick zed")
        assert not self.isMember(self.mel)
        assert [type(item) for item in self.bob.heard()] == [RoomMessages]

    def test_kickByAccountName(self) -> None:
        self.mel.say("/nick zed")
        self.opal.say("/kick mel")
        assert not self.isMember(self.mel)

    def test_kicksAreNotIgnored(self) -> None:
        for person in (self.bob, self.mel):
            person.say("/ignore opal")
        self.opal.say("hello", "/kick bob")
        assert kindsAndTexts(self.mel.heard()) == [(KICK, "bob")]
        assert kindsAndTexts(self.bob.heard()) == [(KICK, "bob")]

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
        assert errorCodes(getattr(self, name).say(line)) == [reason]
        assert self.room.record.seq == seq
        assert len(self.room.members) == 5
        assert self.room.permissions.restrictions == {}

    def test_ranks(self) -> None:
        self.ann.say("/op mel")
        for line in ("/kick mel", "/ban mel", "/mute mel"):
            assert errorCodes(self.opal.say(line)) == [STANDS_ABOVE]
        for line in ("/mute mel", "/unmute mel", "/ban mel"):
            assert errorCodes(self.ann.say(line)) == []
        assert not self.isMember(self.mel)


class TestOperators(RoomCase):
    def test_operators(self) -> None:
        self.ann.say("/op MEL")
        assert self.state.rank(self.mel.session, self.room) == OPERATOR
        assert [item[0] for item in kindsAndTexts(self.bob.heard())] == ["op"]
        self.mel.say("/deop mel")
        assert self.state.rank(self.mel.session, self.room) == MEMBER
        self.ann.say("/deop opal")
        assert self.state.rank(self.opal.session, self.room) == MEMBER
        assert self.room.permissions.roles == {}

    def test_unchangedTakesNoNumber(self) -> None:
        seq = self.room.record.seq
        self.ann.say("/op opal", "/deop mel")
        assert self.room.record.seq == seq

    def test_operatorNoLonger(self) -> None:
        self.ann.type("/deop opal")
        self.opal.type("/kick bob")
        self.chat.tick()
        assert self.opal.errorCodes() == [NOT_ALLOWED]
        assert self.isMember(self.bob)

    def test_absentAccount(self) -> None:
        self.mel.say("/quit")
        self.ann.say("/op mel")
        assert self.state.rank(self.chat.login("mel", "tea").session, self.room) == OPERATOR

    def test_operatorByGuestFounder(self) -> None:
        guest = self.chat.join("guest", "milk")
        self.mel.say("/join milk")
        guest.say("/op mel", "/part")
        room = self.state.rooms["milk"]
        assert self.state.rank(self.mel.session, room) == OPERATOR
        assert room.record.founder == ""

    def test_notInRoom(self) -> None:
        self.root.say("/part tea")
        self.root.propose(Restrict, "tea", BAN, "bob", "bob", 0, "")
        self.root.propose(Say, "tea", MESSAGE, ("x",))
        self.chat.tick()
        assert self.root.errorCodes() == [NOT_IN_ROOM, NOT_IN_ROOM]

    def test_whoisShowsCloak(self) -> None:
        cloak = self.bob.session.cloak
        for person, shown in ((self.opal, cloak), (self.root, cloak), (self.mel, "")):
            assert getattr(person.say("/whois bob")[0], "cloak", None) == shown
        self.bob.say("/part")
        self.chat.clear()
        assert getattr(self.opal.say("/whois bob")[0], "cloak", None) == ""
        assert getattr(self.root.say("/whois bob")[0], "cloak", None) == cloak
