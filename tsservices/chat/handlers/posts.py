"""
Posts: lines that a program sends by an account token, without being connected.

Its author is no member and is not seen to come and go. It may talk where it could do so after
joining, and uses up no invitation by that.
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
    Give a session that has not entered, and never will, what the checks ask for: as if somebody had
    come just now.

    @param account: the key, of an account that is there; None: a guest.
    @param now: nanoseconds since 1970, UTC.
    @param position: the place in the order at which it comes.
    """
    session.account, session.tokenId = account, tokenId
    session.connectedAt, session.connectedPosition = now, position
    if account is not None:
        session.nick, session.key = state.accounts[account].name, account
        state.applyIgnored(session)


def roomToVisit(state: ChatState, session: Session, key: str, now: int) -> Room:
    """
    A room that a visitor may read: as a member by another session of the account, or because it
    could join.

    @param now: nanoseconds since 1970, UTC.
    @raise ChatError: there is none, or it may not.
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
    @raise ChatError: there is none, or it may not.
    """
    room = state.rooms.get(key)
    if room is None or not (room.members and room.permissions.letsOutsidersTalk):
        room = roomToVisit(state, session, key, now)
    state.checkSpeak(session, room, now)
    return room


def checkReceipt(receipt: PostReceipt, digest: str) -> None:
    """@raise ChatError: the key was used for something else."""
    if receipt.digest != digest:
        raise ChatError(KEY_USED, key=receipt.requestKey)


def _post(state: ChatState, operation: Post, session: Session, batch: Batch) -> None:
    account, stamp = operation.account, batch.stamp
    if account not in state.accounts:
        raise ChatError(NO_ACCOUNT, name=account)
    token = state.accountTokens.get(operation.tokenId)
    if token is None or token.account != account:
        raise ChatError(TOKEN_REVOKED)
    # Another object than the proposer's: whatever that is, it must not become somebody else.
    author = Session(operation.session, None, operation.cloak, session.node)
    becomeVisitor(state, author, account, token.ident, stamp, batch.recordPosition)
    checkScope(state, Post, author)
    # What an earlier request has brought about stays, whatever is forbidden by now.
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
    """The answer to a request that was done before."""
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
