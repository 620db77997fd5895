"""
Tests for L{tsservices.chat.handlers.accounts} and L{tsservices.chat.verbs.accounts}: becoming
somebody.
"""

from __future__ import annotations

import pytest

from tests.support.chat import (
    HOUR,
    NOON,
    OTHER_PASSWORD,
    PASSWORD,
    ChatHarness,
    codes,
    kindNames,
    kindsAndTexts,
    only,
)
from tsservices.chat import errors
from tsservices.chat.login_limits import ACCOUNT_GUESS_SECONDS, ACCOUNT_GUESSES_AT_ONCE
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
    def test_register(self, chat: ChatHarness) -> None:
        ann, bob, cat = chat.join("Ann"), chat.join("bob"), chat.join("cat", "tea")
        heard = ann.say(f"/register {PASSWORD}")
        assert kindNames(heard) == ["Notice", "AccountChanged"]
        assert codes(heard) == ["registered"]
        changed = only(AccountChanged, bob.heard())
        assert (changed.nick, changed.account) == ("Ann", "ann")
        assert cat.heard() == []
        account = chat.context.state.accounts["ann"]
        assert (account.name, account.created, account.unread) == ("Ann", NOON, 0)
        assert ann.session.account == "ann"
        bob.type("/nick ANN")
        assert bob.errorCodes() == [errors.NICK_REGISTERED]

    def test_passwordPrompts(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        ann.say("/register")
        assert ann.prompts == ["new password: "]
        ann.say(PASSWORD, OTHER_PASSWORD)
        assert ann.prompts == ["new password: ", "the same again: "]
        assert not chat.context.state.accounts
        ann.say("/register", PASSWORD)
        assert ann.say(PASSWORD)
        assert list(chat.context.state.accounts) == ["ann"]

    def test_passwordsDiffer(self) -> None:
        ann = ChatHarness().join("ann")
        ann.say("/register")
        assert codes(ann.say(PASSWORD, OTHER_PASSWORD)) == [errors.PASSWORDS_DIFFER.name]
        assert ann.controller.secret is None

    @pytest.mark.parametrize("asked", [False, True])
    def test_badPassword(self, asked: bool) -> None:
        ann = ChatHarness().join("ann")
        lines = ("/register", "short", "short") if asked else ("/register short",)
        assert codes(ann.say(*lines)) == [errors.PASSWORD_SHORT.name]
        assert not ann.controller.busy
        assert codes(ann.say(f"/register {PASSWORD}")) == ["registered"]

    def test_registerTwice(self) -> None:
        ann = ChatHarness().joinRegistered("ann")
        assert codes(ann.say(f"/register {PASSWORD}")) == [errors.LOGGED_IN.name]
        ann.say("/nick eve")
        assert codes(ann.say(f"/register {PASSWORD}")) == [errors.LOGGED_IN.name]

    def test_renamedBeforeRegistering(self, chat: ChatHarness) -> None:
        ann = chat.join("ann")
        ann.propose(Register, "eve", "v")
        chat.tick()
        assert ann.errorCodes() == [errors.NICK_TAKEN]
        assert not chat.context.state.accounts

    def test_nickTakenDuringHashing(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann"), chat.join("bob")
        chat.hasher.suspended = True
        ann.type("/nick eve", f"/register {PASSWORD}")
        chat.tick()
        bob.type("/nick ann")
        chat.tick()
        ann.propose(Register, "ann", "v")
        chat.hasher.work()
        chat.tick()
        assert errors.NICK_TAKEN in ann.errorCodes()
        assert list(chat.context.state.accounts) == ["eve"]
        assert [item.nick for item in chat.context.state.sessionsByNick["ann"]] == ["ann"]
        assert chat.context.state.sessionsByNick["ann"][0] is bob.session

    def test_accountLimits(self) -> None:
        chat = ChatHarness(
            Limits(maxAccounts=REGISTERED_AT_ONCE + 1, accountsFounded=REGISTERED_AT_ONCE)
        )
        got = []
        for number in range(REGISTERED_AT_ONCE + 1):
            person = chat.connect("~same")
            person.say(f"/nick p{number}")
            got += codes(person.say(f"/register {PASSWORD}"))
        assert got == ["registered"] * REGISTERED_AT_ONCE + [errors.ACCOUNTS_EACH.name]
        chat.time += int(REGISTRATION_SECONDS * NANOSECONDS)
        assert codes(person.say(f"/register {PASSWORD}")) == ["registered"]
        assert codes(chat.join("zoe").say(f"/register {PASSWORD}")) == [errors.ACCOUNTS_ALL.name]

    def test_failedRegistrationOwnsNoAddress(self) -> None:
        chat = ChatHarness(Limits(accountsFounded=REGISTERED_AT_ONCE))
        tried = [chat.connect("~same") for _ in range(REGISTERED_AT_ONCE + 1)]
        for number, person in enumerate(tried):
            person.say(f"/nick p{number}")
        chat.hasher.suspended = True
        for person in tried:
            person.type(f"/register {PASSWORD}")
        chat.hasher.work()
        chat.tick()
        rejected = [item for item in tried if errors.ACCOUNTS_EACH in item.errorCodes()]
        assert len(rejected) == 1
        homes = chat.context.loginLimits._homes
        owned = [homes.get(item.session.key) is not None for item in tried]
        assert owned == [item not in rejected for item in tried]
        assert len(chat.context.loginLimits) == REGISTERED_AT_ONCE

    def test_rejectedBeforeHashing(self) -> None:
        chat = ChatHarness(Limits(accountsFounded=REGISTERED_AT_ONCE))
        for number in range(REGISTERED_AT_ONCE):
            person = chat.connect("~same")
            person.say(f"/nick p{number}", f"/register {PASSWORD}")
        person = chat.connect("~same")
        person.say("/nick eve")
        chat.hasher.suspended = True
        assert codes(person.say(f"/register {PASSWORD}")) == [errors.ACCOUNTS_EACH.name]
        assert codes(person.say("/register")) == [errors.ACCOUNTS_EACH.name]
        assert (chat.hasher.waiting, person.prompts) == (0, [])
        chat.time += int(REGISTRATION_SECONDS * NANOSECONDS)
        assert codes(person.say(f"/register {PASSWORD}")) == []
        assert chat.hasher.waiting == 1

    def test_guestFounderRegisters(self, chat: ChatHarness) -> None:
        ann, bob = chat.join("ann", "tea"), chat.join("bob", "tea")
        ann.say("hello", f"/register {PASSWORD}")
        room = chat.context.state.rooms["tea"]
        assert (room.record.founder, room.permissions.guestFounder) == ("ann", "")
        assert chat.context.state.rank(bob.session, room) == MEMBER


class TestLogin:
    def test_loginWithoutNick(self, chat: ChatHarness) -> None:
        chat.joinRegistered("Ann")
        person = chat.connect()
        heard = person.say(f"/login ANN {PASSWORD}")
        assert kindNames(heard) == ["Welcome", "LoggedIn", "ResumeToken"]
        entered, logged, token = heard
        assert isinstance(entered, Welcome)
        assert (entered.nick, entered.account) == ("Ann", "ann")
        assert isinstance(logged, LoggedIn)
        assert (logged.nick, logged.account, logged.unread) == ("Ann", "ann", 0)
        assert isinstance(token, ResumeToken)
        assert person.controller.entered
        assert person.session.rooms == {}

    def test_loginRenamesGuest(self, chat: ChatHarness) -> None:
        ann = chat.joinRegistered("Ann")
        ann.say("/quit")
        bob, cat = chat.join("bob"), chat.join("cat")
        heard = bob.say(f"/login ann {PASSWORD}")
        assert kindNames(heard) == ["NickChanged", "LoggedIn"]
        renamed, changed = cat.heard()
        assert isinstance(renamed, NickChanged)
        assert (renamed.nick, renamed.to) == ("bob", "Ann")
        assert isinstance(changed, AccountChanged)
        assert (changed.nick, changed.account) == ("Ann", "ann")
        assert set(chat.context.state.sessionsByNick) == {"ann", "cat"}

    def test_wrongPassword(self, chat: ChatHarness) -> None:
        chat.joinRegistered("ann")
        person = chat.connect()
        assert codes(person.say(f"/login ann {OTHER_PASSWORD}")) == [errors.WRONG_PASSWORD.name]
        assert not person.controller.entered
        assert codes(person.say(f"/login bob {OTHER_PASSWORD}")) == [errors.NO_ACCOUNT.name]

    @pytest.mark.parametrize(
        ("lines", "code"),
        [
            (("/login",), errors.NO_ACCOUNT),
            (("/login bob",), errors.NO_ACCOUNT),
            (("eve", "/login"), errors.NO_ACCOUNT),
            ((f"/login ann {PASSWORD}", "/login ann"), errors.LOGGED_IN),
        ],
    )
    def test_refusedPasswordIsNotSaid(
        self, chat: ChatHarness, lines: tuple[str, ...], code: errors.ErrorCode
    ) -> None:
        """In a pipe the line behind C{/login} is a password, also if there is no such account."""
        cat = chat.joinRegistered("ann", "lobby"), chat.join("cat", "lobby")
        person = chat.connect()
        person.say(*lines)
        nick = person.session.nick
        chat.clear()
        assert codes(person.say(OTHER_PASSWORD)) == [code.name]
        assert person.session.nick == nick
        assert [kindsAndTexts(other.heard()) for other in cat] == [[], []]

    def test_loginPrompt(self, chat: ChatHarness) -> None:
        ann = chat.joinRegistered("ann")
        ann.say("/logout", "/quit")
        person = chat.connect()
        person.say("/login ann")
        assert person.prompts == ["password: "]
        assert codes(person.say(OTHER_PASSWORD)) == [errors.WRONG_PASSWORD.name]
        person.say("/login ann")
        assert "LoggedIn" in kindNames(person.say(PASSWORD))

    def test_loginTwice(self, chat: ChatHarness) -> None:
        ann = chat.joinRegistered("ann")
        chat.joinRegistered("bob")
        assert codes(ann.say(f"/login bob {PASSWORD}")) == [errors.LOGGED_IN.name]

    def test_twoLoginsUnderWay(self, chat: ChatHarness) -> None:
        chat.joinRegistered("ann")
        chat.joinRegistered("bob")
        cat = chat.join("cat")
        for account in ("ann", "bob"):
            version = chat.context.state.accounts[account].version
            cat.propose(Login, account, version, "~c", "")
        chat.tick()
        assert cat.errorCodes() == [errors.LOGGED_IN]
        assert cat.session.account == "ann"
        assert [len(item) for item in chat.context.state.sessionsByAccount.values()] == [2, 1]

    def test_guestWithNickOfAccountIsRenamed(self, chat: ChatHarness) -> None:
        guest, bob = chat.join("ann"), chat.join("bob")
        taken = chat.join("guest-1")
        verifier = chat.verifier()
        chat.context.state.accounts["ann"] = Account("ann", "Ann", verifier, 1, NOON, NOON)
        heard = bob.say(f"/login ann {PASSWORD}")
        assert kindNames(heard) == ["NickChanged", "NickChanged", "LoggedIn"]
        assert guest.session.nick == "guest-2"
        moved = guest.heard()
        assert codes(moved) == ["moved"]
        assert kindNames(moved) == ["Notice", "NickChanged", "NickChanged", "AccountChanged"]
        assert kindNames(taken.heard()) == ["NickChanged", "NickChanged", "AccountChanged"]
        assert chat.context.state.sessionsByNick["ann"] == (bob.session,)

    def test_passwordChangedDuringLogin(self, chat: ChatHarness) -> None:
        ann = chat.joinRegistered("ann")
        thief = chat.connect()
        chat.hasher.suspended = True
        thief.type(f"/login ann {PASSWORD}")
        version = chat.context.state.accounts["ann"].version
        ann.propose(SetPassword, "ann", version, "another")
        chat.hasher.work()
        chat.tick()
        assert thief.errorCodes() == [errors.LOGGED_OUT]
        assert not thief.controller.entered
        assert chat.context.state.sessionsByAccount["ann"] == (ann.session,)

    def test_accountReplacedDuringPrompt(self) -> None:
        chat = ChatHarness(operators=["root"])
        root, old = chat.joinRegistered("root"), chat.joinRegistered("ann")
        waiting = chat.connect()
        waiting.say("/login ann")
        assert waiting.controller.secret is not None
        old.say("/quit")
        chat.time += NANOSECONDS
        root.say("/drop ann")
        new = chat.join("ann")
        new.say("/register battery-staple")
        assert new.session.account == "ann"
        waiting.say(PASSWORD)
        assert waiting.session.account is None
        assert chat.context.state.sessionsByAccount["ann"] == (new.session,)

    def test_tooManyWrongPasswords(self, chat: ChatHarness) -> None:
        chat.joinRegistered("ann")
        home, person = chat.connect("~home"), chat.connect("~x")
        home.say(f"/login ann {PASSWORD}", "/quit")
        most = ACCOUNT_GUESSES_AT_ONCE
        got = [codes(person.say(f"/login ann {OTHER_PASSWORD}"))[0] for _ in range(most + 1)]
        assert got == [errors.WRONG_PASSWORD.name] * most + [errors.GUESSED_OFTEN.name]
        assert codes(person.say(f"/login ann {PASSWORD}")) == [errors.GUESSED_OFTEN.name]
        assert not person.controller.entered
        assert not person.controller.busy
        assert "LoggedIn" in kindNames(chat.connect("~home").say(f"/login ann {PASSWORD}"))

    def test_guessesAfterTheClockIsSetBack(self, chat: ChatHarness) -> None:
        chat.joinRegistered("ann")
        person = chat.connect("~x")
        now = 0.0
        chat.monotonic = lambda: now
        for _ in range(ACCOUNT_GUESSES_AT_ONCE + 1):
            person.say(f"/login ann {OTHER_PASSWORD}")
        chat.time -= HOUR
        now += ACCOUNT_GUESS_SECONDS
        assert "LoggedIn" in kindNames(person.say(f"/login ann {PASSWORD}"))

    def test_busyHasherIsNoGuess(self, monkeypatch: pytest.MonkeyPatch, chat: ChatHarness) -> None:
        chat.joinRegistered("ann")
        person = chat.connect("~x")
        chat.hasher._maximumWaiting = 0
        for _ in range(ACCOUNT_GUESSES_AT_ONCE + 1):
            assert codes(person.say(f"/login ann {OTHER_PASSWORD}")) == [errors.BUSY_HASHING.name]
        chat.hasher._maximumWaiting = 1
        with monkeypatch.context() as broken:
            failed = errors.ChatError(errors.HASHING_FAILED)
            broken.setattr(chat.hasher, "check", lambda verifier, password, then: then(failed))
            for _ in range(ACCOUNT_GUESSES_AT_ONCE + 1):
                assert codes(person.say(f"/login ann {OTHER_PASSWORD}")) == [
                    errors.HASHING_FAILED.name
                ]
        assert codes(person.say(f"/login ann {OTHER_PASSWORD}")) == [errors.WRONG_PASSWORD.name]

    def test_quitDuringLogin(self, chat: ChatHarness) -> None:
        chat.joinRegistered("ann")
        person = chat.connect()
        chat.hasher.suspended = True
        person.type(f"/login ann {PASSWORD}")
        person.controller.quit("")
        chat.hasher.work()
        chat.tick()
        assert len(chat.context.state.sessionsByAccount["ann"]) == 1
        assert len(chat.context.state.sessions) == 1

    def test_inputWaitsForLogin(self, chat: ChatHarness) -> None:
        chat.joinRegistered("ann", "tea")
        person = chat.connect()
        chat.hasher.suspended = True
        person.type(f"/login ann {PASSWORD}")
        assert person.controller.busy
        chat.hasher.work()
        chat.tick()
        assert not person.controller.busy
        assert "JoinedRoom" in kindNames(person.say("/join tea"))


class TestLogout:
    def test_logout(self, chat: ChatHarness) -> None:
        ann, bob = chat.joinRegistered("ann"), chat.join("bob")
        heard = ann.say("/logout")
        assert kindNames(heard) == ["NickChanged", "AccountChanged", "Notice"]
        assert kindNames(bob.heard()) == ["NickChanged", "AccountChanged"]
        assert (ann.session.nick, ann.session.account) == ("guest-1", None)
        assert chat.context.state.sessionsByAccount == {}
        assert codes(ann.say("/logout")) == [errors.ACCOUNT_NEEDED.name]
        assert codes(ann.say("/nick ann")) == [errors.NICK_REGISTERED.name]

    def test_logoutKeepsOtherNick(self) -> None:
        ann = ChatHarness().joinRegistered("ann")
        ann.say("/nick eve")
        assert kindNames(ann.say("/logout")) == ["AccountChanged", "Notice"]
        assert ann.session.nick == "eve"
