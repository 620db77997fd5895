"""
What comes of names that belong to somebody: the events of accounts.  Pure.

Passwords are nowhere in here: who proposes has checked them, and says by the version
which one it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    ACCOUNTS_ALL,
    ACCOUNTS_EACH,
    LOGGED_IN,
    LOGGED_OUT,
    NICK_TAKEN,
    NO_ACCOUNT,
    NOT_ALLOWED,
    TAKEN_OVER,
    ChatError,
)
from tsservices.chat.handlers.identity import admit, claimNick, guestName, rename
from tsservices.chat.handlers.membership import detachAccount, quitChat, removeFromRoom
from tsservices.chat.notifications import AccountChanged, ErrorReply, LoggedIn, Notice, Welcome
from tsservices.chat.operations import (
    BAN,
    MUTE,
    DropAccount,
    Login,
    Logout,
    Operation,
    Register,
    SetPassword,
)
from tsservices.chat.records import Account, ReadMarker
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.timestamps import NANOSECONDS

#: Connections logged in to one account: desk, pocket, and some that are not heard of any more. The
#: oldest has to go for another one.
SESSIONS_EACH = 10


def _register(state: ChatState, event: Register, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    checkRegister(state, session)
    if session.key != event.key or event.key in state.accounts:
        raise ChatError(NICK_TAKEN, nick=event.key)
    if not state.registrationLimit.take(session.cloak, batch.stamp / NANOSECONDS):
        raise ChatError(ACCOUNTS_EACH)
    stamp = batch.stamp
    # No version of a password that the name had before, when it was somebody else's.
    account = Account(event.key, session.nick, event.verifier, stamp, stamp, stamp)
    state.updateAccount(account, batch)
    attachAccount(state, session, account, batch)
    words = f"{account.name} belongs to you now: /login {account.name} brings you back"
    batch.reply(session, Notice([words], "registered"))
    batch.sendTo(state.sharedWith(session, True), AccountChanged(session.nick, account.key))
    batch.audit("register", session)


def checkRegister(state: ChatState, session: Session) -> None:
    """@raise Refused: it can't be."""
    if session.account is not None:
        raise ChatError(LOGGED_IN, name=state.accounts[session.account].name)
    if len(state.accounts) >= state.limits.maxAccounts:
        raise ChatError(ACCOUNTS_ALL, most=state.limits.maxAccounts)


def attachAccount(state: ChatState, session: Session, account: Account, batch: Batch) -> None:
    """Somebody is logged in: what was theirs as a guest is their account's."""
    reads = {
        room.record.key: room.permissions.firstReadable(session) for room in state.roomsOf(session)
    }
    session.account = account.key
    state.sessionsByAccount[account.key] = (*state.sessionsByAccount.get(account.key, ()), session)
    for room in state.roomsOf(session):
        access = room.permissions
        # Who is banned leaves at once, and has to be invited again.
        banned = state.restriction(BAN, session, room, batch.stamp) is not None
        if room.record.private and not banned:
            standing = access.admit(account.key, reads[room.record.key])
            if standing is not None:
                batch.upsert(standing)
        if access.guestFounder == session.ident:
            access.guestFounder = ""
            room.record.founder = account.key
            batch.roomChanged(room)


def _login(state: ChatState, event: Login, session: Session, batch: Batch) -> None:
    account = state.accounts.get(event.account)
    if account is None or account.version != event.version:
        raise ChatError(LOGGED_OUT if account else NO_ACCOUNT, name=event.account)
    if session.account is not None:
        raise ChatError(LOGGED_IN, name=state.accounts[session.account].name)
    entering = session.ident not in state.sessions
    if entering and session.ident in state.endedSessions:
        # They had a name, and have left, or another connection goes on for them.
        raise ChatError(TAKEN_OVER)
    if len(state.sessionsByAccount.get(account.key, ())) >= SESSIONS_EACH:
        _disconnectOldest(state, state.sessionsByAccount[account.key][0], batch)
    for other in state.sessionsByNick.get(account.key, ()):
        if other.account != account.key and other is not session:
            words = f"{account.name} belongs to somebody who has logged in: you get another name"
            batch.reply(other, Notice([words], "moved"))
            _renameToGuest(state, other, batch)
    account = account.seenAt(batch.stamp)
    state.updateAccount(account, batch)
    attachAccount(state, session, account, batch)
    _leaveForbiddenRooms(state, session, batch, False)
    if entering:
        admit(state, session, event.cloak, event.token, batch.stamp)
        claimNick(state, session, account.name, account.key)
        batch.reply(session, Welcome(account.name, account.key))
    elif session.nick != account.name:
        rename(state, session, account.name, account.key, batch)
    batch.reply(session, LoggedIn(account.name, account.key, account.unread))
    if not entering:
        people = state.sharedWith(session, False)
        batch.sendTo(people, AccountChanged(account.name, account.key))
    batch.audit("login", session)


