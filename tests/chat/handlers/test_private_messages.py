"""
Tests for private messages that are kept, and for what is known of somebody's reading.
"""

from __future__ import annotations

from tests.support.chat import NOON, PASSWORD, Person, Town
from tests.support.chat_rooms import reasons
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    INBOX_FULL,
    NO_PERSON,
    NOT_HERE,
    NOT_IN_ROOM,
    NUMBER,
    USAGE,
)
from tsservices.chat.handlers.membership import GUESTS_REMEMBERED
from tsservices.chat.notifications import (
    Inbox,
    JoinedRoom,
    LoggedIn,
    MarkedRead,
    Notice,
    Notification,
    PrivateMessage,
    SeenReply,
)
from tsservices.chat.operations import MESSAGE, ClearUnread, SendPrivate
from tsservices.chat.records import INBOX_UNREAD
from tsservices.chat.verbs.history import INBOX_PAGE
from tsservices.common.timestamps import NANOSECONDS


def texts(happenings: list[Notification]) -> list[str]:
    (inbox,) = happenings
    assert isinstance(inbox, Inbox)
    return [each.text for each in inbox.messages]


class TestLetters:
    """Ann, bob and cat have accounts; gus is a guest."""

    def setup_method(self) -> None:
        self.town = Town()
        self.ann = self.town.owner("ann")
        self.bob = self.town.owner("bob")
        self.cat = self.town.owner("cat")
        self.gus = self.town.person("gus")
        self.accounts = self.town.house.state.accounts

    def back(self, nick: str) -> tuple[Person, LoggedIn]:
        person = self.town.stranger()
        (logged,) = [
            each for each in person.do(f"/login {nick} {PASSWORD}") if isinstance(each, LoggedIn)
        ]
        self.town.hush()
        return person, logged

    def test_here(self) -> None:
        """Between two accounts it is kept, and both know its id; it is not unread."""
        heard = self.ann.do("/msg BOB psst")
        (whispered,) = heard
        assert isinstance(whispered, PrivateMessage)
        assert whispered.ident.startswith("log-")
        (other,) = self.bob.take()
        assert isinstance(other, PrivateMessage)
        assert other.ident == whispered.ident
        assert self.accounts["bob"].unread == 0
        for person, line in (
            (self.ann, "/inbox bob"),
            (self.bob, "/inbox"),
            (self.bob, "/inbox a"),
        ):
            assert texts(person.do(line)) == ([] if line == "/inbox a" else ["psst"])
        assert texts(self.ann.do("/inbox")) == []
        assert texts(self.cat.do("/inbox ann")) == texts(self.cat.do("/inbox")) == []

    def test_away(self) -> None:
        """
        Who is not here reads it later: they are told how many there are, until they have
        read them.
        """
        self.bob.do("/quit")
        self.town.hush()
        heard = self.ann.do("/msg bob one")
        assert [type(each) for each in heard] == [PrivateMessage, Notice]
        self.cat.do("/msg bob two")
        self.ann.do("/msg bob three")
        assert self.accounts["bob"].unread == 3
        bob, logged = self.back("bob")
        assert logged.unread == 3
        assert texts(bob.do("/inbox ann")) == ["one", "three"]
        assert self.accounts["bob"].unread == 3
        assert texts(bob.do("/inbox")) == ["one", "two", "three"]
        self.town.turn()
        assert self.accounts["bob"].unread == 0
        assert self.back("bob")[1].unread == 0

    def test_guests(self) -> None:
        """What is said to guests, or by them, is kept nowhere."""
        self.gus.do("/msg bob psst")
        self.ann.do("/msg gus psst")
        for person in (self.bob, self.gus):
            assert all(
                each.ident == "" for each in person.take() if isinstance(each, PrivateMessage)
            )
        assert list(self.town.journal._letters) == []
        self.bob.do("/quit")
        assert reasons(self.gus.do("/msg bob psst")) == [NOT_HERE]
        assert reasons(self.gus.do("/inbox")) == [ACCOUNT_NEEDED]
        assert reasons(self.ann.do("/msg nobody psst")) == [NO_PERSON]
        self.gus.do("/quit")
        assert reasons(self.ann.do("/msg gus psst")) == [NO_PERSON]

    def test_goneMeanwhile(self) -> None:
        """
        A guest who leaves before it comes to them does not get it, nor does the next one
        of that name.
        """
        self.ann.type("/msg gus psst")
        event = SendPrivate(self.ann.session.ident, "gus", "gus", MESSAGE, "again")
        self.gus.conversation.quit("")
        self.town.house.pipeline.propose(event, self.ann.session)
        self.town.turn()
        assert self.ann.reasons() == [NO_PERSON]
        assert list(self.town.journal._letters) == []

    def test_otherName(self) -> None:
        """Who goes by another name is reached by that and by their account's."""
        self.bob.do("/nick zed")
        for name in ("zed", "bob"):
            self.ann.do(f"/msg {name} to {name}")
        assert [each.text for each in self.bob.take() if isinstance(each, PrivateMessage)] == [
            "to zed",
            "to bob",
        ]
        assert texts(self.bob.do("/inbox ann")) == ["to zed", "to bob"]
        assert self.accounts["bob"].unread == 0

    def test_oneself(self) -> None:
        """A note to oneself is kept, and heard once."""
        heard = self.ann.do("/msg ann milk")
        assert [type(each) for each in heard] == [PrivateMessage]
        assert texts(self.ann.do("/inbox")) == texts(self.ann.do("/inbox ann")) == ["milk"]

    def test_ignored(self) -> None:
        """Who is ignored is not heard, but can be read."""
        self.bob.do("/ignore ann")
        self.ann.do("/msg bob psst")
        assert self.bob.take() == []
        assert texts(self.bob.do("/inbox ann")) == ["psst"]

    def test_bound(self) -> None:
        """Not too much waits for one account; what is read makes room."""
        self.bob.do("/quit")
        for number in range(INBOX_UNREAD):
            self.ann.type(f"/msg bob {number}")
        self.town.turn()
        assert self.ann.reasons() == []
        assert reasons(self.cat.do("/msg bob more")) == [INBOX_FULL]
        assert self.accounts["bob"].unread == INBOX_UNREAD
        bob, logged = self.back("bob")
        assert logged.unread == INBOX_UNREAD
        bob.do("/inbox", "/quit")
        assert reasons(self.cat.do("/msg bob more")) == []

    def test_pages(self) -> None:
        """The newest first, and older ones page by page; each page is in order."""
        many = [str(number) for number in range(2 * INBOX_PAGE + 5)]
        for text in many:
            self.ann.type(f"/msg bob {text}")
        self.town.turn()
        self.town.hush()
        assert reasons(self.bob.do("/inbox +")) == [USAGE]
        got: list[str] = []
        for line, more in (("/inbox ANN", True), ("/inbox +", True), ("/inbox +", False)):
            (inbox,) = self.bob.do(line)
            assert isinstance(inbox, Inbox)
            assert inbox.more is more
            assert inbox.other.lower() == "ann"
            got = [each.text for each in inbox.messages] + got
        assert got == many
        assert reasons(self.bob.do("/inbox +")) == [USAGE]

    def test_notOfTheOtherAccount(self) -> None:
        """Who logs in to another account does not go on in the letters of the last one."""
        for _ in range(INBOX_PAGE + 1):
            self.ann.type("/msg bob psst")
        self.town.turn()
        self.town.hush()
        self.bob.do("/inbox", "/logout", f"/login cat {PASSWORD}")
        self.town.hush()
        heard = self.bob.do("/inbox +")
        assert not any(isinstance(each, Inbox) and each.messages for each in heard)

    def test_idents(self) -> None:
        """No two have the same id, whatever they stand beside."""
        self.ann.type("/msg bob one", "/msg cat two", "hello", "/msg bob three")
        self.cat.type("/msg ann four")
        self.town.turn()
        idents = [each.ident for each in self.town.journal._letters]
        assert len(set(idents)) == len(idents) == 4

    def test_emptyInboxOfGuest(self) -> None:
        """A guest has nothing unread."""
        event = ClearUnread(self.gus.session.ident)
        self.town.house.pipeline.propose(event, self.gus.session)
        self.town.turn()
        assert self.gus.take() == []


