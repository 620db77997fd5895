"""
Tests for private rooms: who enters them, what they read there, and what others know.
"""

from __future__ import annotations

import pytest

from tests.support.chat import PASSWORD, Person, Town
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
    told: list[int] = []
    for each in happenings:
        if isinstance(each, JoinedRoom) and each.replay is not None:
            each = each.replay
        if isinstance(each, HistoryReplay | SearchResults):
            told += [n for said in each.messages for n in range(said.first, said.last + 1)]
    return told


def asked(person: Person, line: str) -> list[Notification]:
    heard = person.do(line)
    while person.conversation.busy:
        person.more()
        heard += person.take()
    return heard


class TestPrivate:
    """
    Ann has made the room tea; lines 1 to 3 were said while it was open, 4 made it private,
    and 5 and 6 were said then.  Bob was in it and has left before, mel is in it, and zed
    was never there; gus is a guest.
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

    def test_stay(self) -> None:
        """Who was in stays in, and reads on what they could."""
        assert self.readable(self.mel) == [1, 2, 3, 4, 5, 6]
        self.mel.do("/part")
        assert numbers(self.mel.do("/join tea")) == [1, 2, 3, 4, 5, 6]

    @pytest.mark.parametrize("who", ["bob", "zed", "gus"])
    def test_others(self, who: str) -> None:
        """Nobody else enters, also not when their server thought so."""
        person: Person = getattr(self, who)
        assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]
        self.town.house.pipeline.propose(Join(person.session.ident, "tea", "tea"), person.session)
        self.town.turn()
        assert person.reasons() == [PRIVATE_ROOM]
        assert not self.there(person)

    @pytest.mark.parametrize("who", ["bob", "zed", "gus"])
    def test_invited(self, who: str) -> None:
        """Who is invited enters, and reads from then on only, whatever they saw before."""
        person: Person = getattr(self, who)
        self.ann.do(f"/invite {who}")
        (invited,) = person.take()
        assert isinstance(invited, Invited)
        assert (invited.room, invited.by) == ("tea", "ann")
        assert numbers(person.do("/join tea")) == []
        self.ann.do("seven")
        assert self.readable(person) == [7]

    def test_onceForGuests(self) -> None:
        """
        A guest needs a new invitation each time; who has an account is in for good, and
        reads on from where they first were in.
        """
        self.ann.do("/invite gus", "/invite zed")
        for person in (self.gus, self.zed):
            person.do("/join tea")
        self.ann.do("seven")
        for person in (self.gus, self.zed):
            person.do("/part")
        self.ann.do("eight")
        assert reasons(self.gus.do("/join tea")) == [PRIVATE_ROOM]
        assert numbers(self.zed.do("/join tea")) == [7, 8]

    def test_usedWhileOpen(self) -> None:
        """An invitation is used up also by who enters when the room is open meanwhile."""
        self.ann.do("/invite gus", "/invite zed", "/private off")
        for person in (self.gus, self.zed):
            person.do("/join tea", "/part")
        self.ann.do("/private on")
        for person in (self.gus, self.zed):
            person.take()
            assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_invitedInside(self) -> None:
        """An invitation of a guest who is in already does not bring them back."""
        self.ann.do("/invite gus")
        self.gus.do("/join tea")
        self.ann.do("/invite gus", "/kick gus")
        assert reasons(self.gus.do("/join tea")) == [PRIVATE_ROOM]

    def test_bannedMeanwhile(self) -> None:
        """
        A ban takes an invitation away that was not used yet, from guests as from accounts:
        it does not come back with the ban's end.
        """
        self.ann.do("/invite gus", "/invite zed", "/ban gus", "/ban zed")
        self.ann.do("/unban gus", "/unban zed")
        for person in (self.gus, self.zed):
            person.take()
            assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_anotherConnection(self) -> None:
        """Another connection of an account may enter what one of them may, and reads the same."""
        self.ann.do("/invite zed")
        self.zed.do("/join tea")
        self.ann.do("seven")
        other = self.town.stranger()
        other.do(f"/login zed {PASSWORD}")
        assert numbers(other.do("/join tea")) == [7]
        assert self.readable(other) == [7]

    def test_kickRevokes(self) -> None:
        """
        Who is kicked, or banned and forgiven, has to be invited again, and then reads from
        then on.
        """
        self.ann.do("/kick mel")
        assert reasons(self.mel.do("/join tea")) == [PRIVATE_ROOM]
        self.ann.do("/invite mel")
        assert numbers(self.mel.do("/join tea")) == []
        self.ann.do("/ban mel", "/unban mel")
        assert reasons(self.mel.do("/join tea")) == [PRIVATE_ROOM]

    def test_kickedByOneName(self) -> None:
        """No connection of who is kicked stays in and reads more than before."""
        self.ann.do("/invite zed")
        other = self.town.stranger()
        other.do(f"/login zed {PASSWORD}", "/join tea", "/nick other")
        self.zed.do("/join tea")
        self.ann.do("/kick zed")
        assert not self.there(self.zed)
        assert not self.there(other)

    def test_operators(self) -> None:
        """
        Operators enter without being invited, and read from where they first were in; the
        founder reads all.
        """
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
    @pytest.mark.parametrize("who", ["ann", "mel", "zed"])
    def test_noAccountAnyMore(self, way: str, who: str) -> None:
        """Who is not logged in any more is out: what the account may read is not for a guest."""
        self.ann.do("/invite zed")
        self.zed.do("/join tea")
        person: Person = getattr(self, who)
        self.town.hush()
        if way == "logout":
            person.do("/logout")
        else:
            self.root.do(f"/{way} {who}")
        assert person.session.account is None
        assert not self.there(person)
        self.town.hush()
        assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_logsIn(self) -> None:
        """A guest who was invited, and logs in or registers, reads no more and no less."""
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
        """
        What was said while it was private stays so: who comes then reads from then on; who
        was in reads on all they could.
        """
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

    def test_privateAgain(self) -> None:
        """Twice private: nothing of the first time is read by who came between."""
        self.ann.do("/private off", "eight")
        self.bob.do("/join tea")
        self.ann.do("/private on", "ten", "/private off", "twelve")
        assert numbers(self.zed.do("/join tea")) == [12]
        assert self.readable(self.bob) == [8, 9, 10, 11, 12]
        assert self.readable(self.mel) == list(range(1, 13))

    def test_kickedThenPublic(self) -> None:
        """Who was kicked, and comes when the room is open again, reads from then on."""
        self.ann.do("/kick mel", "/private off", "nine")
        assert numbers(self.mel.do("/join tea")) == [9]

    def test_replayNotAtHand(self) -> None:
        """When all have left and the lines are read from the journal, the bound holds too."""
        self.ann.do("/invite zed")
        self.zed.do("/join tea")
        self.ann.do("seven")
        for person in (self.ann, self.mel, self.zed):
            person.do("/part")
        assert self.room.replay() is None
        assert numbers(self.zed.do("/join tea")) == [7]

    def test_joinedInTheSameTurn(self) -> None:
        """What is said in the turn of the joining, before it, is not read."""
        self.ann.do("/invite zed")
        self.ann.type("before")
        self.zed.type("/join tea")
        self.ann.type("after")
        self.town.turn()
        heard = self.zed.take()
        assert numbers(heard) == []
        assert [text for _, text in lines(heard)] == ["after"]
        assert self.readable(self.zed) == [8]

    def test_notRevealed(self) -> None:
        """Who may not enter does not see it in any list."""
        self.ann.do("/topic secret")
        for person in (self.bob, self.gus):
            (rooms,) = person.do("/rooms")
            assert isinstance(rooms, RoomList)
            assert [name for name, _, _ in rooms.rooms] == ["lobby"]
            assert reasons(person.do("/who tea")) == [NO_ROOM]
            assert reasons(person.do("/who nowhere")) == [NO_ROOM]
            (shown,) = person.do("/whois ann")
            assert isinstance(shown, WhoisReply)
            assert shown.rooms == []
            for line in ("/search #tea six", "/since tea 0", "/msg #tea hello", "/part tea"):
                assert reasons(person.do(line)) == [NOT_IN_ROOM]
        self.ann.do("/invite bob")
        self.town.hush()
        for person in (self.bob, self.mel, self.root):
            (rooms,) = person.do("/rooms")
            assert isinstance(rooms, RoomList)
            assert "tea" in [name for name, _, _ in rooms.rooms]
        assert reasons(self.bob.do("/who tea")) == []

    def test_searchAfterKick(self) -> None:
        """The next page of what was searched for is not for who was kicked meanwhile."""
        self.ann.conversation.say(tuple("line" for _ in range(60)))
        self.town.turn()
        (found,) = [each for each in self.mel.do("/search line") if isinstance(each, SearchResults)]
        assert found.more
        self.ann.do("/kick mel")
        self.town.hush()
        assert [reason.name for reason in reasons(self.mel.do("/search"))] != []

    @pytest.mark.parametrize(
        ("who", "line", "reason"),
        [
            ("mel", "/invite zed", NOT_ALLOWED),
            ("mel", "/private off", NOT_ALLOWED),
            ("ann", "/invite nobody", NO_PERSON),
            ("ann", "/invite ~s1", NO_PERSON),
        ],
    )
    def test_refused(self, who: str, line: str, reason: ErrorCode) -> None:
        """What is not done."""
        assert reasons(getattr(self, who).do(line)) == [reason]
        assert self.room.record.private

    def test_lines(self) -> None:
        """That it is private is a line, and that it is not; the same again is none."""
        self.ann.do("/private off", "/private off", "/private on", "/private ON")
        said = [each.kind for each in self.town.journal._rooms["tea"]]
        assert said[-2:] == [PUBLIC, PRIVATE]

    def test_openRooms(self) -> None:
        """In a room that is open anybody may call somebody in, and that gives no rights."""
        self.ann.do("/private off")
        self.mel.do("/invite zed", "/invite gus")
        assert any(isinstance(each, Invited) for each in self.zed.take())
        self.ann.do("/private on")
        for person in (self.zed, self.gus):
            person.take()
            assert reasons(person.do("/join tea")) == [PRIVATE_ROOM]

    def test_bannedByName(self) -> None:
        """
        Who is banned, and comes as an invited guest to log in there, is out, and is not in
        for good when that ban is lifted.
        """
        self.ann.do("/ban zed", "/invite gus")
        self.gus.do("/join tea", f"/login zed {PASSWORD}")
        assert not self.there(self.gus)
        self.ann.do("/unban zed")
        assert reasons(self.gus.do("/join tea")) == [PRIVATE_ROOM]

    def test_ignored(self) -> None:
        """Whoever is ignored does not call anybody, but what they give holds."""
        self.zed.do("/ignore ann")
        self.ann.do("/invite zed")
        assert self.zed.take() == []
        self.zed.do("/join tea")
        assert self.there(self.zed)

    def test_lobby(self) -> None:
        """The lobby is open to everybody, and a guest's room too."""
        assert reasons(self.root.do("/private on")) == [LOBBY_OPEN]
        self.gus.do("/join milk")
        assert reasons(self.gus.do("/private on")) == [GUEST_ROOM]
        event = SetPrivate(self.mel.session.ident, "tea", False)
        self.town.house.pipeline.propose(event, self.mel.session)
        self.town.turn()
        assert self.mel.reasons() == [NOT_ALLOWED]

    def test_rank(self) -> None:
        """Making a room private takes nobody's office."""
        self.ann.do("/private off", "/op mel", "/private on")
        assert self.state.rank(self.mel.session, self.room) == OPERATOR
        self.ann.do("/deop mel")
        assert self.there(self.mel)
        assert 1 in numbers(asked(self.mel, "/history 500"))
