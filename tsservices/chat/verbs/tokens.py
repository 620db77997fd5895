"""
Verbs about account tokens, with which programs log in.  Pure.

The text of a token is made and read here, and shown once.  Operations and the state have only its
digest.
"""

from __future__ import annotations

import hmac
import math
from collections import Counter

from tsservices.chat.controller import ChatContext, SessionController
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    LOGGED_IN,
    NO_TOKEN,
    TOKEN_CUT,
    TOKENS_OFTEN,
    WRONG_TOKEN,
    ChatError,
)
from tsservices.chat.handlers.tokens import checkNewToken, checkScope
from tsservices.chat.names import fold, nameKey
from tsservices.chat.notifications import NewToken, TokenList
from tsservices.chat.operations import CreateToken, Login, Operation, RevokeTokens
from tsservices.chat.records import Account, AccountToken
from tsservices.chat.verbs.checks import checkSecure
from tsservices.common.tokens import (
    TOKEN_BYTES,
    TOKEN_LENGTH,
    looksLikeToken,
    newToken,
    readToken,
    tokenIn,
)


async def loginByToken(controller: SessionController, text: str, name: str = "") -> None:
    """
    Log in with a token.

    @param text: the token as it was copied.
    @param name: the account; empty: the owner of the token.
    @raise ChatError: it is no token, or not one of that account.
    """
    checkSecure(controller)
    session, state = controller.session, controller.context.state
    if session.account is not None:
        raise ChatError(LOGGED_IN, name=session.nick)
    account, token = checkToken(controller, text, name)
    state.checkRename(session, account.key, controller.context.wallClock())
    controller.checkStored()
    await proposeLogin(controller, account, token.ident)


async def proposeLogin(
    controller: SessionController,
    account: Account,
    tokenId: str = "",
    nick: str = "",
    key: str = "",
    switch: bool = False,
    also: Operation | None = None,
) -> None:
    """
    Log in to an account, whose password or token was checked.

    @param nick: the name wanted for the session; empty: that of the account.
    @param key: the folded nick.
    @param switch: whether the session leaves its current account.
    @param also: an operation to propose with the login, in the same turn.
    """
    session = controller.session
    entered = controller.entered
    token = "" if entered else controller.token
    # The version of the password that was checked: it may have been changed meanwhile.
    ident, version, cloak = session.ident, account.version, session.cloak
    controller.propose(Login(ident, account.key, version, cloak, token, tokenId, nick, key, switch))
    if also is not None:
        controller.propose(also)
    await controller.settled()
    if not entered:
        controller.showToken()


def checkToken(
    controller: SessionController, text: str, name: str = ""
) -> tuple[Account, AccountToken]:
    """
    Check a token; a wrong one counts as a guess.

    @param name: the account; empty: the owner of the token.
    @raise ChatError: it is no token, not one of that account, or refused on this connection.
    """
    checkSecure(controller)
    return rightToken(controller.context, controller.session.cloak, text, name)


def rightToken(
    context: ChatContext, cloak: str, text: str, name: str = ""
) -> tuple[Account, AccountToken]:
    """
    L{checkToken} for a client without a session.

    @param cloak: the cloak of the client's address.
    @raise ChatError: it is no token, or not one of that account.
    """
    given = tokenIn(text)
    token = None if given is None else context.state.accountTokens.get(given.ident)
    if given is None or token is None or not hmac.compare_digest(token.digest, given.digest):
        try:
            given = readToken(text)
        except ValueError as error:
            # Reported before anything is counted: an incomplete token is no guess.
            raise ChatError(TOKEN_CUT, length=error.args[0], most=TOKEN_LENGTH) from None
        token = context.state.accountTokens.get(given.ident)
    isRight = hmac.compare_digest("" if token is None else token.digest, given.digest)
    if token is not None and isRight and (not name or fold(name) == token.account):
        # A right token never waits, whatever others at this address try: it can't be guessed.
        return context.state.accounts[token.account], token
    wait = context.loginLimits.wrongSecret(cloak, context.monotonic())
    if wait:
        raise ChatError(TOKENS_OFTEN, seconds=math.ceil(wait))
    raise ChatError(WRONG_TOKEN, name=name or "this server")


async def create(controller: SessionController, name: str, scope: str) -> None:
    """Create a token, and show it."""
    checkSecure(controller)
    context, session = controller.context, controller.session
    _checkAllowed(controller)
    key = nameKey(name)
    account = checkNewToken(context.state, session, name, key)
    controller.checkStored()
    text = newToken(context.entropy(TOKEN_BYTES))
    ident, digest = readToken(text)
    controller.propose(CreateToken(session.ident, name, key, scope, ident, digest))
    await controller.settled()
    made = context.state.accountTokens.get(ident)
    # It may have been refused, or revoked at once.
    if made is not None and made.account == account:
        controller.presenter.show(NewToken(name, scope, text))


def show(controller: SessionController) -> None:
    """Show the tokens of the session's account."""
    tokens = _own(controller)
    # A connection may be much older than the hour of the last login.
    sessions = controller.context.state.sessionsByAccount[controller.session.account or ""]
    used = Counter(session.tokenId for session in sessions)
    controller.presenter.show(TokenList([(token, used[token.ident]) for token in tokens]))


def revoke(controller: SessionController, name: str) -> None:
    """
    Revoke a token of the session's account.

    @param name: its name, its id, or its text.
    @raise ChatError: there is none.
    """
    key = fold(name)
    ident = name
    if looksLikeToken(name):
        try:
            ident = readToken(name).ident
        except ValueError as error:
            raise ChatError(TOKEN_CUT, length=error.args[0], most=TOKEN_LENGTH) from None
        name = "with this text"
    _revoke(
        controller,
        tuple([token.ident for token in _own(controller) if key == token.key])
        or tuple([token.ident for token in _own(controller) if ident == token.ident]),
        name,
    )


def revokeOwn(controller: SessionController) -> None:
    """
    Revoke the token with which the session has logged in; this ends the session.

    @raise ChatError: it has not logged in with one.
    """
    ident = controller.session.tokenId
    _revoke(controller, (ident,) if ident else (), "by which you have logged in")


def revokeAll(controller: SessionController) -> None:
    """
    Revoke all tokens of the session's account.

    @raise ChatError: there are none.
    """
    _revoke(controller, tuple([token.ident for token in _own(controller)]), "at all")


def _revoke(controller: SessionController, idents: tuple[str, ...], name: str) -> None:
    if not idents:
        raise ChatError(NO_TOKEN, name=name)
    controller.checkStored()
    controller.propose(RevokeTokens(controller.session.ident, idents))


def _own(controller: SessionController) -> list[AccountToken]:
    _checkAllowed(controller)
    return controller.context.state.tokensOf(controller.session.account or "")


def _checkAllowed(controller: SessionController) -> None:
    session = controller.session
    if session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what="have tokens")
    if session.tokenId:
        checkScope(controller.context.state, CreateToken, session)