class TestSeen:
    """When somebody was last here."""

    def test_account(self) -> None:
        """An account is known for ever; it is here as long as one connection is."""
        town = Town()
        ann, bob = town.owner("Ann"), town.person("bob")
        other = town.stranger()
        other.do(f"/login ann {PASSWORD}")
        told = [bob.do("/seen ANN")]
        town.now += NANOSECONDS
        ann.do("/quit")
        told.append(bob.do("/seen ann")[-1:])
        town.now += NANOSECONDS
        other.do("/quit")
        town.hush()
        town.now += NANOSECONDS
        told.append(bob.do("/seen ann"))
        facts = [
            (each.nick, each.online, each.time) for (each,) in told if isinstance(each, SeenReply)
        ]
        assert facts == [("Ann", True, 0), ("Ann", True, 0), ("Ann", False, NOON + 2 * NANOSECONDS)]

    def test_otherName(self) -> None:
        """An account is here under whatever name its owner goes by."""
        town = Town()
        ann, bob = town.owner("ann"), town.person("bob")
        ann.do("/nick zed")
        town.hush()
        (seen,) = bob.do("/seen ann")
        assert isinstance(seen, SeenReply)
        assert seen.online

    def test_guest(self) -> None:
        """A guest who has left is remembered for a while; who was never here is not known."""
        town = Town()
        gus, bob = town.person("gus"), town.person("bob")
        gus.do("/quit")
        town.hush()
        (seen,) = bob.do("/seen GUS")
        assert isinstance(seen, SeenReply)
        assert (seen.online, seen.time) == (False, NOON)
        assert reasons(bob.do("/seen nobody")) == [NO_PERSON]
        assert reasons(bob.do("/seen")) == [USAGE]
        for number in range(GUESTS_REMEMBERED):
            town.person(f"p{number}").do("/quit")
            del town.people[next(reversed(town.people))]
        town.hush()
        assert reasons(bob.do("/seen gus")) == [NO_PERSON]
        assert len(town.house.state.lastSeenGuests) == GUESTS_REMEMBERED


