"""
A second implementation of the rules of accounts and rooms, to be compared with the state.

L{checkConsistency} checks one state. L{RulesModel} records since when each session and account was
in each room, and derives from that who may read and write.
"""

from __future__ import annotations

from collections import Counter

from tests.model.operations import LIMITS, OPERATORS
from tests.support.chat import StateHarness
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.fanout import DirectDelivery
from tsservices.chat.handlers.tokens import TOKENS_EACH_ACCOUNT
from tsservices.chat.notifications import ErrorReply, JoinedRoom, RoomMessages
from tsservices.chat.operations import (
    BAN,
    MUTE,
    READ_SCOPE,
    TALK_SCOPE,
    DropAccount,
    Kick,
    Operation,
    Post,
    Restrict,
    Resume,
    Say,
    SetModes,
    SetOperator,
    SetPrivate,
    SetTopic,
)
from tsservices.chat.permissions import MEMBER
from tsservices.chat.records import MODERATED, Account
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState


def checkConsistency(state: ChatState) -> None:
    chat = state.sessions
    nicks = {item.ident: key for key, holders in state.sessionsByNick.items() for item in holders}
    assert nicks == {ident: item.key for ident, item in chat.items()}
    assert sum(map(len, state.sessionsByNick.values())) == len(chat)
    for key, holders in state.sessionsByNick.items():
        accounts = {item.account for item in holders}
        assert len(holders) == 1 or (len(accounts) == 1 and None not in accounts)
        assert key not in state.accounts or all(item.account == key for item in holders)
    owned = {item.ident: key for key, owners in state.sessionsByAccount.items() for item in owners}
    assert owned == {ident: item.account for ident, item in chat.items() if item.account}
    assert all(state.sessionsByAccount.values())
    assert set(state.sessionsByAccount) <= set(state.accounts)
    assert {key: item.ident for key, item in state.tokens.items()} == {
        item.token: ident for ident, item in chat.items() if item.token
    }
    for ident, session in chat.items():
        assert session.ident == ident
        if session.tokenId:
            assert state.accountTokens[session.tokenId].account == session.account
        assert len(session.rooms) <= LIMITS.roomsEach
        for key in session.rooms:
            assert state.rooms[key].members[ident] is session
        ignored = state.ignored.get(session.account or session.origin, {})
        assert session.ignores == set(ignored)
        # No session ignores itself or its own account.
        own = state.sessionsByAccount.get(session.account or "", (session,))
        assert not session.ignores & {session.account, *(item.origin for item in own)}
    owners = {item.origin for item in chat.values() if item.account is None}
    owners |= {item.origin for item in state.detachedSessions.values() if item.account is None}
    assert set(state.ignored) <= owners | set(state.accounts)
    assert set(state.timeMarks) <= owners | set(state.accounts)
    for key, shares in state.inboxShares.items():
        assert sum(item.count for item in shares.values()) <= state.accounts[key].unread
        assert set(shares) <= set(state.accounts)
    assert len(state.rooms) <= LIMITS.maxRooms
    for room in state.rooms.values():
        _checkRoom(state, room)
    accounts = set(state.accounts)
    assert {account for account, _ in state.readMarkers} <= accounts
    assert {receipt.account for receipt in state.receipts} <= accounts
    assert set(state.accountTokenIds) <= accounts
    idents = [ident for known in state.accountTokenIds.values() for ident in known]
    assert sorted(idents) == sorted(state.accountTokens)
    for known in state.accountTokenIds.values():
        names = {state.accountTokens[ident].key for ident in known}
        assert 1 <= len(names) == len(known) <= TOKENS_EACH_ACCOUNT


def _checkRoom(state: ChatState, room: Room) -> None:
    record, permissions, members = room.record, room.permissions, room.members
    assert room.members or record.seq
    assert all(state.sessions[ident] is item for ident, item in members.items())
    assert all(record.key in item.rooms for item in members.values())
    assert state.rooms[record.key] is room
    assert room.recipients == tuple(members.values())
    assert room.nickCounts == Counter(item.key for item in members.values())
    assert room.inSeveralRooms == sum(len(item.rooms) > 1 for item in members.values())
    accounts = set(state.accounts)
    assert not record.founder or record.founder in accounts
    assert set(permissions.roles) <= accounts
    masks = {mask for _, mask in permissions.restrictions}
    assert {mask for mask in masks if mask[0] != "~" and "!" not in mask} <= accounts
    talksFreely = not permissions.restrictions and MODERATED not in record.modes
    assert permissions.checksTalk is not talksFreely
    assert list(record.modes) == sorted(set(record.modes))
    assert set(permissions.sessionRoles) <= set(members)
    assert all(key == (item.kind, item.mask) for key, item in permissions.restrictions.items())
    assert set(permissions.readableFrom) <= set(members)
    if permissions.guestFounder:
        assert members[permissions.guestFounder].account is None
        assert not record.founder
    assert all(
        item.operator or item.voice or item.invited or item.admitted is not None
        for item in permissions.roles.values()
    )


