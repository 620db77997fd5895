"""Tests for private messages that are kept, and for what is known of somebody's reading."""

from __future__ import annotations

import pytest

from tests.support.chat import NOON, PASSWORD, ChatHarness, MemoryClient, errorCodes, kinds, only
from tsservices.chat import errors
from tsservices.chat.handlers.identity import GUESTS_REMEMBERED
from tsservices.chat.notifications import (
    ErrorReply,
    Inbox,
    JoinedRoom,
    LoggedIn,
    MarkedRead,
    Notice,
    Notification,
    PrivateDeleted,
    PrivateMessage,
    SeenReply,
)
from tsservices.chat.operations import MESSAGE, ClearUnread, DeletePrivate, SendPrivate
from tsservices.chat.records import INBOX_SHARE, INBOX_UNREAD
from tsservices.chat.verbs.inbox import INBOX_PAGE
from tsservices.common.timestamps import NANOSECONDS


def texts(happenings: list[Notification]) -> list[str]:
    inbox = only(Inbox, happenings)
    return [item.text for item in inbox.messages]


class TestPrivateMessages:
    """Ann, bob and cat have accounts; gus is a guest."""

    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["root"])
        self.root = self.chat.joinRegistered("root")
        self.ann = self.chat.joinRegistered("ann")
        self.bob = self.chat.joinRegistered("bob")
        self.cat = self.chat.joinRegistered("cat")
        self.gus = self.chat.join("gus")
        self.accounts = self.chat.context.state.accounts

    def back(self, nick: str) -> tuple[MemoryClient, LoggedIn]:
        person = self.chat.connect()
        (logged,) = [
            item for item in person.say(f"/login {nick} {PASSWORD}") if isinstance(item, LoggedIn)
        ]
        self.chat.clear()
        return person, logged

    def test_bothSidesPresent(self) -> None:
        heard = self.ann.say("/msg BOB psst")
        whispered = only(PrivateMessage, heard)
        assert whispered.ident.startswith("log-")
        other = only(PrivateMessage, self.bob.heard())
        assert other.ident == whispered.ident
        assert self.accounts["bob"].unread == 0
        for person, line in (
            (self.ann, "/inbox bob"),
            (self.bob, "/inbox"),
            (self.bob, "/inbox a"),
        ):
            assert texts(person.say(line)) == ([] if line == "/inbox a" else ["psst"])
        assert texts(self.ann.say("/inbox")) == []
        assert texts(self.cat.say("/inbox ann")) == texts(self.cat.say("/inbox")) == []

    def test_deletion(self) -> None:
        self.ann.say("/msg bob one", "/msg bob two")
        second = self.chat.login("bob")
        one, two = (item.ident for item in self.chat.storage._privateMessages)
        self.chat.clear()
        for person, line, code in (
            (self.bob, f"/delete {one}", "not-allowed"),
            (self.cat, f"/delete {one}", "no-private"),
            (self.gus, f"/delete {one}", "no-private"),
            (self.bob, "/delete to ann", "no-private-to"),
            (self.ann, "/delete 0a-1-w9", "no-private"),
        ):
            assert [item.name for item in errorCodes(person.say(line))] == [code]
        for line, ident in (("/delete to bob", two), (f"/delete {one}", one)):
            deleted = only(PrivateDeleted, self.ann.say(line))
            assert (deleted.nick, deleted.to, deleted.ident) == ("ann", "bob", ident)
            for client in (self.bob, second):
                assert only(PrivateDeleted, client.heard()).ident == ident
            assert self.cat.heard() == self.gus.heard() == []
        for person, line in ((self.ann, "/inbox bob"), (self.bob, "/inbox")):
            assert texts(person.say(line)) == ["", ""]
        assert errorCodes(self.ann.say(f"/delete {one}")) == [errors.NO_PRIVATE]

    def test_deletionOfAnothers(self) -> None:
        self.ann.say("/msg bob one")
        (message,) = self.chat.storage._privateMessages
        # Whatever a verb has checked, the handler decides.
        self.bob.propose(DeletePrivate, message.ident, "ann", "ann", "ann")
        self.chat.tick()
        assert errors.NOT_ALLOWED in errorCodes(self.bob.heard())
        assert [item.text for item in self.chat.storage._privateMessages] == ["one"]

    def test_absentReceiver(self) -> None:
        self.bob.say("/quit")
        self.chat.clear()
        heard = self.ann.say("/msg bob one")
        assert kinds(heard) == [PrivateMessage, Notice]
        self.cat.say("/msg bob two")
        self.ann.say("/msg bob three")
        assert self.accounts["bob"].unread == 3
        bob, logged = self.back("bob")
        assert logged.unread == 3
        assert texts(bob.say("/inbox ann")) == ["one", "three"]
        assert self.accounts["bob"].unread == 3
        assert texts(bob.say("/inbox")) == ["one", "two", "three"]
        self.chat.tick()
        assert self.accounts["bob"].unread == 0
        assert self.back("bob")[1].unread == 0

    def test_guestsAreNotStored(self) -> None:
        self.gus.say("/msg bob psst")
        self.ann.say("/msg gus psst")
        for person in (self.bob, self.gus):
            assert all(
                item.ident == "" for item in person.heard() if isinstance(item, PrivateMessage)
            )
        assert list(self.chat.storage._privateMessages) == []
        self.bob.say("/quit")
        assert errorCodes(self.gus.say("/msg bob psst")) == [errors.NOT_HERE]
        assert errorCodes(self.gus.say("/inbox")) == [errors.ACCOUNT_NEEDED]
        assert errorCodes(self.ann.say("/msg nobody psst")) == [errors.NO_PERSON]
        self.gus.say("/quit")
        assert errorCodes(self.ann.say("/msg gus psst")) == [errors.NO_PERSON]

    def test_guestLeavesBefore(self) -> None:
        self.ann.type("/msg gus psst")
        self.gus.controller.quit("")
        self.ann.propose(SendPrivate, "gus", "gus", MESSAGE, "again")
        self.chat.tick()
        assert self.ann.errorCodes() == [errors.NO_PERSON]
        assert list(self.chat.storage._privateMessages) == []

    def test_receiverUnderOtherNick(self) -> None:
        self.bob.say("/nick zed")
        for name in ("zed", "bob"):
            self.ann.say(f"/msg {name} to {name}")
        assert [item.text for item in self.bob.heard() if isinstance(item, PrivateMessage)] == [
            "to zed",
            "to bob",
        ]
        assert texts(self.bob.say("/inbox ann")) == ["to zed", "to bob"]
        assert self.accounts["bob"].unread == 0

    def test_noteToOneself(self) -> None:
        heard = self.ann.say("/msg ann milk")
        assert kinds(heard) == [PrivateMessage]
        assert texts(self.ann.say("/inbox")) == texts(self.ann.say("/inbox ann")) == ["milk"]

    def test_ignoredAuthor(self) -> None:
        self.bob.say("/ignore ann")
        self.ann.say("/msg bob psst")
        assert self.bob.heard() == []
        self.bob.say("/msg ann why?")
        self.cat.say("/msg bob hello")
        self.bob.heard()
        assert texts(self.bob.say("/inbox")) == ["hello"]
        assert texts(self.bob.say("/inbox ann")) == ["why?"]
        self.bob.say("/quit")
        self.ann.say("/msg bob RUDE")
        self.cat.say("/msg bob bye")
        bob, logged = self.back("bob")
        assert (logged.unread, self.accounts["bob"].unread) == (1, 2)
        bob.say("/ignore ann")
        assert texts(bob.say("/inbox ann")) == ["psst", "why?", "RUDE"]

    def test_shares(self) -> None:
        self.bob.say("/quit")
        for number in range(INBOX_SHARE):
            self.ann.type(f"/msg bob {number}")
        self.chat.tick()
        assert self.ann.errorCodes() == []
        (full,) = self.ann.say("/msg bob more")
        assert isinstance(full, ErrorReply)
        assert str(full.error) == "bob has 100 private messages of yours to read already"
        assert errorCodes(self.cat.say("/msg bob one")) == []
        bob, logged = self.back("bob")
        assert logged.unread == INBOX_SHARE + 1
        bob.say("/inbox ann", "/quit")
        assert errorCodes(self.ann.say("/msg bob more")) == [errors.INBOX_SHARE_FULL]
        bob, _ = self.back("bob")
        bob.say("/inbox", "/quit")
        assert errorCodes(self.ann.say("/msg bob more")) == []

    @pytest.mark.parametrize(("dropped", "unread"), [("ann", 1), ("bob", 0)])
    def test_sharesOfDroppedAccounts(self, dropped: str, unread: int) -> None:
        self.bob.say("/quit")
        for text in "ab":
            self.ann.say(f"/msg bob {text}")
        self.cat.say("/msg bob c")
        self.root.say(f"/drop {dropped}")
        shares = self.chat.context.state.inboxShares
        left = {key: list(entries) for key, entries in shares.items()}
        assert left == ({"bob": ["cat"]} if unread else {})
        again = self.chat.joinRegistered(dropped)
        assert self.accounts["bob"].unread == unread
        if dropped == "ann":
            again.say("/msg bob d")
            assert shares["bob"]["ann"].count == 1

    def test_unreadLimit(self) -> None:
        self.bob.say("/quit")
        for sender in range(INBOX_UNREAD // INBOX_SHARE):
            person = self.chat.joinRegistered(f"sender-{sender}")
            for number in range(INBOX_SHARE):
                person.type(f"/msg bob {number}")
            self.chat.tick()
            assert person.errorCodes() == []
        assert errorCodes(self.cat.say("/msg bob more")) == [errors.INBOX_FULL]
        assert self.accounts["bob"].unread == INBOX_UNREAD
        bob, logged = self.back("bob")
        assert logged.unread == INBOX_UNREAD
        bob.say("/inbox", "/quit")
        assert errorCodes(self.cat.say("/msg bob more")) == []

    def test_pages(self) -> None:
        many = [str(number) for number in range(2 * INBOX_PAGE + 5)]
        for text in many:
            self.ann.type(f"/msg bob {text}")
        self.chat.tick()
        self.chat.clear()
        assert errorCodes(self.bob.say("/inbox +")) == [errors.USAGE]
        got: list[str] = []
        for line, more in (("/inbox ANN", True), ("/inbox +", True), ("/inbox +", False)):
            inbox = only(Inbox, self.bob.say(line))
            assert inbox.more is more
            assert inbox.other.lower() == "ann"
            got = [item.text for item in inbox.messages] + got
        assert got == many
        assert errorCodes(self.bob.say("/inbox +")) == [errors.USAGE]

    def test_pagesEndWithLogin(self) -> None:
        for _ in range(INBOX_PAGE + 1):
            self.ann.type("/msg bob psst")
        self.chat.tick()
        self.chat.clear()
        self.bob.say("/inbox", "/logout", f"/login cat {PASSWORD}")
        self.chat.clear()
        heard = self.bob.say("/inbox +")
        assert not any(isinstance(item, Inbox) and item.messages for item in heard)

    def test_identsDiffer(self) -> None:
        self.ann.type("/msg bob one", "/msg cat two", "hello", "/msg bob three")
        self.cat.type("/msg ann four")
        self.chat.tick()
        idents = [item.ident for item in self.chat.storage._privateMessages]
        assert len(set(idents)) == len(idents) == 4

    def test_guestHasNothingUnread(self) -> None:
        self.gus.propose(ClearUnread)
        self.chat.tick()
        assert self.gus.heard() == []


class TestSeen:
    def test_account(self, chat: ChatHarness) -> None:
        ann, bob = chat.joinRegistered("Ann"), chat.join("bob")
        other = chat.connect()
        other.say(f"/login ann {PASSWORD}")
        sent = [bob.say("/seen ANN")]
        chat.time += NANOSECONDS
        ann.say("/quit")
        sent.append(bob.say("/seen ann")[-1:])
        chat.time += NANOSECONDS
        other.say("/quit")
        chat.clear()
        chat.time += NANOSECONDS
        sent.append(bob.say("/seen ann"))
        facts = [
            (item.nick, item.online, item.time) for (item,) in sent if isinstance(item, SeenReply)
        ]
        assert facts == [("Ann", True, 0), ("Ann", True, 0), ("Ann", False, NOON + 2 * NANOSECONDS)]

    def test_seenUnderOtherNick(self, chat: ChatHarness) -> None:
        ann, bob = chat.joinRegistered("ann"), chat.join("bob")
        ann.say("/nick zed")
        chat.clear()
        seen = only(SeenReply, bob.say("/seen ann"))
        assert seen.online

    def test_guest(self, chat: ChatHarness) -> None:
        gus, bob = chat.join("gus"), chat.join("bob")
        gus.say("/quit")
        chat.clear()
        seen = only(SeenReply, bob.say("/seen GUS"))
        assert (seen.online, seen.time) == (False, NOON)
        # A name that was given up is one that was here.
        chat.join("hal").say("/nick hal2")
        assert not only(SeenReply, bob.say("/seen hal")[-1:]).online
        chat.clear()
        assert errorCodes(bob.say("/seen nobody")) == [errors.NO_PERSON]
        assert errorCodes(bob.say("/seen")) == [errors.USAGE]
        for number in range(GUESTS_REMEMBERED):
            chat.join(f"p{number}").say("/quit")
            del chat.clients[next(reversed(chat.clients))]
        chat.clear()
        assert errorCodes(bob.say("/seen gus")) == [errors.NO_PERSON]
        assert len(chat.context.state.lastSeenGuests) == GUESTS_REMEMBERED


class TestReadMarkers:
    def setup_method(self) -> None:
        self.chat = ChatHarness()
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.bob = self.chat.join("bob", "tea")
        self.bob.say("one", "two", "three")
        self.other = self.chat.connect()
        self.other.say(f"/login ann {PASSWORD}")
        self.chat.clear()

    def test_allSessionsOfAccount(self) -> None:
        marked = only(MarkedRead, self.ann.say("/read 2"))
        assert (marked.room, marked.seq) == ("tea", 2)
        only(MarkedRead, self.other.heard())
        assert self.bob.heard() == []
        entered = only(JoinedRoom, self.other.say("/join tea"))
        assert entered.read == 2

    def test_markerGoesForward(self) -> None:
        self.ann.say("/read tea 2", "/read tea 1", "/read 2")
        marks = self.chat.context.state.readMarkers
        assert [item.seq for item in marks.values()] == [2]
        for line in ("/read 2", "/read 1", "/read 0"):
            assert only(MarkedRead, self.ann.say(line)).seq == 2
        self.ann.say("/read 3")
        assert [item.seq for item in marks.values()] == [3]

    def test_emptyRoomGetsNoMarker(self) -> None:
        """Whoever creates rooms for long would fill the server with markers."""
        self.ann.say("/join new", "/read 0", "/read 5")
        self.ann.continueOutput()
        self.ann.say("/part", "/read tea 0")
        assert "new" not in self.chat.context.state.rooms
        assert self.chat.context.state.readMarkers == {}

    def test_rejections(self) -> None:
        assert errorCodes(self.bob.say("/read 1")) == [errors.ACCOUNT_NEEDED]
        assert errorCodes(self.other.say("/read tea 1")) == [errors.NOT_IN_ROOM]
        assert errorCodes(self.ann.say("/read -1")) == [errors.NUMBER]
        assert errorCodes(self.ann.say("/read")) == [errors.USAGE]
        assert self.chat.context.state.readMarkers == {}
