"""Messages: lines of rooms and their deletion, topics, messages that are not kept, read markers."""

from __future__ import annotations

from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    ACCOUNT_NEEDED,
    NO_LINE,
    NOT_ALLOWED,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    MarkedRead,
    PassingMessage,
    RoomMessages,
    TimeMarked,
)
from tsservices.chat.operations import (
    BAN,
    DELETE,
    MUTE,
    TOPIC,
    DeleteMessage,
    MarkRead,
    MarkTime,
    Say,
    SendPassing,
    SetTopic,
)
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.records import (
    TIME_MARKS,
    MessageDeletion,
    ReadMarker,
    TimeMark,
)
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.ratelimit import CLOCK_STEP
from tsservices.common.timestamps import NANOSECONDS

#: Nanoseconds by which the stamps of batches may go back before the times of lines go back too.
CLOCK_STEP_NANOSECONDS = int(CLOCK_STEP * NANOSECONDS)


def appendMessages(
    room: Room, kind: str, texts: tuple[str, ...], session: Session, batch: Batch, tags: str = ""
) -> None:
    """Append lines to a room, with their numbers, times and ids."""
    record = room.record
    # Each line is later than the one before, even if the stamp is the same, or has gone back a
    # little. But when a clock that was ahead is corrected, the times of lines go back with it;
    # otherwise, as in version 1, one wrong line would pass its time on to all later lines, for
    # years. The order is that of the numbers.
    time = batch.stamp
    if time <= record.time and (record.time - time < CLOCK_STEP_NANOSECONDS or batch.schema == 1):
        time = record.time + 1
    messages = RoomMessages(
        record.key,
        record.name,
        record.seq + 1,
        time,
        batch.log,
        batch.position,
        batch.lineCount,
        kind,
        session.nick,
        session.account,
        session.ident,
        texts,
        record.time,
        session.origin,
        tags,
    )
    record.seq += len(texts)
    record.time = time + len(texts) - 1
    room.addRecent(messages)
    batch.addMessages(room, messages, session)


def _say(state: ChatState, operation: Say, session: Session, batch: Batch) -> None:
    key = operation.room
    # The path of every line: most are in a room of the session, and in most rooms all may speak.
    room = state.rooms[key] if key in session.rooms else state.roomToTalkIn(session, key)
    if room.permissions.checksTalk:
        state.checkSpeak(session, room, batch.stamp)
    appendMessages(room, operation.kind, operation.texts, session, batch, operation.tags)


def _setTopic(state: ChatState, operation: SetTopic, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    state.checkTopic(session, room, batch.stamp)
    _changeTopic(room, operation.text, session, batch)


def _changeTopic(room: Room, text: str, session: Session, batch: Batch) -> None:
    record = room.record
    appendMessages(room, TOPIC, (text,), session, batch)
    record.topic = text
    record.topicBy = session.nick if text else ""
    record.topicTime = record.time


def _delete(state: ChatState, operation: DeleteMessage, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    name = ROOM_SIGN + room.record.name
    isAuthor = operation.author is not None and operation.author == session.account
    if not isAuthor and not atLeast(state.rank(session, room), OPERATOR):
        raise ChatError(NOT_ALLOWED, who="the author, logged in, or an operator")
    if not room.permissions.firstReadable(session) <= operation.seq <= room.record.seq:
        raise ChatError(NO_LINE, seq=operation.seq, room=name)
    kind, rest = operation.kind, operation.rest
    room.deleteMessage(operation.seq, kind, rest)
    batch.deletions.append(MessageDeletion(room.record.key, operation.seq, kind, rest))
    tags = f"{operation.ident} {operation.reason}".strip()
    appendMessages(room, DELETE, (str(operation.seq),), session, batch, tags)
    batch.audit(DELETE, session, room, line=operation.seq, author=operation.author)
    if kind in (BAN, MUTE):
        _deleteReason(room, operation, batch)
    elif operation.time and operation.time == room.record.topicTime and room.record.topic:
        # A topic has the time of the line that set it.
        _changeTopic(room, "", session, batch)


def _deleteReason(room: Room, operation: DeleteMessage, batch: Batch) -> None:
    # One restriction has a record for each address of its target, all with the same time.
    name = operation.rest.partition(" ")[0]
    meant = operation.kind, name, operation.time
    for restriction in list(room.permissions.restrictions.values()):
        if (restriction.kind, restriction.name, restriction.time) == meant and restriction.reason:
            changed = replace(restriction, reason="")
            room.permissions.setRestriction(changed)
            batch.upsert(changed)


def _sendPassing(state: ChatState, operation: SendPassing, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    room, to = None, operation.nick
    if operation.room:
        room = state.joinedRoom(session, operation.room)
        state.checkSpeak(session, room, batch.stamp)
    else:
        to = state.sessionByNick(to, operation.key).nick
    message = PassingMessage(
        session.nick,
        session.account,
        session.origin,
        session.ident,
        operation.room,
        "" if room is None else room.record.name,
        to,
        operation.tags,
        batch.stamp,
        batch.nextPassingIdent(),
        operation.kind,
        operation.text,
        operation.rank,
    )
    if room is not None:
        others = [
            member
            for member in room.recipients
            if member is not session
            and (not operation.rank or atLeast(state.rank(member, room), operation.rank))
        ]
        batch.sendTo([*others, session] if session.wantsEcho else others, message)
        return
    own = (session, *state.sessionsByAccount.get(session.account or "", ()))
    for recipient in dict.fromkeys((*state.sessionsByNick[operation.key], *own)):
        batch.reply(recipient, message)


def _markRead(state: ChatState, operation: MarkRead, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    record = room.record
    if session.account is None:
        raise ChatError(ACCOUNT_NEEDED, what="keep what they have read")
    old = state.readMarkers.get((session.account, record.key))
    seq = min(operation.seq, record.seq)
    # A marker never goes back, because two connections may read at different speeds. A room without
    # lines gets none, because it is removed with its last member.
    if seq <= (0 if old is None else old.seq):
        return
    marker = state.readMarkers[session.account, record.key] = ReadMarker(
        session.account, record.key, seq
    )
    batch.upsert(marker)
    for ownSession in state.sessionsByAccount[session.account]:
        batch.reply(ownSession, MarkedRead(record.key, record.name, seq))


def _markTime(state: ChatState, operation: MarkTime, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    owner = session.account or session.origin
    marks = state.timeMarks.setdefault(owner, {})
    old = marks.get(operation.target)
    if old is not None and old.time >= operation.time:
        # A mark never goes back; the session gets the current value instead.
        batch.reply(session, TimeMarked(old.target, old.time))
        return
    if old is None and len(marks) >= TIME_MARKS:
        oldest = marks.pop(min(marks, key=lambda target: (marks[target].time, target)))
        if session.account is not None:
            batch.delete(oldest)
    mark = marks[operation.target] = TimeMark(owner, operation.target, operation.time)
    own = {session.ident: session}
    if session.account is not None:
        batch.upsert(mark)
        own |= {item.ident: item for item in state.sessionsByAccount[session.account]}
    for other in own.values():
        batch.reply(other, TimeMarked(mark.target, mark.time))


HANDLERS: Handlers = {
    Say: _say,
    SetTopic: _setTopic,
    DeleteMessage: _delete,
    SendPassing: _sendPassing,
    MarkRead: _markRead,
    MarkTime: _markTime,
}