def checkSeqsGrow(chat: StateHarness) -> None:
    """Check that no client got a line twice, or lines of a room out of order."""
    for outlet in chat.outlets.values():
        seqs: dict[str, int] = {}
        for notification in outlet.notifications:
            if isinstance(notification, RoomMessages):
                assert notification.first > seqs.get(notification.room, 0)
                seqs[notification.room] = notification.last


def isRestricted(state: ChatState, kind: str, session: Session, room: Room, now: int) -> bool:
    account = state.accounts.get(session.account or "")
    if account is not None and account.key in OPERATORS and not session.tokenId:
        return False
    for item in room.permissions.restrictions.values():
        if item.kind != kind or 0 < item.until <= now:
            continue
        if account is not None and item.mask == account.key:
            return True
        if "!" in item.mask:
            # Such masks of random actions contain only a name.
            if item.mask == f"{session.key}!*@*" and state.rank(session, room) == MEMBER:
                return True
            continue
        meant = (item.room, item.kind, item.mask, item.time) in session.inheritedRestrictions
        # Compared by position, because times go back when a clock is set.
        if account is not None:
            later = account.position > item.position
        else:
            later = session.connectedPosition > item.position or item.mask == item.name
        if item.mask == session.cloak and (meant or later) and state.rank(session, room) == MEMBER:
            return True
    return False


def _written(batch: Batch) -> object:
    # The stored data without accounts, whose time of the last visit changes.
    records = {key: record for key, record in batch.records.items() if key[0] is not Account}
    return records, len(batch.privateMessages), len(batch.messages)


def closes(operation: Operation) -> bool:
    if isinstance(operation, SetModes):
        return operation.changes[0][0] == "+i"
    return isinstance(operation, SetPrivate) and operation.private


def appoints(operation: Operation) -> bool:
    if isinstance(operation, SetModes):
        return operation.changes[0][0] == "+o"
    return isinstance(operation, SetOperator) and operation.grant


