"""Tests for bans and mutes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.chat import (
    HOUR,
    NOON,
    PASSWORD,
    RoomCase,
    errorCodes,
    kinds,
    kindsAndTexts,
    only,
)
from tsservices.chat import errors
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.restrictions import RESTRICTIONS_EACH
from tsservices.chat.names import NAME_LENGTH
from tsservices.chat.notifications import (
    AwayChanged,
    ErrorReply,
    LeftRoom,
    MemberList,
    RestrictionList,
    RoomMessages,
    UserLeft,
    UserQuit,
)
from tsservices.chat.operations import BAN, MUTE, UNBAN, UNMUTE, Login, Rename
from tsservices.chat.permissions import FOUNDER, OPERATOR
from tsservices.common.durations import LONGEST_SECONDS
from tsservices.common.timestamps import NANOSECONDS


class TestBan(RoomCase):
    def test_accountBan(self) -> None:
        heard = self.opal.say("/ban mel 2h too loud")
        assert kindsAndTexts(heard) == [(BAN, "mel 2h too loud")]
        sent, left = self.mel.heard()
        assert isinstance(sent, RoomMessages)
        assert isinstance(left, LeftRoom)
        heard = self.bob.heard()
        assert kindsAndTexts(heard) == [(BAN, "mel 2h too loud")]
        assert [item.nick for item in heard if isinstance(item, UserLeft)] == ["mel"]
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        assert not self.isMember(self.chat.login("mel", "tea", cloak="~new"))
        other = self.chat.connect(self.mel.session.cloak)
        other.say("/nick other", "/join tea")
        assert not self.isMember(other)
        restraint = self.room.permissions.restrictions[BAN, "mel"]
        assert (restraint.name, restraint.by, restraint.time) == ("mel", "opal", NOON)
        assert (restraint.until, restraint.reason) == (NOON + 2 * HOUR, "too loud")

    def test_addressBan(self) -> None:
        cloak = self.bob.session.cloak
        twin = self.chat.connect(cloak)
        twin.say("/nick twin", "/join tea")
        self.chat.clear()
        self.opal.say("/ban bob")
        assert not self.isMember(self.bob)
        assert self.isMember(twin)
        self.chat.time += 1
        self.opal.say(f"/ban {cloak}")
        assert not self.isMember(twin)
        assert {item.nick for item in self.mel.heard() if isinstance(item, UserLeft)} == {
            "bob",
            "twin",
        }
        assert isinstance(twin.heard()[-1], LeftRoom)
        self.bob.say("/nick rob")
        assert errorCodes(self.bob.say("/join tea")) == [errors.BANNED]
        self.chat.time += 1
        self.opal.say("/unban bob", f"/unban {cloak}", "/ban rob")
        self.chat.time += 1
        third = self.chat.connect(cloak)
        third.say("/nick third")
        assert errorCodes(third.say("/join tea")) == [errors.BANNED]
        assert errorCodes(twin.say("/join tea")) == []

    def test_olderAccountIsSpared(self) -> None:
        cloak = self.bob.session.cloak
        old = self.chat.login("mel", cloak=cloak)
        self.opal.say("/ban bob")
        old.say("/join tea")
        assert self.isMember(old)
        # By the order, not by the clock.
        for wait in (0, 1, -HOUR):
            self.chat.time += wait
            young = self.chat.connect(cloak)
            young.say(f"/nick young{abs(wait)}", f"/register {PASSWORD}")
            assert errorCodes(young.say("/join tea")) == [errors.BANNED]

    def test_banFollowsLogout(self) -> None:
        self.opal.say("/ban mel 2h")
        self.mel.say("/logout", "/nick melon")
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        self.chat.time += 1
        other = self.chat.connect(self.mel.session.cloak)
        other.say("/nick other")
        assert errorCodes(other.say("/join tea")) == [errors.BANNED]
        self.opal.say("/unban mel")
        assert errorCodes(other.say("/join tea")) == []

    def test_olderSessionIsSpared(self) -> None:
        old = self.chat.login("mel", cloak=self.bob.session.cloak)
        self.mel.say("/quit")
        self.opal.say("/ban bob")
        old.say("/join tea")
        self.chat.clear()
        old.say("/logout")
        assert self.isMember(old)
        assert errorCodes(old.say("hello")) == []

    def test_loginOfBannedAccount(self) -> None:
        self.opal.say("/ban mel")
        self.mel.say("/quit")
        guest = self.chat.connect("~other")
        guest.say("/nick guest", "/join tea", "/join milk")
        assert self.isMember(guest)
        self.chat.clear()
        guest.say(f"/login mel {PASSWORD}")
        assert not self.isMember(guest)
        assert list(guest.session.rooms) == ["milk"]
        heard = self.ann.heard()
        assert [item.nick for item in heard if isinstance(item, UserLeft)] == ["guest"]

    def test_ownerUnderAnotherName(self) -> None:
        self.mel.say("/nick melissa")
        self.opal.say("/ban mel")
        assert not self.isMember(self.mel)
        assert errorCodes(self.mel.say("/logout", "/join tea")) == [errors.BANNED]

    def test_banByCloak(self) -> None:
        cloak = self.bob.session.cloak
        assert kindsAndTexts(self.ann.say(f"/ban {cloak.upper()} 1d")) == [(BAN, f"{cloak} 1d")]
        assert not self.isMember(self.bob)
        assert kindsAndTexts(self.ann.say(f"/unban {cloak}")) == [(UNBAN, cloak)]
        self.bob.say("/join tea")
        assert self.isMember(self.bob)

    def test_unban(self) -> None:
        for name in ("bob", "rob"):
            self.opal.say("/ban bob")
            self.bob.say("/nick rob")
            assert kindsAndTexts(self.opal.say(f"/unban {name.upper()}")) == [(UNBAN, "bob")]
            self.bob.say("/nick bob", "/join tea")
            assert self.isMember(self.bob)
        self.opal.say("/ban bob", "/ban mel")
        self.bob.say("/quit")
        self.mel.say("/quit")
        assert kindsAndTexts(self.opal.say("/unban bob")) == [(UNBAN, "bob")]
        assert kindsAndTexts(self.opal.say("/unban mel")) == [(UNBAN, "mel")]
        assert self.room.permissions.restrictions == {}

    def test_keyIsNotFoldedAgain(self) -> None:
        self.opal.say("/ban bob")
        ((key, ban),) = self.room.permissions.restrictions.items()
        assert ban.key == "bob"
        self.bob.say("/quit")
        self.room.permissions.restrictions[key] = replace(ban, name="BOB", key="rob")
        assert errorCodes(self.opal.say("/unban BOB")) == [errors.NOT_RESTRAINED]
        assert kindsAndTexts(self.opal.say("/unban rob")) == [(UNBAN, "BOB")]

    def test_liftsInOrderOfMasks(self) -> None:
        self.opal.say("/ban bob")
        ((_, ban),) = self.room.permissions.restrictions.items()
        self.bob.say("/quit")
        for mask, name in (("~zz", "Z"), ("~aa", "A")):
            self.room.permissions.restrictions[BAN, mask] = replace(ban, mask=mask, name=name)
        assert kindsAndTexts(self.opal.say("/unban bob")) == [(UNBAN, "A")]
        assert self.room.permissions.restrictions == {}

    def test_absentAccount(self) -> None:
        self.mel.say("/quit")
        self.opal.say("/ban MEL")
        assert not self.isMember(self.chat.login("mel", "tea"))

    def test_banEnds(self) -> None:
        self.opal.say("/ban mel 1h")
        self.chat.time = NOON + HOUR - 1
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        self.chat.time = NOON + HOUR
        listed = only(RestrictionList, self.opal.say("/ban"))
        assert listed.restrictions == []
        self.mel.say("/join tea")
        assert self.isMember(self.mel)

    def test_lists(self) -> None:
        self.opal.say("/ban mel", "/mute bob 1h")
        for kind, name in ((BAN, "mel"), (MUTE, "bob")):
            listed = only(RestrictionList, self.opal.say(f"/{kind}"))
            assert {(item.kind, item.name) for item in listed.restrictions} == {(kind, name)}

    def test_secondBanReplacesFirst(self) -> None:
        self.opal.say("/ban mel 1h", "/ban mel 2h", "/ban mel")
        assert set(self.room.permissions.restrictions) == {
            (BAN, "mel"),
            (BAN, self.mel.session.cloak),
        }
        assert {item.until for item in self.room.permissions.restrictions.values()} == {0}

    def test_limits(self) -> None:
        for number in range(RESTRICTIONS_EACH):
            self.opal.type(f"/ban ~x{number} 1h")
            self.chat.tick()
        assert errorCodes(self.opal.say("/ban mel"))[-1] is errors.RESTRAINTS_ALL
        assert errorCodes(self.opal.say("/ban ~x1 2h")) == []
        self.chat.time += HOUR
        assert errorCodes(self.opal.say("/ban mel", "/ban ~y")) == []
        restrictions = self.room.permissions.restrictions
        assert len(restrictions) == RESTRICTIONS_EACH
        assert {mask for _, mask in restrictions} >= {"mel", "~y", "~x1", "~x499"}

    def test_restrictedOperators(self) -> None:
        self.ann.say("/mute opal")
        assert errorCodes(self.opal.say("hello")) == [errors.MUTED]
        assert errorCodes(self.opal.say("/unmute opal")) == [errors.ONESELF]
        assert errorCodes(self.opal.say("hello")) == [errors.MUTED]
        self.ann.say("/unmute opal")
        assert errorCodes(self.opal.say("hello")) == []
        self.ann.say("/ban opal 1h")
        assert not self.isMember(self.opal)
        assert errorCodes(self.opal.say("/join tea")) == [errors.BANNED]
        self.root.say("/ban ann")
        assert not self.isMember(self.ann)
        assert errorCodes(self.ann.say("/join tea")) == [errors.BANNED]
        self.chat.time += HOUR
        self.opal.say("/join tea")
        assert self.state.rank(self.opal.session, self.room) == OPERATOR
        self.opal.say("/unban ann")
        self.ann.say("/join tea")
        assert self.state.rank(self.ann.session, self.room) == FOUNDER

    def test_addressBanSparesOperators(self) -> None:
        self.chat.time += 1
        self.opal.say("/ban bob")
        self.chat.time += 1
        new = self.chat.connect(self.bob.session.cloak)
        new.say("/nick new", f"/register {PASSWORD}")
        assert errorCodes(new.say("/join tea")) == [errors.BANNED]
        self.ann.say("/op new")
        new.say("/join tea")
        assert self.isMember(new)

    def test_inheritedRestrictionsAreBounded(self) -> None:
        for _ in range(10):
            self.chat.time += 1
            self.ann.say("/mute bob", "/unmute bob", "/ban mel", "/mute mel")
        assert len(self.bob.session.inheritedRestrictions) == 1
        assert len(self.mel.session.inheritedRestrictions) == 2
        self.ann.say("/mute bob")
        assert len(self.bob.session.inheritedRestrictions) == 1
        assert errorCodes(self.bob.say("hello")) == [errors.MUTED]

    def test_bannedFormerOperator(self) -> None:
        self.opal.say("/ban bob")
        self.chat.time += 1
        new = self.chat.connect(self.bob.session.cloak)
        new.say("/nick new", f"/register {PASSWORD}")
        self.ann.say("/op new")
        new.say("/join tea")
        assert errorCodes(new.say("hello")) == []
        self.ann.say("/deop new")
        for line in ("hello", "/topic mine"):
            assert errorCodes(new.say(line)) == [errors.BANNED]
        self.mel.heard()
        new.say("/part tea spam")
        left = only(UserLeft, self.mel.heard())
        assert left.reason == ""

    def test_resumedFromBannedAddress(self) -> None:
        guest = self.chat.join("guest", "tea")
        self.opal.say("/ban bob")
        new = self.chat.connect(self.bob.session.cloak)
        new.say(f"/resume {guest.controller._token}")
        assert self.isMember(new)
        new.say("/join tea")
        assert errorCodes(new.say("hello")) == []
        self.opal.say(f"/ban {self.bob.session.cloak}")
        assert not self.isMember(new)
        assert errorCodes(new.say("/join tea")) == [errors.BANNED]

    def test_guestFounderIsBanned(self) -> None:
        guest = self.chat.join("guest", "milk")
        guest.say("hello")
        self.root.say("/join milk", "/ban guest")
        assert guest.session.rooms == {}
        assert errorCodes(guest.say("/join milk")) == [errors.BANNED]

    def test_longMask(self) -> None:
        assert errorCodes(self.opal.say(f"/ban ~{'a' * NAME_LENGTH}")) == [errors.NO_PERSON]
        assert self.room.permissions.restrictions == {}
        assert kindsAndTexts(self.opal.say("/ban ~abcdefghijkl")) == [
            (BAN, "~abcdefghijkl forever")
        ]


class TestMute(RoomCase):
    def test_reasonsOfMutedAreHidden(self) -> None:
        self.mel.say("/join milk")
        gus = self.chat.join("gus", "milk")
        self.bob.say("/join milk")
        self.opal.say("/mute mel")
        self.chat.clear()
        self.mel.say("/away spam")
        assert self.bob.heard() == []
        assert kinds(gus.heard()) == [AwayChanged]
        self.mel.say("/part tea spam", "/join tea")
        left, _ = self.bob.heard()
        assert isinstance(left, UserLeft)
        assert left.reason == ""
        self.mel.say("/quit spam")
        gone = only(UserQuit, self.bob.heard())
        assert gone.reason == ""

    def test_mute(self) -> None:
        assert kindsAndTexts(self.opal.say("/mute mel 10m hush")) == [(MUTE, "mel 10m hush")]
        for line in ("hello", "/me waves", "/topic mine", "/msg #tea hello"):
            assert errorCodes(self.mel.say(line)) == [errors.MUTED]
        assert kindsAndTexts(self.bob.heard()) == [(MUTE, "mel 10m hush")]
        assert errorCodes(self.mel.say("/msg bob hello", "/who", "/history", "/away x")) == []
        assert kindsAndTexts(self.opal.say("/unmute mel")) == [(UNMUTE, "mel")]
        assert errorCodes(self.mel.say("hello")) == []

    @pytest.mark.parametrize("second", ["", " 2h", " 10m"])
    def test_twoOfOneAddress(self, second: str) -> None:
        """Who is muted at an address stays so when somebody else there is muted, and is freed."""
        home = self.bob.session.cloak
        gus, kim = self.chat.connect(home), self.chat.connect(home)
        gus.say("/nick gus", "/join tea")
        kim.say("/nick kim", "/join tea")
        self.opal.say("/mute bob 1h")
        self.chat.time += NANOSECONDS
        self.opal.say(f"/mute gus{second}")
        assert [errorCodes(one.say("hello")) for one in (self.bob, gus)] == [[errors.MUTED]] * 2
        assert errorCodes(kim.say("hello")) == []
        self.opal.say("/unmute gus")
        assert [errorCodes(one.say("hello")) for one in (self.bob, gus)] == [[]] * 2

    def test_endedForTheFirst(self) -> None:
        """Whose mute has ended is not muted again with somebody else at the same address."""
        gus = self.chat.connect(self.bob.session.cloak)
        gus.say("/nick gus", "/join tea")
        self.opal.say("/mute bob 1h")
        self.chat.time += 2 * HOUR
        self.opal.say("/mute gus")
        assert errorCodes(self.bob.say("hello")) == []
        assert errorCodes(gus.say("hello")) == [errors.MUTED]

    def test_unmuteByLaterName(self) -> None:
        self.opal.say("/mute bob")
        self.bob.say("/part", "/nick rob", "/register correct horse", "/join tea")
        assert errorCodes(self.bob.say("hello")) == [errors.MUTED]
        self.opal.say("/unmute rob")
        assert errorCodes(self.bob.say("hello")) == []

    @pytest.mark.parametrize("kind", ["account", "guest", "cloak"])
    def test_renamesOfMuted(self, kind: str) -> None:
        self.chat.joinRegistered("all-idiots").say("/quit")
        muted = self.mel if kind == "account" else self.bob
        name, old = muted.session.nick, muted.session.key
        target = muted.session.cloak if kind == "cloak" else name
        self.opal.say(f"/mute {target}")
        self.chat.clear()
        lines = ["/nick all-fools", "/nick ALL-FOOLS"]
        if kind != "account":
            lines.append(f"/login all-idiots {PASSWORD}")
        for line in lines:
            (refused,) = muted.say(line)
            assert isinstance(refused, ErrorReply)
            assert str(refused.error) == (
                "no other name while you may not speak in #tea for ever; /part it first"
            )
        # Past the checks that only a verb makes.
        muted.propose(Rename, "All-Fools", "all-fools")
        account = self.state.accounts["all-idiots"]
        if kind != "account":
            muted.propose(Login, account.key, account.version, muted.session.cloak, "")
        self.chat.tick()
        assert set(muted.errorCodes()) == {errors.MUTED_NAME}
        assert (muted.session.key, self.bob.heard()) == (old, [])
        assert errorCodes(muted.say(f"/nick {name.upper()}")) == []
        muted.say("/part")
        assert errorCodes(muted.say("/nick all-fools")) == []

    def test_renamesOfMutedInOlderMessages(self) -> None:
        """By the rules of the first version nothing was refused."""
        self.opal.say("/mute bob")
        batch = Batch("log", 1, NOON, 1)
        apply(self.state, Rename(self.bob.session.ident, "Fool", "fool"), self.bob.session, batch)
        assert self.bob.session.nick == "Fool"

    def test_awayTextsOfMuted(self) -> None:
        self.bob.say("/away RUDE")
        self.opal.say("/mute bob")
        members = only(MemberList, self.mel.say("/who")[-1:]).members
        assert {item.nick: item.away for item in members}["bob"] == ""

    def test_rejectedWhenApplied(self) -> None:
        self.opal.type("/mute mel")
        self.mel.type("one", "/me two")
        self.chat.tick()
        assert self.mel.errorCodes() == [errors.MUTED, errors.MUTED]
        assert kindsAndTexts(self.bob.heard()) == [(MUTE, "mel forever")]

    def test_muteEnds(self) -> None:
        self.opal.say("/mute bob 30s")
        self.chat.time = NOON + 30 * NANOSECONDS - 1
        assert errorCodes(self.bob.say("hello")) == [errors.MUTED]
        self.chat.time += 1
        assert errorCodes(self.bob.say("hello")) == []

    def test_mutedGuestReturns(self) -> None:
        self.opal.say("/mute bob")
        assert errorCodes(self.bob.say("hello")) == [errors.MUTED]
        self.bob.say("/part", "/join tea")
        assert errorCodes(self.bob.say("hello")) == [errors.MUTED]
        self.chat.time += 1
        self.bob.say(f"/register {PASSWORD}")
        assert errorCodes(self.bob.say("hello")) == [errors.MUTED]

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
        self.opal.say(f"/mute bob {given}")
        end = self.room.permissions.restrictions[MUTE, self.bob.session.cloak].until
        assert end == (NOON + until * NANOSECONDS if until else 0)

    @pytest.mark.parametrize(
        "given", ["-1", "99999d", "0s", "1.5h", "10", "1,5h", "10x", "+2h", "2h30m", "3651d", "1h1"]
    )
    def test_badDurations(self, given: str) -> None:
        for kind in (BAN, MUTE):
            assert errorCodes(self.opal.say(f"/{kind} bob {given} why")) == [errors.DURATION]
        assert self.room.permissions.restrictions == {}
