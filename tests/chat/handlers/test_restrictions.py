"""
Tests for bans and mutes.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.chat import NOON, PASSWORD
from tests.support.chat_rooms import HOUR, TeaRoom, lines, reasons
from tsservices.chat.errors import (
    BANNED,
    DURATION,
    MUTED,
    NO_PERSON,
    NOT_RESTRAINED,
    ONESELF,
    RESTRAINTS_ALL,
)
from tsservices.chat.handlers.restrictions import RESTRICTIONS_EACH
from tsservices.chat.names import NAME_LENGTH
from tsservices.chat.notifications import (
    AwayChanged,
    LeftRoom,
    RestrictionList,
    RoomMessages,
    UserLeft,
    UserQuit,
)
from tsservices.chat.operations import BAN, MUTE, UNBAN, UNMUTE
from tsservices.chat.permissions import FOUNDER, OPERATOR
from tsservices.common.durations import LONGEST_SECONDS
from tsservices.common.timestamps import NANOSECONDS


class TestBan(TeaRoom):
    """Out, and not in again."""

    def test_account(self) -> None:
        """An account is kept out, from wherever; others from there are not."""
        heard = self.opal.do("/ban mel 2h too loud")
        assert lines(heard) == [(BAN, "mel 2h too loud")]
        told, left = self.mel.take()
        assert isinstance(told, RoomMessages)
        assert isinstance(left, LeftRoom)
        heard = self.bob.take()
        assert lines(heard) == [(BAN, "mel 2h too loud")]
        assert [each.nick for each in heard if isinstance(each, UserLeft)] == ["mel"]
        assert reasons(self.mel.do("/join tea")) == [BANNED]
        assert not self.there(self.login("mel", "tea", cloak="~new"))
        other = self.town.stranger(self.mel.session.cloak)
        other.do("/nick other", "/join tea")
        assert self.there(other)
        restraint = self.room.permissions.restrictions[BAN, "mel"]
        assert (restraint.name, restraint.by, restraint.time) == ("mel", "opal", NOON)
        assert (restraint.until, restraint.reason) == (NOON + 2 * HOUR, "too loud")

    def test_cloak(self) -> None:
        """
        A guest is kept out by their address, under any name, and all guests who come from
        there later; those who are there already only if the address itself is meant.  The
        room is told of each who had to go.
        """
        cloak = self.bob.session.cloak
        twin = self.town.stranger(cloak)
        twin.do("/nick twin", "/join tea")
        self.town.hush()
        self.opal.do("/ban bob")
        assert not self.there(self.bob)
        assert self.there(twin)
        self.town.now += 1
        self.opal.do(f"/ban {cloak}")
        assert not self.there(twin)
        assert {each.nick for each in self.mel.take() if isinstance(each, UserLeft)} == {
            "bob",
            "twin",
        }
        assert isinstance(twin.take()[-1], LeftRoom)
        self.bob.do("/nick rob")
        assert reasons(self.bob.do("/join tea")) == [BANNED]
        self.town.now += 1
        self.opal.do("/unban bob", f"/unban {cloak}", "/ban rob")
        self.town.now += 1
        third = self.town.stranger(cloak)
        third.do("/nick third")
        assert reasons(third.do("/join tea")) == [BANNED]
        assert reasons(twin.do("/join tea")) == []

    def test_olderAccount(self) -> None:
        """
        Who had an account before is not meant by the ban of an address; who makes one to
        get around it is.
        """
        cloak = self.bob.session.cloak
        old = self.login("mel", cloak=cloak)
        self.opal.do("/ban bob")
        old.do("/join tea")
        assert self.there(old)
        for wait in (0, 1):
            self.town.now += wait
            young = self.town.stranger(cloak)
            young.do(f"/nick young{wait}", f"/register {PASSWORD}")
            assert (reasons(young.do("/join tea")) == [BANNED]) is bool(wait)

    def test_logsOut(self) -> None:
        """
        Who is kept out by their account is so as a guest too, and by another name, and from
        another connection that comes from there later.
        """
        self.opal.do("/ban mel 2h")
        self.mel.do("/logout", "/nick melon")
        assert reasons(self.mel.do("/join tea")) == [BANNED]
        self.town.now += 1
        other = self.town.stranger(self.mel.session.cloak)
        other.do("/nick other")
        assert reasons(other.do("/join tea")) == [BANNED]
        self.opal.do("/unban mel")
        assert reasons(other.do("/join tea")) == []

    def test_olderAccountLogsOut(self) -> None:
        """Who was here before is not meant as a guest either."""
        old = self.login("mel", cloak=self.bob.session.cloak)
        self.mel.do("/quit")
        self.opal.do("/ban bob")
        old.do("/join tea")
        self.town.hush()
        old.do("/logout")
        assert self.there(old)
        assert reasons(old.do("hello")) == []

    def test_logsInInside(self) -> None:
        """Who enters as a guest, and is an account that is kept out, is out."""
        self.opal.do("/ban mel")
        self.mel.do("/quit")
        guest = self.town.stranger("~other")
        guest.do("/nick guest", "/join tea", "/join milk")
        assert self.there(guest)
        self.town.hush()
        guest.do(f"/login mel {PASSWORD}")
        assert not self.there(guest)
        assert list(guest.session.rooms) == ["milk"]
        heard = self.ann.take()
        assert [each.nick for each in heard if isinstance(each, UserLeft)] == ["guest"]

    def test_mask(self) -> None:
        """An address may be named by its cloak, and again to let it in."""
        cloak = self.bob.session.cloak
        assert lines(self.ann.do(f"/ban {cloak.upper()} 1d")) == [(BAN, f"{cloak} 1d")]
        assert not self.there(self.bob)
        assert lines(self.ann.do(f"/unban {cloak}")) == [(UNBAN, cloak)]
        self.bob.do("/join tea")
        assert self.there(self.bob)

    def test_unbanByName(self) -> None:
        """By the name they had, by the one they have, also when they are not here."""
        for name in ("bob", "rob"):
            self.opal.do("/ban bob")
            self.bob.do("/nick rob")
            assert lines(self.opal.do(f"/unban {name.upper()}")) == [(UNBAN, "bob")]
            self.bob.do("/nick bob", "/join tea")
            assert self.there(self.bob)
        self.opal.do("/ban bob", "/ban mel")
        self.bob.do("/quit")
        self.mel.do("/quit")
        assert lines(self.opal.do("/unban bob")) == [(UNBAN, "bob")]
        assert lines(self.opal.do("/unban mel")) == [(UNBAN, "mel")]
        assert self.room.permissions.restrictions == {}

    def test_foldedOnce(self) -> None:
        """
        The name they had counts as it was folded then, whatever this version of Unicode
        would make of it.
        """
        self.opal.do("/ban bob")
        ((key, ban),) = self.room.permissions.restrictions.items()
        assert ban.key == "bob"
        self.bob.do("/quit")
        self.room.permissions.restrictions[key] = replace(ban, name="BOB", key="rob")
        assert reasons(self.opal.do("/unban BOB")) == [NOT_RESTRAINED]
        assert lines(self.opal.do("/unban rob")) == [(UNBAN, "BOB")]

    def test_notHere(self) -> None:
        """An account may be kept out while nobody is logged in to it."""
        self.mel.do("/quit")
        self.opal.do("/ban MEL")
        assert not self.there(self.login("mel", "tea"))

    def test_expiry(self) -> None:
        """A ban ends by the time of the event, to the nanosecond, and is not listed then."""
        self.opal.do("/ban mel 1h")
        self.town.now = NOON + HOUR - 1
        assert reasons(self.mel.do("/join tea")) == [BANNED]
        self.town.now = NOON + HOUR
        (listed,) = self.opal.do("/ban")
        assert isinstance(listed, RestrictionList)
        assert listed.restrictions == []
        self.mel.do("/join tea")
        assert self.there(self.mel)

    def test_listed(self) -> None:
        """Bans and mutes are listed each by themselves."""
        self.opal.do("/ban mel", "/mute bob 1h")
        for kind, name in ((BAN, "mel"), (MUTE, "bob")):
            (listed,) = self.opal.do(f"/{kind}")
            assert isinstance(listed, RestrictionList)
            assert {(each.kind, each.name) for each in listed.restrictions} == {(kind, name)}

    def test_again(self) -> None:
        """A second ban takes the place of the first."""
        self.opal.do("/ban mel 1h", "/ban mel 2h", "/ban mel")
        assert set(self.room.permissions.restrictions) == {
            (BAN, "mel"),
            (BAN, self.mel.session.cloak),
        }
        assert {each.until for each in self.room.permissions.restrictions.values()} == {0}

    def test_bounds(self) -> None:
        """There are not too many; those that have ended make room."""
        for number in range(RESTRICTIONS_EACH):
            self.opal.type(f"/ban ~x{number} 1h")
            self.town.turn()
        assert reasons(self.opal.do("/ban mel"))[-1] is RESTRAINTS_ALL
        assert reasons(self.opal.do("/ban ~x1 2h")) == []
        self.town.now += HOUR
        assert reasons(self.opal.do("/ban mel")) == []
        assert len(self.room.permissions.restrictions) == 3

    def test_operators(self) -> None:
        """
        Whom one above keeps out, or silences, is so, also an operator or the founder; they
        do not let themselves in or speak again.
        """
        self.ann.do("/mute opal")
        assert reasons(self.opal.do("hello")) == [MUTED]
        assert reasons(self.opal.do("/unmute opal")) == [ONESELF]
        assert reasons(self.opal.do("hello")) == [MUTED]
        self.ann.do("/unmute opal")
        assert reasons(self.opal.do("hello")) == []
        self.ann.do("/ban opal 1h")
        assert not self.there(self.opal)
        assert reasons(self.opal.do("/join tea")) == [BANNED]
        self.root.do("/ban ann")
        assert not self.there(self.ann)
        assert reasons(self.ann.do("/join tea")) == [BANNED]
        self.town.now += HOUR
        self.opal.do("/join tea")
        assert self.state.rank(self.opal.session, self.room) == OPERATOR
        self.opal.do("/unban ann")
        self.ann.do("/join tea")
        assert self.state.rank(self.ann.session, self.room) == FOUNDER

    def test_operatorsAddress(self) -> None:
        """An operator is not meant by a ban of an address."""
        self.town.now += 1
        self.opal.do("/ban bob")
        self.town.now += 1
        new = self.town.stranger(self.bob.session.cloak)
        new.do("/nick new", f"/register {PASSWORD}")
        assert reasons(new.do("/join tea")) == [BANNED]
        self.ann.do("/op new")
        new.do("/join tea")
        assert self.there(new)

    def test_doesNotPileUp(self) -> None:
        """What somebody does to others again and again does not pile up at these."""
        for _ in range(10):
            self.town.now += 1
            self.ann.do("/mute bob", "/unmute bob", "/ban mel", "/mute mel")
        assert len(self.bob.session.inheritedRestrictions) == 1
        assert len(self.mel.session.inheritedRestrictions) == 2
        self.ann.do("/mute bob")
        assert len(self.bob.session.inheritedRestrictions) == 1
        assert reasons(self.bob.do("hello")) == [MUTED]

    def test_noOperatorAnyMore(self) -> None:
        """An operator whose address is banned, and who is none any more, says nothing."""
        self.opal.do("/ban bob")
        self.town.now += 1
        new = self.town.stranger(self.bob.session.cloak)
        new.do("/nick new", f"/register {PASSWORD}")
        self.ann.do("/op new")
        new.do("/join tea")
        assert reasons(new.do("hello")) == []
        self.ann.do("/deop new")
        for line in ("hello", "/topic mine"):
            assert reasons(new.do(line)) == [BANNED]
        self.mel.take()
        new.do("/part tea spam")
        (left,) = self.mel.take()
        assert isinstance(left, UserLeft)
        assert left.reason == ""

    def test_fromAnotherAddress(self) -> None:
        """
        Who was here before, and goes on from an address that is banned, is not meant; when
        the address itself is, they say nothing.
        """
        guest = self.town.person("guest", "tea")
        self.opal.do("/ban bob")
        new = self.town.stranger(self.bob.session.cloak)
        new.do(f"/resume {guest.conversation._token}")
        assert self.there(new)
        new.do("/join tea")
        assert reasons(new.do("hello")) == []
        self.opal.do(f"/ban {self.bob.session.cloak}")
        assert not self.there(new)
        assert reasons(new.do("/join tea")) == [BANNED]

    def test_guestFounder(self) -> None:
        """A guest who has made a room is not beyond the operators of the server."""
        guest = self.town.person("guest", "milk")
        guest.do("hello")
        self.root.do("/join milk", "/ban guest")
        assert guest.session.rooms == {}
        assert reasons(guest.do("/join milk")) == [BANNED]

    def test_longMask(self) -> None:
        """What is longer than any address's cloak is none: each is kept, in memory too."""
        assert reasons(self.opal.do(f"/ban ~{'a' * NAME_LENGTH}")) == [NO_PERSON]
        assert self.room.permissions.restrictions == {}
        assert lines(self.opal.do("/ban ~abcdefghijkl")) == [(BAN, "~abcdefghijkl forever")]


