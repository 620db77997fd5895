"""
A check that the state built from a checkpoint and the stream equals the node's database.  Pure.

Normally both are equal.  But a broker may have lost its newest messages while a node was away, and
have other messages at their numbers now; or the database was used without the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tsservices.chat.records import Account, Record, RoomRecord
from tsservices.chat.state import ChatState

_Entries = frozenset[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class StateDigest:
    """The digest of the database at one position."""

    position: int
    #: For rooms, the last line and its time; for accounts, the version of the password.
    entries: _Entries

    @classmethod
    def of(
        cls, position: int, rooms: Iterable[RoomRecord], records: Iterable[Record]
    ) -> StateDigest:
        accounts = [record for record in records if isinstance(record, Account)]
        return cls(position, _entries(rooms, accounts))

    def matches(self, state: ChatState) -> bool:
        rooms = [room.record for room in state.rooms.values()]
        return self.entries == _entries(rooms, state.accounts.values())


def _entries(rooms: Iterable[RoomRecord], accounts: Iterable[Account]) -> _Entries:
    entries = {(f"#{room.key}", room.seq, room.time) for room in rooms if room.seq}
    return frozenset(entries | {(account.key, account.version, 0) for account in accounts})