class TestMarks:
    """How far somebody has read."""

    def setup_method(self) -> None:
        self.town = Town()
        self.ann = self.town.owner("ann", "tea")
        self.bob = self.town.person("bob", "tea")
        self.bob.do("one", "two", "three")
        self.other = self.town.stranger()
        self.other.do(f"/login ann {PASSWORD}")
        self.town.hush()

    def test_read(self) -> None:
        """All connections of the account are told, and who enters; nobody else."""
        (marked,) = self.ann.do("/read 2")
        assert isinstance(marked, MarkedRead)
        assert (marked.room, marked.seq) == ("tea", 2)
        (same,) = self.other.take()
        assert isinstance(same, MarkedRead)
        assert self.bob.take() == []
        (entered,) = self.other.do("/join tea")
        assert isinstance(entered, JoinedRoom)
        assert entered.read == 2

    def test_onlyForward(self) -> None:
        """A mark goes forward only, and not beyond the last line."""
        self.ann.do("/read tea 2", "/read tea 1", "/read 2")
        marks = self.town.house.state.readMarkers
        assert [each.seq for each in marks.values()] == [2]
        self.ann.do("/read 999")
        assert [each.seq for each in marks.values()] == [3]

    def test_nothingRead(self) -> None:
        """
        Nothing is kept of a room in which there is nothing to read: it is gone with its
        last visitor, and whoever made rooms for long would fill the server with marks.
        """
        self.ann.do("/join new", "/read 0", "/read 5", "/part", "/read tea 0")
        assert "new" not in self.town.house.state.rooms
        assert self.town.house.state.readMarkers == {}

    def test_refused(self) -> None:
        """Guests keep none, nor does who is not in the room."""
        assert reasons(self.bob.do("/read 1")) == [ACCOUNT_NEEDED]
        assert reasons(self.other.do("/read tea 1")) == [NOT_IN_ROOM]
        assert reasons(self.ann.do("/read -1")) == [NUMBER]
        assert reasons(self.ann.do("/read")) == [USAGE]
        assert self.town.house.state.readMarkers == {}
