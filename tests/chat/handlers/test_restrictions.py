"""Tests for bans and mutes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.chat import NOON, PASSWORD, only
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
    def test_accountBan(self) -> None:
        heard = self.opal.do("/ban mel 2h too loud")
        assert lines(heard) == [(BAN, "mel 2h too loud")]
        sent, left = self.mel.take()
        assert isinstance(sent, RoomMessages)
        assert isinstance(left, LeftRoom)
        heard = self.bob.take()
        assert lines(heard) == [(BAN, "mel 2h too loud")]
        assert [item.nick for item in heard if isinstance(item, UserLeft)] == ["mel"]
        assert reasons(self.mel.do("/join tea")) == [BANNED]
        assert not self.there(self.login("mel", "tea", cloak="~new"))
        other = self.town.stranger(self.mel.session.cloak)
        other.do("/nick other", "/join tea")
        assert self.there(other)
        restraint = self.room.permissions.restrictions[BAN, "mel"]
        assert (restraint.name, restraint.by, restraint.time) == ("mel", "opal", NOON)
        assert (restraint.until, restraint.reason) == (NOON + 2 * HOUR, "too loud")

    def test_addressBan(self) -> None:
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
        assert {item.nick for item in self.mel.take() if isinstance(item, UserLeft)} == {
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

    def test_olderAccountIsSpared(self) -> None:
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

    def test_banFollowsLogout(self) -> None:
        self.opal.do("/ban mel 2h")
        self.mel.do("/logout", "/nick melon")
        assert reasons(self.mel.do("/join tea")) == [BANNED]
        self.town.now += 1
        other = self.town.stranger(self.mel.session.cloak)
        other.do("/nick other")
        assert reasons(other.do("/join tea")) == [BANNED]
        self.opal.do("/unban mel")
        assert reasons(other.do("/join tea")) == []

    def test_olderSessionIsSpared(self) -> None:
        old = self.login("mel", cloak=self.bob.session.cloak)
        self.mel.do("/quit")
        self.opal.do("/ban bob")
        old.do("/join tea")
        self.town.hush()
        old.do("/logout")
        assert self.there(old)
        assert reasons(old.do("hello")) == []

    def test_loginOfBannedAccount(self) -> None:
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
        assert [item.nick for item in heard if isinstance(item, UserLeft)] == ["guest"]

    def test_banByCloak(self) -> None:
        cloak = self.bob.session.cloak
        assert lines(self.ann.do(f"/ban {cloak.upper()} 1d")) == [(BAN, f"{cloak} 1d")]
        assert not self.there(self.bob)
        assert lines(self.ann.do(f"/unban {cloak}")) == [(UNBAN, cloak)]
        self.bob.do("/join tea")
        assert self.there(self.bob)

    def test_unban(self) -> None:
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

    def test_keyIsNotFoldedAgain(self) -> None:
        self.opal.do("/ban bob")
        ((key, ban),) = self.room.permissions.restrictions.items()
        assert ban.key == "bob"
        self.bob.do("/quit")
        self.room.permissions.restrictions[key] = replace(ban, name="BOB", key="rob")
        assert reasons(self.opal.do("/unban BOB")) == [NOT_RESTRAINED]
        assert lines(self.opal.do("/unban rob")) == [(UNBAN, "BOB")]

    def test_liftsInOrderOfMasks(self) -> None:
        self.opal.do("/ban bob")
        ((_, ban),) = self.room.permissions.restrictions.items()
        self.bob.do("/quit")
        for mask, name in (("~zz", "Z"), ("~aa", "A")):
            self.room.permissions.restrictions[BAN, mask] = replace(ban, mask=mask, name=name)
        assert lines(self.opal.do("/unban bob")) == [(UNBAN, "A")]
        assert self.room.permissions.restrictions == {}

    def test_absentAccount(self) -> None:
        self.mel.do("/quit")
        self.opal.do("/ban MEL")
        assert not self.there(self.login("mel", "tea"))

    def test_banEnds(self) -> None:
        self.opal.do("/ban mel 1h")
        self.town.now = NOON + HOUR - 1
        assert reasons(self.mel.do("/join tea")) == [BANNED]
        self.town.now = NOON + HOUR
        listed = only(RestrictionList, self.opal.do("/ban"))
        assert listed.restrictions == []
        self.mel.do("/join tea")
        assert self.there(self.mel)

    def test_lists(self) -> None:
        self.opal.do("/ban mel", "/mute bob 1h")
        for kind, name in ((BAN, "mel"), (MUTE, "bob")):
            listed = only(RestrictionList, self.opal.do(f"/{kind}"))
            assert {(item.kind, item.name) for item in listed.restrictions} == {(kind, name)}

    def test_secondBanReplacesFirst(self) -> None:
        self.opal.do("/ban mel 1h", "/ban mel 2h", "/ban mel")
        assert set(self.room.permissions.restrictions) == {
            (BAN, "mel"),
            (BAN, self.mel.session.cloak),
        }
        assert {item.until for item in self.room.permissions.restrictions.values()} == {0}

    def test_limits(self) -> None:
        for number in range(RESTRICTIONS_EACH):
            self.opal.type(f"/ban ~x{number} 1h")
            self.town.turn()
        assert reasons(self.opal.do("/ban mel"))[-1] is RESTRAINTS_ALL
        assert reasons(self.opal.do("/ban ~x1 2h")) == []
        self.town.now += HOUR
        assert reasons(self.opal.do("/ban mel")) == []
        assert len(self.room.permissions.restrictions) == 3

    def test_restrictedOperators(self) -> None:
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

    def test_addressBanSparesOperators(self) -> None:
        self.town.now += 1
        self.opal.do("/ban bob")
        self.town.now += 1
        new = self.town.stranger(self.bob.session.cloak)
        new.do("/nick new", f"/register {PASSWORD}")
        assert reasons(new.do("/join tea")) == [BANNED]
        self.ann.do("/op new")
        new.do("/join tea")
        assert self.there(new)

    def test_inheritedRestrictionsAreBounded(self) -> None:
        for _ in range(10):
            self.town.now += 1
            self.ann.do("/mute bob", "/unmute bob", "/ban mel", "/mute mel")
        assert len(self.bob.session.inheritedRestrictions) == 1
        assert len(self.mel.session.inheritedRestrictions) == 2
        self.ann.do("/mute bob")
        assert len(self.bob.session.inheritedRestrictions) == 1
        assert reasons(self.bob.do("hello")) == [MUTED]

    def test_bannedFormerOperator(self) -> None:
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
        left = only(UserLeft, self.mel.take())
        assert left.reason == ""

    def test_resumedFromBannedAddress(self) -> None:
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

    def test_guestFounderIsBanned(self) -> None:
        guest = self.town.person("guest", "milk")
        guest.do("hello")
        self.root.do("/join milk", "/ban guest")
        assert guest.session.rooms == {}
        assert reasons(guest.do("/join milk")) == [BANNED]

    def test_longMask(self) -> None:
        assert reasons(self.opal.do(f"/ban ~{'a' * NAME_LENGTH}")) == [NO_PERSON]
        assert self.room.permissions.restrictions == {}
        assert lines(self.opal.do("/ban ~abcdefghijkl")) == [(BAN, "~abcdefghijkl forever")]


class TestMute(TeaRoom):
    def test_reasonsOfMutedAreHidden(self) -> None:
        self.mel.do("/join milk")
        gus = self.town.person("gus", "milk")
        self.opal.do("/mute mel")
        self.town.hush()
        self.mel.do("/away spam")
        assert self.bob.take() == []
        assert [type(item) for item in gus.take()] == [AwayChanged]
        self.mel.do("/part tea spam", "/join tea")
        left, _ = self.bob.take()
        assert isinstance(left, UserLeft)
        assert left.reason == ""
        self.mel.do("/quit spam")
        gone = only(UserQuit, self.bob.take())
        assert gone.reason == ""

    def test_mute(self) -> None:
        assert lines(self.opal.do("/mute mel 10m hush")) == [(MUTE, "mel 10m hush")]
        for line in ("hello", "/me waves", "/topic mine", "/msg #tea hello"):
            assert reasons(self.mel.do(line)) == [MUTED]
        assert lines(self.bob.take()) == [(MUTE, "mel 10m hush")]
        assert reasons(self.mel.do("/msg bob hello", "/who", "/history", "/away x")) == []
        assert lines(self.opal.do("/unmute mel")) == [(UNMUTE, "mel")]
        assert reasons(self.mel.do("hello")) == []

    def test_rejectedWhenApplied(self) -> None:
        self.opal.type("/mute mel")
        self.mel.type("one", "/me two")
        self.town.turn()
        assert self.mel.reasons() == [MUTED, MUTED]
        assert lines(self.bob.take()) == [(MUTE, "mel forever")]

    def test_muteEnds(self) -> None:
        self.opal.do("/mute bob 30s")
        self.town.now = NOON + 30 * NANOSECONDS - 1
        assert reasons(self.bob.do("hello")) == [MUTED]
        self.town.now += 1
        assert reasons(self.bob.do("hello")) == []

    def test_mutedGuestReturns(self) -> None:
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
        self.opal.do(f"/mute bob {given}")
        end = self.room.permissions.restrictions[MUTE, self.bob.session.cloak].until
        assert end == (NOON + until * NANOSECONDS if until else 0)

    @pytest.mark.parametrize(
        "given",
        ["-1", "99999d", "0s", "1.5h", "10", "1,5h", "10x", "+2h", "2h30m", "3651d", "1h1"],
    )
    def test_badDurations(self, given: str) -> None:
        for kind in (BAN, MUTE):
            assert reasons(self.opal.do(f"/{kind} bob {given} why")) == [DURATION]
        assert self.room.permissions.restrictions == {}
