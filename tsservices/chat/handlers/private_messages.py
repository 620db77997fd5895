"""
Private messages, their deletion, and the inbox.

They are stored only between two accounts. Those of a guest are delivered and then forgotten: the
next owner of the nick must not read them.
"""

from __future__ import annotations

from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    INBOX_FULL,
    INBOX_SHARE_FULL,
    NO_PERSON,
    NOT_ALLOWED,
    NOT_HERE,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.notifications import AwayReply, Notice, PrivateDeleted, PrivateMessage
from tsservices.chat.operations import DELETE, ClearUnread, DeletePrivate, SendPrivate, isNotice
from tsservices.chat.records import (
    INBOX_SHARE,
    INBOX_UNREAD,
    Account,
    InboxShare,
    StoredPrivateMessage,
)
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def _sendPrivate(state: ChatState, operation: SendPrivate, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    holders = state.sessionsByNick.get(operation.key)
    if holders is None:
        _sendToAbsent(state, operation, session, batch)
        return
    other = holders[0]
    ident = ""
    if session.account is not None and other.account is not None:
        ident = _storePrivate(operation, session, other.account, other.nick, batch)
        # All sessions of the account, whatever their names are.
        holders = (*state.sessionsByAccount[other.account], *holders)
    _sendToBoth(state, operation, session, holders, other.nick, ident, batch)
    away = other.away if batch.schema == 1 else state.awayText(other)
    if away and other is not session and not session.doesIgnore(other):
        batch.reply(session, AwayReply(other.nick, away, isNotice(operation)))


def _sendToAbsent(state: ChatState, operation: SendPrivate, session: Session, batch: Batch) -> None:
    # Nobody has the name now, but it may belong to an account whose owner is absent, or here under
    # another name.
    account = state.accounts.get(operation.key)
    if account is None:
        raise ChatError(NO_PERSON, nick=operation.nick)
    if session.account is None:
        raise ChatError(NOT_HERE, name=account.name)
    owners = state.sessionsByAccount.get(account.key, ())
    if not owners:
        if account.unread >= INBOX_UNREAD:
            raise ChatError(INBOX_FULL, name=account.name, most=INBOX_UNREAD)
        if batch.schema > 1:
            _takeShare(state, account, session.account, batch)
        state.updateAccount(replace(account, unread=account.unread + 1), batch)
    ident = _storePrivate(operation, session, account.key, account.name, batch)
    _sendToBoth(state, operation, session, owners, account.name, ident, batch)
    if not owners:
        text = f"{account.name} is not here, and will read it later"
        batch.reply(session, Notice([text], "kept", isNotice(operation)))


def _takeShare(state: ChatState, account: Account, sender: str, batch: Batch) -> None:
    shares = state.inboxShares.get(account.key, {})
    count = shares[sender].count if sender in shares else 0
    if count >= INBOX_SHARE:
        raise ChatError(INBOX_SHARE_FULL, name=account.name, most=INBOX_SHARE)
    share = InboxShare(account.key, sender, count + 1)
    state.inboxShares.setdefault(account.key, {})[sender] = share
    batch.upsert(share)


def dropShares(state: ChatState, dropped: str, batch: Batch) -> None:
    """Delete the shares of an account that is dropped: as receiver, and as sender."""
    for share in state.inboxShares.pop(dropped, {}).values():
        batch.delete(share)
    for key, shares in list(state.inboxShares.items()):
        if (sent := shares.pop(dropped, None)) is None:
            continue
        batch.delete(sent)
        if not shares:
            del state.inboxShares[key]
        account = state.accounts[key]
        unread = max(0, account.unread - sent.count)
        state.updateAccount(replace(account, unread=unread), batch)


def _storePrivate(
    operation: SendPrivate, session: Session, receiver: str, name: str, batch: Batch
) -> str:
    assert session.account is not None
    message = StoredPrivateMessage(
        batch.nextPrivateIdent(),
        batch.stamp,
        session.account,
        receiver,
        session.nick,
        name,
        operation.kind,
        operation.text,
    )
    batch.privateMessages.append(message)
    return message.ident


def _sendToBoth(
    state: ChatState,
    operation: SendPrivate,
    session: Session,
    receivers: tuple[Session, ...],
    name: str,
    ident: str,
    batch: Batch,
) -> None:
    message = PrivateMessage(
        session.nick,
        session.origin,
        session.account,
        name,
        operation.kind,
        operation.text,
        batch.stamp,
        ident,
        ident or batch.nextPassingIdent(),
        operation.tags,
    )
    for recipient in dict.fromkeys((*receivers, *_ownSessions(state, session))):
        batch.reply(recipient, message)


def _deletePrivate(
    state: ChatState, operation: DeletePrivate, session: Session, batch: Batch
) -> None:
    state.checkEntered(session)
    author, key = operation.author, operation.key
    if author is None:
        # It is not stored: the current holder of the name may have it on the screen.
        receivers = state.sessionsByNick.get(key, ())
    elif author == session.account:
        receivers = state.sessionsByAccount.get(key, ())
        batch.privateDeletions.append(operation.ident)
        batch.audit(DELETE, session, message=operation.ident)
    else:
        raise ChatError(NOT_ALLOWED, who="the author, logged in,")
    deleted = PrivateDeleted(
        session.nick,
        session.account,
        session.origin,
        session.ident,
        operation.nick,
        operation.ident,
        operation.reason,
    )
    for recipient in dict.fromkeys((*receivers, *_ownSessions(state, session))):
        batch.reply(recipient, deleted)


def _ownSessions(state: ChatState, session: Session) -> tuple[Session, ...]:
    # Other sessions of the author show the whole conversation too.
    return (session, *state.sessionsByAccount.get(session.account or "", ()))


def _clearUnread(state: ChatState, operation: ClearUnread, session: Session, batch: Batch) -> None:
    account = state.accountOf(session)
    if account is not None and account.unread:
        state.updateAccount(replace(account, unread=0), batch)
        for share in state.inboxShares.pop(account.key, {}).values():
            batch.delete(share)


HANDLERS: Handlers = {
    SendPrivate: _sendPrivate,
    DeletePrivate: _deletePrivate,
    ClearUnread: _clearUnread,
}
