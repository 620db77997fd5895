"""
Verbs about accounts.  Pure.

Passwords go to the hasher, and nowhere else: no operation has one, no error shows one. A verb that
gets no password has the presenter prompt for one; a frontend that can't prompt always gives one.
"""

from __future__ import annotations

import math
from functools import partial

from tsservices.chat.controller import SessionController, digest
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    ACCOUNTS_EACH,
    GUESSED_OFTEN,
    LOGGED_IN,
    NEITHER_YES_NOR_NO,
    NO_ACCOUNT,
    NOTHING_TO_RESUME,
    PASSWORDS_DIFFER,
    WRONG_PASSWORD,
    ChatError,
)
from tsservices.chat.handlers.accounts import checkRegister
from tsservices.chat.handlers.tokens import checkScope
from tsservices.chat.names import fold
from tsservices.chat.notifications import Notice
from tsservices.chat.operations import DropAccount, Logout, Register, Resume, SetPassword
from tsservices.chat.records import Account
from tsservices.chat.requests import PendingReply
from tsservices.chat.verbs.checks import checkSecure
from tsservices.chat.verbs.tokens import loginByToken, proposeLogin
from tsservices.common.text import plural
from tsservices.common.timestamps import NANOSECONDS
from tsservices.common.tokens import looksLikeToken

PASSWORD, NEW_PASSWORD, AGAIN = "password: ", "new password: ", "the same again: "

#: The question when a password is changed.
REVOKE = "revoke your {tokens} too, yes or no? "


async def register(controller: SessionController, password: str | None) -> None:
    """Create an account with the session's name."""
    checkSecure(controller)
    context, session = controller.context, controller.session
    checkRegister(context.state, session)
    # Checked before the hashing, for which all others would have to wait. By the wall clock,
    # because all nodes of a cluster count this.
    if not context.state.registrationLimit.allows(session.cloak, context.wallClock() / NANOSECONDS):
        raise ChatError(ACCOUNTS_EACH)
    controller.checkStored()
    # The name may change during the hashing; the handler refuses then.
    key = session.key
    # An empty one is refused: only a frontend that can prompt gives none.
    if password is None:
        password = await _askTwice(controller)
    verifier = await _derive(controller, password)
    controller.propose(Register(session.ident, key, verifier))
    await controller.settled()
    if session.account == key:
        # Others who try passwords must not lock out the new owner.
        context.loginLimits.makeKnown(key, session.cloak, controller.context.monotonic())


async def login(controller: SessionController, name: str, password: str | None) -> None:
    """
    Log in to an account.

    @param password: a password or a token; None: ask for it.
    """
    checkSecure(controller)
    if password is None:
        # Before the other checks: in a pipe the next line is the password whatever they find, and
        # would be sent as a message, or taken for a name.
        password = await controller.ask(PASSWORD)
    session = controller.session
    account = accountNamed(controller, name)
    if session.account is not None:
        raise ChatError(LOGGED_IN, name=session.nick)
    controller.context.state.checkRename(session, account.key, controller.context.wallClock())
    controller.checkStored()
    if looksLikeToken(password):
        await loginByToken(controller, password, name)
        return
    wrong = await checkPassword(controller, account, password)
    await proposeLogin(controller, account)
    if wrong:
        text = f"wrong passwords since the last right one: {wrong}"
        controller.presenter.show(Notice([text], "guessed"))


def logout(controller: SessionController) -> None:
    """Become a guest."""
    controller.propose(Logout(controller.session.ident))


async def changePassword(
    controller: SessionController,
    old: str | None = None,
    new: str | None = None,
    revoke: bool | None = None,
) -> None:
    """
    Change the password of the session's account.

    @param revoke: whether its tokens are revoked too; None: ask, if there are any.
    """
    checkSecure(controller)
    session, state = controller.session, controller.context.state
    account = state.accountOf(session)
    if account is None:
        raise ChatError(ACCOUNT_NEEDED, what="change a password")
    if session.tokenId:
        checkScope(state, SetPassword, session)
    controller.checkStored()
    await checkPassword(controller, account, old or await controller.ask(PASSWORD))
    verifier = await _derive(controller, new or await _askTwice(controller))
    if revoke is None and (count := len(state.tokensOf(account.key))):
        answer = await controller.ask(REVOKE.format(tokens=plural(count, "token")))
        revoke = _isYes(answer)
    controller.propose(
        SetPassword(session.ident, account.key, account.version, verifier, bool(revoke))
    )


