"""
The nodes of a cluster, as all of them know each other: by what came through the stream.
Pure.

Each message of a node has the name of the node, of its beginning (the incarnation), and a
number of its own.  One that begins with a L{NodeUp<tsservices.chat.operations.NodeUp>}
counts if L{isNewIncarnation} says so; of any other one, L{acceptMessage} says whether it counts, on all
nodes alike.

What comes of being cut off with one's node, and of the node's return.  Pure.

Nobody gets more rights by it than they had: all that is not in what a node says of a
session is kept for some time by all nodes; who returns later than that counts as somebody
who has just come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Any

from tsservices.chat.batch import Batch
from tsservices.chat.errors import LOGGED_OUT, NO_ACCOUNT, TAKEN_OVER, ChatError
from tsservices.chat.handlers.accounts import SESSIONS_EACH, attachAccount
from tsservices.chat.handlers.identity import admit, claimNick, guestName
from tsservices.chat.handlers.membership import createRoom, enterRoom, quitAll
from tsservices.chat.notifications import AccountChanged, ErrorReply, LeftRoom, NickChanged, Notice
from tsservices.chat.operations import BAN, Join, NodeDown, NodeUp, Operation, ReattachSession
from tsservices.chat.records import Account, DetachedMembership, DetachedSession, Node
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.timestamps import NANOSECONDS

#: Seconds for which what sessions of a node had that was taken for gone is kept, should the node
#: come back.
DETACHED_SECONDS = 3600.0


#: No message has a higher one.
LAST_POSITION = 2**63 - 1


class Verdict(Enum):
    """
    Whether a message counts.

    @cvar TAKEN: it does: it is the next of its node.
    @cvar DUPLICATE: it came before.
    @cvar GAP: one before it is missing: its node will send both again.
    @cvar STRANGER: its node is not up, or has begun again since.
    """

    TAKEN = auto()
    DUPLICATE = auto()
    GAP = auto()
    STRANGER = auto()


def acceptMessage(
    state: ChatState, node: str, incarnation: str, n: int, position: int, stamp: int
) -> Verdict:
    """
    A message has come that does not begin with a L{NodeUp} that counts.  Whatever comes of
    it, its node is there.

    @param stamp: when it got that: nanoseconds since 1970, UTC.
    """
    known = state.nodes.get(node)
    if known is None or known.incarnation != incarnation:
        return Verdict.STRANGER
    known.position, known.stamp = position, stamp
    if n <= known.n:
        return Verdict.DUPLICATE
    if n > known.n + 1:
        return Verdict.GAP
    known.n = n
    return Verdict.TAKEN


def isNewIncarnation(state: ChatState, node: str, incarnation: str, n: int) -> bool:
    """Whether it counts: it is the first of an incarnation that was not known."""
    known = state.nodes.get(node)
    former = (
        state.previousIncarnations.get(node, ())
        if known is None
        else (*known.previousIncarnations, known.incarnation)
    )
    return n == 1 and incarnation not in former


def shutdownOf(node: Node) -> NodeDown:
    """What it says last: nobody returns."""
    return NodeDown("", node.name, node.incarnation, LAST_POSITION)


def sessionOf(state: ChatState, ident: str, node: str) -> Session:
    """The session, or a new one, should it enter now."""
    return state.sessions.get(ident) or Session(ident, None, node=node)


def _up(state: ChatState, event: NodeUp, session: Session, batch: Batch) -> None:
    if not isNewIncarnation(state, event.node, event.incarnation, 1):
        return
    quitAll(state, _connected(state, event.node), batch)
    forgetDetached(state, batch.stamp)
    before = state.nodes.get(event.node)
    former = (
        state.previousIncarnations.pop(event.node, ())
        if before is None
        else before.allIncarnations()
    )
    state.nodes[event.node] = Node(
        event.node, event.incarnation, 1, batch.position, batch.stamp, batch.stamp, former
    )
    state.limits = replace(
        state.limits,
        roomsEach=event.roomsEach,
        maxRooms=event.maxRooms,
        maxAccounts=event.maxAccounts,
        roomsFounded=event.roomsFounded,
        accountsFounded=event.accountsFounded,
    )
    state.roomCreationLimit.change(event.roomsFounded)
    state.registrationLimit.change(event.accountsFounded)
    state.operators = frozenset(event.operators)


def _down(state: ChatState, event: NodeDown, session: Session, batch: Batch) -> None:
    node = state.nodes.get(event.node)
    if node is None or node.incarnation != event.incarnation or node.position > event.seen:
        return
    sessions = _connected(state, node.name)
    forgetDetached(state, batch.stamp)
    if event.seen != LAST_POSITION:
        for each in sessions:
            state.detachedSessions[each.ident] = detach(state, each, batch.stamp)
    quitAll(state, sessions, batch)
    del state.nodes[node.name]
    state.previousIncarnations[node.name] = node.allIncarnations()


def _connected(state: ChatState, node: str) -> list[Session]:
    return [each for each in state.sessions.values() if each.node == node]


def detach(state: ChatState, session: Session, stamp: int) -> DetachedSession:
    """
    What it has.

    @param stamp: when: nanoseconds since 1970, UTC.
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
    )


