"""
Nodes of a cluster, in the view that all of them share: it comes from the stream.

Each message of a node has the name of the node, its incarnation, and a number. A message that
begins with a L{NodeUp<tsservices.chat.operations.NodeUp>} is accepted if L{isNewIncarnation} is
true; for all others L{acceptMessage} decides, with the same result on all nodes. The de-duplication
of the broker is not enough: a replica that was frozen and thawed later stored a line twice, and
retries in a pipeline swapped lines.

The sessions of a node that is declared down are detached: for an hour all nodes remember their
state. A node that comes back reports which of them are still connected. They get no more rights
than before: everything that the node does not report comes from memory, and a session that is no
longer remembered counts as new.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

from tsservices.chat.batch import Batch
from tsservices.chat.errors import (
    LOGGED_OUT,
    NO_ACCOUNT,
    TAKEN_OVER,
    TOKEN_REVOKED,
    ChatError,
)
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.accounts import FIRST_SESSIONS_EACH, attachAccount, checkPlace
from tsservices.chat.handlers.identity import admit, claimNick, guestName
from tsservices.chat.handlers.membership import checkReader, createRoom, enterRoom, quitAll
from tsservices.chat.notifications import (
    AccountChanged,
    ErrorReply,
    LeftRoom,
    NickChanged,
    Notice,
    isIgnored,
)
from tsservices.chat.operations import BAN, Join, NodeDown, NodeUp, ReattachSession
from tsservices.chat.records import Account, DetachedMembership, DetachedSession, Node
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.timestamps import NANOSECONDS

#: Seconds for which detached sessions are remembered.
DETACHED_SECONDS = 3600.0

#: The highest possible position of a message.
LAST_POSITION = 2**63 - 1


class Verdict(Enum):
    """Whether a message is accepted."""

    #: The next message of its node: it is applied.
    TAKEN = auto()

    #: It was applied before.
    DUPLICATE = auto()

    #: A message before it is missing; the node will send both again.
    GAP = auto()

    #: The node is not up, or has started again since.
    STRANGER = auto()


def acceptMessage(
    state: ChatState, node: str, incarnation: str, n: int, position: int, stamp: int
) -> Verdict:
    """
    Whether a message is accepted, if it does not begin with an accepted L{NodeUp}.

    @param stamp: its time: nanoseconds since 1970, UTC.
    """
    known = state.nodes.get(node)
    if known is None or known.incarnation != incarnation:
        return Verdict.STRANGER
    # Even a message that is not accepted shows that its node is alive.
    known.position, known.stamp = position, stamp
    if n <= known.n:
        return Verdict.DUPLICATE
    if n > known.n + 1:
        return Verdict.GAP
    known.n = n
    return Verdict.TAKEN


def isNewIncarnation(state: ChatState, node: str, incarnation: str, n: int) -> bool:
    """Whether a message is the first one of an unknown incarnation."""
    known = state.nodes.get(node)
    previous = (
        state.previousIncarnations.get(node, ())
        if known is None
        else (*known.previousIncarnations, known.incarnation)
    )
    return n == 1 and incarnation not in previous


def shutdownOf(node: Node) -> NodeDown:
    """The last proposal of a node: none of its sessions will come back."""
    return NodeDown("", node.name, node.incarnation, LAST_POSITION)


def sessionOf(state: ChatState, ident: str, node: str) -> Session:
    """The session with this id, or a new one that has not entered."""
    return state.sessions.get(ident) or Session(ident, None, node=node)


def _up(state: ChatState, operation: NodeUp, session: Session, batch: Batch) -> None:
    name = operation.node
    if not isNewIncarnation(state, name, operation.incarnation, 1):
        return
    quitAll(state, _sessionsOf(state, name), batch)
    forgetDetached(state, batch.stamp, batch.schema)
    before = state.nodes.get(name)
    previous = (
        state.previousIncarnations.pop(name, ()) if before is None else before.allIncarnations()
    )
    state.nodes[name] = Node(
        name, operation.incarnation, 1, batch.position, batch.stamp, batch.stamp, previous
    )
    state.setLimits(
        operation.roomsEach,
        operation.maxRooms,
        operation.maxAccounts,
        operation.roomsFounded,
        operation.accountsFounded,
        operation.sessionsEach,
    )
    state.operators = frozenset(operation.operators)


def _down(state: ChatState, operation: NodeDown, session: Session, batch: Batch) -> None:
    node = state.nodes.get(operation.node)
    if node is None or node.incarnation != operation.incarnation or node.position > operation.seen:
        return
    sessions = _sessionsOf(state, node.name)
    forgetDetached(state, batch.stamp, batch.schema)
    if operation.seen != LAST_POSITION:
        for lost in sessions:
            state.detachedSessions[lost.ident] = detach(state, lost, batch.stamp)
    quitAll(state, sessions, batch)
    del state.nodes[node.name]
    state.previousIncarnations[node.name] = node.allIncarnations()


def _sessionsOf(state: ChatState, node: str) -> list[Session]:
    return [session for session in state.sessions.values() if session.node == node]


def detach(state: ChatState, session: Session, stamp: int) -> DetachedSession:
    """
    The state of a session, to be remembered.

    @param stamp: the current time: nanoseconds since 1970, UTC.
    """
    account = state.accountOf(session)
    return DetachedSession(
        session.ident,
        session.node,
        stamp,
        session.nick,
        session.key,
        session.account,
        0 if account is None else account.version,
        session.cloak,
        session.token,
        session.away,
        session.connectedAt,
        session.inheritedRestrictions,
        session.invited,
        tuple([_detachedMembership(session, room) for room in state.roomsOf(session)]),
        session.connectedPosition,
        session.origin,
        session.tokenId,
        session.username,
        session.realname,
    )


def _detachedMembership(session: Session, room: Room) -> DetachedMembership:
    record = room.record
    guest = record.private and session.account is None
    return DetachedMembership(
        record.key,
        record.name,
        record.seq,
        room.permissions.firstReadable(session) if guest else 0,
        record.openFrom,
        room.permissions.guestFounder == session.ident,
        room.permissions.sessionRoles.get(session.ident, ""),
        record.modes,
    )


def forgetDetached(state: ChatState, now: int, schema: int) -> None:
    """
    Forget sessions that were detached too long ago.

    @param now: nanoseconds since 1970, UTC.
    @param schema: the version of the rules.
    """
    since = now - int(DETACHED_SECONDS) * NANOSECONDS
    detached = state.detachedSessions
    if schema > 1:
        # If they were detached by a clock that was ahead, their hour begins now, not in some years.
        for ident, item in detached.items():
            if item.detachedAt > now:
                detached[ident] = replace(item, detachedAt=now)
    for ident in [ident for ident, item in detached.items() if item.detachedAt < since]:
        state.ignored.pop(detached.pop(ident).origin, None)


def reattachments(state: ChatState, node: str) -> list[ReattachSession]:
    """
    Proposals for a node that is back; it proposes those of the sessions that are still connected.
    Sessions of its earlier processes are among them.
    """
    return [
        ReattachSession(
            detached.ident,
            detached.nick,
            detached.key,
            detached.account,
            detached.version,
            detached.cloak,
            detached.token,
            detached.away,
            detached.connectedAt,
            tuple([(item.room, item.name, item.seq) for item in detached.memberships]),
            detached.tokenId,
        )
        for detached in state.detachedSessions.values()
        if detached.node == node
    ]


def _reattach(state: ChatState, operation: ReattachSession, session: Session, batch: Batch) -> None:
    if session.ident in state.sessions:
        return
    before = state.detachedSessions.pop(session.ident, None)
    registered = state.accounts.get(operation.account or "")
    # With a new password, or another owner of the name, the old login is not valid any more.
    valid = registered is not None and registered.version == operation.version
    if operation.tokenId:
        token = state.accountTokens.get(operation.tokenId)
        if token is None or token.account != operation.account:
            batch.disconnect(session, ChatError(TOKEN_REVOKED))
            return
        # A token is valid until it is revoked, whatever the password is.
        valid = True
    account = registered if valid else None
    if account is not None:
        # Sessions that have logged in meanwhile stay.
        try:
            _checkReturn(state, account, operation.tokenId, batch.schema)
        except ChatError as error:
            batch.disconnect(session, error)
            return
    admit(state, session, operation.cloak, operation.token, batch)
    session.away = operation.away
    if before is not None:
        session.connectedAt = before.connectedAt
        session.connectedPosition = before.connectedPosition
        session.inheritedRestrictions = before.inheritedRestrictions
        session.origin = before.origin
        session.username, session.realname = before.username, before.realname
        state.applyIgnored(session)
    _restoreNick(state, operation, session, account, batch.schema)
    text = "this server was cut off from the others, and is back: what you missed follows"
    batch.reply(session, Notice([text], "returned"))
    if session.nick != operation.nick:
        batch.reply(session, NickChanged(operation.nick, session.nick))
    if account is not None:
        state.updateAccount(account.seenAt(batch.stamp, batch.schema), batch)
        session.tokenId = operation.tokenId
        attachAccount(state, session, account, batch)
    elif operation.account is not None:
        code = NO_ACCOUNT if registered is None else LOGGED_OUT
        batch.reply(session, ErrorReply(ChatError(code, name=operation.account)))
        batch.reply(session, AccountChanged(session.nick, None))
    memberships = {} if before is None else {item.room: item for item in before.memberships}
    for key, name, seq in operation.rooms:
        membership = memberships.get(key)
        join = Join(session.ident, name, key)
        if membership is not None:
            join.modes = membership.modes
        _rejoin(state, join, seq, session, membership, batch)
    if before is not None:
        _restoreInvitations(state, before, session, batch.stamp)


def _checkReturn(state: ChatState, account: Account, tokenId: str, schema: int) -> None:
    if schema > 1:
        checkPlace(state, account, tokenId)
    elif len(state.sessionsByAccount.get(account.key, ())) >= FIRST_SESSIONS_EACH:
        raise ChatError(TAKEN_OVER)


def _restoreNick(
    state: ChatState,
    operation: ReattachSession,
    session: Session,
    account: Account | None,
    schema: int,
) -> None:
    # The old name, the name of the account, or one for a guest: the first that is free.
    names = [(operation.nick, operation.key)]
    if account is not None:
        names.append((account.name, account.key))
    for nick, key in names:
        isOwn = account is not None and key == account.key
        if schema > 1 and account is not None and key not in state.accounts:
            # Other sessions of the person may have the same name, whatever it is.
            holders = state.sessionsByNick.get(key, ())
            isOwn = all(holder.account == account.key for holder in holders)
        if isOwn or (key not in state.accounts and key not in state.sessionsByNick):
            claimNick(state, session, nick, key)
            return
    guest = guestName(state)
    claimNick(state, session, guest, guest)


def _rejoin(
    state: ChatState,
    operation: Join,
    seq: int,
    session: Session,
    before: DetachedMembership | None,
    batch: Batch,
) -> None:
    # @param seq: the number of the last line that the session got in the room.
    if operation.room in session.rooms:
        return
    room = state.rooms.get(operation.room)
    first = 0
    if before is not None and room is not None and session.account is None:
        # If the room was public in between, its earlier members have no more rights than others.
        same = room.record.private and room.record.openFrom == before.openFrom
        first = before.readableFrom if same else 0
    if first:
        session.invited |= {operation.room}
    try:
        # A session that did not leave needs no key again; a room without a line may be another one.
        wasMember = before is not None and before.seq > 0
        state.checkJoin(session, operation.room, batch.stamp, returning=wasMember)
        checkReader(state, session, operation.room)
        room = room or createRoom(state, operation, session, batch)
    except ChatError as error:
        session.invited -= {operation.room}
        batch.reply(session, ErrorReply(error))
        batch.reply(session, LeftRoom(operation.room, operation.name))
        return
    enterRoom(state, session, room, batch)
    permissions = room.permissions
    if first:
        permissions.readableFrom[session.ident] = first
    # A room with a line at that time is the same room now; one without may have been created again
    # by another user.
    if before is not None and before.founder and before.seq and session.account is None:
        permissions.restoreGuestFounder(session)
    if before is not None and before.seq:
        for letter in before.roles:
            permissions.setSessionRole(session, letter, True)
    missed = room.replayFrom(max(seq + 1, permissions.firstReadable(session)))
    if missed is not None:
        masks = session.ignores
        missed.messages = [item for item in missed.messages if not isIgnored(item, masks)]
        batch.reply(session, missed)


def _restoreInvitations(
    state: ChatState, before: DetachedSession, session: Session, now: int
) -> None:
    # Invitations of accounts are records, and were not lost.
    if before.account is not None or session.account is not None:
        return
    for key in sorted(before.invited):
        room = state.rooms.get(key)
        if room is None or key in session.rooms:
            continue
        if state.restriction(BAN, session, room, now) is None:
            session.invited |= {key}


HANDLERS: Handlers = {
    NodeUp: _up,
    NodeDown: _down,
    ReattachSession: _reattach,
}
