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
    Refused,
)
from tsservices.chat.handlers.identity import appear, call, guestName, hold
from tsservices.chat.handlers.membership import depart, disown, expel
from tsservices.chat.notifications import AccountChanged, Entered, LoggedIn, Notice, Refusal
from tsservices.chat.operations import BAN, MUTE, Drop, Event, Login, Logout, Register, SetPassword
from tsservices.chat.records import Account, ReadMark
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby
from tsservices.common.limits import SESSIONS_EACH
from tsservices.common.timestamps import NANOSECONDS


def _register(lobby: Lobby, event: Register, session: Session, batch: Batch) -> None:
    lobby.checkEntered(session)
    checkRegister(lobby, session)
    if session.key != event.key or event.key in lobby.accounts:
        raise Refused(NICK_TAKEN, nick=event.key)
    if not lobby.registering.take(session.cloak, batch.stamp / NANOSECONDS):
        raise Refused(ACCOUNTS_EACH)
    stamp = batch.stamp
    # No version of a password that the name had before, when it was somebody else's.
    account = Account(event.key, session.nick, event.verifier, stamp, stamp, stamp)
    lobby.keep(account, batch)
    own(lobby, session, account, batch)
    words = f"{account.name} belongs to you now: /login {account.name} brings you back"
    batch.answer(session, Notice([words], "registered"))
    batch.tellAll(lobby.neighbours(session, True), AccountChanged(session.nick, account.key))
    batch.audit("register", session)


def checkRegister(lobby: Lobby, session: Session) -> None:
    """@raise Refused: it can't be."""
    if session.account is not None:
        raise Refused(LOGGED_IN, name=lobby.accounts[session.account].name)
    if len(lobby.accounts) >= lobby.limits.maxAccounts:
        raise Refused(ACCOUNTS_ALL, most=lobby.limits.maxAccounts)


def own(lobby: Lobby, session: Session, account: Account, batch: Batch) -> None:
    """Somebody is logged in: what was theirs as a guest is their account's."""
    reads = {room.record.key: room.access.readsFrom(session) for room in lobby.roomsOf(session)}
    session.account = account.key
    lobby.owners[account.key] = (*lobby.owners.get(account.key, ()), session)
    for room in lobby.roomsOf(session):
        access = room.access
        # Who is banned leaves at once, and has to be invited again.
        banned = lobby.restraint(BAN, session, room, batch.stamp) is not None
        if room.record.private and not banned:
            standing = access.admit(account.key, reads[room.record.key])
            if standing is not None:
                batch.put(standing)
        if access.guestFounder == session.ident:
            access.guestFounder = ""
            room.record.founder = account.key
            batch.change(room)


def _login(lobby: Lobby, event: Login, session: Session, batch: Batch) -> None:
    account = lobby.accounts.get(event.account)
    if account is None or account.version != event.version:
        raise Refused(LOGGED_OUT if account else NO_ACCOUNT, name=event.account)
    if session.account is not None:
        raise Refused(LOGGED_IN, name=lobby.accounts[session.account].name)
    entering = session.ident not in lobby.sessions
    if entering and session.ident in lobby.ended:
        # They had a name, and have left, or another connection goes on for them.
        raise Refused(TAKEN_OVER)
    if len(lobby.owners.get(account.key, ())) >= SESSIONS_EACH:
        _dismiss(lobby, lobby.owners[account.key][0], batch)
    for other in lobby.holders.get(account.key, ()):
        if other.account != account.key and other is not session:
            words = f"{account.name} belongs to somebody who has logged in: you get another name"
            batch.answer(other, Notice([words], "moved"))
            _asGuest(lobby, other, batch)
    account = account.at(batch.stamp)
    lobby.keep(account, batch)
    own(lobby, session, account, batch)
    _leaveRooms(lobby, session, batch, False)
    if entering:
        appear(lobby, session, event.cloak, event.token, batch.stamp)
        hold(lobby, session, account.name, account.key)
        batch.answer(session, Entered(account.name, account.key))
    elif session.nick != account.name:
        call(lobby, session, account.name, account.key, batch)
    batch.answer(session, LoggedIn(account.name, account.key, account.unread))
    if not entering:
        people = lobby.neighbours(session, False)
        batch.tellAll(people, AccountChanged(account.name, account.key))
    batch.audit("login", session)


