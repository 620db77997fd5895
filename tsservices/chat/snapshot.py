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
    CutOff,
    Node,
    Place,
    ReadMark,
    Restraint,
    RoomRecord,
    Standing,
)
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby
from tsservices.common.limits import CHECKPOINT_ROWS, Limits

#: Of what L{save} writes.
VERSION = 1


def save(lobby: Lobby) -> list[str]:
    """All of it that events can rest on: equal for equal states."""
    chunks: list[str] = []
    for name, (rows, _) in SECTIONS.items():
        left = rows(lobby)
        while some := list(islice(left, CHECKPOINT_ROWS)):
            chunks.append(_asJSON([name, some]))
    return [_asJSON(["checkpoint", VERSION, len(chunks)]), *chunks]


def load(limits: Limits, chunks: list[str]) -> Lobby:
    """
    The state. Nobody in it hears anything.

    @raise ValueError: it is none that can be read here.
    """
    head: object = json.loads(chunks[0]) if chunks else None
    if head != ["checkpoint", VERSION, len(chunks) - 1]:
        raise ValueError(f"a checkpoint of version {VERSION} is wanted, not {chunks[:1]}")
    lobby = Lobby(limits)
    try:
        for chunk in chunks[1:]:
            name, rows = json.loads(chunk)
            restore = SECTIONS[name][1]
            for row in rows:
                restore(lobby, *row)
    except (LookupError, TypeError) as error:
        raise ValueError(f"this checkpoint can't be read: {error!r}") from error
    for room in lobby.rooms.values():
        room.count()
    return lobby


