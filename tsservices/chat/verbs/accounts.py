"""
What is done for each command about accounts.  Pure.

Passwords go from here to who hashes them, and nowhere else: no event has one, no
refusal shows one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tsservices.chat.controller import SessionController, digest
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    ACCOUNTS_EACH,
    GUESSED_OFTEN,
    LOGGED_IN,
    NO_ACCOUNT,
    NOTHING_TO_RESUME,
    PASSWORDS_DIFFER,
    WRONG_PASSWORD,
    ChatError,
)
from tsservices.chat.handlers.accounts import checkRegister
from tsservices.chat.names import fold
from tsservices.chat.notifications import Notice
from tsservices.chat.operations import DropAccount, Login, Logout, Register, Resume, SetPassword
from tsservices.chat.records import Account
from tsservices.chat.verbs.parsing import UsageError, needed
from tsservices.common.timestamps import NANOSECONDS

#: What people are asked for.
PASSWORD, NEW, AGAIN = "password: ", "new password: ", "the same again: "


def register(conversation: SessionController, rest: str) -> None:
    house, session = conversation.house, conversation.session
    checkRegister(house.state, session)
    if not house.state.registrationLimit.allows(session.cloak, house.now() / NANOSECONDS):
        # Before the work of hashing, for which all others would have to wait.
        raise ChatError(ACCOUNTS_EACH)
    conversation.checkStored()
    key = session.key

    def registered() -> None:
        if session.account == key:
            # Others who try passwords do not keep the new owner out.
            house.guesses.entered(key, session.cloak, house.now() / NANOSECONDS)

    def go(password: str) -> None:
        _derive(
            conversation,
            password,
            lambda verifier: Register(session.ident, key, verifier),
            registered,
        )

    if rest:
        go(rest)
    else:
        _askTwice(conversation, go)


def login(conversation: SessionController, rest: str) -> None:
    session = conversation.session
    name, _, password = rest.partition(" ")
    account = _account(conversation, name or session.nick)
    if session.account is not None:
        raise ChatError(LOGGED_IN, name=session.nick)
    conversation.checkStored()

    def go(password: str) -> None:
        _check(conversation, account, password, enter)

    def enter(wrong: int) -> None:
        entered = conversation.entered
        token = "" if entered else conversation.token
        conversation.propose(
            Login(session.ident, account.key, account.version, session.cloak, token)
        )
        if not entered:
            conversation.afterPending(conversation.showToken)
        if wrong:
            words = f"wrong passwords since the last right one: {wrong}"
            conversation.afterPending(lambda: conversation.voice.show(Notice([words], "guessed")))

    if password:
        go(password)
    else:
        conversation.ask(PASSWORD, go)


def logout(conversation: SessionController, rest: str) -> None:
    conversation.propose(Logout(conversation.session.ident))


def passwd(conversation: SessionController, rest: str) -> None:
    session = conversation.session
    account = conversation.house.state.accountOf(session)
    if account is None:
        raise ChatError(ACCOUNT_NEEDED, what="change a password")
    conversation.checkStored()

    def change(new: str) -> None:
        _derive(
            conversation,
            new,
            lambda verifier: SetPassword(session.ident, account.key, account.version, verifier),
        )

    old, _, new = rest.partition(" ")
    if new:
        _check(conversation, account, old, lambda wrong: change(new))
    elif old:
        raise UsageError
    else:
        conversation.ask(
            PASSWORD,
            lambda old: _check(
                conversation, account, old, lambda wrong: _askTwice(conversation, change)
            ),
        )


def reset(conversation: SessionController, rest: str) -> None:
    account = _account(conversation, needed(rest))
    conversation.checkStored()
    password = conversation.house.random()
    told = f"until it is changed by its owner: {password}"
    ident = conversation.session.ident
    made: list[str] = []

    def event(verifier: str) -> SetPassword:
        made.append(verifier)
        return SetPassword(ident, account.key, None, verifier)

    def tell() -> None:
        now = conversation.house.state.accounts.get(account.key)
        if now is not None and now.verifier in made:
            conversation.voice.show(Notice([told], "reset"))

    _derive(conversation, password, event, tell)


def drop(conversation: SessionController, rest: str) -> None:
    account = _account(conversation, needed(rest))
    conversation.checkStored()
    conversation.propose(DropAccount(conversation.session.ident, account.key))


def resume(conversation: SessionController, rest: str) -> None:
    """@raise Refused: this one has a name already."""
    session = conversation.session
    token = needed(rest)
    if conversation.entered:
        raise ChatError(NOTHING_TO_RESUME)

    def turn() -> None:
        if conversation.entered:
            conversation.setToken(token)
            conversation.showToken()
            conversation.current = next(reversed(session.rooms), "")

    conversation.propose(Resume(session.ident, digest(token), session.cloak))
    conversation.afterPending(turn)


def _account(conversation: SessionController, name: str) -> Account:
    account = conversation.house.state.accounts.get(fold(name))
    if account is None:
        raise ChatError(NO_ACCOUNT, name=name or "a name like yours")
    return account


def _check(
    conversation: SessionController, account: Account, password: str, then: Callable[[int], None]
) -> None:
    """Find out whether somebody knows the password of an account."""
    house, cloak = conversation.house, conversation.session.cloak
    wait = house.guesses.allowed(account.key, cloak, house.now() / NANOSECONDS)
    if wait:
        raise ChatError(GUESSED_OFTEN, seconds=math.ceil(wait))

    def decide(matched: bool | ChatError) -> None:
        now = house.now() / NANOSECONDS
        if isinstance(matched, ChatError):
            house.guesses.unknown(account.key, cloak, now)
            raise matched
        if not matched:
            house.guesses.failed(account.key, cloak, now)
            raise ChatError(WRONG_PASSWORD, name=account.name)
        then(house.guesses.succeeded(account.key, cloak, now))

    try:
        conversation.awaitResult(
            lambda done: house.hashing.check(
                account.verifier, password, lambda matched: done(lambda: decide(matched))
            )
        )
    except ChatError:
        house.guesses.unknown(account.key, cloak, house.now() / NANOSECONDS)
        raise


def _derive(
    conversation: SessionController,
    password: str,
    event: Callable[[str], Register | SetPassword],
    done: Callable[[], None] = lambda: None,
) -> None:
    """Have a password hashed, and propose what is to be done with that."""

    def propose(verifier: str | ChatError) -> None:
        if isinstance(verifier, ChatError):
            raise verifier
        conversation.propose(event(verifier))
        conversation.afterPending(done)

    conversation.awaitResult(
        lambda goOn: conversation.house.hashing.derive(
            password, lambda verifier: goOn(lambda: propose(verifier))
        )
    )


def _askTwice(conversation: SessionController, then: Callable[[str], None]) -> None:
    """Ask for a new password, twice because it is not seen."""

    def first(password: str) -> None:
        conversation.ask(AGAIN, lambda again: second(password, again))

    def second(password: str, again: str) -> None:
        if password != again:
            raise ChatError(PASSWORDS_DIFFER)
        then(password)

    conversation.ask(NEW, first)
