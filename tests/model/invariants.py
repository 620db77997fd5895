"""
The rules of accounts and of order in rooms, held to a lobby from outside.
"""

from __future__ import annotations

from collections import Counter

from tests.model.operations import LIMITS, OPERATORS
from tests.support.chat import Sessions
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.fanout import DirectDelivery
from tsservices.chat.notifications import ErrorReply, JoinedRoom
from tsservices.chat.operations import (
    BAN,
    MUTE,
    DropAccount,
    Kick,
    Operation,
    Restrict,
    Resume,
    Say,
    SetOperator,
    SetPrivate,
    SetTopic,
)
from tsservices.chat.permissions import MEMBER
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def agree(state: ChatState) -> None:
    sessions = state.sessions
    held = {each.ident: key for key, holders in state.sessionsByNick.items() for each in holders}
    assert held == {ident: each.key for ident, each in sessions.items()}
    assert sum(map(len, state.sessionsByNick.values())) == len(sessions)
    for key, holders in state.sessionsByNick.items():
        assert len(holders) == 1 or all(each.account == key for each in holders)
        assert key not in state.accounts or all(each.account == key for each in holders)
    owned = {each.ident: key for key, owners in state.sessionsByAccount.items() for each in owners}
    assert owned == {ident: each.account for ident, each in sessions.items() if each.account}
    assert all(state.sessionsByAccount.values())
    assert set(state.sessionsByAccount) <= set(state.accounts)
    assert {key: each.ident for key, each in state.tokens.items()} == {
        each.token: ident for ident, each in sessions.items() if each.token
    }
    for ident, session in sessions.items():
        assert session.ident == ident
        assert len(session.rooms) <= LIMITS.roomsEach
        for key in session.rooms:
            assert state.rooms[key].members[ident] is session
    assert len(state.rooms) <= LIMITS.maxRooms
    for room in state.rooms.values():
        _agreeInside(state, room)
    accounts = set(state.accounts)
    assert {account for account, _ in state.readMarkers} <= accounts


def _agreeInside(state: ChatState, room: Room) -> None:
    record, access, members = room.record, room.permissions, room.members
    assert room.members or record.seq
    assert all(state.sessions[ident] is each for ident, each in members.items())
    assert all(record.key in each.rooms for each in members.values())
    assert state.rooms[record.key] is room
    assert room.recipients == tuple(members.values())
    assert room.nickCounts == Counter(each.key for each in members.values())
    assert room.inSeveralRooms == sum(len(each.rooms) > 1 for each in members.values())
    accounts = set(state.accounts)
    assert not record.founder or record.founder in accounts
    assert set(access.roles) <= accounts
    assert {mask for _, mask in access.restrictions if mask[0] != "~"} <= accounts
    assert all(key == (each.kind, each.mask) for key, each in access.restrictions.items())
    assert set(access.readableFrom) <= set(members)
    if access.guestFounder:
        assert members[access.guestFounder].account is None
        assert not record.founder
    assert all(
        each.operator or each.invited or each.admitted is not None for each in access.roles.values()
    )


def held(state: ChatState, kind: str, session: Session, room: Room, now: int) -> bool:
    account = state.accounts.get(session.account or "")
    if account is not None and account.key in OPERATORS:
        return False
    for each in room.permissions.restrictions.values():
        if each.kind != kind or 0 < each.until <= now:
            continue
        if account is not None and each.mask == account.key:
            return True
        meant = (each.room, each.kind, each.mask, each.time) in session.inheritedRestrictions
        if account is not None:
            later = account.created > each.time
        else:
            later = session.connectedAt > each.time or each.mask == each.name
        if each.mask == session.cloak and (meant or later) and state.rank(session, room) == MEMBER:
            return True
    return False