def _asJSON(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


_Row = tuple[Any, ...]


# Rows have no names: a field may be called otherwise, but one that moves, or comes, is another
# version of what nodes keep.
def _fieldsOf(kind: type) -> Callable[[Any], _Row]:
    return attrgetter(*[each.name for each in fields(kind)])


_PLACE, _RECORD = _fieldsOf(Place), _fieldsOf(RoomRecord)


def _rowsOf(found: Mapping[Any, Any], kind: type) -> Iterator[_Row]:
    return map(_fieldsOf(kind), found.values())


def _bounds(lobby: Lobby) -> Iterator[_Row]:
    limits = lobby.limits
    yield (
        limits.roomsEach,
        limits.maxRooms,
        limits.maxAccounts,
        limits.roomsFounded,
        limits.accountsFounded,
    )


def _setBounds(
    lobby: Lobby, each: int, rooms: int, accounts: int, founded: int, registered: int
) -> None:
    lobby.limits = replace(
        lobby.limits,
        roomsEach=each,
        maxRooms=rooms,
        maxAccounts=accounts,
        roomsFounded=founded,
        accountsFounded=registered,
    )
    lobby.founding.change(lobby.limits.roomsFounded)
    lobby.registering.change(lobby.limits.accountsFounded)


def _addOperator(lobby: Lobby, account: str) -> None:
    lobby.operators |= {account}


def _addNode(lobby: Lobby, name: str, *more: Any) -> None:
    node = lobby.nodes[name] = Node(name, *more)
    node.former = tuple(node.former)


def _addFormer(lobby: Lobby, name: str, former: list[str]) -> None:
    lobby.formers[name] = tuple(former)


def _rooms(lobby: Lobby) -> Iterator[_Row]:
    for room in lobby.rooms.values():
        yield (_RECORD(room.record), room.access.maker, room.access.guestFounder)


def _addRoom(lobby: Lobby, record: list[Any], maker: str, guestFounder: str) -> None:
    room = Room(RoomRecord(*record))
    room.access.maker, room.access.guestFounder = maker, guestFounder
    lobby.rooms[room.record.key] = room


def _sessions(lobby: Lobby) -> Iterator[_Row]:
    for each in lobby.sessions.values():
        yield (
            each.ident,
            each.node,
            each.nick,
            each.key,
            each.account,
            each.cloak,
            each.token,
            each.away,
            each.arrived,
            sorted(each.held),
            sorted(each.invited),
            list(each.rooms),
        )


def _addSession(lobby: Lobby, ident: str, node: str, nick: str, key: str, *more: Any) -> None:
    account, cloak, token, away, arrived, held, invited, rooms = more
    session = lobby.sessions[ident] = Session(ident, None, cloak, node)
    session.nick, session.key, session.account = nick, key, account
    session.token, session.away, session.arrived = token, away, arrived
    session.held, session.invited = _held(held), frozenset(invited)
    session.rooms = dict.fromkeys(rooms)


def _held(rows: list[list[Any]]) -> frozenset[tuple[str, str, str, int]]:
    return frozenset((room, kind, mask, time) for room, kind, mask, time in rows)


def _people(groups: dict[str, tuple[Session, ...]]) -> Iterator[_Row]:
    for key, people in groups.items():
        yield (key, [each.ident for each in people])


def _addHolders(lobby: Lobby, key: str, idents: list[str]) -> None:
    lobby.holders[key] = tuple([lobby.sessions[each] for each in idents])


def _addOwners(lobby: Lobby, key: str, idents: list[str]) -> None:
    lobby.owners[key] = tuple([lobby.sessions[each] for each in idents])


def _addToken(lobby: Lobby, token: str, ident: str) -> None:
    lobby.tokens[token] = lobby.sessions[ident]


def _members(lobby: Lobby) -> Iterator[_Row]:
    for key, room in lobby.rooms.items():
        readers = room.access.readers
        for ident in room.members:
            yield (key, ident, readers.get(ident))


def _addMember(lobby: Lobby, key: str, ident: str, first: int | None) -> None:
    room = lobby.rooms[key]
    room.members[ident] = lobby.sessions[ident]
    if first is not None:
        room.access.let(ident, first)


def _addLeft(lobby: Lobby, key: str, time: int) -> None:
    lobby.left[key] = time


def _addEnded(lobby: Lobby, ident: str) -> None:
    lobby.ended[ident] = None


def _cutOff(lobby: Lobby) -> Iterator[_Row]:
    for row, each in zip(_rowsOf(lobby.cutOff, CutOff), lobby.cutOff.values(), strict=True):
        places = [_PLACE(place) for place in each.places]
        yield (*row[:-3], sorted(each.held), sorted(each.invited), places)


def _addCutOff(lobby: Lobby, *row: Any) -> None:
    *first, held, invited, places = row
    more = (_held(held), frozenset(invited), tuple([Place(*place) for place in places]))
    each = CutOff(*(*first, *more))
    lobby.cutOff[each.ident] = each


#: What gives the rows of each part of the state, and what makes that part of one row again; each
#: after those that it needs.
SECTIONS: dict[str, tuple[Callable[[Lobby], Iterator[_Row]], Callable[..., None]]] = {
    "bounds": (_bounds, _setBounds),
    "operators": (lambda lobby: ((each,) for each in sorted(lobby.operators)), _addOperator),
    "nodes": (lambda lobby: _rowsOf(lobby.nodes, Node), _addNode),
    "formers": (lambda lobby: iter(lobby.formers.items()), _addFormer),
    "accounts": (
        lambda lobby: _rowsOf(lobby.accounts, Account),
        lambda lobby, *row: lobby.load(Account(*row)),
    ),
    "marks": (
        lambda lobby: _rowsOf(lobby.marks, ReadMark),
        lambda lobby, *row: lobby.load(ReadMark(*row)),
    ),
    "rooms": (_rooms, _addRoom),
    "restraints": (
        lambda lobby: chain.from_iterable(
            _rowsOf(room.access.restraints, Restraint) for room in lobby.rooms.values()
        ),
        lambda lobby, *row: lobby.load(Restraint(*row)),
    ),
    "standings": (
        lambda lobby: chain.from_iterable(
            _rowsOf(room.access.standings, Standing) for room in lobby.rooms.values()
        ),
        lambda lobby, *row: lobby.load(Standing(*row)),
    ),
    "sessions": (_sessions, _addSession),
    "holders": (lambda lobby: _people(lobby.holders), _addHolders),
    "owners": (lambda lobby: _people(lobby.owners), _addOwners),
    "tokens": (
        lambda lobby: ((token, each.ident) for token, each in lobby.tokens.items()),
        _addToken,
    ),
    "members": (_members, _addMember),
    "left": (lambda lobby: iter(lobby.left.items()), _addLeft),
    "ended": (lambda lobby: ((each,) for each in lobby.ended), _addEnded),
    "cutOff": (_cutOff, _addCutOff),
    "founding": (
        lambda lobby: iter(lobby.founding.rows()),
        lambda lobby, *row: lobby.founding.restore(*row),
    ),
    "registering": (
        lambda lobby: iter(lobby.registering.rows()),
        lambda lobby, *row: lobby.registering.restore(*row),
    ),
}
