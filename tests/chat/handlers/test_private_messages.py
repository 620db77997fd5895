"""Tests for private messages that are kept, and for what is known of somebody's reading."""

from __future__ import annotations

from tests.support.chat import NOON, PASSWORD, Person, Town, only
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
    inbox = only(Inbox, happenings)
    return [item.text for item in inbox.messages]


class TestPrivateMessages:
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
            item for item in person.do(f"/login {nick} {PASSWORD}") if isinstance(item, LoggedIn)
        ]
        self.town.hush()
        return person, logged

    def test_bothSidesPresent(self) -> None:
        heard = self.ann.do("/msg BOB psst")
        whispered = only(PrivateMessage, heard)
        assert whispered.ident.startswith("log-")
        other = only(PrivateMessage, self.bob.take())
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

    def test_absentReceiver(self) -> None:
        self.bob.do("/quit")
        self.town.hush()
        heard = self.ann.do("/msg bob one")
        assert [type(item) for item in heard] == [PrivateMessage, Notice]
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

    def test_guestsAreNotStored(self) -> None:
        self.gus.do("/msg bob psst")
        self.ann.do("/msg gus psst")
        for person in (self.bob, self.gus):
            assert all(
                item.ident == "" for item in person.take() if isinstance(item, PrivateMessage)
            )
        assert list(self.town.journal._privateMessages) == []
        self.bob.do("/quit")
        assert reasons(self.gus.do("/msg bob psst")) == [NOT_HERE]
        assert reasons(self.gus.do("/inbox")) == [ACCOUNT_NEEDED]
        assert reasons(self.ann.do("/msg nobody psst")) == [NO_PERSON]
        self.gus.do("/quit")
        assert reasons(self.ann.do("/msg gus psst")) == [NO_PERSON]

    def test_guestLeavesBefore(self) -> None:
        self.ann.type("/msg gus psst")
        self.gus.conversation.quit("")
        self.ann.propose(SendPrivate, "gus", "gus", MESSAGE, "again")
        self.town.turn()
        assert self.ann.reasons() == [NO_PERSON]
        assert list(self.town.journal._privateMessages) == []

    def test_receiverUnderOtherNick(self) -> None:
        self.bob.do("/nick zed")
        for name in ("zed", "bob"):
            self.ann.do(f"/msg {name} to {name}")
        assert [item.text for item in self.bob.take() if isinstance(item, PrivateMessage)] == [
            "to zed",
            "to bob",
        ]
        assert texts(self.bob.do("/inbox ann")) == ["to zed", "to bob"]
        assert self.accounts["bob"].unread == 0

    def test_noteToOneself(self) -> None:
        heard = self.ann.do("/msg ann milk")
        assert [type(item) for item in heard] == [PrivateMessage]
        assert texts(self.ann.do("/inbox")) == texts(self.ann.do("/inbox ann")) == ["milk"]

    def test_ignoredAuthor(self) -> None:
        self.bob.do("/ignore ann")
        self.ann.do("/msg bob psst")
        assert self.bob.take() == []
        assert texts(self.bob.do("/inbox ann")) == ["psst"]

    def test_unreadLimit(self) -> None:
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
        many = [str(number) for number in range(2 * INBOX_PAGE + 5)]
        for text in many:
            self.ann.type(f"/msg bob {text}")
        self.town.turn()
        self.town.hush()
        assert reasons(self.bob.do("/inbox +")) == [USAGE]
        got: list[str] = []
        for line, more in (("/inbox ANN", True), ("/inbox +", True), ("/inbox +", False)):
            inbox = only(Inbox, self.bob.do(line))
            assert inbox.more is more
            assert inbox.other.lower() == "ann"
            got = [item.text for item in inbox.messages] + got
        assert got == many
        assert reasons(self.bob.do("/inbox +")) == [USAGE]

    def test_pagesEndWithLogin(self) -> None:
        for _ in range(INBOX_PAGE + 1):
            self.ann.type("/msg bob psst")
        self.town.turn()
        self.town.hush()
        self.bob.do("/inbox", "/logout", f"/login cat {PASSWORD}")
        self.town.hush()
        heard = self.bob.do("/inbox +")
        assert not any(isinstance(item, Inbox) and item.messages for item in heard)

    def test_identsDiffer(self) -> None:
        self.ann.type("/msg bob one", "/msg cat two", "hello", "/msg bob three")
        self.cat.type("/msg ann four")
        self.town.turn()
        idents = [item.ident for item in self.town.journal._privateMessages]
        assert len(set(idents)) == len(idents) == 4

    def test_guestHasNothingUnread(self) -> None:
        self.gus.propose(ClearUnread)
        self.town.turn()
        assert self.gus.take() == []


