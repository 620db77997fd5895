"""
Tests for passwords that change, for accounts that are dropped, and for what goes with an
account.
"""

from __future__ import annotations

from tests.support.chat import PASSWORD, Person, Sessions, Town
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
    """Changing them."""

    def setup_method(self) -> None:
        self.town = Town(operators=["root"])
        self.root = self.town.owner("root")
        self.ann = self.town.owner("ann")

    def test_passwd(self) -> None:
        """The new password is the one that counts; the other connections are guests."""
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
        """One password is not enough; a guest has none."""
        assert codes(self.ann.do("/passwd x")) == [USAGE.name]
        assert codes(self.town.person("bob").do("/passwd")) == [ACCOUNT_NEEDED.name]

    def test_stale(self) -> None:
        """
        Of two changes that were under way the first counts; a third comes from somebody
        who is not logged in to the account.
        """
        second = login(self.town, "ann")
        version = self.town.house.state.accounts["ann"].version
        propose = self.town.house.pipeline.propose
        bob = self.town.owner("bob")
        for each, verifier in ((bob, "v"), (self.ann, "w"), (second, "x"), (self.ann, "y")):
            propose(SetPassword(each.session.ident, "ann", version, verifier), each.session)
        self.town.turn()
        assert self.town.house.state.accounts["ann"].verifier == "w"
        assert bob.reasons() == [LOGGED_OUT]
        assert self.ann.reasons() == [LOGGED_OUT]
        assert second.reasons() == [LOGGED_OUT, LOGGED_OUT]

    def test_reset(self) -> None:
        """
        An operator of the server gives out another password, which they are told, and
        the owner is a guest until they know it.
        """
        heard = self.root.do("/reset ann")
        assert codes(heard) == ["password", "reset"]
        notice = heard[-1]
        assert isinstance(notice, Notice)
        password = notice.lines[0].rpartition(" ")[2]
        assert codes(self.ann.take()) == [LOGGED_OUT.name]
        assert self.ann.session.account is None
        assert "LoggedIn" in names(self.ann.do(f"/login ann {password}"))
        assert codes(self.root.do("/reset bob")) == [NO_ACCOUNT.name]

    def test_resetTooLate(self) -> None:
        """Of an account that is dropped meanwhile nobody is told a password."""
        other = login(self.town, "root")
        self.town.hasher.held = True
        self.root.type("/reset ann")
        other.do("/drop ann")
        self.town.hasher.work()
        self.town.turn()
        assert codes(self.root.take()) == [NO_ACCOUNT.name]

    def test_audit(self) -> None:
        """The log is told who has changed a password, and whose."""
        town = Town(operators=["root"])
        root, _ = town.owner("root"), town.owner("ann")
        told: list[dict[str, object]] = []
        town.house.pipeline.start(town.journal, told.append)
        root.do("/reset ann", "/drop ann")
        facts = [(each["audit"], each["account"], each["target"]) for each in told]
        assert facts == [("password", "root", "ann"), ("drop", "root", "ann")]

    def test_resetNotAllowed(self) -> None:
        """Nobody else does, also when their server thought so."""
        account = self.town.house.state.accounts["root"]
        assert codes(self.ann.do("/reset root")) == [NOT_ALLOWED.name]
        for event in (
            SetPassword(self.ann.session.ident, "root", None, "v"),
            SetPassword(self.ann.session.ident, "root", account.version, "v"),
            DropAccount(self.ann.session.ident, "root"),
        ):
            self.town.house.pipeline.propose(event, self.ann.session)
        self.town.turn()
        assert self.ann.reasons() == [NOT_ALLOWED, LOGGED_OUT, NOT_ALLOWED]
        assert self.town.house.state.accounts["root"] is account