def _isYes(answer: str) -> bool:
    word = answer.strip().lower()
    if word not in ("y", "yes", "n", "no"):
        # The answer is not shown: it was asked for like a password, and may be one.
        raise ChatError(NEITHER_YES_NOR_NO)
    return word.startswith("y")


async def resetPassword(controller: SessionController, name: str) -> None:
    """Give an account a new password, which is shown only to the operator who asks."""
    checkSecure(controller)
    account = accountNamed(controller, name)
    controller.checkStored()
    password = controller.context.random()
    verifier = await _derive(controller, password)
    controller.propose(SetPassword(controller.session.ident, account.key, None, verifier))
    await controller.settled()
    changed = controller.context.state.accounts.get(account.key)
    # If it was refused, dropped, or reset again, this password is not valid.
    if changed is not None and changed.verifier == verifier:
        text = f"until it is changed by its owner: {password}"
        controller.presenter.show(Notice([text], "reset"))


def dropAccount(controller: SessionController, name: str) -> None:
    """Delete an account; its name is free again."""
    account = accountNamed(controller, name)
    controller.checkStored()
    controller.propose(DropAccount(controller.session.ident, account.key))


async def resume(controller: SessionController, token: str) -> None:
    """Replace the session that has this token."""
    session = controller.session
    if controller.entered:
        raise ChatError(NOTHING_TO_RESUME)
    old = controller.context.state.tokens.get(digest(token))
    if old is not None and old.account is not None:
        # Such a token is as good as a login; that of a guest gives access to no account.
        checkSecure(controller)
    controller.propose(Resume(session.ident, digest(token), session.cloak))
    await controller.settled()
    if controller.entered:
        controller.setToken(token)
        controller.showToken()
        controller.current = next(reversed(session.rooms), "")


def accountNamed(controller: SessionController, name: str) -> Account:
    """
    The account of this name.

    @raise ChatError: there is none.
    """
    account = controller.context.state.accounts.get(fold(name))
    if account is None:
        raise ChatError(NO_ACCOUNT, name=name or "a name like yours")
    return account


async def checkPassword(controller: SessionController, account: Account, password: str) -> int:
    """
    Check a password, which counts as a guess.

    @return: how many wrong passwords were tried since the last right one.
    @raise ChatError: it is wrong, or can't be checked now, or not over this connection.
    """
    checkSecure(controller)
    await beginGuess(controller, account)
    limits, cloak = controller.context.loginLimits, controller.session.cloak
    reply: PendingReply[bool] = PendingReply()
    limits.began(account.key, cloak)
    try:
        controller.context.hasher.check(account.verifier, password, reply)
        return guessed(controller, account, await reply)
    except ChatError as error:
        if error.code is not WRONG_PASSWORD:
            limits.giveBack(account.key, cloak, controller.context.monotonic())
        raise
    finally:
        # Also if the connection was closed, and nobody has read the answer.
        limits.ended(account.key, cloak)


async def beginGuess(controller: SessionController, account: Account) -> None:
    """@raise ChatError: too many passwords were tried."""
    limits, cloak = controller.context.loginLimits, controller.session.cloak
    while wait := limits.takeAttempt(account.key, cloak, controller.context.monotonic()):
        ended: PendingReply[None] = PendingReply()
        if not limits.whenOneEnds(account.key, cloak, partial(ended, None)):
            raise ChatError(GUESSED_OFTEN, seconds=math.ceil(wait))
        await ended


def guessed(controller: SessionController, account: Account, right: bool) -> int:
    """
    Count a tried password, after L{beginGuess}.

    @return: how many wrong passwords were tried since the last right one.
    @raise ChatError: it was wrong.
    """
    limits, cloak = controller.context.loginLimits, controller.session.cloak
    if not right:
        limits.failed(account.key, cloak, controller.context.monotonic())
        raise ChatError(WRONG_PASSWORD, name=account.name)
    return limits.succeeded(account.key, cloak, controller.context.monotonic())


async def _derive(controller: SessionController, password: str) -> str:
    reply: PendingReply[str] = PendingReply()
    controller.context.hasher.derive(password, reply)
    return await reply


async def _askTwice(controller: SessionController) -> str:
    # Asked twice, because it is not visible while it is typed.
    password = await controller.ask(NEW_PASSWORD)
    if await controller.ask(AGAIN) != password:
        raise ChatError(PASSWORDS_DIFFER)
    return password
