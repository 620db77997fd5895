"""
Tests for passwords that change, for accounts that are dropped, and for what goes with an
account.
"""

from __future__ import annotations

from tests.support.chat import (
    OTHER_PASSWORD,
    PASSWORD,
    ChatHarness,
    MemoryClient,
    StateHarness,
    codes,
    kindNames,
    only,
)
from tsservices.chat import errors
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
        self.chat = ChatHarness(operators=["root"])
        self.root = self.chat.joinRegistered("root")
        self.ann = self.chat.joinRegistered("ann")

    def test_changeEndsOtherLogins(self) -> None:
        second = self.chat.login("ann")
        chat = self.chat
        assert codes(self.ann.say("/passwd x y")) == [errors.WRONG_PASSWORD.name]
        assert codes(self.ann.say("/passwd")) == []
        assert codes(self.ann.say(PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD)) == ["password"]
        heard = second.heard()
        assert codes(heard) == [errors.LOGGED_OUT.name]
        assert (second.session.account, second.session.nick) == (None, "guest-1")
        assert self.ann.session.account == "ann"
        person = chat.connect()
        assert codes(person.say(f"/login ann {PASSWORD}")) == [errors.WRONG_PASSWORD.name]
        assert "LoggedIn" in kindNames(person.say(f"/login ann {OTHER_PASSWORD}"))

    def test_usage(self) -> None:
        assert codes(self.ann.say("/passwd x")) == [errors.USAGE.name]
        assert codes(self.chat.join("bob").say("/passwd")) == [errors.ACCOUNT_NEEDED.name]

    def test_firstOfTwoChangesCounts(self) -> None:
        second = self.chat.login("ann")
        version = self.chat.context.state.accounts["ann"].version
        propose = self.chat.context.pipeline.propose
        bob = self.chat.joinRegistered("bob")
        for item, verifier in ((bob, "v"), (self.ann, "w"), (second, "x"), (self.ann, "y")):
            propose(SetPassword(item.session.ident, "ann", version, verifier), item.session)
        self.chat.tick()
        assert self.chat.context.state.accounts["ann"].verifier == "w"
        assert bob.errorCodes() == [errors.LOGGED_OUT]
        assert self.ann.errorCodes() == [errors.LOGGED_OUT]
        assert second.errorCodes() == [errors.LOGGED_OUT, errors.LOGGED_OUT]

    def test_resetByServerOperator(self) -> None:
        heard = self.root.say("/reset ann")
        assert codes(heard) == ["password", "reset"]
        notice = only(Notice, heard[-1:])
        password = notice.lines[0].rpartition(" ")[2]
        assert codes(self.ann.heard()) == [errors.LOGGED_OUT.name]
        assert self.ann.session.account is None
        assert "LoggedIn" in kindNames(self.ann.say(f"/login ann {password}"))
        assert codes(self.root.say("/reset bob")) == [errors.NO_ACCOUNT.name]

    def test_resetOfDroppedAccount(self) -> None:
        other = self.chat.login("root")
        self.chat.hasher.suspended = True
        self.root.type("/reset ann")
        other.say("/drop ann")
        self.chat.hasher.work()
        self.chat.tick()
        assert codes(self.root.heard()) == [errors.NO_ACCOUNT.name]

    def test_auditLog(self) -> None:
        chat = ChatHarness(operators=["root"])
        root, _ = chat.joinRegistered("root"), chat.joinRegistered("ann")
        audits: list[dict[str, object]] = []
        chat.context.pipeline.start(chat.storage, audits.append)
        root.say("/reset ann", "/drop ann")
        facts = [(item["audit"], item["account"], item["target"]) for item in audits]
        assert facts == [("password", "root", "ann"), ("drop", "root", "ann")]

    def test_resetNotAllowed(self) -> None:
        account = self.chat.context.state.accounts["root"]
        assert codes(self.ann.say("/reset root")) == [errors.NOT_ALLOWED.name]
        self.ann.propose(SetPassword, "root", None, "v")
        self.ann.propose(SetPassword, "root", account.version, "v")
        self.ann.propose(DropAccount, "root")
        self.chat.tick()
        assert self.ann.errorCodes() == [errors.NOT_ALLOWED, errors.LOGGED_OUT, errors.NOT_ALLOWED]
        assert self.chat.context.state.accounts["root"] is account


