"""
What comes of talk: the events that bring lines, take them away, or say that they are
read.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    INBOX_FULL,
    NO_LINE,
    NO_PERSON,
    NOT_ALLOWED,
    NOT_HERE,
    ChatError,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    AwayReply,
    MarkedRead,
    Notice,
    PrivateMessage,
    RoomMessages,
)
from tsservices.chat.operations import (
    DELETE,
    TOPIC,
    ClearUnread,
    DeleteMessage,
    MarkRead,
    Operation,
    Say,
    SendPrivate,
    SetTopic,
)
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.records import INBOX_UNREAD, MessageDeletion, ReadMarker, StoredPrivateMessage
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def appendMessages(
    room: Room, kind: str, texts: tuple[str, ...], session: Session, batch: Batch
) -> None:
    """Number lines, and give them time and id."""
    record = room.record
    said = RoomMessages(
        record.key,
        record.name,
        record.seq + 1,
        max(record.time + 1, batch.stamp),
        batch.log,
        batch.position,
        batch.lineCount,
        kind,
        session.nick,
        session.account,
        session.ident,
        texts,
        record.time,
    )
    record.seq += len(texts)
    record.time = said.time + len(texts) - 1
    room.addRecent(said)
    batch.addMessages(room, said, session)


def _say(state: ChatState, event: Say, session: Session, batch: Batch) -> None:
    key = event.room
    room = state.rooms[key] if key in session.rooms else state.joinedRoom(session, key)
    if room.permissions.restrictions:
        state.checkSpeak(session, room, batch.stamp)
    appendMessages(room, event.kind, event.texts, session, batch)


def _setTopic(state: ChatState, event: SetTopic, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    state.checkSpeak(session, room, batch.stamp)
    record = room.record
    appendMessages(room, TOPIC, (event.text,), session, batch)
    record.topic = event.text
    record.topicBy = session.nick if event.text else ""
    record.topicTime = record.time


def _delete(state: ChatState, event: DeleteMessage, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    name = ROOM_SIGN + room.record.name
    own = event.author is not None and event.author == session.account
    if not own and not atLeast(state.rank(session, room), OPERATOR):
        raise ChatError(NOT_ALLOWED, who="the author, logged in, or an operator")
    if not room.permissions.firstReadable(session) <= event.seq <= room.record.seq:
        raise ChatError(NO_LINE, seq=event.seq, room=name)
    room.deleteMessage(event.seq)
    batch.deletions.append(MessageDeletion(room.record.key, event.seq))
    appendMessages(room, DELETE, (str(event.seq),), session, batch)
    batch.audit(DELETE, session, room, line=event.seq, author=event.author)


def _sendPrivate(state: ChatState, event: SendPrivate, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    holders = state.sessionsByNick.get(event.key)
    if holders is None:
        _sendToAbsent(state, event, session, batch)
        return
    other = holders[0]
    letter = None
    if session.account is not None and other.account is not None:
        letter = _storePrivate(event, session, other.account, other.nick, batch)
    if letter is not None and other.account is not None:
        holders = tuple(dict.fromkeys((*state.sessionsByAccount[other.account], *holders)))
    _sendToBoth(state, event, session, holders, other.nick, letter, batch)
    if other.away and other is not session:
        batch.reply(session, AwayReply(other.nick, other.away))


def _sendToAbsent(state: ChatState, event: SendPrivate, session: Session, batch: Batch) -> None:
    """Keep what is said to somebody by a name that nobody is called now."""
    account = state.accounts.get(event.key)
    if account is None:
        raise ChatError(NO_PERSON, nick=event.nick)
    if session.account is None:
        raise ChatError(NOT_HERE, name=account.name)
    there = state.sessionsByAccount.get(account.key, ())
    if not there:
        if account.unread >= INBOX_UNREAD:
            raise ChatError(INBOX_FULL, name=account.name, most=INBOX_UNREAD)
        state.updateAccount(account.withUnread(account.unread + 1), batch)
    letter = _storePrivate(event, session, account.key, account.name, batch)
    _sendToBoth(state, event, session, there, account.name, letter, batch)
    if not there:
        words = f"{account.name} is not here, and will read it later"
        batch.reply(session, Notice([words], "kept"))


def _storePrivate(
    event: SendPrivate, session: Session, to: str, name: str, batch: Batch
) -> StoredPrivateMessage:
    """Keep what is said between two accounts."""
    assert session.account is not None
    letter = StoredPrivateMessage(
        batch.nextPrivateIdent(),
        batch.stamp,
        session.account,
        to,
        session.nick,
        name,
        event.kind,
        event.text,
    )
    batch.privateMessages.append(letter)
    return letter


def _sendToBoth(
    state: ChatState,
    event: SendPrivate,
    session: Session,
    holders: tuple[Session, ...],
    to: str,
    letter: StoredPrivateMessage | None,
    batch: Batch,
) -> None:
    said = PrivateMessage(
        session.nick,
        session.key,
        session.account,
        to,
        event.kind,
        event.text,
        batch.stamp,
        "" if letter is None else letter.ident,
    )
    own: tuple[Session, ...] = (session,)
    if session.account is not None:
        own += state.sessionsByAccount[session.account]
    for each in dict.fromkeys((*holders, *own)):
        batch.reply(each, said)


def _markRead(state: ChatState, event: MarkRead, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, event.room)
    record = room.record
    if session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what="keep what they have read")
    had = state.readMarkers.get((session.account, record.key))
    seq = min(event.seq, record.seq)
    # Nothing is kept of a room where nothing was said: it goes with its last visitor.
    if seq <= (0 if had is None else had.seq):
        return
    mark = state.readMarkers[session.account, record.key] = ReadMarker(
        session.account, record.key, seq
    )
    batch.upsert(mark)
    for each in state.sessionsByAccount[session.account]:
        batch.reply(each, MarkedRead(record.key, record.name, seq))


def _clearUnread(state: ChatState, event: ClearUnread, session: Session, batch: Batch) -> None:
    account = state.accountOf(session)
    if account is not None and account.unread:
        state.updateAccount(account.withUnread(0), batch)


#: What each kind of event does.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    Say: _say,
    SetTopic: _setTopic,
    DeleteMessage: _delete,
    SendPrivate: _sendPrivate,
    MarkRead: _markRead,
    ClearUnread: _clearUnread,
}
