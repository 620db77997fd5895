"""
Tests for passwords that change, for accounts that are dropped, and for what goes with an
account.
"""

from __future__ import annotations

from tests.support.chat import PASSWORD, Person, Sessions, Town, only
from tests.support.chat_accounts import OTHER, codes, login, names
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    LOGGED_OUT,
    NO_ACCOUNT,
    NOT_ALLOWED,
    USAGE,
    WRONG_PASSWORD,
)
from tsservices.chat.notifications import Notice, WhoisReply
from tsservices.chat.operations import (
    MESSAGE,
    DropAccount,
    Enter,
    Join,
    Logout,
    Register,
    Say,
    SetPassword,
)
from tsservices.chat.permissions import FOUNDER, MEMBER
from tsservices.common.timestamps import NANOSECONDS


class TestPasswords:
    def setup_method(self) -> None:
        self.town = Town(operators=["root"])
        self.root = self.town.owner("root")
        self.ann = self.town.owner("ann")

    def test_changeEndsOtherLogins(self) -> None:
        second = login(self.town, "ann")
        town = self.town
        assert codes(self.ann.do("/passwd x y")) == [WRONG_PASSWORD.name]
        assert codes(self.ann.do("/passwd")) == []
        assert codes(self.ann.do(PASSWORD, OTHER, OTHER)) == ["password"]
        heard = second.take()
        assert codes(heard) == [LOGGED_OUT.name]
        assert (second.session.account, second.session.nick) == (None, "guest-1")
        assert self.ann.session.account == "ann"
        person = town.stranger()
        assert codes(person.do(f"/login ann {PASSWORD}")) == [WRONG_PASSWORD.name]
        assert "LoggedIn" in names(person.do(f"/login ann {OTHER}"))

    def test_usage(self) -> None:
        assert codes(self.ann.do("/passwd x")) == [USAGE.name]
        assert codes(self.town.person("bob").do("/passwd")) == [ACCOUNT_NEEDED.name]

    def test_firstOfTwoChangesCounts(self) -> None:
        second = login(self.town, "ann")
        version = self.town.house.state.accounts["ann"].version
        propose = self.town.house.pipeline.propose
        bob = self.town.owner("bob")
        for item, verifier in ((bob, "v"), (self.ann, "w"), (second, "x"), (self.ann, "y")):
            propose(SetPassword(item.session.ident, "ann", version, verifier), item.session)
        self.town.turn()
        assert self.town.house.state.accounts["ann"].verifier == "w"
        assert bob.reasons() == [LOGGED_OUT]
        assert self.ann.reasons() == [LOGGED_OUT]
        assert second.reasons() == [LOGGED_OUT, LOGGED_OUT]

    def test_resetByServerOperator(self) -> None:
        heard = self.root.do("/reset ann")
        assert codes(heard) == ["password", "reset"]
        notice = only(Notice, heard[-1:])
        password = notice.lines[0].rpartition(" ")[2]
        assert codes(self.ann.take()) == [LOGGED_OUT.name]
        assert self.ann.session.account is None
        assert "LoggedIn" in names(self.ann.do(f"/login ann {password}"))
        assert codes(self.root.do("/reset bob")) == [NO_ACCOUNT.name]

    def test_resetOfDroppedAccount(self) -> None:
        other = login(self.town, "root")
        self.town.hasher.held = True
        self.root.type("/reset ann")
        other.do("/drop ann")
        self.town.hasher.work()
        self.town.turn()
        assert codes(self.root.take()) == [NO_ACCOUNT.name]

    def test_auditLog(self) -> None:
        town = Town(operators=["root"])
        root, _ = town.owner("root"), town.owner("ann")
        audits: list[dict[str, object]] = []
        town.house.pipeline.start(town.journal, audits.append)
        root.do("/reset ann", "/drop ann")
        facts = [(item["audit"], item["account"], item["target"]) for item in audits]
        assert facts == [("password", "root", "ann"), ("drop", "root", "ann")]

    def test_resetNotAllowed(self) -> None:
        account = self.town.house.state.accounts["root"]
        assert codes(self.ann.do("/reset root")) == [NOT_ALLOWED.name]
        self.ann.propose(SetPassword, "root", None, "v")
        self.ann.propose(SetPassword, "root", account.version, "v")
        self.ann.propose(DropAccount, "root")
        self.town.turn()
        assert self.ann.reasons() == [NOT_ALLOWED, LOGGED_OUT, NOT_ALLOWED]
        assert self.town.house.state.accounts["root"] is account


