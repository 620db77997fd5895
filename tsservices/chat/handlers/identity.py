"""Identity: entering with a nick, renaming, and resuming the session of a lost connection."""

from __future__ import annotations

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    NICK_SHARED,
    NOTHING_TO_RESUME,
    TAKEN_OVER,
    TOKEN_SCOPE,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.ignoring import onRename
from tsservices.chat.notifications import (
    NickChanged,
    RealnameChanged,
    Resumed,
    UserJoined,
    UserLeft,
    Welcome,
)
from tsservices.chat.operations import READ_SCOPE, Enter, Introduce, Rename, Resume
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

#: Guests whose time of leaving is remembered.
GUESTS_REMEMBERED = 1000


def _enter(state: ChatState, operation: Enter, session: Session, batch: Batch) -> None:
    if session.ident in state.sessions:
        _rename(state, Rename(operation.session, operation.nick, operation.key), session, batch)
        return
    state.checkNick(session, operation.nick, operation.key, batch.schema)
    admit(state, session, operation.cloak, operation.token, batch)
    claimNick(state, session, operation.nick, operation.key)
    batch.reply(session, Welcome(operation.nick, None, batch.log))


def admit(state: ChatState, session: Session, cloak: str, token: str, batch: Batch) -> None:
    """Add a session that enters now; the caller claims its nick next."""
    session.cloak = cloak
    session.connectedAt, session.connectedPosition = batch.stamp, batch.recordPosition
    # A token is for one session: a second one with it could replace the session of another user.
    session.token = "" if token in state.tokens else token
    # A session that returns has more fields set on its own node than on the other nodes.
    session.away, session.inheritedRestrictions, session.invited = "", frozenset(), frozenset()
    session.username = session.realname = ""
    session.origin = session.ident
    state.applyIgnored(session)
    state.sessions[session.ident] = session
    state.endedSessions.pop(session.ident, None)
    if session.token:
        state.tokens[token] = session


def guestName(state: ChatState) -> str:
    """A free nick for a guest; it equals its key."""
    # Counted, not random, so that all nodes get the same one.
    number = 1
    while (name := f"guest-{number}") in state.sessionsByNick or name in state.accounts:
        number += 1
    return name


def claimNick(state: ChatState, session: Session, nick: str, key: str) -> None:
    """Give a nick to a session that has none; the caller has checked that it may have it."""
    session.nick, session.key = nick, key
    state.notePresence(key)
    state.sessionsByNick[key] = (*state.sessionsByNick.get(key, ()), session)


def releaseNick(state: ChatState, session: Session) -> None:
    """Undo L{claimNick}."""
    state.notePresence(session.key)
    removeFrom(state.sessionsByNick, session.key, session)


def recordGuestGone(state: ChatState, key: str, batch: Batch) -> None:
    """Remember when a guest's name was used last, unless somebody else has it now."""
    if key not in state.sessionsByNick:
        state.lastSeenGuests[key] = batch.stamp
        state.lastSeenGuests.move_to_end(key)
        if len(state.lastSeenGuests) > GUESTS_REMEMBERED:
            state.lastSeenGuests.popitem(last=False)


def removeFrom(index: dict[str, tuple[Session, ...]], key: str, session: Session) -> None:
    """Remove a session from an index of the state."""
    remaining = tuple([other for other in index[key] if other is not session])
    if remaining:
        index[key] = remaining
    else:
        del index[key]


def _rename(state: ChatState, operation: Rename, session: Session, batch: Batch) -> None:
    state.checkEntered(session)
    state.checkNick(session, operation.nick, operation.key, batch.schema)
    if session.nick == operation.nick:
        return
    # All these sessions are of one person, who gets a new name.
    sharing = state.sessionsByNick[session.key]
    if batch.schema == 1 and len(sharing) > 1:
        raise ChatError(NICK_SHARED, nick=session.nick)
    if batch.schema > 1:
        for other in sharing:
            state.checkRename(other, operation.key, batch.stamp)
    rename(state, session, operation.nick, operation.key, batch, sharing)