class TestDrop:
    """A name that belongs to nobody any more."""

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
        """Its owner is a guest, and told; nothing of it is kept."""
        self.root.do("/drop ann")
        assert "AccountChanged" in names(self.ann.take())
        assert (self.ann.session.nick, self.ann.session.account) == ("guest-1", None)
        state = self.town.house.state
        assert "ann" not in state.accounts
        assert all("ann" not in room.permissions.roles for room in state.rooms.values())
        assert all(room.record.founder != "ann" for room in state.rooms.values())
        assert not [key for key in state.readMarkers if key[0] == "ann"]
        assert codes(self.root.do("/drop ann")) == [NO_ACCOUNT.name]

    def test_noRights(self) -> None:
        """The next owner of the name may do nothing in the rooms of the last one."""
        person = self.next()
        state = self.town.house.state
        for key in ("tea", "milk"):
            assert state.rank(person.session, state.rooms[key]) == MEMBER
        assert not state.canSee(person.session, state.rooms["tea"])
        person.type("/join tea")
        assert codes(person.take()) == ["private-room"]
        assert state.rooms["tea"].record.private

    def test_noRestraints(self) -> None:
        """Nor is the next owner kept from what the last one was."""
        self.root.do("/join milk", "/ban ann", "/mute ann", "/join tea")
        person = self.next()
        assert codes(person.do("/join milk", "hello")) == []
        assert "milk" in person.session.rooms

    def test_noLetters(self) -> None:
        """Nor do they read what was said to the last one, or by them."""
        person = self.next()
        for line in ("/inbox", "/inbox bob"):
            (inbox,) = person.do(line)
            assert getattr(inbox, "letters", None) == []
        assert self.town.house.state.accounts["ann"].unread == 0

    def test_noDeletion(self) -> None:
        """Nor do they take the last one's lines away, or those of the guest they were."""
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

    def test_ownAccount(self) -> None:
        """An operator of the server may drop their own."""
        told: list[dict[str, object]] = []
        self.town.house.pipeline.start(self.town.journal, told.append)
        (dropped,) = [each for each in self.root.do("/drop root") if isinstance(each, Notice)]
        assert [(each["audit"], each["account"]) for each in told] == [("drop", "root")]
        assert dropped.code == "dropped"
        assert "whoever registers it" in dropped.lines[-1]
        assert self.root.session.account is None
        assert codes(self.root.do("/drop bob")) == [NOT_ALLOWED.name]


class TestRights:
    """What one may do goes with who one is."""

    def test_founderLogsIn(self) -> None:
        """A guest who has made a room and logs in has made it for the account."""
        town = Town()
        ann = town.owner("ann")
        guest = town.person("bob", "tea")
        town.person("cat", "tea")
        guest.do(f"/login ann {PASSWORD}")
        room = town.house.state.rooms["tea"]
        assert room.record.founder == "ann"
        assert town.house.state.rank(ann.session, room) == FOUNDER

    def test_guestFounderEnds(self) -> None:
        """A guest who has made a room looks after it as long as they are there."""
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

    def test_emptyRoomIsNotKept(self) -> None:
        """A room in which nothing was said is not kept, whoever has made it."""
        sessions = Sessions(operators=["root"])
        sessions.turn(Enter("r", "root", "root", "~r"), Register("r", "root", "v"))
        sessions.turn(Enter("b", "bob", "bob", "~b"), Join("b", "tea", "tea"))
        sessions.turn(Register("b", "bob", "v"))
        assert sessions.state.rooms["tea"].record.founder == "bob"
        sessions.turn(DropAccount("r", "bob"))
        assert [batch.roomRecords for batch in sessions.batches] == [[]] * 4
        sessions.turn(Say("b", "tea", MESSAGE, ("x",)))
        assert [each.key for each in sessions.batches[-1].roomRecords] == ["tea"]

    def test_whois(self) -> None:
        """Whose name belongs to somebody is no guest."""
        town = Town()
        ann, bob = town.owner("ann"), town.person("bob")
        (shown,) = bob.do("/whois ann")
        assert isinstance(shown, WhoisReply)
        assert not shown.guest
        (shown,) = ann.do("/whois bob")
        assert isinstance(shown, WhoisReply)
        assert shown.guest

    def test_logoutOfGuest(self) -> None:
        """A guest has nothing to log out of, also when their server thought so."""
        town = Town()
        bob = town.person("bob")
        town.house.pipeline.propose(Logout(bob.session.ident), bob.session)
        town.turn()
        assert bob.reasons() == [ACCOUNT_NEEDED]