class TestDrop:
    def setup_method(self) -> None:
        self.town = Town(operators=["root"])
        self.root = self.town.owner("root")
        self.ann = self.town.owner("ann", "tea")
        self.bob = self.town.owner("bob", "tea")
        self.root.do("/join tea", "/join milk", "hello", "/op ann", "/join tea")
        self.ann.do("mine", "/private on", "/read 1", "/msg bob psst")
        self.bob.do("/msg ann hush")
        self.town.hush()

    def next(self) -> Person:
        self.town.now += NANOSECONDS
        assert codes(self.root.do("/drop ann")) == ["dropped"]
        person = self.town.person("ann", "lobby")
        person.do("/register another-password")
        assert person.session.account == "ann"
        self.town.hush()
        return person

    def test_drop(self) -> None:
        self.root.do("/drop ann")
        assert "AccountChanged" in names(self.ann.take())
        assert (self.ann.session.nick, self.ann.session.account) == ("guest-1", None)
        state = self.town.house.state
        assert "ann" not in state.accounts
        assert all("ann" not in room.permissions.roles for room in state.rooms.values())
        assert all(room.record.founder != "ann" for room in state.rooms.values())
        assert not [key for key in state.readMarkers if key[0] == "ann"]
        assert codes(self.root.do("/drop ann")) == [NO_ACCOUNT.name]

    def test_nextOwnerInheritsNoRights(self) -> None:
        person = self.next()
        state = self.town.house.state
        for key in ("tea", "milk"):
            assert state.rank(person.session, state.rooms[key]) == MEMBER
        assert not state.canSee(person.session, state.rooms["tea"])
        person.type("/join tea")
        assert codes(person.take()) == ["private-room"]
        assert state.rooms["tea"].record.private

    def test_nextOwnerInheritsNoRestrictions(self) -> None:
        self.root.do("/join milk", "/ban ann", "/mute ann", "/join tea")
        person = self.next()
        assert codes(person.do("/join milk", "hello")) == []
        assert "milk" in person.session.rooms

    def test_nextOwnerReadsNoPrivateMessages(self) -> None:
        person = self.next()
        for line in ("/inbox", "/inbox bob"):
            (inbox,) = person.do(line)
            assert getattr(inbox, "messages", None) == []
        assert self.town.house.state.accounts["ann"].unread == 0

    def test_nextOwnerDeletesNoLines(self) -> None:
        guest = self.town.person("cat", "milk")
        guest.do("as a guest")
        seq = self.town.house.state.rooms["milk"].record.seq
        guest.do(f"/register {PASSWORD}")
        assert codes(guest.do(f"/delete {seq}")) == [NOT_ALLOWED.name]
        self.ann.do("/join milk", "by the last one")
        seq = self.town.house.state.rooms["milk"].record.seq
        person = self.next()
        person.do("/join milk")
        self.town.hush()
        assert codes(person.do(f"/delete {seq}")) == [NOT_ALLOWED.name]

    def test_serverOperatorDropsOwnAccount(self) -> None:
        audits: list[dict[str, object]] = []
        self.town.house.pipeline.start(self.town.journal, audits.append)
        (dropped,) = [item for item in self.root.do("/drop root") if isinstance(item, Notice)]
        assert [(item["audit"], item["account"]) for item in audits] == [("drop", "root")]
        assert dropped.code == "dropped"
        assert "whoever registers it" in dropped.lines[-1]
        assert self.root.session.account is None
        assert codes(self.root.do("/drop bob")) == [NOT_ALLOWED.name]


class TestRights:
    def test_guestFounderLogsIn(self) -> None:
        town = Town()
        ann = town.owner("ann")
        guest = town.person("bob", "tea")
        town.person("cat", "tea")
        guest.do(f"/login ann {PASSWORD}")
        room = town.house.state.rooms["tea"]
        assert room.record.founder == "ann"
        assert town.house.state.rank(ann.session, room) == FOUNDER

    def test_guestFounderLeaves(self) -> None:
        town = Town()
        guest, cat = town.person("bob", "tea"), town.person("cat", "tea")
        guest.do("hello")
        state = town.house.state
        room = state.rooms["tea"]
        assert state.rank(guest.session, room) == FOUNDER
        guest.do("/part", "/join tea")
        assert state.rank(guest.session, room) == MEMBER
        guest.do(f"/register {PASSWORD}")
        assert state.rank(guest.session, room) == MEMBER
        assert room.record.founder == ""
        assert state.rank(cat.session, room) == MEMBER

    def test_emptyRoomIsNotStored(self) -> None:
        sessions = Sessions(operators=["root"])
        sessions.turn(Enter("r", "root", "root", "~r"), Register("r", "root", "v"))
        sessions.turn(Enter("b", "bob", "bob", "~b"), Join("b", "tea", "tea"))
        sessions.turn(Register("b", "bob", "v"))
        assert sessions.state.rooms["tea"].record.founder == "bob"
        sessions.turn(DropAccount("r", "bob"))
        assert [batch.roomRecords for batch in sessions.batches] == [[]] * 4
        sessions.turn(Say("b", "tea", MESSAGE, ("x",)))
        assert [item.key for item in sessions.batches[-1].roomRecords] == ["tea"]

    def test_whoisGuest(self) -> None:
        town = Town()
        ann, bob = town.owner("ann"), town.person("bob")
        shown = only(WhoisReply, bob.do("/whois ann"))
        assert not shown.guest
        shown = only(WhoisReply, ann.do("/whois bob"))
        assert shown.guest

    def test_logoutOfGuest(self) -> None:
        town = Town()
        bob = town.person("bob")
        bob.propose(Logout)
        town.turn()
        assert bob.reasons() == [ACCOUNT_NEEDED]