def rename(
    state: ChatState,
    session: Session,
    nick: str,
    key: str,
    batch: Batch,
    sharing: tuple[Session, ...] = (),
) -> None:
    """
    Change the nick of a session, and notify all sessions that share a room with it.

    @param sharing: all sessions with its nick, if they are renamed too.
    """
    sessions = sharing or (session,)
    oldNick, oldKey, account = session.nick, session.key, session.account
    notified: dict[str, Session] = {item.ident: item for item in sessions}
    # Rooms list people by name. If another session of this account keeps the old name, nobody has
    # left; if one has the new name already, nobody has joined.
    partly: list[tuple[Room, UserJoined | UserLeft]] = []
    present: dict[Room, int] = {}
    for renamed in sessions:
        for room in state.roomsOf(renamed):
            present[room] = present.get(room, 0) + 1
    for room, count in present.items():
        oldStays = room.nickCounts[oldKey] > count
        newIsPresent = key != oldKey and key in room.nickCounts
        record = room.record
        if not oldStays and not newIsPresent:
            notified.update(room.members)
        elif not newIsPresent:
            partly.append((room, UserJoined(record.key, record.name, nick, account)))
        elif not oldStays:
            left = UserLeft(record.key, record.name, oldNick, "", False, account, session.origin)
            partly.append((room, left))
        for _ in range(count):
            room.removeNick(oldKey)
            room.addNick(key)
    for renamed in sessions:
        releaseNick(state, renamed)
        claimNick(state, renamed, nick, key)
        onRename(state, renamed, batch)
    if batch.schema > 1 and oldKey not in state.accounts:
        recordGuestGone(state, oldKey, batch)
    batch.sendTo(notified.values(), NickChanged(oldNick, nick))
    for room, notification in partly:
        batch.sendToRoom(room, notification)


def _resume(state: ChatState, operation: Resume, session: Session, batch: Batch) -> None:
    old = state.tokens.get(operation.token)
    if old is None or session.ident in state.sessions:
        raise ChatError(NOTHING_TO_RESUME)
    state.removeSession(old)
    del state.tokens[operation.token]
    admit(state, session, operation.cloak, operation.token, batch)
    session.connectedAt, session.connectedPosition = old.connectedAt, old.connectedPosition
    session.inheritedRestrictions = old.inheritedRestrictions
    session.nick, session.key, session.account = old.nick, old.key, old.account
    session.tokenId = old.tokenId
    session.away, session.invited = old.away, old.invited
    session.username, session.realname = old.username, old.realname
    if batch.schema > 1:
        session.origin = old.origin
    state.applyIgnored(session)
    session.rooms, old.rooms = old.rooms, {}
    # Operations of the old session may still arrive: they must have no rights.
    old.token, old.account, old.tokenId = "", None, ""
    for room in state.roomsOf(session):
        batch.splitDelivery(room)
        room.replaceSession(old, session)
    for index, key in (
        (state.sessionsByNick, session.key),
        (state.sessionsByAccount, session.account),
    ):
        if key is not None:
            # At the same position: the oldest session of an account is the first one.
            index[key] = tuple([session if other is old else other for other in index[key]])
    batch.disconnect(old, ChatError(TAKEN_OVER))
    batch.membershipChanged(session)
    rooms = [(room.record.name, room.record.seq) for room in state.roomsOf(session)]
    batch.reply(session, Resumed(session.nick, session.account, rooms, batch.log))


def _introduce(state: ChatState, operation: Introduce, session: Session, batch: Batch) -> None:
    if not session.nick:
        # It was proposed together with a name that was refused; that error was sent already.
        return
    changed = session.realname != operation.realname
    introduced = bool(session.username)
    if introduced and changed and state.scopeOf(session) == READ_SCOPE:
        # Others would see the new real name.
        raise ChatError(TOKEN_SCOPE, scope=READ_SCOPE)
    session.username, session.realname = operation.username, operation.realname
    if introduced and changed:
        change = RealnameChanged(session.nick, session.account, session.origin, session.realname)
        batch.sendTo(state.sharedWith(session, True), change)


HANDLERS: Handlers = {
    Introduce: _introduce,
    Enter: _enter,
    Rename: _rename,
    Resume: _resume,
}
