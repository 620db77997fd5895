"""Tests for L{tsservices.chat.handlers.moderation}: kicks and operators."""

from __future__ import annotations

import pytest

from tests.support.chat import RoomCase, errorCodes, kindsAndTexts
from tsservices.chat import errors
from tsservices.chat.notifications import LeftRoom, RoomMessages, UserLeft
from tsservices.chat.operations import BAN, KICK, MESSAGE, Restrict, Say
from tsservices.chat.permissions import FOUNDER, MEMBER, OPERATOR


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
        assert errorCodes(self.bob.say("hello")) == [errors.NOT_IN_ROOM]
        self.bob.say("/join tea")
        assert self.isMember(self.bob)

    def test_lineBehindKick(self) -> None:
        self.opal.type("/kick bob")
        self.bob.type("one", "two")
        self.chat.tick()
        assert kindsAndTexts(self.mel.heard()) == [(KICK, "bob")]
        assert self.bob.errorCodes() == [errors.NOT_IN_ROOM, errors.NOT_IN_ROOM]
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
        left = [(item.nick, item.announced) for item in heard if isinstance(item, UserLeft)]
        assert left == [("zed", False), ("mel", True)]
        self.mel.say("/join tea")
        self.chat.clear()
        self.opal.say("/kick zed")
        assert not self.isMember(self.mel)
        kick, last = self.bob.heard()
        assert isinstance(kick, RoomMessages)
        assert isinstance(last, UserLeft)
        assert (last.nick, last.announced) == ("zed", True)

    def test_mutedOperatorsGiveNoReasons(self) -> None:
        self.ann.say("/mute opal")
        self.chat.clear()
        for line, expected in (("/mute bob 2h RUDE", "bob 2h"), ("/kick bob RUDE", "bob")):
            assert [text for _, text in kindsAndTexts(self.opal.say(line))] == [expected]
        assert [item.reason for item in self.room.permissions.restrictions.values()] == [""] * 3

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
            ("bob", "/kick mel", errors.NOT_ALLOWED),
            ("mel", "/kick bob", errors.NOT_ALLOWED),
            ("opal", "/kick ann", errors.STANDS_ABOVE),
            ("opal", "/kick root", errors.STANDS_ABOVE),
            ("opal", "/kick opal", errors.ONESELF),
            ("ann", "/kick ann", errors.ONESELF),
            ("ann", "/kick root", errors.STANDS_ABOVE),
            ("root", "/kick root", errors.ONESELF),
            ("ann", "/kick nobody", errors.NO_PERSON),
            ("ann", "/kick ~s1", errors.NO_PERSON),
            ("ann", "/kick", errors.USAGE),
            ("ann", "/ban ann", errors.ONESELF),
            ("ann", "/mute ann", errors.ONESELF),
            ("opal", "/ban ann", errors.STANDS_ABOVE),
            ("opal", "/mute ann", errors.STANDS_ABOVE),
            ("ann", "/ban root", errors.STANDS_ABOVE),
            ("bob", "/ban bob", errors.NOT_ALLOWED),
            ("mel", "/ban", errors.NOT_ALLOWED),
            ("ann", "/op bob", errors.GUEST_OPERATOR),
            ("ann", "/op ~x", errors.GUEST_OPERATOR),
            ("ann", "/op nobody", errors.NO_PERSON),
            ("ann", "/op mel please", errors.USAGE),
            ("opal", "/op mel", errors.NOT_ALLOWED),
            ("opal", "/deop ann", errors.NOT_ALLOWED),
            ("mel", "/deop opal", errors.NOT_ALLOWED),
            ("ann", "/unban nobody", errors.NOT_RESTRAINED),
            ("ann", "/unmute bob", errors.NOT_RESTRAINED),
            ("ann", "/unban bob x", errors.USAGE),
        ],
    )
    def test_rejections(self, name: str, line: str, reason: errors.ErrorCode) -> None:
        seq = self.room.record.seq
        assert errorCodes(getattr(self, name).say(line)) == [reason]
        assert self.room.record.seq == seq
        assert len(self.room.members) == 5
        assert self.room.permissions.restrictions == {}

    def test_ranks(self) -> None:
        self.ann.say("/op mel")
        for line in ("/kick mel", "/ban mel", "/mute mel"):
            assert errorCodes(self.opal.say(line)) == [errors.STANDS_ABOVE]
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

    def test_founderStays(self) -> None:
        for person in (self.ann, self.root):
            for line in ("/op ann", "/deop ANN", "/mode +o ann", "/mode -o ann"):
                assert errorCodes(person.say(line)) == [errors.FOUNDER_STAYS]
        error, changed = self.ann.say("/mode +t-o ann")
        assert errorCodes([error]) == [errors.FOUNDER_STAYS]
        assert kindsAndTexts([changed]) == [("mode", "+t")]
        self.ann.say("/nick zoe")
        assert errorCodes(self.root.say("/deop zoe")) == [errors.FOUNDER_STAYS]
        self.ann.say("/quit")
        assert errorCodes(self.root.say("/deop ann")) == [errors.FOUNDER_STAYS]
        assert self.room.permissions.rankOf("ann") == FOUNDER

    def test_operatorNoLonger(self) -> None:
        self.ann.type("/deop opal")
        self.opal.type("/kick bob")
        self.chat.tick()
        assert self.opal.errorCodes() == [errors.NOT_ALLOWED]
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
        assert self.root.errorCodes() == [errors.NOT_IN_ROOM, errors.NOT_IN_ROOM]

    def test_whoisShowsCloak(self) -> None:
        cloak = self.bob.session.cloak
        for person, shown in ((self.opal, cloak), (self.root, cloak), (self.mel, "")):
            assert getattr(person.say("/whois bob")[0], "cloak", None) == shown
        self.bob.say("/part")
        self.chat.clear()
        assert getattr(self.opal.say("/whois bob")[0], "cloak", None) == ""
        assert getattr(self.root.say("/whois bob")[0], "cloak", None) == cloak
