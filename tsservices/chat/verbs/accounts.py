"""
What is done for each command about accounts.  Pure.

Passwords go from here to who hashes them, and nowhere else: no event has one, no
refusal shows one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tsservices.chat.controller import Conversation, digest
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    ACCOUNTS_EACH,
    GUESSED_OFTEN,
    LOGGED_IN,
    NO_ACCOUNT,
    NOTHING_TO_RESUME,
    PASSWORDS_DIFFER,
    WRONG_PASSWORD,
    Refused,
)
from tsservices.chat.handlers.accounts import checkRegister
from tsservices.chat.names import fold
from tsservices.chat.notifications import Notice
from tsservices.chat.operations import Drop, Login, Logout, Register, Resume, SetPassword
from tsservices.chat.records import Account
from tsservices.chat.verbs.parsing import Misused, needed
from tsservices.common.timestamps import NANOSECONDS

#: What people are asked for.
PASSWORD, NEW, AGAIN = "password: ", "new password: ", "the same again: "


def register(conversation: Conversation, rest: str) -> None:
    house, session = conversation.house, conversation.session
    checkRegister(house.lobby, session)
    if not house.lobby.registering.allows(session.cloak, house.now() / NANOSECONDS):
        # Before the work of hashing, for which all others would have to wait.
        raise Refused(ACCOUNTS_EACH)
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


def login(conversation: Conversation, rest: str) -> None:
    session = conversation.session
    name, _, password = rest.partition(" ")
    account = _account(conversation, name or session.nick)
    if session.account is not None:
        raise Refused(LOGGED_IN, name=session.nick)
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
            conversation.then(conversation.tellToken)
        if wrong:
            words = f"wrong passwords since the last right one: {wrong}"
            conversation.then(lambda: conversation.voice.tell(Notice([words], "guessed")))

    if password:
        go(password)
    else:
        conversation.ask(PASSWORD, go)


def logout(conversation: Conversation, rest: str) -> None:
    conversation.propose(Logout(conversation.session.ident))


def passwd(conversation: Conversation, rest: str) -> None:
    session = conversation.session
    account = conversation.house.lobby.accountOf(session)
    if account is None:
        raise Refused(ACCOUNT_NEEDED, what="change a password")
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
        raise Misused
    else:
        conversation.ask(
            PASSWORD,
            lambda old: _check(
                conversation, account, old, lambda wrong: _askTwice(conversation, change)
            ),
        )


def reset(conversation: Conversation, rest: str) -> None:
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
        now = conversation.house.lobby.accounts.get(account.key)
        if now is not None and now.verifier in made:
            conversation.voice.tell(Notice([told], "reset"))

    _derive(conversation, password, event, tell)


def drop(conversation: Conversation, rest: str) -> None:
    account = _account(conversation, needed(rest))
    conversation.checkStored()
    conversation.propose(Drop(conversation.session.ident, account.key))


def resume(conversation: Conversation, rest: str) -> None:
    """@raise Refused: this one has a name already."""
    session = conversation.session
    token = needed(rest)
    if conversation.entered:
        raise Refused(NOTHING_TO_RESUME)

    def turn() -> None:
        if conversation.entered:
            conversation.keepToken(token)
            conversation.tellToken()
            conversation.current = next(reversed(session.rooms), "")

    conversation.propose(Resume(session.ident, digest(token), session.cloak))
    conversation.then(turn)


def _account(conversation: Conversation, name: str) -> Account:
    account = conversation.house.lobby.accounts.get(fold(name))
    if account is None:
        raise Refused(NO_ACCOUNT, name=name or "a name like yours")
    return account


def _check(
    conversation: Conversation, account: Account, password: str, then: Callable[[int], None]
) -> None:
    """Find out whether somebody knows the password of an account."""
    house, cloak = conversation.house, conversation.session.cloak
    wait = house.guesses.allowed(account.key, cloak, house.now() / NANOSECONDS)
    if wait:
        raise Refused(GUESSED_OFTEN, seconds=math.ceil(wait))

    def decide(matched: bool | Refused) -> None:
        now = house.now() / NANOSECONDS
        if isinstance(matched, Refused):
            house.guesses.unknown(account.key, cloak, now)
            raise matched
        if not matched:
            house.guesses.failed(account.key, cloak, now)
            raise Refused(WRONG_PASSWORD, name=account.name)
        then(house.guesses.succeeded(account.key, cloak, now))

    try:
        conversation.suspend(
            lambda done: house.hashing.check(
                account.verifier, password, lambda matched: done(lambda: decide(matched))
            )
        )
    except Refused:
        house.guesses.unknown(account.key, cloak, house.now() / NANOSECONDS)
        raise


def _derive(
    conversation: Conversation,
    password: str,
    event: Callable[[str], Register | SetPassword],
    done: Callable[[], None] = lambda: None,
) -> None:
    """Have a password hashed, and propose what is to be done with that."""

    def propose(verifier: str | Refused) -> None:
        if isinstance(verifier, Refused):
            raise verifier
        conversation.propose(event(verifier))
        conversation.then(done)

    conversation.suspend(
        lambda goOn: conversation.house.hashing.derive(
            password, lambda verifier: goOn(lambda: propose(verifier))
        )
    )


def _askTwice(conversation: Conversation, then: Callable[[str], None]) -> None:
    """Ask for a new password, twice because it is not seen."""

    def first(password: str) -> None:
        conversation.ask(AGAIN, lambda again: second(password, again))

    def second(password: str, again: str) -> None:
        if password != again:
            raise Refused(PASSWORDS_DIFFER)
        then(password)

    conversation.ask(NEW, first)