def _leaveRooms(lobby: Lobby, session: Session, batch: Batch, private: bool) -> None:
    """Somebody is taken for somebody else: they leave the rooms that these may not enter."""
    for room in lobby.roomsOf(session):
        banned = lobby.restraint(BAN, session, room, batch.stamp) is not None
        if banned or (private and room.record.private):
            expel(lobby, room, [session], batch)


def _dismiss(lobby: Lobby, session: Session, batch: Batch) -> None:
    """An account has too many sessions: the oldest is to go."""
    depart(lobby, session, "", batch)
    batch.dismiss(session, Refused(TAKEN_OVER))


def _logout(lobby: Lobby, event: Logout, session: Session, batch: Batch) -> None:
    if session.account is None:
        raise Refused(ACCOUNT_NEEDED, what="log out")
    batch.audit("logout", session)
    _forget(lobby, session, batch)
    batch.answer(session, Notice(["you are a guest now"], "loggedOut"))


def _forget(lobby: Lobby, session: Session, batch: Batch) -> None:
    """Somebody is a guest again, under another name if theirs is an account's."""
    disown(lobby, session, batch)
    # They might read there what only the account may.
    _leaveRooms(lobby, session, batch, True)
    if session.key in lobby.accounts:
        _asGuest(lobby, session, batch)
    batch.tellAll(lobby.neighbours(session, True), AccountChanged(session.nick, None))


def _asGuest(lobby: Lobby, session: Session, batch: Batch) -> None:
    """Give somebody the name of a guest."""
    name = guestName(lobby)
    call(lobby, session, name, name, batch)


def _setPassword(lobby: Lobby, event: SetPassword, session: Session, batch: Batch) -> None:
    account = lobby.accounts.get(event.account)
    if account is None:
        raise Refused(NO_ACCOUNT, name=event.account)
    if event.version is None:
        _checkServer(lobby, session)
    elif event.version != account.version or session.account != account.key:
        raise Refused(LOGGED_OUT, name=account.name)
    account = account.withVerifier(event.verifier)
    lobby.keep(account, batch)
    words = [f"{account.name} has a new password"]
    batch.answer(session, Notice(words, "password"))
    batch.audit("password", session, target=account.key)
    # Whoever knew the old one only is no longer taken for the owner.
    for other in lobby.owners.get(account.key, ()):
        if other is not session:
            batch.answer(other, Refusal(Refused(LOGGED_OUT, name=account.name)))
            _forget(lobby, other, batch)


def _drop(lobby: Lobby, event: Drop, session: Session, batch: Batch) -> None:
    _checkServer(lobby, session)
    account = lobby.accounts.get(event.account)
    if account is None:
        raise Refused(NO_ACCOUNT, name=event.account)
    # Who has done it may be nobody any more when it is done.
    batch.audit("drop", session, target=account.key)
    for other in lobby.owners.get(account.key, ()):
        _forget(lobby, other, batch)
    del lobby.accounts[account.key]
    batch.remove(account)
    batch.forgotten.append(account.key)
    batch.letters = [
        each for each in batch.letters if account.key not in (each.sender, each.receiver)
    ]
    # Whoever registers the name next is somebody else.
    for room in lobby.rooms.values():
        if (standing := room.access.standings.pop(account.key, None)) is not None:
            batch.remove(standing)
        for kind in (BAN, MUTE):
            if (restraint := room.access.restraints.pop((kind, account.key), None)) is not None:
                batch.remove(restraint)
        if room.record.founder == account.key:
            room.record.founder = ""
            batch.change(room)
    for key in [key for key in lobby.marks if key[0] == account.key]:
        batch.remove(ReadMark(*key, lobby.marks.pop(key).seq))
    words = [f"{account.name} belongs to nobody now"]
    if account.key in lobby.operators:
        words.append("chat-operators names it still: whoever registers it may do anything")
    batch.answer(session, Notice(words, "dropped"))


def _checkServer(lobby: Lobby, session: Session) -> None:
    if session.account not in lobby.operators:
        raise Refused(NOT_ALLOWED, who="operators of the server")


#: What each kind of event does.
APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    Register: _register,
    Login: _login,
    Logout: _logout,
    SetPassword: _setPassword,
    Drop: _drop,
}
