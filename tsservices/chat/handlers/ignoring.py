"""
Ignoring: the lists of people whose words others do not want to read. Their effect is elsewhere: in
deliveries (L{tsservices.chat.fanout}), and in the storage for earlier lines.

A user with an account is ignored by account, and by the sessions that are logged in to it at that
time, for their lines from before the login; a guest is ignored by session (its C{origin}). After a
login or logout a person stays ignored, under the new account or as a guest; nobody can ignore
themselves. The list of an account is stored, that of a guest ends with the session.
"""

from __future__ import annotations

from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.errors import IGNORED_ALL, NO_PERSON, ONESELF, ChatError
from tsservices.chat.handlers import Handlers
from tsservices.chat.notifications import Notice
from tsservices.chat.operations import Ignore
from tsservices.chat.records import Account, Ignored
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: Maximum number of entries of one list: every line for its owner is compared with them.
IGNORED = 200


def _ignore(state: ChatState, operation: Ignore, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    owner = session.account or session.origin
    known = state.ignored.get(owner, {})
    masks = [mask for mask in dict.fromkeys(operation.masks) if (mask in known) is not operation.on]
    if operation.on:
        for mask in masks[:1]:
            checkIgnore(state, session, mask)
        account = state.accounts.get(operation.masks[0])
        name = operation.name if account is None else account.name
        for mask in masks:
            if len(state.ignored.get(owner, ())) < IGNORED:
                _add(state, Ignored(owner, mask, name), batch)
    else:
        if not masks:
            raise ChatError(NO_PERSON, nick=operation.name)
        for mask in masks:
            _remove(state, known[mask], batch)
    _refresh(state, owner)
    doing = "ignore" if operation.on else "no longer ignore"
    batch.reply(session, Notice([f"you {doing} {operation.name}"]))


def checkIgnore(state: ChatState, session: Session, mask: str) -> None:
    """@raise ChatError: the session can't ignore this mask."""
    own = (session, *state.sessionsByAccount.get(session.account or "", ()))
    if mask == session.account or any(mask == other.origin for other in own):
        raise ChatError(ONESELF)
    if len(state.ignored.get(session.account or session.origin, ())) >= IGNORED:
        raise ChatError(IGNORED_ALL, most=IGNORED)


def onRename(state: ChatState, session: Session, batch: Batch) -> None:
    """Update the name of a guest on all lists."""
    if session.account is None:
        _showAs(state, session.nick, session.origin, batch)


def _showAs(state: ChatState, name: str, mask: str, batch: Batch) -> None:
    for entry in _entriesOf(state, mask):
        _add(state, replace(entry, name=name), batch)


def onLogin(state: ChatState, session: Session, account: Account, batch: Batch) -> None:
    """After a login: move the session's list to the account, and keep the session ignored."""
    for entry in list(state.ignored.get(session.origin, {}).values()):
        _remove(state, entry, batch)
        ignored = state.ignored.get(account.key, {})
        own = [other.origin for other in state.sessionsByAccount[account.key]]
        if len(ignored) < IGNORED and entry.mask not in (account.key, *ignored, *own):
            _add(state, Ignored(account.key, entry.mask, entry.name), batch)
    oneself = state.ignored.get(account.key, {}).get(session.origin)
    if oneself is not None:
        _remove(state, oneself, batch)
    _follow(state, session.origin, account.key, account.name, batch)
    _showAs(state, account.name, session.origin, batch)
    _refresh(state, account.key)


def onLogout(state: ChatState, session: Session, account: str, batch: Batch) -> None:
    """After a logout: the session ignores nobody, and stays ignored as before."""
    _follow(state, account, session.origin, session.nick, batch)
    state.applyIgnored(session)


def onDrop(state: ChatState, account: str, batch: Batch) -> None:
    """Delete all list entries of and about an account: the next owner is another person."""
    for entry in list(state.ignored.get(account, {}).values()):
        _remove(state, entry, batch)
    for entry in _entriesOf(state, account):
        _remove(state, entry, batch)
        _refresh(state, entry.owner)


def _follow(state: ChatState, old: str, new: str, name: str, batch: Batch) -> None:
    # A full list is not extended: otherwise one person could fill it with many accounts.
    for entry in _entriesOf(state, old):
        ignored = state.ignored[entry.owner]
        if entry.owner != new and new not in ignored and len(ignored) < IGNORED:
            _add(state, Ignored(entry.owner, new, name), batch)
            _refresh(state, entry.owner)


def _entriesOf(state: ChatState, mask: str) -> list[Ignored]:
    return [entries[mask] for entries in state.ignored.values() if mask in entries]


def _add(state: ChatState, entry: Ignored, batch: Batch) -> None:
    state.ignored.setdefault(entry.owner, {})[entry.mask] = entry
    if entry.owner in state.accounts:
        batch.upsert(entry)


def _remove(state: ChatState, entry: Ignored, batch: Batch) -> None:
    entries = state.ignored[entry.owner]
    del entries[entry.mask]
    if not entries:
        del state.ignored[entry.owner]
    if entry.owner in state.accounts:
        batch.delete(entry)


def _refresh(state: ChatState, owner: str) -> None:
    sessions = state.sessionsByAccount.get(owner)
    if sessions is None:
        sessions = tuple([item for item in state.sessions.values() if item.origin == owner])
    for session in sessions:
        state.applyIgnored(session)


HANDLERS: Handlers = {
    Ignore: _ignore,
}
