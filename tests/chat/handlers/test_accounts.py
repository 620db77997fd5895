"""
Tests for L{tsservices.chat.handlers.accounts} and L{tsservices.chat.verbs.accounts}: becoming
somebody.
"""

from __future__ import annotations

import pytest

from tests.support.chat import NOON, PASSWORD, Town, only
from tests.support.chat_accounts import OTHER, codes, names, verifierOf
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    ACCOUNTS_ALL,
    ACCOUNTS_EACH,
    BUSY_HASHING,
    GUESSED_OFTEN,
    HASHING_FAILED,
    LOGGED_IN,
    LOGGED_OUT,
    NICK_REGISTERED,
    NICK_TAKEN,
    NO_ACCOUNT,
    PASSWORD_SHORT,
    PASSWORDS_DIFFER,
    WRONG_PASSWORD,
    ChatError,
)
from tsservices.chat.login_limits import ACCOUNT_GUESSES_AT_ONCE
from tsservices.chat.notifications import (
    AccountChanged,
    LoggedIn,
    NickChanged,
    ResumeToken,
    Welcome,
)
from tsservices.chat.operations import Login, Register, SetPassword
from tsservices.chat.permissions import MEMBER
from tsservices.chat.records import Account
from tsservices.chat.state import REGISTRATION_SECONDS
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS

#: Names that may be registered at once from one address, where that matters.
REGISTERED_AT_ONCE = 10


