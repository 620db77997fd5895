"""
The whole state of the chat as text, and back.  Pure.

Whoever loads it and applies the events that follow has the same state as whoever saved it
and went on, in every order that anything can rest on.  It is written in chunks: JSON of
all of it at once would keep other threads from the interpreter for long.

The parts of a checkpoint: what rows each part of the state becomes, and how it is made of
these again.  Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import chain, islice
from operator import attrgetter
from typing import Any

from tsservices.chat.records import (
    Account,
    DetachedMembership,
    DetachedSession,
    Node,
    ReadMarker,
    Restriction,
    RoomRecord,
    RoomRole,
)
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits

#: Rows in one piece of a checkpoint: JSON of them takes some milliseconds, for which no other
#: thread runs.
CHECKPOINT_ROWS = 1000


#: Of what L{save} writes.
VERSION = 1


def save(state: ChatState) -> list[str]:
    """All of it that events can rest on: equal for equal states."""
    chunks: list[str] = []
    for name, (rows, _) in SECTIONS.items():
        left = rows(state)
        while some := list(islice(left, CHECKPOINT_ROWS)):
            chunks.append(_asJSON([name, some]))
    return [_asJSON(["checkpoint", VERSION, len(chunks)]), *chunks]


def load(limits: Limits, chunks: list[str]) -> ChatState:
    """
    The state. Nobody in it hears anything.

    @raise ValueError: it is none that can be read here.
    """
    head: object = json.loads(chunks[0]) if chunks else None
    if head != ["checkpoint", VERSION, len(chunks) - 1]:
        raise ValueError(f"a checkpoint of version {VERSION} is wanted, not {chunks[:1]}")
    state = ChatState(limits)
    try:
        for chunk in chunks[1:]:
            name, rows = json.loads(chunk)
            restore = SECTIONS[name][1]
            for row in rows:
                restore(state, *row)
    except (LookupError, TypeError) as error:
        raise ValueError(f"this checkpoint can't be read: {error!r}") from error
    for room in state.rooms.values():
        room.recount()
    return state


def _asJSON(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


_Row = tuple[Any, ...]


# Rows have no names: a field may be called otherwise, but one that moves, or comes, is another
# version of what nodes keep.
def _fieldsOf(kind: type) -> Callable[[Any], _Row]:
    return attrgetter(*[each.name for each in fields(kind)])


_PLACE, _RECORD = _fieldsOf(DetachedMembership), _fieldsOf(RoomRecord)


def _rowsOf(found: Mapping[Any, Any], kind: type) -> Iterator[_Row]:
    return map(_fieldsOf(kind), found.values())


def _bounds(state: ChatState) -> Iterator[_Row]:
    limits = state.limits
    yield (
        limits.roomsEach,
        limits.maxRooms,
        limits.maxAccounts,
        limits.roomsFounded,
        limits.accountsFounded,
    )


def _setBounds(
    state: ChatState, each: int, rooms: int, accounts: int, founded: int, registered: int
) -> None:
    state.limits = replace(
        state.limits,
        roomsEach=each,
        maxRooms=rooms,
        maxAccounts=accounts,
        roomsFounded=founded,
        accountsFounded=registered,
    )
    state.roomCreationLimit.change(state.limits.roomsFounded)
    state.registrationLimit.change(state.limits.accountsFounded)


def _addOperator(state: ChatState, account: str) -> None:
    state.operators |= {account}


def _addNode(state: ChatState, name: str, *more: Any) -> None:
    node = state.nodes[name] = Node(name, *more)
    node.previousIncarnations = tuple(node.previousIncarnations)


def _addFormer(state: ChatState, name: str, former: list[str]) -> None:
    state.previousIncarnations[name] = tuple(former)


def _rooms(state: ChatState) -> Iterator[_Row]:
    for room in state.rooms.values():
        yield (_RECORD(room.record), room.permissions.creator, room.permissions.guestFounder)


def _addRoom(state: ChatState, record: list[Any], maker: str, guestFounder: str) -> None:
    room = Room(RoomRecord(*record))
    room.permissions.creator, room.permissions.guestFounder = maker, guestFounder
    state.rooms[room.record.key] = room


def _sessions(state: ChatState) -> Iterator[_Row]:
    for each in state.sessions.values():
        yield (
            each.ident,
            each.node,
            each.nick,
            each.key,
            each.account,
            each.cloak,
            each.token,
            each.away,
            each.connectedAt,
            sorted(each.inheritedRestrictions),
            sorted(each.invited),
            list(each.rooms),
        )


def _addSession(state: ChatState, ident: str, node: str, nick: str, key: str, *more: Any) -> None:
    account, cloak, token, away, arrived, held, invited, rooms = more
    session = state.sessions[ident] = Session(ident, None, cloak, node)
    session.nick, session.key, session.account = nick, key, account
    session.token, session.away, session.connectedAt = token, away, arrived
    session.inheritedRestrictions, session.invited = _held(held), frozenset(invited)
    session.rooms = dict.fromkeys(rooms)


def _held(rows: list[list[Any]]) -> frozenset[tuple[str, str, str, int]]:
    return frozenset((room, kind, mask, time) for room, kind, mask, time in rows)


def _people(groups: dict[str, tuple[Session, ...]]) -> Iterator[_Row]:
    for key, people in groups.items():
        yield (key, [each.ident for each in people])


def _addHolders(state: ChatState, key: str, idents: list[str]) -> None:
    state.sessionsByNick[key] = tuple([state.sessions[each] for each in idents])


def _addOwners(state: ChatState, key: str, idents: list[str]) -> None:
    state.sessionsByAccount[key] = tuple([state.sessions[each] for each in idents])


def _addToken(state: ChatState, token: str, ident: str) -> None:
    state.tokens[token] = state.sessions[ident]


def _members(state: ChatState) -> Iterator[_Row]:
    for key, room in state.rooms.items():
        readers = room.permissions.readers
        for ident in room.members:
            yield (key, ident, readers.get(ident))


def _addMember(state: ChatState, key: str, ident: str, first: int | None) -> None:
    room = state.rooms[key]
    room.members[ident] = state.sessions[ident]
    if first is not None:
        room.permissions.setReadableFrom(ident, first)


def _addLeft(state: ChatState, key: str, time: int) -> None:
    state.lastSeenGuests[key] = time


def _addEnded(state: ChatState, ident: str) -> None:
    state.endedSessions[ident] = None


def _cutOff(state: ChatState) -> Iterator[_Row]:
    for row, each in zip(
        _rowsOf(state.detachedSessions, DetachedSession),
        state.detachedSessions.values(),
        strict=True,
    ):
        places = [_PLACE(place) for place in each.memberships]
        yield (*row[:-3], sorted(each.inheritedRestrictions), sorted(each.invited), places)


def _addCutOff(state: ChatState, *row: Any) -> None:
    *first, held, invited, places = row
    more = (
        _held(held),
        frozenset(invited),
        tuple([DetachedMembership(*place) for place in places]),
    )
    each = DetachedSession(*(*first, *more))
    state.detachedSessions[each.ident] = each


#: What gives the rows of each part of the state, and what makes that part of one row again; each
#: after those that it needs.
SECTIONS: dict[str, tuple[Callable[[ChatState], Iterator[_Row]], Callable[..., None]]] = {
    "bounds": (_bounds, _setBounds),
    "operators": (lambda state: ((each,) for each in sorted(state.operators)), _addOperator),
    "nodes": (lambda state: _rowsOf(state.nodes, Node), _addNode),
    "formers": (lambda state: iter(state.previousIncarnations.items()), _addFormer),
    "accounts": (
        lambda state: _rowsOf(state.accounts, Account),
        lambda state, *row: state.load(Account(*row)),
    ),
    "marks": (
        lambda state: _rowsOf(state.readMarkers, ReadMarker),
        lambda state, *row: state.load(ReadMarker(*row)),
    ),
    "rooms": (_rooms, _addRoom),
    "restraints": (
        lambda state: chain.from_iterable(
            _rowsOf(room.permissions.restrictions, Restriction) for room in state.rooms.values()
        ),
        lambda state, *row: state.load(Restriction(*row)),
    ),
    "standings": (
        lambda state: chain.from_iterable(
            _rowsOf(room.permissions.roles, RoomRole) for room in state.rooms.values()
        ),
        lambda state, *row: state.load(RoomRole(*row)),
    ),
    "sessions": (_sessions, _addSession),
    "holders": (lambda state: _people(state.sessionsByNick), _addHolders),
    "owners": (lambda state: _people(state.sessionsByAccount), _addOwners),
    "tokens": (
        lambda state: ((token, each.ident) for token, each in state.tokens.items()),
        _addToken,
    ),
    "members": (_members, _addMember),
    "left": (lambda state: iter(state.lastSeenGuests.items()), _addLeft),
    "ended": (lambda state: ((each,) for each in state.endedSessions), _addEnded),
    "cutOff": (_cutOff, _addCutOff),
    "founding": (
        lambda state: iter(state.roomCreationLimit.rows()),
        lambda state, *row: state.roomCreationLimit.restore(*row),
    ),
    "registering": (
        lambda state: iter(state.registrationLimit.rows()),
        lambda state, *row: state.registrationLimit.restore(*row),
    ),
}
