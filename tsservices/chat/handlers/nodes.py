"""
The nodes of a cluster, as all of them know each other: by what came through the stream.
Pure.

Each message of a node has the name of the node, of its beginning (the incarnation), and a
number of its own.  One that begins with a L{NodeUp<tsservices.chat.operations.NodeUp>}
counts if L{mayBegin} says so; of any other one, L{heard} says whether it counts, on all
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
from tsservices.chat.errors import LOGGED_OUT, NO_ACCOUNT, TAKEN_OVER, Refused
from tsservices.chat.handlers.accounts import own
from tsservices.chat.handlers.identity import appear, guestName, hold
from tsservices.chat.handlers.membership import departTogether, enter, found
from tsservices.chat.notifications import AccountChanged, Notice, Refusal, Renamed, RoomLeft
from tsservices.chat.operations import BAN, Event, Join, NodeGone, NodeUp, Return
from tsservices.chat.records import Account, CutOff, Node, Place
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby
from tsservices.common.limits import CUT_OFF_SECONDS, SESSIONS_EACH
from tsservices.common.timestamps import NANOSECONDS

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


def heard(lobby: Lobby, node: str, incarnation: str, n: int, position: int, stamp: int) -> Verdict:
    """
    A message has come that does not begin with a L{NodeUp} that counts.  Whatever comes of
    it, its node is there.

    @param stamp: when it got that: nanoseconds since 1970, UTC.
    """
    known = lobby.nodes.get(node)
    if known is None or known.incarnation != incarnation:
        return Verdict.STRANGER
    known.position, known.stamp = position, stamp
    if n <= known.n:
        return Verdict.DUPLICATE
    if n > known.n + 1:
        return Verdict.GAP
    known.n = n
    return Verdict.TAKEN


def mayBegin(lobby: Lobby, node: str, incarnation: str, n: int) -> bool:
    """Whether it counts: it is the first of an incarnation that was not known."""
    known = lobby.nodes.get(node)
    former = lobby.formers.get(node, ()) if known is None else (*known.former, known.incarnation)
    return n == 1 and incarnation not in former


def goodbye(node: Node) -> NodeGone:
    """What it says last: nobody returns."""
    return NodeGone("", node.name, node.incarnation, LAST_POSITION)


def sessionOf(lobby: Lobby, ident: str, node: str) -> Session:
    """The session, or a new one, should it enter now."""
    return lobby.sessions.get(ident) or Session(ident, None, node=node)


def _up(lobby: Lobby, event: NodeUp, session: Session, batch: Batch) -> None:
    if not mayBegin(lobby, event.node, event.incarnation, 1):
        return
    departTogether(lobby, _connected(lobby, event.node), batch)
    forget(lobby, batch.stamp)
    before = lobby.nodes.get(event.node)
    former = lobby.formers.pop(event.node, ()) if before is None else before.over()
    lobby.nodes[event.node] = Node(
        event.node, event.incarnation, 1, batch.position, batch.stamp, batch.stamp, former
    )
    lobby.limits = replace(
        lobby.limits,
        roomsEach=event.roomsEach,
        maxRooms=event.maxRooms,
        maxAccounts=event.maxAccounts,
        roomsFounded=event.roomsFounded,
        accountsFounded=event.accountsFounded,
    )
    lobby.founding.change(event.roomsFounded)
    lobby.registering.change(event.accountsFounded)
    lobby.operators = frozenset(event.operators)


def _gone(lobby: Lobby, event: NodeGone, session: Session, batch: Batch) -> None:
    node = lobby.nodes.get(event.node)
    if node is None or node.incarnation != event.incarnation or node.position > event.seen:
        return
    sessions = _connected(lobby, node.name)
    forget(lobby, batch.stamp)
    if event.seen != LAST_POSITION:
        for each in sessions:
            lobby.cutOff[each.ident] = cutOff(lobby, each, batch.stamp)
    departTogether(lobby, sessions, batch)
    del lobby.nodes[node.name]
    lobby.formers[node.name] = node.over()


def _connected(lobby: Lobby, node: str) -> list[Session]:
    return [each for each in lobby.sessions.values() if each.node == node]


def cutOff(lobby: Lobby, session: Session, stamp: int) -> CutOff:
    """
    What it has.

    @param stamp: when: nanoseconds since 1970, UTC.
    """
    account = lobby.accountOf(session)
    return CutOff(
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
        session.arrived,
        session.held,
        session.invited,
        tuple([_place(session, room) for room in lobby.roomsOf(session)]),
    )


def _place(session: Session, room: Room) -> Place:
    record = room.record
    guest = record.private and session.account is None
    return Place(
        record.key,
        record.name,
        record.seq,
        room.access.readsFrom(session) if guest else 0,
        record.openFrom,
        room.access.guestFounder == session.ident,
    )


def forget(lobby: Lobby, now: int) -> None:
    """
    Forget those who were cut off too long ago.

    @param now: the time: nanoseconds since 1970, UTC.
    """
    since = now - int(CUT_OFF_SECONDS) * NANOSECONDS
    for ident in [ident for ident, each in lobby.cutOff.items() if each.stamp < since]:
        del lobby.cutOff[ident]


def returns(lobby: Lobby, node: str) -> list[Return]:
    """
    What it proposes for its sessions, of those that are still connected; the sessions of its
    earlier processes are among them.
    """
    return [
        Return(
            each.ident,
            each.nick,
            each.key,
            each.account,
            each.version,
            each.cloak,
            each.token,
            each.away,
            each.arrived,
            tuple([(place.room, place.name, place.seq) for place in each.places]),
        )
        for each in lobby.cutOff.values()
        if each.node == node
    ]


def _return(lobby: Lobby, event: Return, session: Session, batch: Batch) -> None:
    if session.ident in lobby.sessions:
        return
    before = lobby.cutOff.pop(session.ident, None)
    account = lobby.accounts.get(event.account or "")
    lost = account is None or account.version != event.version
    if account is not None and not lost and len(lobby.owners.get(account.key, ())) >= SESSIONS_EACH:
        # Those who came meanwhile stay: this one is the oldest.
        batch.dismiss(session, Refused(TAKEN_OVER))
        return
    appear(lobby, session, event.cloak, event.token, batch.stamp)
    session.away = event.away
    if before is not None:
        session.arrived, session.held = before.arrived, before.held
    _name(lobby, event, session, None if lost else account)
    words = "this server was cut off from the others, and is back: what you missed follows"
    batch.answer(session, Notice([words], "returned"))
    if session.nick != event.nick:
        batch.answer(session, Renamed(event.nick, session.nick))
    if account is not None and not lost:
        lobby.keep(account.at(batch.stamp), batch)
        own(lobby, session, account, batch)
    elif event.account is not None:
        why = Refused(NO_ACCOUNT if account is None else LOGGED_OUT, name=event.account)
        batch.answer(session, Refusal(why))
        batch.answer(session, AccountChanged(session.nick, None))
    places = {} if before is None else {each.room: each for each in before.places}
    for key, name, seq in event.rooms:
        _goBack(lobby, Join(session.ident, name, key), seq, session, places.get(key), batch)
    if before is not None:
        _inviteAgain(lobby, before, session, batch.stamp)


def _name(lobby: Lobby, event: Return, session: Session, account: Account | None) -> None:
    """Give somebody their name, if nobody else has it now."""
    names = [(event.nick, event.key)]
    if account is not None:
        names.append((account.name, account.key))
    for nick, key in names:
        mine = account is not None and key == account.key
        if mine or (key not in lobby.accounts and key not in lobby.holders):
            hold(lobby, session, nick, key)
            return
    guest = guestName(lobby)
    hold(lobby, session, guest, guest)


def _goBack(
    lobby: Lobby, event: Join, seq: int, session: Session, place: Place | None, batch: Batch
) -> None:
    """Put somebody back into a room, and tell them what they missed there."""
    if event.room in session.rooms:
        return
    room = lobby.rooms.get(event.room)
    first = 0
    if place is not None and room is not None and session.account is None:
        # Once it was open in between, whoever was inside before is nobody special.
        same = room.record.private and room.record.openFrom == place.openFrom
        first = place.first if same else 0
    if first:
        session.invited |= {event.room}
    try:
        lobby.checkJoin(session, event.room, batch.stamp)
        room = room or found(lobby, event, session, batch)
    except Refused as refused:
        session.invited -= {event.room}
        batch.answer(session, Refusal(refused))
        batch.answer(session, RoomLeft(event.room, event.name))
        return
    enter(lobby, session, room, batch)
    access = room.access
    if first:
        access.let(session.ident, first)
    # A room where something was said before is the same room now.
    if place is not None and place.founder and place.seq and session.account is None:
        access.foundedBy(session)
    missed = room.missed(max(seq + 1, access.readsFrom(session)))
    if missed is not None:
        batch.answer(session, missed)


def _inviteAgain(lobby: Lobby, before: CutOff, session: Session, now: int) -> None:
    """Let a guest enter the private rooms that they were invited to, and are not in."""
    if before.account is not None or session.account is not None:
        return
    for key in sorted(before.invited):
        room = lobby.rooms.get(key)
        if room is None or key in session.rooms:
            continue
        if lobby.restraint(BAN, session, room, now) is None:
            session.invited |= {key}


#: What each kind of event does.
APPLY: dict[type[Event], Callable[[Lobby, Any, Session, Batch], None]] = {
    NodeUp: _up,
    NodeGone: _gone,
    Return: _return,
}
