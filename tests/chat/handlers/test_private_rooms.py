"""Tests for private rooms: who enters them, what they read there, and what others know."""

from __future__ import annotations

import pytest

from tests.support.chat import PASSWORD, Person, Town, only
from tests.support.chat_rooms import lines, reasons
from tsservices.chat.errors import (
    GUEST_ROOM,
    LOBBY_OPEN,
    NO_LINE,
    NO_PERSON,
    NO_ROOM,
    NOT_ALLOWED,
    NOT_IN_ROOM,
    PRIVATE_ROOM,
    ErrorCode,
)
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
            sent += [n for said in item.messages for n in range(said.first, said.last + 1)]
    return sent


def asked(person: Person, line: str) -> list[Notification]:
    heard = person.do(line)
    while person.conversation.busy:
        person.more()
        heard += person.take()
    return heard


class TestPrivate:
    """
    Lines 1 to 3 of ann's room tea are public, 4 makes it private, 5 and 6 are private. Bob has left
    before, mel is in, zed never was; gus is a guest.
    """

    def setup_method(self) -> None:
        self.town = Town(operators=["root"])
        self.root = self.town.owner("root")
        self.ann = self.town.owner("ann", "tea")
        self.mel = self.town.owner("mel", "tea")
        self.bob = self.town.owner("bob", "tea")
        self.zed = self.town.owner("zed")
        self.gus = self.town.person("gus")
        self.ann.do("one", "two")
        self.bob.do("three", "/part")
        self.ann.do("/private on", "five", "six")
        self.state = self.town.house.state
        self.room = self.state.rooms["tea"]
        assert self.room.record.private
        assert self.room.record.seq == 6
        self.town.hush()

    def there(self, person: Person) -> bool:
        return person.session.ident in self.room.members

    def readable(self, person: Person) -> list[int]:
        self.town.hush()
        got = [
            numbers(asked(person, line))
            for line in ("/join tea", "/history 500", "/since 0", "/since tea 0", "/search #tea")
        ][1:]
        assert got[0] == got[1] == got[2]
        kinds = {
            number: said.kind
            for batch in [self.town.journal._rooms["tea"]]
            for said in batch
            for number in range(said.first, said.last + 1)
        }
        assert got[3] == [number for number in got[0] if kinds[number] == MESSAGE]
        for number in range(1, got[0][0] if got[0] else self.room.record.seq + 1):
            assert reasons(person.do(f"/delete {number}")) == [NO_LINE]
        return got[0]

    def test_membersStay(self) -> None:
        assert self.readable(self.mel) == [1, 2, 3, 4, 5, 6]
        self.mel.do("/part")
        assert numbers(self.mel.do("/join tea")) == [1, 2, 3, 4, 5, 6]

    @pytest.mark.parametrize("name", ["bob", "zed", "gus"])
    def test_othersAreRejected(self, name: str) -> None:
        person: Person = getattr(self, name)
        assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]
        person.propose(Join, "tea", "tea")
        self.town.turn()
        assert person.reasons() == [PRIVATE_ROOM]
        assert not self.there(person)

    @pytest.mark.parametrize("name", ["bob", "zed", "gus"])
    def test_invitedReadsFromJoin(self, name: str) -> None:
        person: Person = getattr(self, name)
        self.ann.do(f"/invite {name}")
        invited = only(Invited, person.take())
        assert (invited.room, invited.by) == ("tea", "ann")
        assert numbers(person.do("/join tea")) == []
        self.ann.do("seven")
        assert self.readable(person) == [7]

    def test_guestInvitationIsUsedOnce(self) -> None:
        self.ann.do("/invite gus", "/invite zed")
        for person in (self.gus, self.zed):
            person.do("/join tea")
        self.ann.do("seven")
        for person in (self.gus, self.zed):
            person.do("/part")
        self.ann.do("eight")
        assert reasons(self.gus.do("/join tea")) == [PRIVATE_ROOM]
        assert numbers(self.zed.do("/join tea")) == [7, 8]

    def test_invitationUsedWhilePublic(self) -> None:
        self.ann.do("/invite gus", "/invite zed", "/private off")
        for person in (self.gus, self.zed):
            person.do("/join tea", "/part")
        self.ann.do("/private on")
        for person in (self.gus, self.zed):
            person.take()
            assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_invitationOfMemberIsNoReturn(self) -> None:
        self.ann.do("/invite gus")
        self.gus.do("/join tea")
        self.ann.do("/invite gus", "/kick gus")
        assert reasons(self.gus.do("/join tea")) == [PRIVATE_ROOM]

    def test_banRevokesInvitations(self) -> None:
        self.ann.do("/invite gus", "/invite zed", "/ban gus", "/ban zed")
        self.ann.do("/unban gus", "/unban zed")
        for person in (self.gus, self.zed):
            person.take()
            assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_otherSessionOfAccount(self) -> None:
        self.ann.do("/invite zed")
        self.zed.do("/join tea")
        self.ann.do("seven")
        other = self.town.stranger()
        other.do(f"/login zed {PASSWORD}")
        assert numbers(other.do("/join tea")) == [7]
        assert self.readable(other) == [7]

    def test_kickRevokes(self) -> None:
        self.ann.do("/kick mel")
        assert reasons(self.mel.do("/join tea")) == [PRIVATE_ROOM]
        self.ann.do("/invite mel")
        assert numbers(self.mel.do("/join tea")) == []
        self.ann.do("/ban mel", "/unban mel")
        assert reasons(self.mel.do("/join tea")) == [PRIVATE_ROOM]

    def test_kickOfAllSessions(self) -> None:
        self.ann.do("/invite zed")
        other = self.town.stranger()
        other.do(f"/login zed {PASSWORD}", "/join tea", "/nick other")
        self.zed.do("/join tea")
        self.ann.do("/kick zed")
        assert not self.there(self.zed)
        assert not self.there(other)

    def test_operatorsNeedNoInvitation(self) -> None:
        self.ann.do("/op zed")
        seq = self.room.record.seq
        assert seq == 7
        self.ann.do("eight")
        self.zed.do("/join tea")
        assert self.readable(self.zed) == [7, 8]
        self.root.do("/join tea")
        assert self.there(self.root)
        self.ann.do("nine")
        assert self.readable(self.root) == [9]
        self.ann.do("/part")
        assert numbers(self.ann.do("/join tea")) == list(range(1, 10))

    @pytest.mark.parametrize("way", ["logout", "reset", "drop"])
    @pytest.mark.parametrize("name", ["ann", "mel", "zed"])
    def test_logoutLeavesPrivateRooms(self, way: str, name: str) -> None:
        self.ann.do("/invite zed")
        self.zed.do("/join tea")
        person: Person = getattr(self, name)
        self.town.hush()
        if way == "logout":
            person.do("/logout")
        else:
            self.root.do(f"/{way} {name}")
        assert person.session.account is None
        assert not self.there(person)
        self.town.hush()
        assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_loginKeepsReadableLines(self) -> None:
        hob = self.town.person("hob")
        self.ann.do("/invite gus", "/invite hob")
        for person in (self.gus, hob):
            person.do("/join tea")
        self.ann.do("seven")
        self.gus.do(f"/login zed {PASSWORD}")
        hob.do(f"/register {PASSWORD}")
        for person in (self.gus, hob):
            assert self.there(person)
            assert self.readable(person) == [7]

    def test_publicAgain(self) -> None:
        self.ann.do("/invite zed", "/invite gus")
        self.zed.do("/join tea")
        self.gus.do("/join tea")
        self.ann.do("seven", "/private off", "nine")
        assert self.room.record.openFrom == 9
        assert numbers(self.bob.do("/join tea")) == [9]
        assert self.readable(self.bob) == [9]
        assert self.readable(self.zed) == [7, 8, 9]
        assert self.readable(self.gus) == [7, 8, 9]
        assert self.readable(self.mel) == list(range(1, 10))
        self.gus.do("/part")
        assert numbers(self.gus.do("/join tea")) == [9]

    def test_privateTwice(self) -> None:
        self.ann.do("/private off", "eight")
        self.bob.do("/join tea")
        self.ann.do("/private on", "ten", "/private off", "twelve")
        assert numbers(self.zed.do("/join tea")) == [12]
        assert self.readable(self.bob) == [8, 9, 10, 11, 12]
        assert self.readable(self.mel) == list(range(1, 13))

    def test_kickedBeforePublic(self) -> None:
        self.ann.do("/kick mel", "/private off", "nine")
        assert numbers(self.mel.do("/join tea")) == [9]

    def test_replayFromStorage(self) -> None:
        self.ann.do("/invite zed")
        self.zed.do("/join tea")
        self.ann.do("seven")
        for person in (self.ann, self.mel, self.zed):
            person.do("/part")
        assert self.room.replay() is None
        assert numbers(self.zed.do("/join tea")) == [7]

    def test_linesOfJoiningTurn(self) -> None:
        self.ann.do("/invite zed")
        self.ann.type("before")
        self.zed.type("/join tea")
        self.ann.type("after")
        self.town.turn()
        heard = self.zed.take()
        assert numbers(heard) == []
        assert [text for _, text in lines(heard)] == ["after"]
        assert self.readable(self.zed) == [8]

    def test_listsHideRoom(self) -> None:
        self.ann.do("/topic secret")
        for person in (self.bob, self.gus):
            rooms = only(RoomList, person.do("/rooms"))
            assert [name for name, _, _ in rooms.rooms] == ["lobby"]
            assert reasons(person.do("/who tea")) == [NO_ROOM]
            assert reasons(person.do("/who nowhere")) == [NO_ROOM]
            shown = only(WhoisReply, person.do("/whois ann"))
            assert shown.rooms == []
            for line in ("/search #tea six", "/since tea 0", "/msg #tea hello", "/part tea"):
                assert reasons(person.do(line)) == [NOT_IN_ROOM]
        self.ann.do("/invite bob")
        self.town.hush()
        for person in (self.bob, self.mel, self.root):
            rooms = only(RoomList, person.do("/rooms"))
            assert "tea" in [name for name, _, _ in rooms.rooms]
        assert reasons(self.bob.do("/who tea")) == []

    def test_searchAfterKick(self) -> None:
        self.ann.conversation.say(tuple("line" for _ in range(60)))
        self.town.turn()
        (found,) = [item for item in self.mel.do("/search line") if isinstance(item, SearchResults)]
        assert found.more
        self.ann.do("/kick mel")
        self.town.hush()
        assert [reason.name for reason in reasons(self.mel.do("/search"))] != []

    @pytest.mark.parametrize(
        ("name", "line", "reason"),
        [
            ("mel", "/invite zed", NOT_ALLOWED),
            ("mel", "/private off", NOT_ALLOWED),
            ("ann", "/invite nobody", NO_PERSON),
            ("ann", "/invite ~s1", NO_PERSON),
        ],
    )
    def test_rejections(self, name: str, line: str, reason: ErrorCode) -> None:
        assert reasons(getattr(self, name).do(line)) == [reason]
        assert self.room.record.private

    def test_modeLines(self) -> None:
        self.ann.do("/private off", "/private off", "/private on", "/private ON")
        said = [item.kind for item in self.town.journal._rooms["tea"]]
        assert said[-2:] == [PUBLIC, PRIVATE]

    def test_inviteToPublicRoom(self) -> None:
        self.ann.do("/private off")
        self.mel.do("/invite zed", "/invite gus")
        assert any(isinstance(item, Invited) for item in self.zed.take())
        self.ann.do("/private on")
        for person in (self.zed, self.gus):
            person.take()
            assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_bannedAccountAsGuest(self) -> None:
        self.ann.do("/ban zed", "/invite gus")
        self.gus.do("/join tea", f"/login zed {PASSWORD}")
        assert not self.there(self.gus)
        self.ann.do("/unban zed")
        assert reasons(self.gus.do("/join tea")) == [PRIVATE_ROOM]

    def test_ignoredInviter(self) -> None:
        self.zed.do("/ignore ann")
        self.ann.do("/invite zed")
        assert self.zed.take() == []
        self.zed.do("/join tea")
        assert self.there(self.zed)

    def test_lobbyStaysPublic(self) -> None:
        assert reasons(self.root.do("/private on")) == [LOBBY_OPEN]
        self.gus.do("/join milk")
        assert reasons(self.gus.do("/private on")) == [GUEST_ROOM]
        self.mel.propose(SetPrivate, "tea", False)
        self.town.turn()
        assert self.mel.reasons() == [NOT_ALLOWED]

    def test_operatorsKeepRank(self) -> None:
        self.ann.do("/private off", "/op mel", "/private on")
        assert self.state.rank(self.mel.session, self.room) == OPERATOR
        self.ann.do("/deop mel")
        assert self.there(self.mel)
        assert 1 in numbers(asked(self.mel, "/history 500"))