class TestSeen:
    def test_account(self) -> None:
        town = Town()
        ann, bob = town.owner("Ann"), town.person("bob")
        other = town.stranger()
        other.do(f"/login ann {PASSWORD}")
        sent = [bob.do("/seen ANN")]
        town.now += NANOSECONDS
        ann.do("/quit")
        sent.append(bob.do("/seen ann")[-1:])
        town.now += NANOSECONDS
        other.do("/quit")
        town.hush()
        town.now += NANOSECONDS
        sent.append(bob.do("/seen ann"))
        facts = [
            (item.nick, item.online, item.time) for (item,) in sent if isinstance(item, SeenReply)
        ]
        assert facts == [("Ann", True, 0), ("Ann", True, 0), ("Ann", False, NOON + 2 * NANOSECONDS)]

    def test_seenUnderOtherNick(self) -> None:
        town = Town()
        ann, bob = town.owner("ann"), town.person("bob")
        ann.do("/nick zed")
        town.hush()
        seen = only(SeenReply, bob.do("/seen ann"))
        assert seen.online

    def test_guest(self) -> None:
        town = Town()
        gus, bob = town.person("gus"), town.person("bob")
        gus.do("/quit")
        town.hush()
        seen = only(SeenReply, bob.do("/seen GUS"))
        assert (seen.online, seen.time) == (False, NOON)
        assert reasons(bob.do("/seen nobody")) == [NO_PERSON]
        assert reasons(bob.do("/seen")) == [USAGE]
        for number in range(GUESTS_REMEMBERED):
            town.person(f"p{number}").do("/quit")
            del town.people[next(reversed(town.people))]
        town.hush()
        assert reasons(bob.do("/seen gus")) == [NO_PERSON]
        assert len(town.house.state.lastSeenGuests) == GUESTS_REMEMBERED


class TestReadMarkers:
    def setup_method(self) -> None:
        self.town = Town()
        self.ann = self.town.owner("ann", "tea")
        self.bob = self.town.person("bob", "tea")
        self.bob.do("one", "two", "three")
        self.other = self.town.stranger()
        self.other.do(f"/login ann {PASSWORD}")
        self.town.hush()

    def test_allSessionsOfAccount(self) -> None:
        marked = only(MarkedRead, self.ann.do("/read 2"))
        assert (marked.room, marked.seq) == ("tea", 2)
        only(MarkedRead, self.other.take())
        assert self.bob.take() == []
        entered = only(JoinedRoom, self.other.do("/join tea"))
        assert entered.read == 2

    def test_markerGoesForward(self) -> None:
        self.ann.do("/read tea 2", "/read tea 1", "/read 2")
        marks = self.town.house.state.readMarkers
        assert [item.seq for item in marks.values()] == [2]
        self.ann.do("/read 999")
        assert [item.seq for item in marks.values()] == [3]

    def test_emptyRoomGetsNoMarker(self) -> None:
        """Whoever creates rooms for long would fill the server with markers."""
        self.ann.do("/join new", "/read 0", "/read 5", "/part", "/read tea 0")
        assert "new" not in self.town.house.state.rooms
        assert self.town.house.state.readMarkers == {}

    def test_rejections(self) -> None:
        assert reasons(self.bob.do("/read 1")) == [ACCOUNT_NEEDED]
        assert reasons(self.other.do("/read tea 1")) == [NOT_IN_ROOM]
        assert reasons(self.ann.do("/read -1")) == [NUMBER]
        assert reasons(self.ann.do("/read")) == [USAGE]
        assert self.town.house.state.readMarkers == {}
