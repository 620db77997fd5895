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
    Refused,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import Absent, MarkedRead, Notice, Said, Whispered
from tsservices.chat.operations import (
    DELETE,
    TOPIC,
    Delete,
    EmptyInbox,
    Event,
    MarkRead,
    Say,
    SetTopic,
    Whisper,
)
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.records import Deletion, Letter, ReadMark
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby
from tsservices.common.limits import INBOX_UNREAD


def keep(room: Room, kind: str, texts: tuple[str, ...], session: Session, batch: Batch) -> None:
    """Number lines, and give them time and id."""
    record = room.record
    said = Said(
        record.key,
        record.name,
        record.seq + 1,
        max(record.time + 1, batch.stamp),
        batch.log,
        batch.position,
        batch.lines,
        kind,
        session.nick,
        session.account,
        session.ident,
        texts,
        record.time,
    )
    record.seq += len(texts)
    record.time = said.time + len(texts) - 1
    room.keep(said)
    batch.keep(room, said, session)


def _say(lobby: Lobby, event: Say, session: Session, batch: Batch) -> None:
    key = event.room
    room = lobby.rooms[key] if key in session.rooms else lobby.speaker(session, key)
    if room.access.restraints:
        lobby.checkSpeak(session, room, batch.stamp)
    keep(room, event.kind, event.texts, session, batch)


def _setTopic(lobby: Lobby, event: SetTopic, session: Session, batch: Batch) -> None:
    room = lobby.speaker(session, event.room)
    lobby.checkSpeak(session, room, batch.stamp)
    record = room.record
    keep(room, TOPIC, (event.text,), session, batch)
    record.topic = event.text
    record.topicBy = session.nick if event.text else ""
    record.topicTime = record.time


def _delete(lobby: Lobby, event: Delete, session: Session, batch: Batch) -> None:
    room = lobby.speaker(session, event.room)
    name = ROOM_SIGN + room.record.name
    own = event.author is not None and event.author == session.account
    if not own and not atLeast(lobby.rank(session, room), OPERATOR):
        raise Refused(NOT_ALLOWED, who="the author, logged in, or an operator")
    if not room.access.readsFrom(session) <= event.seq <= room.record.seq:
        raise Refused(NO_LINE, seq=event.seq, room=name)
    room.delete(event.seq)
    batch.deletions.append(Deletion(room.record.key, event.seq))
    keep(room, DELETE, (str(event.seq),), session, batch)
    batch.audit(DELETE, session, room, line=event.seq, author=event.author)


def _whisper(lobby: Lobby, event: Whisper, session: Session, batch: Batch) -> None:
    lobby.checkEntered(session)
    holders = lobby.holders.get(event.key)
    if holders is None:
        _leaveLetter(lobby, event, session, batch)
        return
    other = holders[0]
    letter = None
    if session.account is not None and other.account is not None:
        letter = _letter(event, session, other.account, other.nick, batch)
    if letter is not None and other.account is not None:
        holders = tuple(dict.fromkeys((*lobby.owners[other.account], *holders)))
    _tellBoth(lobby, event, session, holders, other.nick, letter, batch)
    if other.away and other is not session:
        batch.answer(session, Absent(other.nick, other.away))


def _leaveLetter(lobby: Lobby, event: Whisper, session: Session, batch: Batch) -> None:
    """Keep what is said to somebody by a name that nobody is called now."""
    account = lobby.accounts.get(event.key)
    if account is None:
        raise Refused(NO_PERSON, nick=event.nick)
    if session.account is None:
        raise Refused(NOT_HERE, name=account.name)
    there = lobby.owners.get(account.key, ())
    if not there:
        if account.unread >= INBOX_UNREAD:
            raise Refused(INBOX_FULL, name=account.name, most=INBOX_UNREAD)
        lobby.keep(account.withUnread(account.unread + 1), batch)
    letter = _letter(event, session, account.key, account.name, batch)
    _tellBoth(lobby, event, session, there, account.name, letter, batch)
    if not there:
        words = f"{account.name} is not here, and will read it later"
        batch.answer(session, Notice([words], "kept"))


def _letter(event: Whisper, session: Session, to: str, name: str, batch: Batch) -> Letter:
    """Keep what is said between two accounts."""
    assert session.account is not None
    letter = Letter(
        batch.letterIdent(),
        batch.stamp,
        session.account,
        to,
        session.nick,
        name,
        event.kind,
        event.text,
    )
    batch.letters.append(letter)
    return letter


def _tellBoth(
    lobby: Lobby,
    event: Whisper,
    session: Session,
    holders: tuple[Session, ...],
    to: str,
    letter: Letter | None,
    batch: Batch,
) -> None:
    said = Whispered(
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
        own += lobby.owners[session.account]
    for each in dict.fromkeys((*holders, *own)):
        batch.answer(each, said)


def _markRead(lobby: Lobby, event: MarkRead, session: Session, batch: Batch) -> None:
    room = lobby.speaker(session, event.room)
    record = room.record
    if session.account is None:
        raise Refused(ACCOUNT_NEEDED, what="keep what they have read")
    had = lobby.marks.get((session.account, record.key))
    seq = min(event.seq, record.seq)
    # Nothing is kept of a room where nothing was said: it goes with its last visitor.
    if seq <= (0 if had is None else had.seq):
        return
    mark = lobby.marks[session.account, record.key] = ReadMark(session.account, record.key, seq)
    batch.put(mark)
    for each in lobby.owners[session.account]:
        batch.answer(each, MarkedRead(record.key, record.name, seq))


def _emptyInbox(lobby: Lobby, event: EmptyInbox, session: Session, batch: Batch) -> None:
    account = lobby.accountOf(session)
    if account is not None and account.unread:
        lobby.keep(account.withUnread(0), batch)


#: What each kind of event does.
APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    Say: _say,
    SetTopic: _setTopic,
    Delete: _delete,
    Whisper: _whisper,
    MarkRead: _markRead,
    EmptyInbox: _emptyInbox,
}
