"""Tests for L{tsservices.chat.handlers.modes} and the verbs that propose them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.chat import (
    ChatHarness,
    MemoryClient,
    RoomCase,
    StateHarness,
    codes,
    errorCodes,
    kindsAndTexts,
    only,
)
from tsservices.chat import errors
from tsservices.chat.cloaks import parseMask, parseNewMask
from tsservices.chat.handlers.nodes import detach
from tsservices.chat.handlers.restrictions import RESTRICTIONS_EACH
from tsservices.chat.notifications import (
    JoinedRoom,
    LeftRoom,
    MemberList,
    MessageStored,
    Notification,
    RestrictionList,
    RoomList,
    RoomMessages,
    RoomModes,
    UserJoined,
)
from tsservices.chat.operations import (
    MESSAGE,
    MODE,
    Enter,
    Join,
    Part,
    Resume,
    Say,
    SetModes,
    SetTopic,
)
from tsservices.chat.permissions import MEMBER, OPERATOR
from tsservices.chat.verbs.modes import KEY_LENGTH, MODES_EACH, listBans, memberLetters
from tsservices.chat.verbs.talk import join


def modeLines(notifications: Sequence[Notification]) -> list[str]:
    return [text for kind, text in kindsAndTexts(notifications) if kind == MODE]


class TestChanges(RoomCase):
    def test_oneLineSaysAll(self) -> None:
        heard = self.opal.say("/mode tea +tvk-n bob secret")
        assert modeLines(heard) == ["+tvk-n bob *"]
        assert modeLines(self.bob.heard()) == ["+tvk-n bob *"]
        record = self.room.record
        assert (record.modes, record.joinKey) == ("t", "secret")
        assert record.allModes() == "kt"

    def test_eachByItself(self) -> None:
        heard = self.opal.say("/mode +moxlv bob 0 mel")
        assert modeLines(heard) == ["+mv mel"]
        refused = [errors.NO_MODE, errors.MODE_ARGUMENT, errors.NOT_ALLOWED]
        assert errorCodes(heard) == refused
        assert self.room.record.memberLimit == 0

    def test_oneRefusalForAll(self) -> None:
        assert errorCodes(self.bob.say("/mode +ntsmk-v x mel")) == [errors.NOT_ALLOWED]

    def test_nothingChanged(self) -> None:
        assert codes(self.opal.say("/mode +n-tlk")) == ["same"]
        assert modeLines(self.bob.heard()) == []

    @pytest.mark.parametrize("letter", "iskl")
    def test_lobbyStaysOpen(self, letter: str) -> None:
        self.root.say("/join lobby")
        assert errorCodes(self.root.say(f"/mode +{letter} 3")) == [errors.LOBBY_OPEN]
        assert modeLines(self.root.say("/mode +m")) == ["+m"]

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            ("+k", errors.ROOM_KEY),
            ("+k a,b", errors.ROOM_KEY),
            (f"+k {'x' * (KEY_LENGTH + 1)}", errors.ROOM_KEY),
            ("+k a\x07", errors.ROOM_KEY),
            ("+l", errors.MODE_ARGUMENT),
            ("+l ٣", errors.MODE_ARGUMENT),
            ("+l 9999999", errors.MODE_ARGUMENT),
            ("-o", errors.MODE_ARGUMENT),
            ("+v nobody", errors.NO_PERSON),
            ("+b a\x07!*@*", errors.MASK),
            (f"+b {'x' * 101}", errors.MASK),
            ("+Z", errors.NO_MODE),
            ("+" + "n" * (MODES_EACH + 1), errors.MODES_MANY),
        ],
    )
    def test_refused(self, typed: str, code: errors.ErrorCode) -> None:
        before = self.room.record.copy()
        assert errorCodes(self.ann.say(f"/mode {typed}")) == [code]
        assert self.room.record == before

    def test_audit(self) -> None:
        chat = StateHarness()
        chat.tick(Enter("s", "ann", "ann"), Join("s", "R", "r"))
        changes = (("+k", "secret", ""), ("+b", "x", "x!*@*"))
        batch = chat.tick(SetModes("s", "r", changes))
        (entry,) = batch.audits
        assert (entry["changes"], entry["target"]) == ("+kb * x!*@*", ["x!*@*"])
        assert "secret" not in f"{batch.audits} {batch.messages}"

    def test_shown(self) -> None:
        self.opal.say("/mode +lk 7 key")
        shown = only(RoomModes, self.opal.say("/mode"))
        assert (shown.letters, shown.joinKey, shown.memberLimit) == ("kln", "key", 7)
        stranger = self.chat.join("zed")
        shown = only(RoomModes, stranger.say("/mode tea"))
        assert (shown.letters, shown.joinKey) == ("kln", "")
        self.opal.say("/mode +s")
        assert errorCodes(stranger.say("/mode tea")) == [errors.NO_ROOM]
        assert errorCodes(stranger.say("/mode tea +m")) == [errors.NOT_IN_ROOM]

    def test_onlyWhatIsStoredIsShown(self) -> None:
        self.chat.storage.slow = True
        self.opal.type("/mode +m")
        self.chat.tick()
        assert only(RoomModes, self.mel.say("/mode")).letters == "n"
        self.chat.finishStoring()
        assert only(RoomModes, self.mel.say("/mode")[-1:]).letters == "mn"

    def test_newRoom(self) -> None:
        self.bob.controller.start(lambda: join(self.bob.controller, "new", "", "nt"))
        self.chat.tick()
        joined = only(JoinedRoom, self.bob.heard())
        assert joined.modes is not None
        assert joined.modes.letters == "nt"
        # A room that is there keeps its own.
        self.mel.controller.start(lambda: join(self.mel.controller, "new", "", "m"))
        self.chat.tick()
        assert self.state.rooms["new"].record.modes == "nt"


class TestTalk(RoomCase):
    def test_moderated(self) -> None:
        self.opal.say("/mode +m")
        self.chat.clear()
        for person in (self.bob, self.mel):
            assert errorCodes(person.say("hello")) == [errors.MODERATED]
            assert errorCodes(person.say("/topic x")) == [errors.MODERATED]
        for person in (self.opal, self.ann, self.root):
            assert errorCodes(person.say("hello")) == []
        self.opal.say("/voice bob", "/mode +v mel")
        self.chat.clear()
        for person in (self.bob, self.mel):
            assert errorCodes(person.say("hello")) == []
        assert kindsAndTexts(self.opal.heard()) == [(MESSAGE, "hello")] * 2
        self.opal.say("/devoice bob")
        assert errorCodes(self.bob.say("hello")) == [errors.MODERATED]
        # Whoever has proposed it before is refused all the same.
        self.bob.propose(Say, "tea", MESSAGE, ("x",))
        self.chat.tick()
        assert self.bob.errorCodes() == [errors.MODERATED]
        self.opal.say("/mode -m")
        self.chat.clear()
        self.bob.say("hello")
        assert kindsAndTexts(self.opal.heard()) == [(MESSAGE, "hello")]

    def test_outsiders(self) -> None:
        stranger = self.chat.join("zed")
        assert errorCodes(stranger.say("/msg #tea hello")) == [errors.NOT_IN_ROOM]
        self.opal.say("/mode -n")
        self.chat.clear()
        assert stranger.say("/msg #tea hello") == []
        (line,) = self.mel.heard()
        assert isinstance(line, RoomMessages)
        assert (line.nick, line.texts) == ("zed", ("hello",))
        self.opal.say("/mode +m")
        assert errorCodes(stranger.say("/msg #tea hello")) == [errors.MODERATED]
        self.opal.say("/mode -m", "/ban zed!*@*")
        assert errorCodes(stranger.say("/msg #tea hello")) == [errors.BANNED]

    def test_outsidersGetOnlyTheirOwn(self) -> None:
        self.opal.say("/mode -n")
        stranger = self.chat.join("zed")
        stranger.say("/ack on", "/echo on")
        self.chat.clear()
        self.mel.type("one")
        stranger.type("/msg #tea two")
        self.bob.type("three")
        self.chat.tick()
        stored, own = stranger.heard()
        assert isinstance(stored, MessageStored)
        assert kindsAndTexts([own]) == [(MESSAGE, "two")]
        assert self.opal.texts() == ["one", "two", "three"]
        stranger.say("/echo off", "/ack off")
        assert stranger.say("/msg #tea four") == []

    def test_nobodyTalksInAnEmptyRoom(self) -> None:
        self.bob.say("/join den", "/mode -n", "/part")
        assert errorCodes(self.bob.say("/msg #den hello")) == [errors.NOT_IN_ROOM]

    def test_topic(self) -> None:
        self.opal.say("/mode +t")
        assert errorCodes(self.bob.say("/topic x")) == [errors.NOT_ALLOWED]
        self.bob.propose(SetTopic, "tea", "x")
        self.chat.tick()
        assert self.bob.errorCodes() == [errors.NOT_ALLOWED]
        assert kindsAndTexts(self.opal.say("/topic x"))[-1:] == [("topic", "x")]


class TestJoin(RoomCase):
    def outcome(self, line: str = "/join tea", nick: str = "zed") -> list[errors.ErrorCode]:
        person = self.chat.join(nick)
        return errorCodes(person.say(line))

    def test_key(self) -> None:
        self.opal.say("/mode +k Key")
        assert self.outcome() == [errors.WRONG_KEY]
        assert self.outcome("/join tea key", "zoe") == [errors.WRONG_KEY]
        assert self.outcome("/join tea Key", "zac") == []
        # The handler decides, and those who look after the room need none.
        stranger = self.chat.join("zia")
        stranger.propose(Join, "tea", "tea", "Kez")
        self.chat.tick()
        assert stranger.errorCodes() == [errors.WRONG_KEY]
        self.opal.say("/part", "/join tea")
        assert self.isMember(self.opal)
        assert modeLines(self.opal.say("/mode -k")) == ["-k *"]
        assert self.outcome(nick="zak") == []

    def test_limit(self) -> None:
        self.opal.say(f"/mode +l {len(self.room.nickCounts)}")
        assert self.outcome() == [errors.ROOM_FULL]
        # One person with two sessions, and those who look after the room.
        assert self.isMember(self.chat.login("mel", "tea"))
        self.opal.say("/part", "/join tea")
        assert self.isMember(self.opal)
        assert self.outcome(nick="zoe") == [errors.ROOM_FULL]
        assert modeLines(self.opal.say("/mode -l")) == ["-l"]
        assert self.outcome(nick="zac") == []

    def test_inviteOnly(self) -> None:
        assert modeLines(self.ann.say("/mode +i")) == ["+i"]
        assert self.room.record.private
        assert self.outcome() == [errors.PRIVATE_ROOM]
        assert self.room.permissions.firstReadable(self.bob.session) == 1
        assert modeLines(self.ann.say("/mode -i")) == ["-i"]
        assert self.outcome(nick="zoe") == []
        # The line that opens the room is the last of the private time.
        assert self.room.record.openFrom == self.room.record.seq + 1

    def test_closedByGuests(self) -> None:
        self.bob.say("/join den")
        assert modeLines(self.bob.say("/mode +ik x")) == ["+ik *"]
        assert errorCodes(self.mel.say("/join den x")) == [errors.PRIVATE_ROOM]
        self.bob.say("/part den")
        den = self.state.rooms["den"]
        assert not den.record.private
        assert not den.record.joinKey
        # What was said among them stays there.
        self.mel.say("/join den")
        assert den.permissions.firstReadable(self.mel.session) == den.record.seq + 1

    def test_accountsKeepTheirRoomClosed(self) -> None:
        self.ann.say("/mode +i")
        for person in (self.ann, self.opal, self.mel, self.bob, self.root):
            person.say("/part tea")
        assert self.room.record.private

    def test_secret(self) -> None:
        self.opal.say("/mode +s")
        stranger = self.chat.join("zed")
        for person, isListed in ((stranger, False), (self.mel, True), (self.ann, True)):
            person.heard()
            listed = only(RoomList, person.say("/rooms"))
            assert ("tea" in [name for name, _, _ in listed.rooms]) is isListed
        assert errorCodes(stranger.say("/who tea")) == [errors.NO_ROOM]
        assert errorCodes(stranger.say("/join tea")) == []


class TestPeople(RoomCase):
    def rank(self, person: MemoryClient) -> str:
        return self.state.rank(person.session, self.room)

    def test_guestOperator(self) -> None:
        assert modeLines(self.ann.say("/mode +o bob")) == ["+o bob"]
        assert self.rank(self.bob) == OPERATOR
        self.bob.say("/nick rob")
        assert self.rank(self.bob) == OPERATOR
        assert kindsAndTexts(self.bob.say("/kick mel")) == [("kick", "mel")]
        # Of no use to the next one with that name.
        self.bob.say("/part", "/join tea")
        assert self.rank(self.bob) == MEMBER
        assert self.room.permissions.sessionRoles == {}

    def test_guestOperatorLogsIn(self) -> None:
        self.ann.say("/mode +ov bob bob")
        self.bob.say("/register correct horse")
        assert self.bob.session.account == "bob"
        assert self.rank(self.bob) == OPERATOR
        assert "bob" not in self.room.permissions.roles
        assert modeLines(self.ann.say("/mode -ov bob bob")) == ["-ov bob bob"]
        assert self.rank(self.bob) == MEMBER
        assert not self.room.permissions.hasVoice(self.bob.session)

    def test_resume(self) -> None:
        self.ann.say("/mode +v bob")
        session = self.chat.connect()
        session.propose(Resume, self.bob.session.token, "~x")
        self.chat.tick()
        assert self.room.permissions.sessionRoles == {session.session.ident: "v"}

    def test_detached(self) -> None:
        self.ann.say("/mode +ov bob bob")
        detached = detach(self.state, self.bob.session, 0)
        assert [item.roles for item in detached.memberships if item.room == "tea"] == ["ov"]

    def test_bannedGuestOperator(self) -> None:
        self.ann.say("/mode +o bob", "/ban bob")
        assert not self.isMember(self.bob)

    def test_account(self) -> None:
        assert modeLines(self.ann.say("/mode +o mel")) == ["+o mel"]
        role = self.room.permissions.roles["mel"]
        assert role.operator
        assert codes(self.ann.say("/mode +o mel")) == ["same"]
        assert kindsAndTexts(self.ann.say("/deop mel")) == [("deop", "mel")]

    @pytest.mark.parametrize("letter", "ov")
    def test_resigning(self, letter: str) -> None:
        for person, name in ((self.bob, "bob"), (self.mel, "mel")):
            self.ann.say(f"/mode +{letter} {name}")
            self.chat.clear()
            assert modeLines(person.say(f"/mode -{letter} {name}")) == [f"-{letter} {name}"]
            assert self.rank(person) == MEMBER

    def test_guestFounderResigns(self) -> None:
        self.bob.say("/join den")
        assert modeLines(self.bob.say("/mode -o bob")) == ["-o bob"]
        assert errorCodes(self.bob.say("/mode +m")) == [errors.NOT_ALLOWED]

    def test_absentGuest(self) -> None:
        self.chat.join("zed")
        for letter in "ov":
            assert errorCodes(self.ann.say(f"/mode +{letter} zed")) == [errors.NO_PERSON]

    def test_lists(self) -> None:
        self.opal.say("/voice bob", "/voice mel")
        listed = only(MemberList, self.bob.say("/who")[-1:])
        found = {member.nick: memberLetters(member.rank, member.voice) for member in listed.members}
        assert found == {"ann": "o", "opal": "o", "mel": "v", "bob": "v", "root": "o"}
        self.opal.say("/part")
        self.chat.clear()
        self.opal.say("/join tea")
        (joined,) = [item for item in self.bob.heard() if isinstance(item, UserJoined)]
        assert joined.rank == OPERATOR
        self.mel.say("/part")
        self.mel.heard()
        entered = only(JoinedRoom, self.mel.say("/join tea")[:1])
        assert entered.voice


class TestBans(RoomCase):
    def test_mask(self) -> None:
        heard = self.opal.say("/mode +b BO?!*@GUEST")
        assert modeLines(heard) == ["+b bo?!*@guest"]
        assert not self.isMember(self.bob)
        assert isinstance(self.bob.heard()[-1], LeftRoom)
        assert errorCodes(self.bob.say("/join tea")) == [errors.BANNED]
        assert self.bob.say("/nick carl") != []
        assert errorCodes(self.bob.say("/join tea")) == []
        assert modeLines(self.opal.say("/mode -b bo?!*@guest")) == ["-b bo?!*@guest"]
        assert self.room.permissions.restrictions == {}
        assert not self.room.permissions.checksTalk

    def test_masksOfNobody(self) -> None:
        # PyLink/PyLink#55: extended bans of other servers.
        for mask in ("m:bob!*@*", "$a:bob", "~a:bob", "R:bob!*@*", "a|b", "*!*@::1", "a!b@c@d"):
            assert errorCodes(self.opal.say(f"/mode +b {mask}")) == [errors.MASK], mask
        assert errorCodes(self.opal.say("/ban m:bob!*@*")) == [errors.MASK]
        assert self.room.permissions.restrictions == {}
        for mask in ("z\u00e9_-?*!~:x@*", "*!*@~abc", "*!*@z-e_d.account"):
            assert parseNewMask(mask) == parseMask(mask)
        # Older ones can be removed.
        assert codes(self.opal.say("/mode -b m:bob!*@*")) == ["same"]

    def test_operatorsAreSpared(self) -> None:
        self.mel.say("/mode +b *l!*@*")
        self.opal.say("/mode +b *l!*@*")
        assert [self.isMember(item) for item in (self.opal, self.mel)] == [True, False]

    def test_maskOfAccount(self) -> None:
        assert modeLines(self.opal.say("/mode +b *!*@MEL.account")) == ["+b *!*@mel.account"]
        assert not self.isMember(self.mel)
        assert ("ban", "mel") in self.room.permissions.restrictions
        assert modeLines(self.opal.say("/mode -b *!*@mel.account")) == ["-b *!*@mel.account"]
        assert self.room.permissions.restrictions == {}
        assert errorCodes(self.opal.say("/mode +b *!*@nobody.account")) == [errors.NO_ACCOUNT]
        assert errorCodes(self.opal.say("/mode +b ann.account")) == [errors.STANDS_ABOVE]

    def test_maskOfCloak(self) -> None:
        cloak = self.bob.session.cloak
        assert modeLines(self.opal.say(f"/mode +b {cloak}")) == [f"+b *!*@{cloak}"]
        assert not self.isMember(self.bob)
        assert modeLines(self.opal.say(f"/mode -b *!*@{cloak}")) == [f"-b *!*@{cloak}"]

    @pytest.mark.parametrize(
        "mask", ["*!*@guest", "*!*@*", "*", "??*!*@gu*", "*!user@*", "*!*@*.account", "*!*@*t"]
    )
    def test_everybody(self, mask: str) -> None:
        for line in (f"/mode +b {mask}", f"/ban {mask}", f"/mute {mask}"):
            assert errorCodes(self.ann.say(line)) == [errors.MASK_EVERYBODY]

    def test_banCommandTakesMasks(self) -> None:
        heard = self.opal.say("/mute bob!*@* 2h why")
        assert kindsAndTexts(heard) == [("mute", "bob!*@* 2h why")]
        assert errorCodes(self.bob.say("hello")) == [errors.MUTED]
        assert kindsAndTexts(self.opal.say("/unmute bob!*@*")) == [("unmute", "bob!*@*")]

    def test_manyAndTheSame(self) -> None:
        self.opal.say("/mode +bb x y")
        assert codes(self.opal.say("/mode +b x!*@*")) == ["same"]
        assert codes(self.opal.say("/mode -b z")) == ["same"]
        for number in range(RESTRICTIONS_EACH - 2):
            mask = f"x{number}!*@*"
            self.opal.propose(SetModes, "tea", (("+b", mask, mask),))
        self.chat.tick()
        assert errorCodes(self.opal.say("/mode +b z")) == [errors.RESTRAINTS_ALL]

    def test_listed(self) -> None:
        self.opal.say("/mode +b x", "/ban bob")
        assert {item.mask for item in listBans(self.opal.controller, self.room)} == {
            "x!*@*",
            self.bob.session.cloak,
        }
        self.mel.heard()
        listed = only(RestrictionList, self.mel.say("/mode +b"))
        assert [item.mask for item in listed.restrictions] == ["x!*@*"]


def test_roomsOfGuestsAreOpenAgainForAll() -> None:
    chat = StateHarness()
    chat.tick(Enter("s", "ann", "ann"), Join("s", "R", "r"))
    chat.tick(SetModes("s", "r", (("+i", "", ""),)))
    batch = chat.tick(Part("s", "r", ""))
    (record,) = batch.roomRecords
    assert (record.private, record.openFrom) == (False, 2)


def test_membersWhoComeBackNeedNoKey() -> None:
    chat = ChatHarness()
    chat.join("ann", "tea").say("/mode +kl x 1")
    bob, state = chat.join("bob").session, chat.context.state
    state.checkJoin(bob, "tea", 0, returning=True)
    with pytest.raises(errors.ChatError) as raised:
        state.checkJoin(bob, "tea", 0)
    assert raised.value.code is errors.WRONG_KEY