class RulesModel:
    """
    A reference model that follows the same operations as the state, and compares the results.

    @ivar insideSince: for each room the number of the last line before a session or account joined.
    @ivar privateLines: the numbers of the lines of each room written while it was private.
    @ivar lastSeqs: the number of the last line of each room.
    @ivar counts: operations that were not rejected, by kind.
    """

    def __init__(self, chat: StateHarness) -> None:
        self._sessions = chat
        self.insideSince: dict[str, dict[str, int]] = {}
        self.privateLines: dict[str, set[int]] = {}
        self.lastSeqs: dict[str, int] = {}
        self.counts: Counter[str] = Counter()

    def apply(self, operation: Operation, batch: Batch) -> None:
        state = self._sessions.state
        session = self._sessions.sessions[operation.session]
        members = {key: dict(room.members) for key, room in state.rooms.items()}
        accounts = {item.ident: item.account for item in state.sessions.values()}
        readable = {
            (key, ident): room.permissions.firstReadable(item)
            for key, room in state.rooms.items()
            for ident, item in room.members.items()
        }
        silent = {
            key
            for key, room in state.rooms.items()
            if any(isRestricted(state, kind, session, room, batch.stamp) for kind in (BAN, MUTE))
        }
        closed = {key for key, room in state.rooms.items() if room.record.private}
        forAll = {key for key, room in state.rooms.items() if "n" not in room.record.modes}
        seqs = {key: room.record.seq for key, room in state.rooms.items()}
        messages, deliveries = len(batch.messages), len(batch._deliveries)
        isReader, before = state.scopeOf(session) == READ_SCOPE, _written(batch)
        apply(state, operation, session, batch)
        replies = [
            (item.session, item.notification)
            for item in batch._deliveries[deliveries:]
            if isinstance(item, DirectDelivery)
        ]
        rejected = any(
            recipient is session and isinstance(reply, ErrorReply) for recipient, reply in replies
        )
        for item in batch.messages[messages:]:
            assert not rejected
            isOutside = operation.session not in members.get(item.room, ())
            if isinstance(operation, Post):
                self._checkPost(operation, item, batch.stamp)
            else:
                assert not isOutside or (isinstance(operation, Say) and item.room in forAll)
            assert item.session == operation.session
            assert item.first == self.lastSeqs.get(item.room, 0) + 1
            self.lastSeqs[item.room] = item.last
            if item.room in closed or closes(operation):
                self.privateLines.setdefault(item.room, set()).update(
                    range(item.first, item.last + 1)
                )
        if isinstance(operation, Say | SetTopic) and operation.room in silent:
            assert rejected
        if isReader:
            assert _written(batch) == before
        if not rejected:
            self.counts[type(operation).__name__] += 1
        self._update(operation, rejected, members, accounts, readable, seqs)
        checkConsistency(state)
        for recipient, reply in replies:
            if isinstance(reply, JoinedRoom) and reply.replay is not None:
                first = state.rooms[reply.room].permissions.firstReadable(recipient)
                assert all(lines.first >= first for lines in reply.replay.messages)
        self._checkReadable()

    def _checkPost(self, operation: Post, lines: RoomMessages, stamp: int) -> None:
        state, account = self._sessions.state, operation.account
        room, token = state.rooms[operation.room], state.accountTokens[operation.tokenId]
        assert (lines.room, lines.account, lines.nick) == (
            operation.room,
            account,
            state.accounts[account].name,
        )
        assert (token.account, token.scope) == (account, TALK_SCOPE)
        author = Session(operation.session, None, operation.cloak)
        author.account, author.key, author.tokenId = account, account, operation.tokenId
        author.connectedAt = stamp
        assert not isRestricted(state, BAN, author, room, stamp)
        assert not isRestricted(state, MUTE, author, room, stamp)
        if room.record.private and account != room.record.founder:
            assert account in self.insideSince[operation.room]

    def _update(
        self,
        operation: Operation,
        rejected: bool,
        members: dict[str, dict[str, Session]],
        accounts: dict[str, str | None],
        readable: dict[tuple[str, str], int],
        seqs: dict[str, int],
    ) -> None:
        state = self._sessions.state
        if rejected:
            return
        if isinstance(operation, DropAccount):
            for inside in self.insideSince.values():
                inside.pop(operation.account, None)
        key = getattr(operation, "room", "")
        if appoints(operation) and key in state.rooms:
            for account in state.rooms[key].permissions.roles:
                if account not in self.insideSince.get(key, {}):
                    self._enter(key, account, seqs[key])
        for key in set(members) | set(state.rooms):
            before = members.get(key, {})
            room = state.rooms.get(key)
            after = {} if room is None else room.members
            for ident in set(before) - set(after):
                self._leave(operation, key, ident, accounts.get(ident), before[ident], after)
            for ident, session in after.items():
                since = seqs.get(key, 0)
                if ident in before and closes(operation):
                    since = readable[key, ident] - 1
                if isinstance(operation, Resume) and ident not in before:
                    continue
                self._enter(key, ident, since)
                if session.account is not None:
                    self._enter(key, session.account, self.insideSince[key][ident])

    def _enter(self, key: str, ident: str, since: int) -> None:
        inside = self.insideSince.setdefault(key, {})
        inside[ident] = min(since, inside.get(ident, since))

    def _leave(
        self,
        operation: Operation,
        key: str,
        ident: str,
        account: str | None,
        session: Session,
        after: dict[str, Session],
    ) -> None:
        inside = self.insideSince[key]
        since = inside.pop(ident)
        if isinstance(operation, Resume):
            inside[operation.session] = since
        elif isinstance(operation, Kick | Restrict | SetModes) and account is not None:
            inside.pop(account, None)

    def _checkReadable(self) -> None:
        # A member may not read private lines from before it joined.
        for key, room in self._sessions.state.rooms.items():
            for ident, session in room.members.items():
                if session.account is not None and session.account == room.record.founder:
                    continue
                inside = self.insideSince[key]
                since = min(inside[ident], inside.get(session.account or ident, inside[ident]))
                first = room.permissions.firstReadable(session)
                if room.record.private:
                    assert first > since
                else:
                    assert not any(first <= n <= since for n in self.privateLines.get(key, ()))