class TestRegister:
    def test_register(self) -> None:
        town = Town()
        ann, bob, cat = town.person("Ann"), town.person("bob"), town.person("cat", "tea")
        heard = ann.do(f"/register {PASSWORD}")
        assert names(heard) == ["Notice", "AccountChanged"]
        assert codes(heard) == ["registered"]
        changed = only(AccountChanged, bob.take())
        assert (changed.nick, changed.account) == ("Ann", "ann")
        assert cat.take() == []
        account = town.house.state.accounts["ann"]
        assert (account.name, account.created, account.unread) == ("Ann", NOON, 0)
        assert ann.session.account == "ann"
        bob.type("/nick ANN")
        assert bob.reasons() == [NICK_REGISTERED]

    def test_passwordPrompts(self) -> None:
        town = Town()
        ann = town.person("ann")
        ann.do("/register")
        assert ann.prompts == ["new password: "]
        ann.do(PASSWORD, OTHER)
        assert ann.prompts == ["new password: ", "the same again: "]
        assert not town.house.state.accounts
        ann.do("/register", PASSWORD)
        assert ann.do(PASSWORD)
        assert list(town.house.state.accounts) == ["ann"]

    def test_passwordsDiffer(self) -> None:
        ann = Town().person("ann")
        ann.do("/register")
        assert codes(ann.do(PASSWORD, OTHER)) == [PASSWORDS_DIFFER.name]
        assert ann.conversation.secret is None

    @pytest.mark.parametrize("asked", [False, True])
    def test_badPassword(self, asked: bool) -> None:
        ann = Town().person("ann")
        lines = ("/register", "short", "short") if asked else ("/register short",)
        assert codes(ann.do(*lines)) == [PASSWORD_SHORT.name]
        assert not ann.conversation.busy
        assert codes(ann.do(f"/register {PASSWORD}")) == ["registered"]

    def test_registerTwice(self) -> None:
        ann = Town().owner("ann")
        assert codes(ann.do(f"/register {PASSWORD}")) == [LOGGED_IN.name]
        ann.do("/nick eve")
        assert codes(ann.do(f"/register {PASSWORD}")) == [LOGGED_IN.name]

    def test_renamedBeforeRegistering(self) -> None:
        town = Town()
        ann = town.person("ann")
        ann.propose(Register, "eve", "v")
        town.turn()
        assert ann.reasons() == [NICK_TAKEN]
        assert not town.house.state.accounts

    def test_nickTakenDuringHashing(self) -> None:
        town = Town()
        ann, bob = town.person("ann"), town.person("bob")
        town.hasher.held = True
        ann.type("/nick eve", f"/register {PASSWORD}")
        town.turn()
        bob.type("/nick ann")
        town.turn()
        ann.propose(Register, "ann", "v")
        town.hasher.work()
        town.turn()
        assert NICK_TAKEN in ann.reasons()
        assert list(town.house.state.accounts) == ["eve"]
        assert [item.nick for item in town.house.state.sessionsByNick["ann"]] == ["ann"]
        assert town.house.state.sessionsByNick["ann"][0] is bob.session

    def test_accountLimits(self) -> None:
        town = Town(Limits(maxAccounts=REGISTERED_AT_ONCE + 1, accountsFounded=REGISTERED_AT_ONCE))
        got = []
        for number in range(REGISTERED_AT_ONCE + 1):
            person = town.stranger("~same")
            person.do(f"/nick p{number}")
            got += codes(person.do(f"/register {PASSWORD}"))
        assert got == ["registered"] * REGISTERED_AT_ONCE + [ACCOUNTS_EACH.name]
        town.now += int(REGISTRATION_SECONDS * NANOSECONDS)
        assert codes(person.do(f"/register {PASSWORD}")) == ["registered"]
        assert codes(town.person("zoe").do(f"/register {PASSWORD}")) == [ACCOUNTS_ALL.name]

    def test_failedRegistrationIsNoOwner(self) -> None:
        """It is no owner for those who count guesses, and gets nothing back that it never took."""
        town = Town(Limits(accountsFounded=REGISTERED_AT_ONCE))
        tried = [town.stranger("~same") for _ in range(REGISTERED_AT_ONCE + 1)]
        for number, person in enumerate(tried):
            person.do(f"/nick p{number}")
        town.hasher.held = True
        for person in tried:
            person.type(f"/register {PASSWORD}")
        town.hasher.work()
        town.turn()
        rejected = [item for item in tried if ACCOUNTS_EACH in item.reasons()]
        assert len(rejected) == 1
        homes = town.house.loginLimits._homes
        owned = [homes.get(item.session.key) is not None for item in tried]
        assert owned == [item not in rejected for item in tried]
        assert len(town.house.loginLimits) == REGISTERED_AT_ONCE

    def test_rejectedBeforeHashing(self) -> None:
        town = Town(Limits(accountsFounded=REGISTERED_AT_ONCE))
        for number in range(REGISTERED_AT_ONCE):
            person = town.stranger("~same")
            person.do(f"/nick p{number}", f"/register {PASSWORD}")
        person = town.stranger("~same")
        person.do("/nick eve")
        town.hasher.held = True
        assert codes(person.do(f"/register {PASSWORD}")) == [ACCOUNTS_EACH.name]
        assert codes(person.do("/register")) == [ACCOUNTS_EACH.name]
        assert (town.hasher.waiting, person.prompts) == (0, [])
        town.now += int(REGISTRATION_SECONDS * NANOSECONDS)
        assert codes(person.do(f"/register {PASSWORD}")) == []
        assert town.hasher.waiting == 1

    def test_guestFounderRegisters(self) -> None:
        town = Town()
        ann, bob = town.person("ann", "tea"), town.person("bob", "tea")
        ann.do("hello", f"/register {PASSWORD}")
        room = town.house.state.rooms["tea"]
        assert (room.record.founder, room.permissions.guestFounder) == ("ann", "")
        assert town.house.state.rank(bob.session, room) == MEMBER


