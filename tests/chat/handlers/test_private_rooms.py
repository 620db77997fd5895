"""Tests for private rooms: who enters them, what they read there, and what others know."""

from __future__ import annotations

import pytest

from tests.support.chat import PASSWORD, ChatHarness, MemoryClient, errorCodes, kindsAndTexts, only
from tsservices.chat import errors
from tsservices.chat.notifications import (
    HistoryReplay,
    Invited,
    JoinedRoom,
    Notification,
    RoomList,
    SearchResults,
    WhoisReply,
)
from tsservices.chat.operations import MESSAGE, PRIVATE, PUBLIC, Join, SetPrivate
from tsservices.chat.permissions import OPERATOR


def numbers(happenings: list[Notification]) -> list[int]:
    sent: list[int] = []
    for item in happenings:
        if isinstance(item, JoinedRoom) and item.replay is not None:
            item = item.replay
        if isinstance(item, HistoryReplay | SearchResults):
            sent += [n for line in item.messages for n in range(line.first, line.last + 1)]
    return sent


def asked(person: MemoryClient, line: str) -> list[Notification]:
    heard = person.say(line)
    while person.controller.busy:
        person.continueOutput()
        heard += person.heard()
    return heard


class TestPrivate:
    """
    Lines 1 to 3 of ann's room tea are public, 4 makes it private, 5 and 6 are private. Bob has left
    before, mel is in, zed never was; gus is a guest.
    """

    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["root"])
        self.root = self.chat.joinRegistered("root")
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.mel = self.chat.joinRegistered("mel", "tea")
        self.bob = self.chat.joinRegistered("bob", "tea")
        self.zed = self.chat.joinRegistered("zed")
        self.gus = self.chat.join("gus")
        self.ann.say("one", "two")
        self.bob.say("three", "/part")
        self.ann.say("/private on", "five", "six")
        self.state = self.chat.context.state
        self.room = self.state.rooms["tea"]
        assert self.room.record.private
        assert self.room.record.seq == 6
        self.chat.clear()

    def there(self, person: MemoryClient) -> bool:
        return person.session.ident in self.room.members

    def readable(self, person: MemoryClient) -> list[int]:
        self.chat.clear()
        got = [
            numbers(asked(person, line))
            for line in ("/join tea", "/history 500", "/since 0", "/since tea 0", "/search #tea")
        ][1:]
        assert got[0] == got[1] == got[2]
        kinds = {
            number: line.kind
            for batch in [self.chat.storage._rooms["tea"]]
            for line in batch
            for number in range(line.first, line.last + 1)
        }
        assert got[3] == [number for number in got[0] if kinds[number] == MESSAGE]
        for number in range(1, got[0][0] if got[0] else self.room.record.seq + 1):
            assert errorCodes(person.say(f"/delete {number}")) == [errors.NO_LINE]
        return got[0]

    def test_membersStay(self) -> None:
        assert self.readable(self.mel) == [1, 2, 3, 4, 5, 6]
        self.mel.say("/part")
        assert numbers(self.mel.say("/join tea")) == [1, 2, 3, 4, 5, 6]

    @pytest.mark.parametrize("name", ["bob", "zed", "gus"])
    def test_othersAreRejected(self, name: str) -> None:
        person: MemoryClient = getattr(self, name)
        assert errorCodes(person.say("/join tea")) == [errors.PRIVATE_ROOM]
        person.propose(Join, "tea", "tea")
        self.chat.tick()
        assert person.errorCodes() == [errors.PRIVATE_ROOM]
        assert not self.there(person)

    @pytest.mark.parametrize("name", ["bob", "zed", "gus"])
    def test_invitedReadsFromJoin(self, name: str) -> None:
        person: MemoryClient = getattr(self, name)
        self.ann.say(f"/invite {name}")
        invited = only(Invited, person.heard())
        assert (invited.room, invited.by) == ("tea", "ann")
        assert numbers(person.say("/join tea")) == []
        self.ann.say("seven")
        assert self.readable(person) == [7]

    def test_guestInvitationIsUsedOnce(self) -> None:
        self.ann.say("/invite gus", "/invite zed")
        for person in (self.gus, self.zed):
            person.say("/join tea")
        self.ann.say("seven")
        for person in (self.gus, self.zed):
            person.say("/part")
        self.ann.say("eight")
        assert errorCodes(self.gus.say("/join tea")) == [errors.PRIVATE_ROOM]
        assert numbers(self.zed.say("/join tea")) == [7, 8]

    @pytest.mark.parametrize("way", ["/register correct horse", "/login zed correct horse"])
    def test_invitationGoesAlongAtLogin(self, way: str) -> None:
        self.ann.say("/invite gus")
        self.gus.say(way, "/logout", "/nick gustav")
        assert errorCodes(self.gus.say("/join tea")) == [errors.PRIVATE_ROOM]
        self.gus.say(f"/login {'gus' if 'register' in way else 'zed'} correct horse", "/join tea")
        assert self.there(self.gus)

    def test_bannedAreNotInvited(self) -> None:
        self.ann.say("/ban gus", "/ban zed")
        for name in ("gus", "zed"):
            assert errorCodes(self.ann.say(f"/invite {name}")) == [errors.OTHER_BANNED]
        self.zed.say("/quit")
        assert errorCodes(self.ann.say("/invite zed")) == [errors.OTHER_BANNED]

    def test_invitationUsedWhilePublic(self) -> None:
        self.ann.say("/invite gus", "/invite zed", "/private off")
        for person in (self.gus, self.zed):
            person.say("/join tea", "/part")
        self.ann.say("/private on")
        for person in (self.gus, self.zed):
            person.heard()
            assert errorCodes(person.say("/join tea")) == [errors.PRIVATE_ROOM]

    def test_invitationOfMemberIsNoReturn(self) -> None:
        self.ann.say("/invite gus")
        self.gus.say("/join tea")
        self.ann.say("/invite gus", "/kick gus")
        assert errorCodes(self.gus.say("/join tea")) == [errors.PRIVATE_ROOM]

    def test_banRevokesInvitations(self) -> None:
        self.ann.say("/invite gus", "/invite zed", "/ban gus", "/ban zed")
        self.ann.say("/unban gus", "/unban zed")
        for person in (self.gus, self.zed):
            person.heard()
            assert errorCodes(person.say("/join tea")) == [errors.PRIVATE_ROOM]

    def test_otherSessionOfAccount(self) -> None:
        self.ann.say("/invite zed")
        self.zed.say("/join tea")
        self.ann.say("seven")
        other = self.chat.connect()
        other.say(f"/login zed {PASSWORD}")
        assert numbers(other.say("/join tea")) == [7]
        assert self.readable(other) == [7]

    def test_kickRevokes(self) -> None:
        self.ann.say("/kick mel")
        assert errorCodes(self.mel.say("/join tea")) == [errors.PRIVATE_ROOM]
        self.ann.say("/invite mel")
        assert numbers(self.mel.say("/join tea")) == []
        self.ann.say("/ban mel", "/unban mel")
        assert errorCodes(self.mel.say("/join tea")) == [errors.PRIVATE_ROOM]

    def test_kickOfAllSessions(self) -> None:
        self.ann.say("/invite zed")
        other = self.chat.connect()
        other.say(f"/login zed {PASSWORD}", "/join tea", "/nick other")
        self.zed.say("/join tea")
        self.ann.say("/kick zed")
        assert not self.there(self.zed)
        assert not self.there(other)

    def test_operatorsNeedNoInvitation(self) -> None:
        self.ann.say("/op zed")
        seq = self.room.record.seq
        assert seq == 7
        self.ann.say("eight")
        self.zed.say("/join tea")
        assert self.readable(self.zed) == [7, 8]
        self.root.say("/join tea")
        assert self.there(self.root)
        self.ann.say("nine")
        assert self.readable(self.root) == [9]
        self.ann.say("/part")
        assert numbers(self.ann.say("/join tea")) == list(range(1, 10))

    @pytest.mark.parametrize("way", ["logout", "reset", "drop"])
    @pytest.mark.parametrize("name", ["ann", "mel", "zed"])
    def test_logoutLeavesPrivateRooms(self, way: str, name: str) -> None:
        self.ann.say("/invite zed")
        self.zed.say("/join tea")
        person: MemoryClient = getattr(self, name)
        self.chat.clear()
        if way == "logout":
            person.say("/logout")
        else:
            self.root.say(f"/{way} {name}")
        assert person.session.account is None
        assert not self.there(person)
        self.chat.clear()
        assert errorCodes(person.say("/join tea")) == [errors.PRIVATE_ROOM]

    def test_loginKeepsReadableLines(self) -> None:
        hob = self.chat.join("hob")
        self.ann.say("/invite gus", "/invite hob")
        for person in (self.gus, hob):
            person.say("/join tea")
        self.ann.say("seven")
        self.gus.say(f"/login zed {PASSWORD}")
        hob.say(f"/register {PASSWORD}")
        for person in (self.gus, hob):
            assert self.there(person)
            assert self.readable(person) == [7]

    def test_publicAgain(self) -> None:
        self.ann.say("/invite zed", "/invite gus")
        self.zed.say("/join tea")
        self.gus.say("/join tea")
        self.ann.say("seven", "/private off", "nine")
        assert self.room.record.openFrom == 9
        assert numbers(self.bob.say("/join tea")) == [9]
        assert self.readable(self.bob) == [9]
        assert self.readable(self.zed) == [7, 8, 9]
        assert self.readable(self.gus) == [7, 8, 9]
        assert self.readable(self.mel) == list(range(1, 10))
        self.gus.say("/part")
        assert numbers(self.gus.say("/join tea")) == [9]

    def test_privateTwice(self) -> None:
        self.ann.say("/private off", "eight")
        self.bob.say("/join tea")
        self.ann.say("/private on", "ten", "/private off", "twelve")
        assert numbers(self.zed.say("/join tea")) == [12]
        assert self.readable(self.bob) == [8, 9, 10, 11, 12]
        assert self.readable(self.mel) == list(range(1, 13))

    def test_kickedBeforePublic(self) -> None:
        self.ann.say("/kick mel", "/private off", "nine")
        assert numbers(self.mel.say("/join tea")) == [9]

    def test_replayFromStorage(self) -> None:
        self.ann.say("/invite zed")
        self.zed.say("/join tea")
        self.ann.say("seven")
        for person in (self.ann, self.mel, self.zed):
            person.say("/part")
        assert self.room.replay() is None
        assert numbers(self.zed.say("/join tea")) == [7]

    def test_linesOfJoiningTurn(self) -> None:
        self.ann.say("/invite zed")
        self.ann.type("before")
        self.zed.type("/join tea")
        self.ann.type("after")
        self.chat.tick()
        heard = self.zed.heard()
        assert numbers(heard) == []
        assert [text for _, text in kindsAndTexts(heard)] == ["after"]
        assert self.readable(self.zed) == [8]

    def test_listsHideRoom(self) -> None:
        self.ann.say("/topic secret")
        for person in (self.bob, self.gus):
            rooms = only(RoomList, person.say("/rooms"))
            assert [name for name, _, _ in rooms.rooms] == ["lobby"]
            assert errorCodes(person.say("/who tea")) == [errors.NO_ROOM]
            assert errorCodes(person.say("/who nowhere")) == [errors.NO_ROOM]
            shown = only(WhoisReply, person.say("/whois ann"))
            assert shown.rooms == []
            for line in ("/search #tea six", "/since tea 0", "/msg #tea hello", "/part tea"):
                assert errorCodes(person.say(line)) == [errors.NOT_IN_ROOM]
        self.ann.say("/invite bob")
        self.chat.clear()
        for person in (self.bob, self.mel, self.root):
            rooms = only(RoomList, person.say("/rooms"))
            assert "tea" in [name for name, _, _ in rooms.rooms]
        assert errorCodes(self.bob.say("/who tea")) == []

    def test_searchAfterKick(self) -> None:
        self.ann.controller.say(tuple("line" for _ in range(60)))
        self.chat.tick()
        (found,) = [
            item for item in self.mel.say("/search line") if isinstance(item, SearchResults)
        ]
        assert found.more
        self.ann.say("/kick mel")
        self.chat.clear()
        assert [reason.name for reason in errorCodes(self.mel.say("/search"))] != []

    @pytest.mark.parametrize(
        ("name", "line", "reason"),
        [
            ("mel", "/invite zed", errors.NOT_ALLOWED),
            ("mel", "/private off", errors.NOT_ALLOWED),
            ("ann", "/invite nobody", errors.NO_PERSON),
            ("ann", "/invite ~s1", errors.NO_PERSON),
        ],
    )
    def test_rejections(self, name: str, line: str, reason: errors.ErrorCode) -> None:
        assert errorCodes(getattr(self, name).say(line)) == [reason]
        assert self.room.record.private

    def test_modeLines(self) -> None:
        self.ann.say("/private off", "/private off", "/private on", "/private ON")
        kinds = [item.kind for item in self.chat.storage._rooms["tea"]]
        assert kinds[-2:] == [PUBLIC, PRIVATE]

    def test_inviteToPublicRoom(self) -> None:
        self.ann.say("/private off")
        self.mel.say("/invite zed", "/invite gus")
        assert any(isinstance(item, Invited) for item in self.zed.heard())
        self.ann.say("/private on")
        for person in (self.zed, self.gus):
            person.heard()
            assert errorCodes(person.say("/join tea")) == [errors.PRIVATE_ROOM]

    def test_bannedAccountAsGuest(self) -> None:
        self.ann.say("/ban zed", "/invite gus")
        self.gus.say("/join tea", f"/login zed {PASSWORD}")
        assert not self.there(self.gus)
        self.ann.say("/unban zed")
        assert errorCodes(self.gus.say("/join tea")) == [errors.PRIVATE_ROOM]

    def test_ignoredInviter(self) -> None:
        self.zed.say("/ignore ann")
        self.ann.say("/invite zed")
        assert self.zed.heard() == []
        self.zed.say("/join tea")
        assert self.there(self.zed)

    def test_lobbyStaysPublic(self) -> None:
        assert errorCodes(self.root.say("/private on")) == [errors.LOBBY_OPEN]
        self.gus.say("/join milk")
        assert errorCodes(self.gus.say("/private on")) == [errors.GUEST_ROOM]
        self.mel.propose(SetPrivate, "tea", False)
        self.chat.tick()
        assert self.mel.errorCodes() == [errors.NOT_ALLOWED]

    def test_operatorsKeepRank(self) -> None:
        self.ann.say("/private off", "/op mel", "/private on")
        assert self.state.rank(self.mel.session, self.room) == OPERATOR
        self.ann.say("/deop mel")
        assert self.there(self.mel)
        assert 1 in numbers(asked(self.mel, "/history 500"))
