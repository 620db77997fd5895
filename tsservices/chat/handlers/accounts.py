"""
Accounts: registering, login and logout, passwords, deletion.

Handlers get no passwords. The proposer has checked the password; the operation has its version.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    ACCOUNTS_ALL,
    ACCOUNTS_EACH,
    CONNECTIONS_EACH,
    LOGGED_IN,
    LOGGED_OUT,
    NICK_TAKEN,
    NO_ACCOUNT,
    NOT_ALLOWED,
    TAKEN_OVER,
    TOKEN_FIRST,
    TOKEN_REVOKED,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.identity import admit, claimNick, guestName, rename
from tsservices.chat.handlers.ignoring import onDrop, onLogin, onLogout
from tsservices.chat.handlers.membership import (
    detachAccount,
    quitChat,
    removeFromRoom,
    reportAway,
)
from tsservices.chat.handlers.private_messages import dropShares
from tsservices.chat.handlers.standing import reportStanding, standingOf
from tsservices.chat.handlers.tokens import revokeTokens
from tsservices.chat.notifications import AccountChanged, ErrorReply, LoggedIn, Notice, Welcome
from tsservices.chat.operations import (
    BAN,
    MUTE,
    READ_SCOPE,
    DropAccount,
    Login,
    Logout,
    Register,
    SetPassword,
)
from tsservices.chat.records import Account
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.text import plural
from tsservices.common.timestamps import NANOSECONDS

#: The limit of connections of one account by version 1 of the rules: a new connection ended the
#: oldest one, so a bouncer with more connections reconnected again and again.
FIRST_SESSIONS_EACH = 10

#: One of this many places is reserved for logins by password: programs with a token must not lock
#: out the owner, who has to log in to revoke it.
PLACES_FOR_ONE = 10


def _register(state: ChatState, operation: Register, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    checkRegister(state, session)
    if session.key != operation.key or operation.key in state.accounts:
        raise ChatError(NICK_TAKEN, nick=operation.key)
    stamp = batch.stamp
    if not state.registrationLimit.take(session.cloak, stamp / NANOSECONDS, batch.schema == 1):
        raise ChatError(ACCOUNTS_EACH)
    # The version starts at the time, so it differs from all versions of an earlier owner: a login
    # proposed with the password of that owner must be refused.
    account = Account(
        operation.key,
        session.nick,
        operation.verifier,
        stamp,
        stamp,
        stamp,
        position=batch.recordPosition,
    )
    before = standingOf(state, session)
    state.updateAccount(account, batch)
    attachAccount(state, session, account, batch)
    text = f"{account.name} belongs to you now: /login {account.name} brings you back"
    batch.reply(session, Notice([text], "registered"))
    batch.sendTo(state.sharedWith(session, True), AccountChanged(session.nick, account.key))
    reportStanding(state, session, before, batch)
    batch.audit("register", session)


def checkRegister(state: ChatState, session: Session) -> None:
    """@raise ChatError: the session is logged in, or there are too many accounts."""
    if session.account is not None:
        raise ChatError(LOGGED_IN, name=state.accounts[session.account].name)
    if len(state.accounts) >= state.limits.maxAccounts:
        raise ChatError(ACCOUNTS_ALL, most=state.limits.maxAccounts)


def attachAccount(state: ChatState, session: Session, account: Account, batch: Batch) -> None:
    """Log a session in: its guest rights move to the account."""
    # Read before the login: as a guest it could read from other lines on.
    firstReadable = {
        room.record.key: room.permissions.firstReadable(session) for room in state.roomsOf(session)
    }
    # The marks of the account count from now on.
    state.timeMarks.pop(session.origin, None)
    session.account = account.key
    state.sessionsByAccount[account.key] = (*state.sessionsByAccount.get(account.key, ()), session)
    onLogin(state, session, account, batch)
    for room in state.roomsOf(session):
        permissions = room.permissions
        # A banned account leaves at once, and needs another invitation.
        banned = state.restriction(BAN, session, room, batch.stamp) is not None
        if room.record.private and not banned:
            role = permissions.admit(account.key, firstReadable[room.record.key])
            if role is not None:
                batch.upsert(role)
        if permissions.guestFounder == session.ident:
            permissions.guestFounder = ""
            room.record.founder = account.key
            batch.roomChanged(room)
    if batch.schema > 1:
        _takeInvitationsAlong(state, session, account, batch)


def _takeInvitationsAlong(
    state: ChatState, session: Session, account: Account, batch: Batch
) -> None:
    for key in sorted(session.invited):
        room = state.rooms.get(key)
        if room is None or state.restriction(BAN, session, room, batch.stamp) is not None:
            continue
        role = room.permissions.role(account.key)
        if room.record.private and role.admitted is None and not role.invited:
            batch.upsert(room.permissions.setRole(replace(role, invited=True)))
    session.invited = frozenset()


def _login(state: ChatState, operation: Login, session: Session, batch: Batch) -> None:
    account = state.accounts.get(operation.account)
    token = state.accountTokens.get(operation.tokenId)
    if operation.tokenId and (token is None or token.account != operation.account):
        raise ChatError(TOKEN_REVOKED)
    # A token is valid until it is revoked, whatever the password is.
    if account is None or (token is None and account.version != operation.version):
        raise ChatError(LOGGED_OUT if account else NO_ACCOUNT, name=operation.account)
    left = session.account
    if left is not None and not operation.switch:
        raise ChatError(LOGGED_IN, name=state.accounts[left].name)
    if batch.schema > 1:
        state.checkRename(session, account.key, batch.stamp)
    entering = session.ident not in state.sessions
    if entering and session.ident in state.endedSessions:
        # It had a name, and has left by now, or another connection has replaced it.
        raise ChatError(TAKEN_OVER)
    if token is not None and token.scope == READ_SCOPE and not entering:
        # Its rooms and ignore list as a guest would become the account's.
        raise ChatError(TOKEN_FIRST)
    if batch.schema > 1:
        if left != account.key:
            checkPlace(state, account, operation.tokenId)
    elif len(state.sessionsByAccount.get(account.key, ())) >= FIRST_SESSIONS_EACH:
        oldest = state.sessionsByAccount[account.key][0]
        quitChat(state, oldest, "", batch)
        batch.disconnect(oldest, ChatError(TAKEN_OVER))
    for other in state.sessionsByNick.get(account.key, ()):
        if other.account != account.key and other is not session:
            text = f"{account.name} belongs to somebody who has logged in: you get another name"
            batch.reply(other, Notice([text], "moved"))
            _renameToGuest(state, other, batch)
    account = account.seenAt(batch.stamp, batch.schema)
    state.updateAccount(account, batch)
    if token is not None and token is not (used := token.usedAt(batch.stamp, operation.cloak)):
        state.addToken(used)
        batch.upsert(used)
    before = standingOf(state, session)
    away = {
        key: state.awayTextOf(key) for key in (left, account.key) if key in state.sessionsByAccount
    }
    if left is not None:
        _leaveAccount(state, session, left != account.key, batch)
        # Leaving may have changed the record of this same account.
        account = state.accounts[account.key]
    session.tokenId = operation.tokenId
    attachAccount(state, session, account, batch)
    _leaveForbiddenRooms(state, session, batch, False)
    nick, key = _nickAfterLogin(state, operation, session, account)
    if entering:
        admit(state, session, operation.cloak, operation.token, batch)
        claimNick(state, session, nick, key)
        batch.reply(session, Welcome(nick, account.key, batch.log))
    elif session.nick != nick:
        rename(state, session, nick, key, batch)
    unread = account.unread - sum(
        share.count
        for share in state.inboxShares.get(account.key, {}).values()
        if share.sender in session.ignores
    )
    byToken = ("", "") if token is None else (token.name, token.scope)
    batch.reply(session, LoggedIn(nick, account.key, unread, batch.stamp, *byToken))
    if not entering:
        if left != account.key:
            changed = AccountChanged(nick, account.key)
            batch.sendTo(state.sharedWith(session, False), changed)
        reportStanding(state, session, before, batch)
    for key, text in away.items():
        reportAway(state, key, text, batch)
    if token is None:
        batch.audit("login", session)
    else:
        batch.audit("login", session, token=token.ident)


def checkPlace(state: ChatState, account: Account, tokenId: str) -> None:
    """
    Check whether another session may log in to an account. The newest is refused, because a program
    that reconnects by itself would otherwise end its other connections in turn, for ever.

    @raise ChatError: there are enough.
    """
    sessions, most = state.sessionsByAccount.get(account.key, ()), state.limits.sessionsEach
    if tokenId:
        # Only sessions with a token are limited by the places reserved for the password.
        kept = most // PLACES_FOR_ONE
        byToken = len([session for session in sessions if session.tokenId])
        if kept and byToken >= most - kept:
            raise ChatError(CONNECTIONS_EACH, name=account.name, most=byToken)
    if len(sessions) >= most:
        raise ChatError(CONNECTIONS_EACH, name=account.name, most=len(sessions))


def _nickAfterLogin(
    state: ChatState, operation: Login, session: Session, account: Account
) -> tuple[str, str]:
    # Another user may have taken or registered the wanted nick by now.
    key = operation.key
    if key and (key not in state.accounts or key == account.key):
        holders = state.sessionsByNick.get(key, ())
        if key == account.key or all(
            holder is session or holder.account == account.key for holder in holders
        ):
            return operation.nick, key
    return account.name, account.key


def _leaveForbiddenRooms(state: ChatState, session: Session, batch: Batch, private: bool) -> None:
    # For bans and invitations, a session with another account, or none, is another person.
    for room in state.roomsOf(session):
        banned = state.restriction(BAN, session, room, batch.stamp) is not None
        if banned or (private and room.record.private):
            removeFromRoom(state, room, [session], batch)


def _logout(state: ChatState, operation: Logout, session: Session, batch: Batch) -> None:
    if session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what="log out")
    batch.audit("logout", session)
    _logOut(state, session, batch)
    batch.reply(session, Notice(["you are a guest now"], "loggedOut"))


def _logOut(state: ChatState, session: Session, batch: Batch) -> None:
    before, account = standingOf(state, session), session.account
    away = state.awayTextOf(account)
    _leaveAccount(state, session, True, batch)
    # Its name belongs to the account, or to other sessions that stay logged in.
    if session.key in state.accounts or len(state.sessionsByNick[session.key]) > 1:
        _renameToGuest(state, session, batch)
    batch.sendTo(state.sharedWith(session, True), AccountChanged(session.nick, None))
    reportStanding(state, session, before, batch)
    reportAway(state, account, away, batch)


def _leaveAccount(state: ChatState, session: Session, forGood: bool, batch: Batch) -> None:
    account = session.account or ""
    detachAccount(state, session, batch)
    if forGood:
        onLogout(state, session, account, batch)
        # Otherwise it could go on reading private rooms that only the account may read.
        _leaveForbiddenRooms(state, session, batch, True)


def _renameToGuest(state: ChatState, session: Session, batch: Batch) -> None:
    name = guestName(state)
    rename(state, session, name, name, batch)


def _setPassword(state: ChatState, operation: SetPassword, session: Session, batch: Batch) -> None:
    account = state.accounts.get(operation.account)
    if account is None:
        raise ChatError(NO_ACCOUNT, name=operation.account)
    if operation.version is None:
        _checkServerOperator(state, session)
    elif operation.version != account.version or session.account != account.key:
        raise ChatError(LOGGED_OUT, name=account.name)
    account = account.withVerifier(operation.verifier)
    state.updateAccount(account, batch)
    lines = [f"{account.name} has a new password"]
    revoked: dict[str, Any] = {}
    # If the password has leaked, the tokens may have leaked too.
    if (operation.revoke or operation.version is None) and (tokens := state.tokensOf(account.key)):
        revokeTokens(state, account.key, tokens, batch)
        lines.append(f"{plural(len(tokens), 'token')} of {account.name} revoked")
        revoked = {"tokens": [token.ident for token in tokens]}
    batch.reply(session, Notice(lines, "password"))
    batch.audit("password", session, target=account.key, **revoked)
    # A session that logged in with the old password may not be the owner's.
    for other in state.sessionsByAccount.get(account.key, ()):
        if other is not session and not other.tokenId:
            batch.reply(other, ErrorReply(ChatError(LOGGED_OUT, name=account.name)))
            _logOut(state, other, batch)


def _dropAccount(state: ChatState, operation: DropAccount, session: Session, batch: Batch) -> None:
    _checkServerOperator(state, session)
    account = state.accounts.get(operation.account)
    if account is None:
        raise ChatError(NO_ACCOUNT, name=operation.account)
    # Before the deletion: an operator who deletes their own account has no name for the log then.
    tokens = state.tokensOf(account.key)
    revoked: dict[str, Any] = {"tokens": [token.ident for token in tokens]} if tokens else {}
    batch.audit("drop", session, target=account.key, **revoked)
    revokeTokens(state, account.key, tokens, batch)
    for other in state.sessionsByAccount.get(account.key, ()):
        _logOut(state, other, batch)
    onDrop(state, account.key, batch)
    dropShares(state, account.key, batch)
    for receipt in state.receipts.dropAccount(account.key):
        batch.delete(receipt)
    del state.accounts[account.key]
    batch.delete(account)
    batch.erasedInboxes.append(account.key)
    batch.privateMessages = [
        message
        for message in batch.privateMessages
        if account.key not in (message.sender, message.receiver)
    ]
    # The next owner of the name is another person, and must inherit nothing.
    for room in state.rooms.values():
        if (role := room.permissions.roles.pop(account.key, None)) is not None:
            batch.delete(role)
        for kind in (BAN, MUTE):
            restriction = room.permissions.removeRestriction(kind, account.key)
            if restriction is not None:
                batch.delete(restriction)
        if room.record.founder == account.key:
            room.record.founder = ""
            batch.roomChanged(room)
    for key in [key for key in state.readMarkers if key[0] == account.key]:
        batch.delete(state.readMarkers.pop(key))
    for mark in state.timeMarks.pop(account.key, {}).values():
        batch.delete(mark)
    lines = [f"{account.name} belongs to nobody now"]
    if account.key in state.operators:
        lines.append("chat-operators names it still: whoever registers it may do anything")
    batch.reply(session, Notice(lines, "dropped"))


def _checkServerOperator(state: ChatState, session: Session) -> None:
    if not state.isServerOperator(session):
        raise ChatError(NOT_ALLOWED, who="operators of the server")


HANDLERS: Handlers = {
    Register: _register,
    Login: _login,
    Logout: _logout,
    SetPassword: _setPassword,
    DropAccount: _dropAccount,
}