class Watch:
    """Knows, apart from the lobby, who has been where since when."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.inside: dict[str, dict[str, int]] = {}
        self.secret: dict[str, set[int]] = {}
        self.last: dict[str, int] = {}
        self.done: Counter[str] = Counter()

    def apply(self, event: Operation, batch: Batch) -> None:
        """Apply one event, and compare what comes of it with the rules."""
        state = self._sessions.state
        session = self._sessions.people[event.session]
        members = {key: dict(room.members) for key, room in state.rooms.items()}
        accounts = {each.ident: each.account for each in state.sessions.values()}
        readable = {
            (key, ident): room.permissions.firstReadable(each)
            for key, room in state.rooms.items()
            for ident, each in room.members.items()
        }
        silent = {
            key
            for key, room in state.rooms.items()
            if any(held(state, kind, session, room, batch.stamp) for kind in (BAN, MUTE))
        }
        closed = {key for key, room in state.rooms.items() if room.record.private}
        seqs = {key: room.record.seq for key, room in state.rooms.items()}
        said, told = len(batch.messages), len(batch._deliveries)
        apply(state, event, session, batch)
        answers = [
            (each.session, each.notification)
            for each in batch._deliveries[told:]
            if isinstance(each, DirectDelivery)
        ]
        refused = any(who is session and isinstance(what, ErrorReply) for who, what in answers)
        for each in batch.messages[said:]:
            assert not refused
            assert event.session in members.get(each.room, ())
            assert each.session == event.session
            assert each.first == self.last.get(each.room, 0) + 1
            self.last[each.room] = each.last
            private = each.room in closed or (isinstance(event, SetPrivate) and event.private)
            if private:
                self.secret.setdefault(each.room, set()).update(range(each.first, each.last + 1))
        if isinstance(event, Say | SetTopic) and event.room in silent:
            assert refused
        if not refused:
            self.done[type(event).__name__] += 1
        self._follow(event, refused, members, accounts, readable, seqs)
        agree(state)
        for who, what in answers:
            if isinstance(what, JoinedRoom) and what.replay is not None:
                room = state.rooms[what.room]
                first = room.permissions.firstReadable(who)
                assert all(each.first >= first for each in what.replay.messages)
        self._notMore()

    def _follow(
        self,
        event: Operation,
        refused: bool,
        members: dict[str, dict[str, Session]],
        accounts: dict[str, str | None],
        readable: dict[tuple[str, str], int],
        seqs: dict[str, int],
    ) -> None:
        state = self._sessions.state
        if refused:
            return
        if isinstance(event, DropAccount):
            for inside in self.inside.values():
                inside.pop(event.account, None)
        if isinstance(event, SetOperator) and event.grant and event.room in state.rooms:
            standing = state.rooms[event.room].permissions.roles
            for account in standing:
                if account not in self.inside.get(event.room, {}):
                    self._enter(event.room, account, seqs[event.room])
        for key in set(members) | set(state.rooms):
            before = members.get(key, {})
            room = state.rooms.get(key)
            after = {} if room is None else room.members
            for ident in set(before) - set(after):
                self._left(event, key, ident, accounts.get(ident), before[ident], after)
            for ident, session in after.items():
                since = seqs.get(key, 0)
                if ident in before and isinstance(event, SetPrivate) and event.private:
                    since = readable[key, ident] - 1
                if isinstance(event, Resume) and ident not in before:
                    continue
                self._enter(key, ident, since)
                if session.account is not None:
                    self._enter(key, session.account, self.inside[key][ident])

    def _enter(self, key: str, who: str, since: int) -> None:
        inside = self.inside.setdefault(key, {})
        inside[who] = min(since, inside.get(who, since))

    def _left(
        self,
        event: Operation,
        key: str,
        ident: str,
        account: str | None,
        session: Session,
        after: dict[str, Session],
    ) -> None:
        inside = self.inside[key]
        since = inside.pop(ident)
        if isinstance(event, Resume):
            inside[event.session] = since
        elif isinstance(event, Kick | Restrict) and account is not None:
            inside.pop(account, None)

    def _notMore(self) -> None:
        """Nobody may read what was said in private before they were in."""
        for key, room in self._sessions.state.rooms.items():
            for ident, session in room.members.items():
                if session.account is not None and session.account == room.record.founder:
                    continue
                inside = self.inside[key]
                since = min(inside[ident], inside.get(session.account or ident, inside[ident]))
                first = room.permissions.firstReadable(session)
                if room.record.private:
                    assert first > since
                else:
                    assert not any(first <= n <= since for n in self.secret.get(key, ()))
