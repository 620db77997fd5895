"""
Account tokens: the rights of sessions that have logged in with one, and how tokens are created and
revoked.

A session has the id of its token, and its rights are looked up at each of its operations. Revoking
a token ends its sessions at that position in the order: earlier proposals are applied, later ones
find no session.
"""

from __future__ import annotations

from collections.abc import Collection

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    NO_TOKEN,
    TOKEN_NAMED,
    TOKEN_REVOKED,
    TOKEN_SCOPE,
    TOKENS_EACH,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.membership import quitChat
from tsservices.chat.notifications import Notice
from tsservices.chat.operations import (
    SCOPES,
    TALK_SCOPE,
    ClearUnread,
    CreateToken,
    DeleteMessage,
    DeletePrivate,
    DropAccount,
    Enter,
    Ignore,
    Introduce,
    Invite,
    Join,
    Kick,
    Kill,
    LiftRestriction,
    Login,
    Logout,
    MarkRead,
    MarkTime,
    MessageOperators,
    NodeDown,
    NodeUp,
    Operation,
    Part,
    Post,
    Quit,
    ReattachSession,
    Register,
    Rename,
    Restrict,
    Resume,
    RevokeTokens,
    Say,
    SendPassing,
    SendPrivate,
    SetAway,
    SetModes,
    SetOperator,
    SetPassword,
    SetPrivate,
    SetTopic,
)
from tsservices.chat.records import AccountToken
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: Maximum number of tokens of one account: one for each program, and some that were forgotten. All
#: are in memory.
TOKENS_EACH_ACCOUNT = 20

_NONE: frozenset[str] = frozenset()
_TALK = frozenset({TALK_SCOPE})
_ALL = frozenset(SCOPES)

#: The scopes whose sessions may propose an operation. One that is missing here is for none.
ALLOWED: dict[type[Operation], frozenset[str]] = {
    # A reader is visible in rooms, as everybody is. It creates none, uses up no invitation, and
    # gives no reasons: the handlers check that.
    Join: _ALL,
    Part: _ALL,
    Quit: _ALL,
    # The handlers refuse what a session that is logged in may not do.
    Resume: _ALL,
    Login: _ALL,
    # For a session with a name this is a change of the name.
    Enter: _TALK,
    Rename: _TALK,
    # Lists that ignore the account would get the guest as one more entry.
    Logout: _TALK,
    Say: _TALK,
    SendPrivate: _TALK,
    SetTopic: _TALK,
    SetAway: _TALK,
    DeleteMessage: _TALK,
    DeletePrivate: _TALK,
    SetOperator: _TALK,
    Kick: _TALK,
    Restrict: _TALK,
    LiftRestriction: _TALK,
    SetPrivate: _TALK,
    SetModes: _TALK,
    Invite: _TALK,
    Ignore: _TALK,
    SendPassing: _TALK,
    Post: _TALK,
    # IRC clients send user name and real name at the beginning.
    Introduce: _ALL,
    # Read markers belong to the owner: a reader must not move them.
    MarkRead: _TALK,
    MarkTime: _TALK,
    ClearUnread: _TALK,
    # A token must not be used to gain more rights.
    Register: _NONE,
    SetPassword: _NONE,
    CreateToken: _NONE,
    # Only its own token: the handler checks that.
    RevokeTokens: _TALK,
    DropAccount: _NONE,
    # A token of an operator of the server does not give these rights.
    Kill: _NONE,
    MessageOperators: _NONE,
    # Operations of nodes.
    NodeUp: _ALL,
    NodeDown: _ALL,
    ReattachSession: _ALL,
}


def checkScope(state: ChatState, kind: type[Operation], session: Session) -> None:
    """@raise ChatError: the token with which the session has logged in does not allow that."""
    token = state.accountTokens.get(session.tokenId)
    if token is None:
        raise ChatError(TOKEN_REVOKED)
    if token.scope not in ALLOWED.get(kind, _NONE):
        raise ChatError(TOKEN_SCOPE, scope=token.scope)


def checkNewToken(state: ChatState, session: Session, name: str, key: str) -> str:
    """
    The account for which the session may make a token with this name.

    @raise ChatError: it may not.
    """
    if session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what="have tokens")
    tokens = state.tokensOf(session.account)
    if any(token.key == key for token in tokens):
        raise ChatError(TOKEN_NAMED, name=name)
    if len(tokens) >= TOKENS_EACH_ACCOUNT:
        raise ChatError(TOKENS_EACH, most=TOKENS_EACH_ACCOUNT)
    return session.account


def _create(state: ChatState, operation: CreateToken, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    account = checkNewToken(state, session, operation.name, operation.key)
    if operation.ident in state.accountTokens:
        raise ChatError(TOKEN_NAMED, name=operation.name)
    token = AccountToken(
        operation.ident,
        account,
        operation.name,
        operation.key,
        operation.scope,
        operation.digest,
        batch.stamp,
    )
    state.addToken(token)
    batch.upsert(token)
    batch.audit("token", session, token=token.ident, name=token.name, scope=token.scope)


def _revoke(state: ChatState, operation: RevokeTokens, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    if session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what="have tokens")
    own = state.tokensOf(session.account)
    if session.tokenId and operation.idents != (session.tokenId,):
        raise ChatError(TOKEN_SCOPE, scope=state.accountTokens[session.tokenId].scope)
    tokens = [token for token in own if token.ident in operation.idents]
    if not tokens:
        # Another session has revoked them already.
        raise ChatError(NO_TOKEN, name="any more")
    names = ", ".join(token.name for token in tokens)
    revokeTokens(state, session.account, tokens, batch)
    batch.reply(session, Notice([f"revoked: {names}"], "revoked"))
    batch.audit("revoke", session, tokens=[token.ident for token in tokens])


def revokeTokens(
    state: ChatState, account: str, tokens: Collection[AccountToken], batch: Batch
) -> None:
    """Revoke tokens of an account, and end the sessions that have logged in with them."""
    idents = {token.ident for token in tokens}
    for token in tokens:
        state.removeToken(token)
        batch.delete(token)
    for session in state.sessionsByAccount.get(account, ()):
        if session.tokenId in idents:
            quitChat(state, session, "", batch)
            batch.disconnect(session, ChatError(TOKEN_REVOKED))


HANDLERS: Handlers = {
    CreateToken: _create,
    RevokeTokens: _revoke,
}
