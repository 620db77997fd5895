"""
The rules of accounts and of order in rooms, held to a lobby from outside.
"""

from __future__ import annotations

from collections import Counter

from tests.model.operations import LIMITS, OPERATORS
from tests.support.chat import Sessions
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.fanout import Answer
from tsservices.chat.notifications import Refusal, RoomEntered
from tsservices.chat.operations import (
    BAN,
    MUTE,
    Drop,
    Event,
    Kick,
    Restrain,
    Resume,
    Say,
    SetOperator,
    SetPrivate,
    SetTopic,
)
from tsservices.chat.permissions import MEMBER
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import Lobby


def agree(lobby: Lobby) -> None:
    sessions = lobby.sessions
    held = {each.ident: key for key, holders in lobby.holders.items() for each in holders}
    assert held == {ident: each.key for ident, each in sessions.items()}
    assert sum(map(len, lobby.holders.values())) == len(sessions)
    for key, holders in lobby.holders.items():
        assert len(holders) == 1 or all(each.account == key for each in holders)
        assert key not in lobby.accounts or all(each.account == key for each in holders)
    owned = {each.ident: key for key, owners in lobby.owners.items() for each in owners}
    assert owned == {ident: each.account for ident, each in sessions.items() if each.account}
    assert all(lobby.owners.values())
    assert set(lobby.owners) <= set(lobby.accounts)
    assert {key: each.ident for key, each in lobby.tokens.items()} == {
        each.token: ident for ident, each in sessions.items() if each.token
    }
    for ident, session in sessions.items():
        assert session.ident == ident
        assert len(session.rooms) <= LIMITS.roomsEach
        for key in session.rooms:
            assert lobby.rooms[key].members[ident] is session
    assert len(lobby.rooms) <= LIMITS.maxRooms
    for room in lobby.rooms.values():
        _agreeInside(lobby, room)
    accounts = set(lobby.accounts)
    assert {account for account, _ in lobby.marks} <= accounts


def _agreeInside(lobby: Lobby, room: Room) -> None:
    record, access, members = room.record, room.access, room.members
    assert room.members or record.seq
    assert all(lobby.sessions[ident] is each for ident, each in members.items())
    assert all(record.key in each.rooms for each in members.values())
    assert lobby.rooms[record.key] is room
    assert room.audience == tuple(members.values())
    assert room.names == Counter(each.key for each in members.values())
    assert room.several == sum(len(each.rooms) > 1 for each in members.values())
    accounts = set(lobby.accounts)
    assert not record.founder or record.founder in accounts
    assert set(access.standings) <= accounts
    assert {mask for _, mask in access.restraints if mask[0] != "~"} <= accounts
    assert all(key == (each.kind, each.mask) for key, each in access.restraints.items())
    assert set(access._since) <= set(members)
    if access.guestFounder:
        assert members[access.guestFounder].account is None
        assert not record.founder
    assert all(
        each.operator or each.invited or each.admitted is not None
        for each in access.standings.values()
    )


def held(lobby: Lobby, kind: str, session: Session, room: Room, now: int) -> bool:
    account = lobby.accounts.get(session.account or "")
    if account is not None and account.key in OPERATORS:
        return False
    for each in room.access.restraints.values():
        if each.kind != kind or 0 < each.until <= now:
            continue
        if account is not None and each.mask == account.key:
            return True
        meant = (each.room, each.kind, each.mask, each.time) in session.held
        if account is not None:
            later = account.created > each.time
        else:
            later = session.arrived > each.time or each.mask == each.name
        if each.mask == session.cloak and (meant or later) and lobby.rank(session, room) == MEMBER:
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

    def apply(self, event: Event, batch: Batch) -> None:
        """Apply one event, and compare what comes of it with the rules."""
        lobby = self._sessions.lobby
        session = self._sessions.people[event.session]
        members = {key: dict(room.members) for key, room in lobby.rooms.items()}
        accounts = {each.ident: each.account for each in lobby.sessions.values()}
        readable = {
            (key, ident): room.access.readsFrom(each)
            for key, room in lobby.rooms.items()
            for ident, each in room.members.items()
        }
        silent = {
            key
            for key, room in lobby.rooms.items()
            if any(held(lobby, kind, session, room, batch.stamp) for kind in (BAN, MUTE))
        }
        closed = {key for key, room in lobby.rooms.items() if room.record.private}
        seqs = {key: room.record.seq for key, room in lobby.rooms.items()}
        said, told = len(batch.said), len(batch._deliveries)
        apply(lobby, event, session, batch)
        answers = [
            (each.session, each.happening)
            for each in batch._deliveries[told:]
            if isinstance(each, Answer)
        ]
        refused = any(who is session and isinstance(what, Refusal) for who, what in answers)
        for each in batch.said[said:]:
            assert not refused
            assert event.session in members.get(each.room, ())
            assert each.session == event.session
            assert each.first == self.last.get(each.room, 0) + 1
            self.last[each.room] = each.last
            private = each.room in closed or (isinstance(event, SetPrivate) and event.on)
            if private:
                self.secret.setdefault(each.room, set()).update(range(each.first, each.last + 1))
        if isinstance(event, Say | SetTopic) and event.room in silent:
            assert refused
        if not refused:
            self.done[type(event).__name__] += 1
        self._follow(event, refused, members, accounts, readable, seqs)
        agree(lobby)
        for who, what in answers:
            if isinstance(what, RoomEntered) and what.replay is not None:
                room = lobby.rooms[what.room]
                first = room.access.readsFrom(who)
                assert all(each.first >= first for each in what.replay.said)
        self._notMore()

    def _follow(
        self,
        event: Event,
        refused: bool,
        members: dict[str, dict[str, Session]],
        accounts: dict[str, str | None],
        readable: dict[tuple[str, str], int],
        seqs: dict[str, int],
    ) -> None:
        lobby = self._sessions.lobby
        if refused:
            return
        if isinstance(event, Drop):
            for inside in self.inside.values():
                inside.pop(event.account, None)
        if isinstance(event, SetOperator) and event.on and event.room in lobby.rooms:
            standing = lobby.rooms[event.room].access.standings
            for account in standing:
                if account not in self.inside.get(event.room, {}):
                    self._enter(event.room, account, seqs[event.room])
        for key in set(members) | set(lobby.rooms):
            before = members.get(key, {})
            room = lobby.rooms.get(key)
            after = {} if room is None else room.members
            for ident in set(before) - set(after):
                self._left(event, key, ident, accounts.get(ident), before[ident], after)
            for ident, session in after.items():
                since = seqs.get(key, 0)
                if ident in before and isinstance(event, SetPrivate) and event.on:
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
        event: Event,
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
        elif isinstance(event, Kick | Restrain) and account is not None:
            inside.pop(account, None)

    def _notMore(self) -> None:
        """Nobody may read what was said in private before they were in."""
        for key, room in self._sessions.lobby.rooms.items():
            for ident, session in room.members.items():
                if session.account is not None and session.account == room.record.founder:
                    continue
                inside = self.inside[key]
                since = min(inside[ident], inside.get(session.account or ident, inside[ident]))
                first = room.access.readsFrom(session)
                if room.record.private:
                    assert first > since
                else:
                    assert not any(first <= n <= since for n in self.secret.get(key, ()))
