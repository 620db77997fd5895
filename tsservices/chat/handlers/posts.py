"""
Posts: lines that a program sends with an account token, without a connection.

The author is no member, and does not appear to come and go. It may talk where it could talk after
joining; this uses up no invitation.
"""

from __future__ import annotations

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    JOIN_FIRST,
    KEY_USED,
    NO_ACCOUNT,
    NO_ROOM,
    TOKEN_REVOKED,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.messages import appendMessages
from tsservices.chat.handlers.tokens import checkScope
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import Posted
from tsservices.chat.operations import Post
from tsservices.chat.records import PostReceipt
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def becomeVisitor(
    state: ChatState, session: Session, account: str | None, tokenId: str, now: int, position: int
) -> None:
    """
    Give a session that never enters the fields that the checks need: as if it had come just now.

    @param account: the key of an existing account; None: a guest.
    @param now: nanoseconds since 1970, UTC.
    @param position: its position in the order.
    """
    session.account, session.tokenId = account, tokenId
    session.connectedAt, session.connectedPosition = now, position
    if account is not None:
        session.nick, session.key = state.accounts[account].name, account
        state.applyIgnored(session)


def roomToVisit(state: ChatState, session: Session, key: str, now: int) -> Room:
    """
    A room that a visitor may read: because another session of the account is a member, or because
    the visitor could join.

    @param now: nanoseconds since 1970, UTC.
    @raise ChatError: there is no such room, or it may not be read.
    """
    room = state.rooms.get(key)
    if room is None:
        raise ChatError(NO_ROOM, room=ROOM_SIGN + key)
    own = state.sessionsByAccount.get(session.account or "", ())
    if not any(other.ident in room.members for other in own):
        state.checkJoin(session, key, now)
        if room.record.private and room.permissions.changesByJoining(session):
            raise ChatError(JOIN_FIRST, room=ROOM_SIGN + room.record.name)
    return room


def roomToPostIn(state: ChatState, session: Session, key: str, now: int) -> Room:
    """
    A room where a visitor may talk.

    @param now: nanoseconds since 1970, UTC.
    @raise ChatError: there is no such room, or the visitor may not talk in it.
    """
    room = state.rooms.get(key)
    if room is None or not (room.members and room.permissions.letsOutsidersTalk):
        room = roomToVisit(state, session, key, now)
    state.checkSpeak(session, room, now)
    return room


def checkReceipt(receipt: PostReceipt, digest: str) -> None:
    """@raise ChatError: the key was used for another request."""
    if receipt.digest != digest:
        raise ChatError(KEY_USED, key=receipt.requestKey)


def _post(state: ChatState, operation: Post, session: Session, batch: Batch) -> None:
    account, stamp = operation.account, batch.stamp
    if account not in state.accounts:
        raise ChatError(NO_ACCOUNT, name=account)
    token = state.accountTokens.get(operation.tokenId)
    if token is None or token.account != account:
        raise ChatError(TOKEN_REVOKED)
    # A new object: the proposer's session must not get another identity.
    author = Session(operation.session, None, operation.cloak, session.node)
    becomeVisitor(state, author, account, token.ident, stamp, batch.recordPosition)
    checkScope(state, Post, author)
    # The result of an earlier request is final, whatever is forbidden by now.
    if operation.requestKey:
        receipt = state.receipts.get(account, operation.requestKey, stamp)
        if receipt is not None:
            checkReceipt(receipt, operation.digest)
            batch.reply(session, postedBefore(state, receipt))
            return
    room = roomToPostIn(state, author, operation.room, stamp)
    used = token.usedAt(stamp, operation.cloak)
    if used is not token:
        state.addToken(used)
        batch.upsert(used)
    record, texts = room.record, operation.texts
    ident = f"{batch.log}-{batch.position}-{batch.lineCount}"
    appendMessages(room, operation.kind, texts, author, batch)
    seq, time = record.seq - len(texts) + 1, record.time - len(texts) + 1
    batch.reply(session, Posted(record.key, record.name, seq, len(texts), time, ident))
    if operation.requestKey:
        made = (operation.digest, record.key, seq, len(texts), time, ident, stamp)
        receipt = PostReceipt(account, operation.requestKey, *made)
        state.receipts.add(receipt)
        batch.upsert(receipt)
        for old in state.receipts.expire(account, stamp):
            batch.delete(old)


def postedBefore(state: ChatState, receipt: PostReceipt) -> Posted:
    """The answer to a repeated request."""
    room = state.rooms.get(receipt.room)
    return Posted(
        receipt.room,
        receipt.room if room is None else room.record.name,
        receipt.seq,
        receipt.lines,
        receipt.time,
        receipt.ident,
        repeated=True,
    )


HANDLERS: Handlers = {Post: _post}
