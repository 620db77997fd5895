"""
Snapshots: the whole state of the chat as text, and back.

A node that loads one and applies the operations after it has the same state as the node that saved
it and went on, including the order of everything that decisions depend on. Connections and lines in
memory are not part of it.

It is written in chunks, because no other thread runs while JSON of the whole state is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from tsservices.chat.records import (
    Account,
    AccountToken,
    DetachedMembership,
    DetachedSession,
    Ignored,
    InboxShare,
    Node,
    PostReceipt,
    ReadMarker,
    Record,
    Restriction,
    RoomRecord,
    RoomRole,
    TimeMark,
)
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits
from tsservices.common.ratelimit import KeyedRateLimiter

#: Rows in one chunk: making its JSON takes some milliseconds, in which no other thread runs.
CHECKPOINT_ROWS = 1000

#: The version of the output of L{save}. L{load} reads older ones too: a missing field has its
#: default, a missing section is empty.
VERSION = 2


def save(state: ChatState) -> list[str]:
    """The chunks of the state: equal for equal states, so that nodes can compare them."""
    chunks: list[str] = []
    for name, section in SECTIONS.items():
        rows = iter(section.rows(state))
        while chunk := list(islice(rows, CHECKPOINT_ROWS)):
            chunks.append(_asJSON([name, chunk]))
    return [_asJSON(["checkpoint", VERSION, len(chunks)]), *chunks]


def load(limits: Limits, chunks: list[str]) -> ChatState:
    """
    The state, in which no session has a recipient.

    @raise ValueError: the chunks are of another version, or incomplete.
    """
    head: object = json.loads(chunks[0]) if chunks else None
    if head not in [["checkpoint", known, len(chunks) - 1] for known in range(1, VERSION + 1)]:
        raise ValueError(f"a checkpoint of version {VERSION} is wanted, not {chunks[:1]}")
    state = ChatState(limits)
    try:
        for chunk in chunks[1:]:
            name, rows = json.loads(chunk)
            restore = SECTIONS[name].restore
            for row in rows:
                restore(state, *row)
    except (LookupError, TypeError) as error:
        raise ValueError(f"this checkpoint can't be read: {error!r}") from error
    for room in state.rooms.values():
        room.recount()
    for session in state.sessions.values():
        state.applyIgnored(session)
    return state


def _asJSON(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


_Row = tuple[Any, ...]


class _Section(NamedTuple):
    """One part of the state."""

    #: The rows to write; each can be written as JSON.
    rows: Callable[[ChatState], Iterable[_Row]]
    #: Restores one row into a state that already has the sections before.
    restore: Callable[..., None]


# Rows have no field names. So a field may be renamed, but a moved or new field needs another
# version, because nodes have stored such rows.
def _fieldsOf(kind: type) -> Callable[[Any], _Row]:
    return attrgetter(*[field.name for field in fields(kind)])


_MEMBERSHIP, _NODE, _ROOM = _fieldsOf(DetachedMembership), _fieldsOf(Node), _fieldsOf(RoomRecord)
_DETACHED = _fieldsOf(DetachedSession)
_INHERITED, _INVITED, _MEMBERSHIPS = (
    [field.name for field in fields(DetachedSession)].index(name)
    for name in ("inheritedRestrictions", "invited", "memberships")
)


def _records(kind: type[Record], select: Callable[[ChatState], Iterable[Record]]) -> _Section:
    values = _fieldsOf(kind)
    return _Section(
        lambda state: map(values, select(state)), lambda state, *row: state.load(kind(*row))
    )


def _sessionGroups(index: Callable[[ChatState], dict[str, tuple[Session, ...]]]) -> _Section:
    def rows(state: ChatState) -> Iterator[_Row]:
        for key, sessions in index(state).items():
            yield (key, [session.ident for session in sessions])

    def restore(state: ChatState, key: str, idents: list[str]) -> None:
        index(state)[key] = tuple([state.sessions[ident] for ident in idents])

    return _Section(rows, restore)


def _limiter(limiter: Callable[[ChatState], KeyedRateLimiter]) -> _Section:
    return _Section(
        lambda state: limiter(state).rows(), lambda state, *row: limiter(state).restore(*row)
    )


_LIMITS = attrgetter(
    "roomsEach", "maxRooms", "maxAccounts", "roomsFounded", "accountsFounded", "sessionsEach"
)


def _addOperator(state: ChatState, account: str) -> None:
    state.operators |= {account}


def _addNode(state: ChatState, name: str, *values: Any) -> None:
    *plain, previous = values
    state.nodes[name] = Node(*(name, *plain, tuple(previous)))


def _addPrevious(state: ChatState, name: str, previous: list[str]) -> None:
    state.previousIncarnations[name] = tuple(previous)


def _rooms(state: ChatState) -> Iterator[_Row]:
    for room in state.rooms.values():
        yield (_ROOM(room.record), room.permissions.creator, room.permissions.guestFounder)


def _addRoom(state: ChatState, record: list[Any], creator: str, guestFounder: str) -> None:
    room = Room(RoomRecord(*record))
    room.permissions.creator, room.permissions.guestFounder = creator, guestFounder
    state.rooms[room.record.key] = room


def _sessions(state: ChatState) -> Iterator[_Row]:
    for session in state.sessions.values():
        yield (
            session.ident,
            session.node,
            session.nick,
            session.key,
            session.account,
            session.cloak,
            session.token,
            session.away,
            session.connectedAt,
            sorted(session.inheritedRestrictions),
            sorted(session.invited),
            list(session.rooms),
            session.connectedPosition,
            session.origin,
            session.tokenId,
            session.username,
            session.realname,
        )


def _addSession(state: ChatState, ident: str, node: str, nick: str, key: str, *more: Any) -> None:
    account, cloak, token, away, connectedAt, inherited, invited, rooms, *later = more
    session = state.sessions[ident] = Session(ident, None, cloak, node)
    session.nick, session.key, session.account = nick, key, account
    session.token, session.away, session.connectedAt = token, away, connectedAt
    session.inheritedRestrictions, session.invited = _inherited(inherited), frozenset(invited)
    session.rooms = dict.fromkeys(rooms)
    # Version 1 had none of them; an origin is first the session's own id.
    values = [*later, *(0, ident, "", "", "")[len(later) :]]
    session.connectedPosition, session.origin, session.tokenId = values[:3]
    session.username, session.realname = values[3:]


def _inherited(rows: list[list[Any]]) -> frozenset[tuple[str, str, str, int]]:
    return frozenset((room, kind, mask, time) for room, kind, mask, time in rows)


def _addToken(state: ChatState, token: str, ident: str) -> None:
    state.tokens[token] = state.sessions[ident]


def _members(state: ChatState) -> Iterator[_Row]:
    for key, room in state.rooms.items():
        for ident in room.members:
            permissions = room.permissions
            roles = permissions.sessionRoles.get(ident, "")
            yield (key, ident, permissions.readableFrom.get(ident), roles)


def _addMember(state: ChatState, key: str, ident: str, first: int | None, roles: str = "") -> None:
    room = state.rooms[key]
    room.members[ident] = state.sessions[ident]
    if first is not None:
        room.permissions.readableFrom[ident] = first
    if roles:
        room.permissions.sessionRoles[ident] = roles


def _addLastSeen(state: ChatState, key: str, time: int) -> None:
    state.lastSeenGuests[key] = time


def _setTime(state: ChatState, time: int) -> None:
    state.time = time


def _addEnded(state: ChatState, ident: str) -> None:
    state.endedSessions[ident] = None


def _detachedSessions(state: ChatState) -> Iterator[_Row]:
    for session in state.detachedSessions.values():
        values = list(_DETACHED(session))
        values[_INHERITED] = sorted(session.inheritedRestrictions)
        values[_INVITED] = sorted(session.invited)
        values[_MEMBERSHIPS] = list(map(_MEMBERSHIP, session.memberships))
        yield tuple(values)


def _addDetached(state: ChatState, *row: Any) -> None:
    values = list(row)
    values[_INHERITED] = _inherited(values[_INHERITED])
    values[_INVITED] = frozenset(values[_INVITED])
    values[_MEMBERSHIPS] = tuple([DetachedMembership(*item) for item in values[_MEMBERSHIPS]])
    session = DetachedSession(*values)
    # Version 1 had no origin; it is first the session's own id.
    session = replace(session, origin=session.origin or session.ident)
    state.detachedSessions[session.ident] = session


#: The parts of the state by their names in chunks, each after those that it depends on.
SECTIONS: dict[str, _Section] = {
    "bounds": _Section(lambda state: [_LIMITS(state.limits)], ChatState.setLimits),
    "operators": _Section(
        lambda state: ((account,) for account in sorted(state.operators)), _addOperator
    ),
    "nodes": _Section(lambda state: map(_NODE, state.nodes.values()), _addNode),
    "formers": _Section(lambda state: state.previousIncarnations.items(), _addPrevious),
    "accounts": _records(Account, lambda state: state.accounts.values()),
    "marks": _records(ReadMarker, lambda state: state.readMarkers.values()),
    "accountTokens": _records(AccountToken, lambda state: state.accountTokens.values()),
    "timeMarks": _records(
        TimeMark,
        lambda state: (mark for marks in state.timeMarks.values() for mark in marks.values()),
    ),
    "ignored": _records(
        Ignored,
        lambda state: (entry for entries in state.ignored.values() for entry in entries.values()),
    ),
    # Version 1 does not store the senders of the messages that wait for an account. On all nodes
    # they count only for the whole inbox then, until it is read.
    "shares": _records(
        InboxShare,
        lambda state: (share for shares in state.inboxShares.values() for share in shares.values()),
    ),
    "receipts": _records(PostReceipt, lambda state: state.receipts),
    "rooms": _Section(_rooms, _addRoom),
    "restraints": _records(
        Restriction,
        lambda state: (
            restriction
            for room in state.rooms.values()
            for restriction in room.permissions.restrictions.values()
        ),
    ),
    "standings": _records(
        RoomRole,
        lambda state: (
            role for room in state.rooms.values() for role in room.permissions.roles.values()
        ),
    ),
    "sessions": _Section(_sessions, _addSession),
    "holders": _sessionGroups(lambda state: state.sessionsByNick),
    "owners": _sessionGroups(lambda state: state.sessionsByAccount),
    "tokens": _Section(
        lambda state: ((token, session.ident) for token, session in state.tokens.items()),
        _addToken,
    ),
    "members": _Section(_members, _addMember),
    "left": _Section(lambda state: state.lastSeenGuests.items(), _addLastSeen),
    "ended": _Section(lambda state: ((ident,) for ident in state.endedSessions), _addEnded),
    "cutOff": _Section(_detachedSessions, _addDetached),
    "founding": _limiter(lambda state: state.roomCreationLimit),
    "registering": _limiter(lambda state: state.registrationLimit),
    "time": _Section(lambda state: [(state.time,)] if state.time else [], _setTime),
}