def _leaveForbiddenRooms(state: ChatState, session: Session, batch: Batch, private: bool) -> None:
    """Somebody is taken for somebody else: they leave the rooms that these may not enter."""
    for room in state.roomsOf(session):
        banned = state.restriction(BAN, session, room, batch.stamp) is not None
        if banned or (private and room.record.private):
            removeFromRoom(state, room, [session], batch)


def _disconnectOldest(state: ChatState, session: Session, batch: Batch) -> None:
    """An account has too many sessions: the oldest is to go."""
    quitChat(state, session, "", batch)
    batch.disconnect(session, ChatError(TAKEN_OVER))


def _logout(state: ChatState, event: Logout, session: Session, batch: Batch) -> None:
    if session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what="log out")
    batch.audit("logout", session)
    _logOut(state, session, batch)
    batch.reply(session, Notice(["you are a guest now"], "loggedOut"))


def _logOut(state: ChatState, session: Session, batch: Batch) -> None:
    """Somebody is a guest again, under another name if theirs is an account's."""
    detachAccount(state, session, batch)
    # They might read there what only the account may.
    _leaveForbiddenRooms(state, session, batch, True)
    if session.key in state.accounts:
        _renameToGuest(state, session, batch)
    batch.sendTo(state.sharedWith(session, True), AccountChanged(session.nick, None))


def _renameToGuest(state: ChatState, session: Session, batch: Batch) -> None:
    """Give somebody the name of a guest."""
    name = guestName(state)
    rename(state, session, name, name, batch)


def _setPassword(state: ChatState, event: SetPassword, session: Session, batch: Batch) -> None:
    account = state.accounts.get(event.account)
    if account is None:
        raise ChatError(NO_ACCOUNT, name=event.account)
    if event.version is None:
        _checkServerOperator(state, session)
    elif event.version != account.version or session.account != account.key:
        raise ChatError(LOGGED_OUT, name=account.name)
    account = account.withVerifier(event.verifier)
    state.updateAccount(account, batch)
    words = [f"{account.name} has a new password"]
    batch.reply(session, Notice(words, "password"))
    batch.audit("password", session, target=account.key)
    # Whoever knew the old one only is no longer taken for the owner.
    for other in state.sessionsByAccount.get(account.key, ()):
        if other is not session:
            batch.reply(other, ErrorReply(ChatError(LOGGED_OUT, name=account.name)))
            _logOut(state, other, batch)


def _dropAccount(state: ChatState, event: DropAccount, session: Session, batch: Batch) -> None:
    _checkServerOperator(state, session)
    account = state.accounts.get(event.account)
    if account is None:
        raise ChatError(NO_ACCOUNT, name=event.account)
    # Who has done it may be nobody any more when it is done.
    batch.audit("drop", session, target=account.key)
    for other in state.sessionsByAccount.get(account.key, ()):
        _logOut(state, other, batch)
    del state.accounts[account.key]
    batch.delete(account)
    batch.erasedInboxes.append(account.key)
    batch.privateMessages = [
        each for each in batch.privateMessages if account.key not in (each.sender, each.receiver)
    ]
    # Whoever registers the name next is somebody else.
    for room in state.rooms.values():
        if (standing := room.permissions.roles.pop(account.key, None)) is not None:
            batch.delete(standing)
        for kind in (BAN, MUTE):
            if (
                restraint := room.permissions.restrictions.pop((kind, account.key), None)
            ) is not None:
                batch.delete(restraint)
        if room.record.founder == account.key:
            room.record.founder = ""
            batch.roomChanged(room)
    for key in [key for key in state.readMarkers if key[0] == account.key]:
        batch.delete(ReadMarker(*key, state.readMarkers.pop(key).seq))
    words = [f"{account.name} belongs to nobody now"]
    if account.key in state.operators:
        words.append("chat-operators names it still: whoever registers it may do anything")
    batch.reply(session, Notice(words, "dropped"))


def _checkServerOperator(state: ChatState, session: Session) -> None:
    if session.account not in state.operators:
        raise ChatError(NOT_ALLOWED, who="operators of the server")


#: What each kind of event does.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    Register: _register,
    Login: _login,
    Logout: _logout,
    SetPassword: _setPassword,
    DropAccount: _dropAccount,
}