class TestDrop:
    def setup_method(self) -> None:
        self.chat = ChatHarness(operators=["root"])
        self.root = self.chat.joinRegistered("root")
        self.ann = self.chat.joinRegistered("ann", "tea")
        self.bob = self.chat.joinRegistered("bob", "tea")
        self.root.say("/join tea", "/join milk", "hello", "/op ann", "/join tea")
        self.ann.say("mine", "/private on", "/read 1", "/msg bob psst")
        self.bob.say("/msg ann hush")
        self.chat.clear()

    def next(self) -> MemoryClient:
        self.chat.time += NANOSECONDS
        assert codes(self.root.say("/drop ann")) == ["dropped"]
        person = self.chat.join("ann", "lobby")
        person.say("/register another-password")
        assert person.session.account == "ann"
        self.chat.clear()
        return person

    def test_drop(self) -> None:
        self.root.say("/drop ann")
        assert "AccountChanged" in kindNames(self.ann.heard())
        assert (self.ann.session.nick, self.ann.session.account) == ("guest-1", None)
        state = self.chat.context.state
        assert "ann" not in state.accounts
        assert all("ann" not in room.permissions.roles for room in state.rooms.values())
        assert all(room.record.founder != "ann" for room in state.rooms.values())
        assert not [key for key in state.readMarkers if key[0] == "ann"]
        assert codes(self.root.say("/drop ann")) == [errors.NO_ACCOUNT.name]

    def test_nextOwnerInheritsNoRights(self) -> None:
        person = self.next()
        state = self.chat.context.state
        for key in ("tea", "milk"):
            assert state.rank(person.session, state.rooms[key]) == MEMBER
        assert not state.canSee(person.session, state.rooms["tea"])
        person.type("/join tea")
        assert codes(person.heard()) == ["private-room"]
        assert state.rooms["tea"].record.private

    def test_nextOwnerInheritsNoRestrictions(self) -> None:
        self.root.say("/join milk", "/ban ann", "/mute ann", "/join tea")
        person = self.next()
        assert codes(person.say("/join milk", "hello")) == []
        assert "milk" in person.session.rooms

    def test_nextOwnerReadsNoPrivateMessages(self) -> None:
        person = self.next()
        for line in ("/inbox", "/inbox bob"):
            (inbox,) = person.say(line)
            assert getattr(inbox, "messages", None) == []
        assert self.chat.context.state.accounts["ann"].unread == 0

    def test_nextOwnerDeletesNoLines(self) -> None:
        guest = self.chat.join("cat", "milk")
        guest.say("as a guest")
        seq = self.chat.context.state.rooms["milk"].record.seq
        guest.say(f"/register {PASSWORD}")
        assert codes(guest.say(f"/delete {seq}")) == [errors.NOT_ALLOWED.name]
        self.ann.say("/join milk", "by the last one")
        seq = self.chat.context.state.rooms["milk"].record.seq
        person = self.next()
        person.say("/join milk")
        self.chat.clear()
        assert codes(person.say(f"/delete {seq}")) == [errors.NOT_ALLOWED.name]

    def test_serverOperatorDropsOwnAccount(self) -> None:
        audits: list[dict[str, object]] = []
        self.chat.context.pipeline.start(self.chat.storage, audits.append)
        (dropped,) = [item for item in self.root.say("/drop root") if isinstance(item, Notice)]
        assert [(item["audit"], item["account"]) for item in audits] == [("drop", "root")]
        assert dropped.code == "dropped"
        assert "whoever registers it" in dropped.lines[-1]
        assert self.root.session.account is None
        assert codes(self.root.say("/drop bob")) == [errors.NOT_ALLOWED.name]


class TestRights:
    def test_guestFounderLogsIn(self, chat: ChatHarness) -> None:
        ann = chat.joinRegistered("ann")
        guest = chat.join("bob", "tea")
        chat.join("cat", "tea")
        guest.say(f"/login ann {PASSWORD}")
        room = chat.context.state.rooms["tea"]
        assert room.record.founder == "ann"
        assert chat.context.state.rank(ann.session, room) == FOUNDER

    def test_guestFounderLeaves(self, chat: ChatHarness) -> None:
        guest, cat = chat.join("bob", "tea"), chat.join("cat", "tea")
        guest.say("hello")
        state = chat.context.state
        room = state.rooms["tea"]
        assert state.rank(guest.session, room) == FOUNDER
        guest.say("/part", "/join tea")
        assert state.rank(guest.session, room) == MEMBER
        guest.say(f"/register {PASSWORD}")
        assert state.rank(guest.session, room) == MEMBER
        assert room.record.founder == ""
        assert state.rank(cat.session, room) == MEMBER

    def test_emptyRoomIsNotStored(self) -> None:
        chat = StateHarness(operators=["root"])
        chat.tick(Enter("r", "root", "root", "~r"), Register("r", "root", "v"))
        chat.tick(Enter("b", "bob", "bob", "~b"), Join("b", "tea", "tea"))
        chat.tick(Register("b", "bob", "v"))
        assert chat.state.rooms["tea"].record.founder == "bob"
        chat.tick(DropAccount("r", "bob"))
        assert [batch.roomRecords for batch in chat.batches] == [[]] * 4
        chat.tick(Say("b", "tea", MESSAGE, ("x",)))
        assert [item.key for item in chat.batches[-1].roomRecords] == ["tea"]

    def test_whoisGuest(self, chat: ChatHarness) -> None:
        ann, bob = chat.joinRegistered("ann"), chat.join("bob")
        shown = only(WhoisReply, bob.say("/whois ann"))
        assert not shown.guest
        shown = only(WhoisReply, ann.say("/whois bob"))
        assert shown.guest

    def test_logoutOfGuest(self, chat: ChatHarness) -> None:
        bob = chat.join("bob")
        bob.propose(Logout)
        chat.tick()
        assert bob.errorCodes() == [errors.ACCOUNT_NEEDED]
