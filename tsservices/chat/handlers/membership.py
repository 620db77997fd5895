"""
Membership: joining, leaving and quitting, of one session or of many at once.

Rooms list people by name: somebody with two sessions of one account in a room joins once and leaves
once.
"""

from __future__ import annotations

from collections.abc import Sequence

from tsservices.chat.batch import Batch
from tsservices.chat.errors import ROOMS_FOUNDED, TOKEN_SCOPE, ChatError
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.identity import recordGuestGone, releaseNick, removeFrom
from tsservices.chat.notifications import (
    AwayChanged,
    HistoryReplay,
    JoinedRoom,
    LeftRoom,
    RoomModes,
    UserJoined,
    UserLeft,
    UserQuit,
)
from tsservices.chat.operations import READ_SCOPE, Join, Part, Quit, SetAway
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.timestamps import NANOSECONDS

#: Names sent to a new member; /who lists all.
NAMES_SHOWN = 50

#: The key of the room that a session joins if it gives only a name. It has no founder.
LOBBY = "lobby"


def _join(state: ChatState, operation: Join, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    if operation.room in session.rooms:
        return
    state.checkJoin(session, operation.room, batch.stamp, operation.joinKey)
    checkReader(state, session, operation.room)
    room = state.rooms.get(operation.room) or createRoom(state, operation, session, batch)
    record = room.record
    enterRoom(state, session, room, batch)
    marker = state.readMarkers.get((session.account or "", operation.room))
    joined = JoinedRoom(
        record.key,
        record.name,
        room.topic(),
        room.firstNicks(NAMES_SHOWN),
        len(room.nickCounts),
        record.seq,
        _replayFor(room, session),
        session.nick,
        state.rank(session, room),
        record.private,
        None if marker is None else marker.seq,
        batch.log,
        roomModes(record, True),
        room.permissions.hasVoice(session),
        room.nickText,
    )
    if session.joining is not None:
        session.joining.joined = joined
    batch.reply(session, joined)


def checkReader(state: ChatState, session: Session, key: str) -> None:
    """@raise ChatError: the session may only read, and its joining would change something."""
    if not _isReader(state, session):
        return
    room = state.rooms.get(key)
    changes = key != LOBBY if room is None else room.permissions.changesByJoining(session)
    if changes:
        raise ChatError(TOKEN_SCOPE, scope=READ_SCOPE)


def _isReader(state: ChatState, session: Session) -> bool:
    return bool(session.tokenId) and state.scopeOf(session) == READ_SCOPE


def roomModes(record: RoomRecord, forMember: bool) -> RoomModes:
    """The modes of a room; the key is for members only."""
    joinKey = record.joinKey if forMember else ""
    return RoomModes(record.key, record.name, record.allModes(), joinKey, record.memberLimit)


def enterRoom(state: ChatState, session: Session, room: Room, batch: Batch) -> None:
    """Make a session a member, and notify the others."""
    record = room.record
    if room.members and session.key not in room.nickCounts:
        joined = UserJoined(record.key, record.name, session.nick, session.account)
        joined.rank, joined.voice = state.rank(session, room), room.permissions.hasVoice(session)
        batch.sendToRoom(room, joined)
    batch.splitDelivery(room)
    if (role := room.permissions.onJoin(session)) is not None:
        batch.upsert(role)
    state.addMember(session, room)
    batch.membershipChanged(session)


def createRoom(state: ChatState, operation: Join, session: Session, batch: Batch) -> Room:
    """
    Create the room that a session wants to join.

    @raise ChatError: its user has created too many.
    """
    key = operation.room
    creator = session.cloak if session.account is None else session.account
    if key != LOBBY and not state.roomCreationLimit.take(
        creator, batch.stamp / NANOSECONDS, batch.schema == 1
    ):
        raise ChatError(ROOMS_FOUNDED)
    created = batch.stamp if batch.schema > 1 else 0
    room = state.rooms[key] = Room(
        RoomRecord(key, operation.name, modes=operation.modes, created=created)
    )
    if key != LOBBY:
        room.permissions.creator = creator
        if session.account is None:
            room.permissions.guestFounder = session.ident
        else:
            room.record.founder = session.account
    return room


def _replayFor(room: Room, session: Session) -> HistoryReplay | None:
    # Lines in memory are the same for all members; the lines that each may read are not.
    if session.ignores:
        replay = room.replayWithout(session.ignores, session.joining)
    else:
        replay = room.replay()
    first = room.permissions.firstReadable(session)
    if first <= 1:
        return replay
    if first > room.record.seq:
        return HistoryReplay(room.record.key, room.record.name, [], None, room.record.seq)
    if replay is None:
        return None
    messages = [item.since(first) for item in replay.messages if item.last >= first]
    missing = replay.missing
    if missing is not None:
        missing = (max(first, missing[0]), missing[1]) if missing[1] >= first else None
    return HistoryReplay(replay.room, replay.roomName, messages, missing, replay.until)


def _part(state: ChatState, operation: Part, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    record = room.record
    silent = state.isMuted(session, room, batch.stamp) or _isReader(state, session)
    reason = "" if silent else operation.reason
    partRoom(state, session, room, batch)
    if session.key not in room.nickCounts:
        batch.sendToRoom(room, userLeft(room, session, reason))
    batch.reply(session, LeftRoom(record.key, record.name))
    batch.membershipChanged(session)


def _quit(state: ChatState, operation: Quit, session: Session, batch: Batch) -> None:
    # The reason would be visible to others.
    reason = "" if _isReader(state, session) else operation.reason
    quitChat(state, session, reason, batch)


def _setAway(state: ChatState, operation: SetAway, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    if session.away == operation.text:
        return
    before = state.awayText(session)
    session.away = operation.text
    if batch.schema > 1:
        if state.awayText(session):
            # The last away text counts for all connections of a person.
            for other in state.sessionsByAccount.get(session.account or "", ()):
                other.away = operation.text
        elif not before:
            # The person is still present, by another connection.
            batch.reply(session, AwayChanged(session.nick, operation.text))
            return
    changed = AwayChanged(session.nick, operation.text, session.account, session.origin)
    _notifyOfAway(state, session, changed, batch, set())
    # Sent separately: the IRC format treats a notification to several sessions as news of others.
    batch.reply(session, changed)


def _notifyOfAway(
    state: ChatState, session: Session, changed: AwayChanged, batch: Batch, notified: set[str]
) -> None:
    # The notification names no room: members of a room where the session is muted must not get it,
    # whatever other rooms they share.
    silent = set(notified)
    for room in state.roomsOf(session):
        if state.isMuted(session, room, batch.stamp):
            silent.update(room.members)
    others = [other for other in state.sharedWith(session, False) if other.ident not in silent]
    notified.update(other.ident for other in others)
    batch.sendTo(others, changed)


def reportAway(state: ChatState, account: str | None, before: str, batch: Batch) -> None:
    """
    Notify others of a user who is away or back, because a connection has ended or begun.

    @param before: the away text before that, by L{ChatState.awayTextOf}.
    """
    text = state.awayTextOf(account)
    if bool(text) == bool(before) or batch.schema == 1:
        return
    own = state.sessionsByAccount.get(account or "", ())
    notified: dict[str, set[str]] = {}
    for session in own:
        changed = AwayChanged(session.nick, text, account, session.origin)
        # Once for each nick, in whatever rooms its connections are.
        others = notified.setdefault(session.key, {other.ident for other in own})
        _notifyOfAway(state, session, changed, batch, others)


def quitChat(state: ChatState, session: Session, reason: str, batch: Batch) -> None:
    """End a session, and notify all who shared a room with it."""
    account, away = session.account, state.awayTextOf(session.account)
    if not state.removeSession(session):
        return
    if any(state.isMuted(session, room, batch.stamp) for room in state.roomsOf(session)):
        # All rooms get the same notification, including those where it is muted.
        reason = ""
    state.tokens.pop(session.token, None)
    releaseNick(state, session)
    # Made here, because the account is removed below.
    gone = UserQuit(session.nick, reason, session.account, session.origin, session.username)
    # Another session of this account may be in some of the rooms, or in others.
    nickStays = session.key in state.sessionsByNick
    notified: dict[str, Session] = {}
    rooms = state.roomsOf(session)
    for room in rooms:
        partRoom(state, session, room, batch)
        if session.key in room.nickCounts:
            continue
        if nickStays:
            batch.sendToRoom(room, userLeft(room, session, reason))
        else:
            notified.update(room.members)
    _recordLastSeen(state, session, batch)
    if notified and len(rooms) == 1:
        # Most sessions are in one room, which gets this together with its other output.
        batch.sendToRoom(rooms[0], gone)
    elif notified:
        batch.sendTo(notified.values(), gone)
    reportAway(state, account, away, batch)


def quitAll(state: ChatState, sessions: Sequence[Session], batch: Batch) -> None:
    """
    End many sessions at once, without a reason.

    They may be most of a large room.  The members that stay get one notification for all of them;
    otherwise a thousand members that leave would be a thousand notifications to all others.
    """
    away = {item.account: state.awayTextOf(item.account) for item in sessions}
    departures = [
        # Made here, because the account is removed below.
        (item, state.roomsOf(item), UserQuit(item.nick, "", item.account, "", item.username))
        for item in sessions
        if state.removeSession(item)
    ]
    for session, rooms, _ in departures:
        state.tokens.pop(session.token, None)
        releaseNick(state, session)
        for room in rooms:
            partRoom(state, session, room, batch)
        _recordLastSeen(state, session, batch)
    # The names that have left, by the rooms to notify: most share the same rooms.
    nicksByRooms: dict[tuple[str, ...], dict[str, UserQuit]] = {}
    for session, rooms, gone in departures:
        remainingRooms = [
            room for room in rooms if room.members and session.key not in room.nickCounts
        ]
        if session.key not in state.sessionsByNick:
            keys = tuple(sorted(room.record.key for room in remainingRooms))
            nicksByRooms.setdefault(keys, {})[session.nick] = gone
            continue
        for room in remainingRooms:
            batch.sendToRoom(room, userLeft(room, session))
    for keys, quits in nicksByRooms.items():
        notified: dict[str, Session] = {}
        for key in keys:
            notified.update(state.rooms[key].members)
        if notified:
            batch.sendTo(notified.values(), *quits.values())
    for account, text in away.items():
        reportAway(state, account, text, batch)


def _recordLastSeen(state: ChatState, session: Session, batch: Batch) -> None:
    if session.account is not None:
        detachAccount(state, session, batch)
        return
    if session.ident not in state.detachedSessions:
        state.ignored.pop(session.origin, None)
        state.timeMarks.pop(session.origin, None)
    recordGuestGone(state, session.key, batch)


def detachAccount(state: ChatState, session: Session, batch: Batch) -> None:
    """Log a session out."""
    key, session.account, session.tokenId = session.account, None, ""
    assert key is not None
    removeFrom(state.sessionsByAccount, key, session)
    account = state.accounts.get(key)
    if account is not None:
        state.updateAccount(account.seenAt(batch.stamp, batch.schema), batch)


def partRoom(state: ChatState, session: Session, room: Room, batch: Batch) -> None:
    """Take a session out of a room; a room without members and lines is removed."""
    batch.splitDelivery(room)
    state.removeMember(session, room)
    if not room.members:
        batch.roomEmptied(room)
        if not room.record.seq:
            del state.rooms[room.record.key]
            state.roomCreationLimit.giveBack(room.permissions.creator)
        elif batch.schema > 1 and room.permissions.openAbandoned():
            batch.roomChanged(room)


def userLeft(room: Room, session: Session, reason: str = "", announced: bool = False) -> UserLeft:
    """The notification for the other members about a session that has left a room."""
    record = room.record
    return UserLeft(
        record.key,
        record.name,
        session.nick,
        reason,
        announced,
        session.account,
        session.origin,
    )


def removeFromRoom(
    state: ChatState, room: Room, sessions: list[Session], batch: Batch, announced: str = ""
) -> None:
    """
    Remove members from a room against their will.

    @param announced: the key of the name whose removal a line of the room shows already.
    """
    record = room.record
    for session in sessions:
        partRoom(state, session, room, batch)
        session.invited -= {record.key}
        if session.key not in room.nickCounts:
            batch.sendToRoom(room, userLeft(room, session, "", session.key == announced))
        batch.reply(session, LeftRoom(record.key, record.name, session.key == announced))
        batch.membershipChanged(session)


HANDLERS: Handlers = {
    Join: _join,
    Part: _part,
    Quit: _quit,
    SetAway: _setAway,
}
