"""
Tests for L{tsservices.chat.handlers.moderation}: who has to go for now, and who looks after a room.
"""

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
    """Out, for now."""

    def test_kick(self) -> None:
        """All see why, also who did it and who goes; they may come back."""
        heard = self.opal.do("/kick BOB be  nice")
        assert lines(heard) == [(KICK, "bob be  nice")]
        assert lines(self.mel.take()) == [(KICK, "bob be  nice")]
        told, left = self.bob.take()
        assert isinstance(told, RoomMessages)
        assert isinstance(left, LeftRoom)
        assert not self.there(self.bob)
        assert self.bob.moves[-1] == 0
        assert reasons(self.bob.do("hello")) == [NOT_IN_ROOM]
        self.bob.do("/join tea")
        assert self.there(self.bob)

    def test_beforeTheLine(self) -> None:
        """What is said in the same turn, behind the kick, is not heard."""
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

    def test_allConnections(self) -> None:
        """
        All of somebody's connections go, by whichever names; of a name that was not said
        the room is told.
        """
        self.mel.do("/nick zed")
        second, third = self.login("mel", "tea"), self.login("mel", "tea")
        assert {each.session.nick for each in (self.mel, second, third)} == {"zed", "mel"}
        self.opal.do("/kick mel")
        assert not any(self.there(each) for each in (self.mel, second, third))
        heard = self.bob.take()
        assert lines(heard) == [(KICK, "mel")]
        assert [each.nick for each in heard if isinstance(each, UserLeft)] == ["zed"]
        self.mel.do("/join tea")
        self.town.hush()
        self.opal.do("/kick zed")
        assert not self.there(self.mel)
        assert [type(each) for each in self.bob.take()] == [RoomMessages]

    def test_byOtherName(self) -> None:
        """An account may be named when nobody goes by its name."""
        self.mel.do("/nick zed")
        self.opal.do("/kick mel")
        assert not self.there(self.mel)

    def test_ignored(self) -> None:
        """What is done to a room is told also to those who ignore who did it."""
        for person in (self.bob, self.mel):
            person.do("/ignore opal")
        self.opal.do("hello", "/kick bob")
        assert lines(self.mel.take()) == [(KICK, "bob")]
        assert lines(self.bob.take()) == [(KICK, "bob")]

    @pytest.mark.parametrize(
        ("who", "line", "reason"),
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
    def test_refused(self, who: str, line: str, reason: ErrorCode) -> None:
        """What is not done has a reason, and leaves no trace in the room."""
        seq = self.room.record.seq
        assert reasons(getattr(self, who).do(line)) == [reason]
        assert self.room.record.seq == seq
        assert len(self.room.members) == 5
        assert self.room.permissions.restrictions == {}

    def test_equals(self) -> None:
        """Operators do nothing to each other, founders anything to them."""
        self.ann.do("/op mel")
        for line in ("/kick mel", "/ban mel", "/mute mel"):
            assert reasons(self.opal.do(line)) == [STANDS_ABOVE]
        for line in ("/mute mel", "/unmute mel", "/ban mel"):
            assert reasons(self.ann.do(line)) == []
        assert not self.there(self.mel)


class TestOperators(TeaRoom):
    """Who looks after a room."""

    def test_op(self) -> None:
        """The founder names them, and the room is told; they may stop to."""
        self.ann.do("/op MEL")
        assert self.state.rank(self.mel.session, self.room) == OPERATOR
        assert [each[0] for each in lines(self.bob.take())] == ["op"]
        self.mel.do("/deop mel")
        assert self.state.rank(self.mel.session, self.room) == MEMBER
        self.ann.do("/deop opal")
        assert self.state.rank(self.opal.session, self.room) == MEMBER
        assert self.room.permissions.roles == {}

    def test_noChange(self) -> None:
        """What is so already takes no number."""
        seq = self.room.record.seq
        self.ann.do("/op opal", "/deop mel")
        assert self.room.record.seq == seq

    def test_overtaken(self) -> None:
        """What an operator has asked for is not done when they are none by then."""
        self.ann.type("/deop opal")
        self.opal.type("/kick bob")
        self.town.turn()
        assert self.opal.reasons() == [NOT_ALLOWED]
        assert self.there(self.bob)

    def test_notHere(self) -> None:
        """An account may be named that is not here."""
        self.mel.do("/quit")
        self.ann.do("/op mel")
        assert self.state.rank(self.login("mel", "tea").session, self.room) == OPERATOR

    def test_byGuest(self) -> None:
        """
        A guest who has made a room may name one who has an account; who stays one when
        the guest leaves.
        """
        guest = self.town.person("guest", "milk")
        self.mel.do("/join milk")
        guest.do("/op mel", "/part")
        room = self.state.rooms["milk"]
        assert self.state.rank(self.mel.session, room) == OPERATOR
        assert room.record.founder == ""

    def test_elsewhere(self) -> None:
        """Nothing is done to a room by who is not in it."""
        self.root.do("/part tea")
        for event in (
            Restrict(self.root.session.ident, "tea", BAN, "bob", "bob", 0, ""),
            Say(self.root.session.ident, "tea", MESSAGE, ("x",)),
        ):
            self.town.house.pipeline.propose(event, self.root.session)
        self.town.turn()
        assert self.root.reasons() == [NOT_IN_ROOM, NOT_IN_ROOM]

    def test_whois(self) -> None:
        """The cloak is shown to those who may ban, and in the rooms where they may."""
        cloak = self.bob.session.cloak
        for person, shown in ((self.opal, cloak), (self.root, cloak), (self.mel, "")):
            assert getattr(person.do("/whois bob")[0], "cloak", None) == shown
        self.bob.do("/part")
        self.town.hush()
        assert getattr(self.opal.do("/whois bob")[0], "cloak", None) == ""
        assert getattr(self.root.do("/whois bob")[0], "cloak", None) == cloak