def forgetDetached(state: ChatState, now: int) -> None:
    """
    Forget those who were cut off too long ago.

    @param now: the time: nanoseconds since 1970, UTC.
    """
    since = now - int(DETACHED_SECONDS) * NANOSECONDS
    for ident in [
        ident for ident, each in state.detachedSessions.items() if each.detachedAt < since
    ]:
        del state.detachedSessions[ident]


def reattachments(state: ChatState, node: str) -> list[ReattachSession]:
    """
    What it proposes for its sessions, of those that are still connected; the sessions of its
    earlier processes are among them.
    """
    return [
        ReattachSession(
            each.ident,
            each.nick,
            each.key,
            each.account,
            each.version,
            each.cloak,
            each.token,
            each.away,
            each.connectedAt,
            tuple([(place.room, place.name, place.seq) for place in each.memberships]),
        )
        for each in state.detachedSessions.values()
        if each.node == node
    ]


def _reattach(state: ChatState, event: ReattachSession, session: Session, batch: Batch) -> None:
    if session.ident in state.sessions:
        return
    before = state.detachedSessions.pop(session.ident, None)
    account = state.accounts.get(event.account or "")
    lost = account is None or account.version != event.version
    if (
        account is not None
        and not lost
        and len(state.sessionsByAccount.get(account.key, ())) >= SESSIONS_EACH
    ):
        # Those who came meanwhile stay: this one is the oldest.
        batch.disconnect(session, ChatError(TAKEN_OVER))
        return
    admit(state, session, event.cloak, event.token, batch.stamp)
    session.away = event.away
    if before is not None:
        session.connectedAt, session.inheritedRestrictions = (
            before.connectedAt,
            before.inheritedRestrictions,
        )
    _restoreNick(state, event, session, None if lost else account)
    words = "this server was cut off from the others, and is back: what you missed follows"
    batch.reply(session, Notice([words], "returned"))
    if session.nick != event.nick:
        batch.reply(session, NickChanged(event.nick, session.nick))
    if account is not None and not lost:
        state.updateAccount(account.seenAt(batch.stamp), batch)
        attachAccount(state, session, account, batch)
    elif event.account is not None:
        why = ChatError(NO_ACCOUNT if account is None else LOGGED_OUT, name=event.account)
        batch.reply(session, ErrorReply(why))
        batch.reply(session, AccountChanged(session.nick, None))
    places = {} if before is None else {each.room: each for each in before.memberships}
    for key, name, seq in event.rooms:
        _rejoin(state, Join(session.ident, name, key), seq, session, places.get(key), batch)
    if before is not None:
        _restoreInvitations(state, before, session, batch.stamp)


def _restoreNick(
    state: ChatState, event: ReattachSession, session: Session, account: Account | None
) -> None:
    """Give somebody their name, if nobody else has it now."""
    names = [(event.nick, event.key)]
    if account is not None:
        names.append((account.name, account.key))
    for nick, key in names:
        mine = account is not None and key == account.key
        if mine or (key not in state.accounts and key not in state.sessionsByNick):
            claimNick(state, session, nick, key)
            return
    guest = guestName(state)
    claimNick(state, session, guest, guest)


def _rejoin(
    state: ChatState,
    event: Join,
    seq: int,
    session: Session,
    place: DetachedMembership | None,
    batch: Batch,
) -> None:
    """Put somebody back into a room, and tell them what they missed there."""
    if event.room in session.rooms:
        return
    room = state.rooms.get(event.room)
    first = 0
    if place is not None and room is not None and session.account is None:
        # Once it was open in between, whoever was inside before is nobody special.
        same = room.record.private and room.record.openFrom == place.openFrom
        first = place.readableFrom if same else 0
    if first:
        session.invited |= {event.room}
    try:
        state.checkJoin(session, event.room, batch.stamp)
        room = room or createRoom(state, event, session, batch)
    except ChatError as refused:
        session.invited -= {event.room}
        batch.reply(session, ErrorReply(refused))
        batch.reply(session, LeftRoom(event.room, event.name))
        return
    enterRoom(state, session, room, batch)
    access = room.permissions
    if first:
        access.setReadableFrom(session.ident, first)
    # A room where something was said before is the same room now.
    if place is not None and place.founder and place.seq and session.account is None:
        access.restoreGuestFounder(session)
    missed = room.replayFrom(max(seq + 1, access.firstReadable(session)))
    if missed is not None:
        batch.reply(session, missed)


def _restoreInvitations(
    state: ChatState, before: DetachedSession, session: Session, now: int
) -> None:
    """Let a guest enter the private rooms that they were invited to, and are not in."""
    if before.account is not None or session.account is not None:
        return
    for key in sorted(before.invited):
        room = state.rooms.get(key)
        if room is None or key in session.rooms:
            continue
        if state.restriction(BAN, session, room, now) is None:
            session.invited |= {key}


#: What each kind of event does.
HANDLERS: dict[type[Operation], Callable[[ChatState, Any, Session, Batch], None]] = {
    NodeUp: _up,
    NodeDown: _down,
    ReattachSession: _reattach,
}