class TestMute(TeaRoom):
    """In, and silent."""

    def test_comingAndGoing(self) -> None:
        """Nor is anything said in why one leaves or is away; those elsewhere are told as ever."""
        self.mel.do("/join milk")
        gus = self.town.person("gus", "milk")
        self.opal.do("/mute mel")
        self.town.hush()
        self.mel.do("/away spam")
        assert self.bob.take() == []
        assert [type(each) for each in gus.take()] == [AwayChanged]
        self.mel.do("/part tea spam", "/join tea")
        left, _ = self.bob.take()
        assert isinstance(left, UserLeft)
        assert left.reason == ""
        self.mel.do("/quit spam")
        (gone,) = self.bob.take()
        assert isinstance(gone, UserQuit)
        assert gone.reason == ""

    def test_mute(self) -> None:
        """Nothing is said, done or named; all else may be."""
        assert lines(self.opal.do("/mute mel 10m hush")) == [(MUTE, "mel 10m hush")]
        for line in ("hello", "/me waves", "/topic mine", "/msg #tea hello"):
            assert reasons(self.mel.do(line)) == [MUTED]
        assert lines(self.bob.take()) == [(MUTE, "mel 10m hush")]
        assert reasons(self.mel.do("/msg bob hello", "/who", "/history", "/away x")) == []
        assert lines(self.opal.do("/unmute mel")) == [(UNMUTE, "mel")]
        assert reasons(self.mel.do("hello")) == []

    def test_applied(self) -> None:
        """Also what was proposed before the mute was known."""
        self.opal.type("/mute mel")
        self.mel.type("one", "/me two")
        self.town.turn()
        assert self.mel.reasons() == [MUTED, MUTED]
        assert lines(self.bob.take()) == [(MUTE, "mel forever")]

    def test_expiry(self) -> None:
        """A mute ends by the time of the event."""
        self.opal.do("/mute bob 30s")
        self.town.now = NOON + 30 * NANOSECONDS - 1
        assert reasons(self.bob.do("hello")) == [MUTED]
        self.town.now += 1
        assert reasons(self.bob.do("hello")) == []

    def test_address(self) -> None:
        """A guest is silenced under any name, and when they come back."""
        self.opal.do("/mute bob")
        self.bob.do("/nick rob")
        assert reasons(self.bob.do("hello")) == [MUTED]
        self.bob.do("/part", "/join tea")
        assert reasons(self.bob.do("hello")) == [MUTED]
        self.town.now += 1
        self.bob.do(f"/register {PASSWORD}")
        assert reasons(self.bob.do("hello")) == [MUTED]

    @pytest.mark.parametrize(
        ("given", "until"),
        [
            ("", 0),
            ("forever", 0),
            ("FOREVER why", 0),
            ("90s", 90),
            ("2H", 7200),
            ("4w x", 4 * 7 * 86_400),
            ("3650d", LONGEST_SECONDS),
            ("because 2h is not enough", 0),
            ("h", 0),
        ],
    )
    def test_durations(self, given: str, until: int) -> None:
        """For how long."""
        self.opal.do(f"/mute bob {given}")
        end = self.room.permissions.restrictions[MUTE, self.bob.session.cloak].until
        assert end == (NOON + until * NANOSECONDS if until else 0)

    @pytest.mark.parametrize(
        "given",
        ["-1", "99999d", "0s", "1.5h", "10", "1,5h", "10x", "+2h", "2h30m", "3651d", "1h1"],
    )
    def test_badDurations(self, given: str) -> None:
        """What looks like a time and is none is not taken for a reason."""
        for kind in (BAN, MUTE):
            assert reasons(self.opal.do(f"/{kind} bob {given} why")) == [DURATION]
        assert self.room.permissions.restrictions == {}