class TestLogin:
    def test_loginWithoutNick(self) -> None:
        town = Town()
        town.owner("Ann")
        person = town.stranger()
        heard = person.do(f"/login ANN {PASSWORD}")
        assert names(heard) == ["Welcome", "LoggedIn", "ResumeToken"]
        entered, logged, token = heard
        assert isinstance(entered, Welcome)
        assert (entered.nick, entered.account) == ("Ann", "ann")
        assert isinstance(logged, LoggedIn)
        assert (logged.nick, logged.account, logged.unread) == ("Ann", "ann", 0)
        assert isinstance(token, ResumeToken)
        assert person.conversation.entered
        assert person.session.rooms == {}

    def test_loginRenamesGuest(self) -> None:
        town = Town()
        ann = town.owner("Ann")
        ann.do("/quit")
        bob, cat = town.person("bob"), town.person("cat")
        heard = bob.do(f"/login ann {PASSWORD}")
        assert names(heard) == ["NickChanged", "LoggedIn"]
        renamed, changed = cat.take()
        assert isinstance(renamed, NickChanged)
        assert (renamed.nick, renamed.to) == ("bob", "Ann")
        assert isinstance(changed, AccountChanged)
        assert (changed.nick, changed.account) == ("Ann", "ann")
        assert set(town.house.state.sessionsByNick) == {"ann", "cat"}

    def test_wrongPassword(self) -> None:
        town = Town()
        town.owner("ann")
        person = town.stranger()
        assert codes(person.do(f"/login ann {OTHER}")) == [WRONG_PASSWORD.name]
        assert not person.conversation.entered
        assert codes(person.do(f"/login bob {OTHER}")) == [NO_ACCOUNT.name]
        assert codes(person.do("/login")) == [NO_ACCOUNT.name]

    def test_loginPrompt(self) -> None:
        town = Town()
        ann = town.owner("ann")
        ann.do("/logout", "/quit")
        person = town.stranger()
        person.do("/login ann")
        assert person.prompts == ["password: "]
        assert codes(person.do(OTHER)) == [WRONG_PASSWORD.name]
        person.do("/login ann")
        assert "LoggedIn" in names(person.do(PASSWORD))

    def test_loginTwice(self) -> None:
        town = Town()
        ann = town.owner("ann")
        town.owner("bob")
        assert codes(ann.do(f"/login bob {PASSWORD}")) == [LOGGED_IN.name]

    def test_twoLoginsUnderWay(self) -> None:
        town = Town()
        town.owner("ann")
        town.owner("bob")
        cat = town.person("cat")
        for account in ("ann", "bob"):
            version = town.house.state.accounts[account].version
            cat.propose(Login, account, version, "~c", "")
        town.turn()
        assert cat.reasons() == [LOGGED_IN]
        assert cat.session.account == "ann"
        assert [len(item) for item in town.house.state.sessionsByAccount.values()] == [2, 1]

    def test_guestWithNickOfAccountIsRenamed(self) -> None:
        """Such a guest can come from another node only."""
        town = Town()
        guest, bob = town.person("ann"), town.person("bob")
        taken = town.person("guest-1")
        verifier = verifierOf(town)
        town.house.state.accounts["ann"] = Account("ann", "Ann", verifier, 1, NOON, NOON)
        heard = bob.do(f"/login ann {PASSWORD}")
        assert names(heard) == ["NickChanged", "NickChanged", "LoggedIn"]
        assert guest.session.nick == "guest-2"
        moved = guest.take()
        assert codes(moved) == ["moved"]
        assert names(moved) == ["Notice", "NickChanged", "NickChanged", "AccountChanged"]
        assert names(taken.take()) == ["NickChanged", "NickChanged", "AccountChanged"]
        assert town.house.state.sessionsByNick["ann"] == (bob.session,)

    def test_passwordChangedDuringLogin(self) -> None:
        town = Town()
        ann = town.owner("ann")
        thief = town.stranger()
        town.hasher.held = True
        thief.type(f"/login ann {PASSWORD}")
        version = town.house.state.accounts["ann"].version
        ann.propose(SetPassword, "ann", version, "another")
        town.hasher.work()
        town.turn()
        assert thief.reasons() == [LOGGED_OUT]
        assert not thief.conversation.entered
        assert town.house.state.sessionsByAccount["ann"] == (ann.session,)

    def test_accountReplacedDuringPrompt(self) -> None:
        town = Town(operators=["root"])
        root, old = town.owner("root"), town.owner("ann")
        waiting = town.stranger()
        waiting.do("/login ann")
        assert waiting.conversation.secret is not None
        old.do("/quit")
        town.now += NANOSECONDS
        root.do("/drop ann")
        new = town.person("ann")
        new.do("/register battery-staple")
        assert new.session.account == "ann"
        waiting.do(PASSWORD)
        assert waiting.session.account is None
        assert town.house.state.sessionsByAccount["ann"] == (new.session,)

    def test_tooManyWrongPasswords(self) -> None:
        town = Town()
        town.owner("ann")
        home, person = town.stranger("~home"), town.stranger("~x")
        home.do(f"/login ann {PASSWORD}", "/quit")
        most = ACCOUNT_GUESSES_AT_ONCE
        got = [codes(person.do(f"/login ann {OTHER}"))[0] for _ in range(most + 1)]
        assert got == [WRONG_PASSWORD.name] * most + [GUESSED_OFTEN.name]
        assert codes(person.do(f"/login ann {PASSWORD}")) == [GUESSED_OFTEN.name]
        assert not person.conversation.entered
        assert not person.conversation.busy
        assert "LoggedIn" in names(town.stranger("~home").do(f"/login ann {PASSWORD}"))

    def test_busyHasherIsNoGuess(self, monkeypatch: pytest.MonkeyPatch) -> None:
        town = Town()
        town.owner("ann")
        person = town.stranger("~x")
        town.hasher._maximumWaiting = 0
        for _ in range(ACCOUNT_GUESSES_AT_ONCE + 1):
            assert codes(person.do(f"/login ann {OTHER}")) == [BUSY_HASHING.name]
        town.hasher._maximumWaiting = 1
        with monkeypatch.context() as broken:
            failed = ChatError(HASHING_FAILED)
            broken.setattr(town.hasher, "check", lambda verifier, password, then: then(failed))
            for _ in range(ACCOUNT_GUESSES_AT_ONCE + 1):
                assert codes(person.do(f"/login ann {OTHER}")) == [HASHING_FAILED.name]
        assert codes(person.do(f"/login ann {OTHER}")) == [WRONG_PASSWORD.name]

    def test_quitDuringLogin(self) -> None:
        town = Town()
        town.owner("ann")
        person = town.stranger()
        town.hasher.held = True
        person.type(f"/login ann {PASSWORD}")
        person.conversation.quit("")
        town.hasher.work()
        town.turn()
        assert len(town.house.state.sessionsByAccount["ann"]) == 1
        assert len(town.house.state.sessions) == 1

    def test_inputWaitsForLogin(self) -> None:
        town = Town()
        town.owner("ann", "tea")
        person = town.stranger()
        town.hasher.held = True
        person.type(f"/login ann {PASSWORD}")
        assert person.conversation.busy
        town.hasher.work()
        town.turn()
        assert not person.conversation.busy
        assert "JoinedRoom" in names(person.do("/join tea"))


class TestLogout:
    def test_logout(self) -> None:
        town = Town()
        ann, bob = town.owner("ann"), town.person("bob")
        heard = ann.do("/logout")
        assert names(heard) == ["NickChanged", "AccountChanged", "Notice"]
        assert names(bob.take()) == ["NickChanged", "AccountChanged"]
        assert (ann.session.nick, ann.session.account) == ("guest-1", None)
        assert town.house.state.sessionsByAccount == {}
        assert codes(ann.do("/logout")) == [ACCOUNT_NEEDED.name]
        assert codes(ann.do("/nick ann")) == [NICK_REGISTERED.name]

    def test_logoutKeepsOtherNick(self) -> None:
        ann = Town().owner("ann")
        ann.do("/nick eve")
        assert names(ann.do("/logout")) == ["AccountChanged", "Notice"]
        assert ann.session.nick == "eve"
