"""
Whether the state that is made from a checkpoint and the stream is what the database of a
node has.  Pure.

They are the same by all rules.  But an engine may have lost its newest messages while a node
was away, and have others in their places since; or the database was used without the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tsservices.chat.records import Account, Record, RoomRecord
from tsservices.chat.state import ChatState

_Marks = frozenset[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class StateDigest:
    """
    What the database had at one position.

    @ivar position: that.
    @ivar marks: of rooms, the last line and its time; of accounts, the version of the
        password.
    """

    position: int
    marks: _Marks

    @classmethod
    def of(cls, position: int, rooms: Iterable[RoomRecord], kept: Iterable[Record]) -> StateDigest:
        """The same in short."""
        accounts = [each for each in kept if isinstance(each, Account)]
        return cls(position, _marks(rooms, accounts))

    def matches(self, state: ChatState) -> bool:
        """Whether it is the same."""
        rooms = [room.record for room in state.rooms.values()]
        return self.marks == _marks(rooms, state.accounts.values())


def _marks(rooms: Iterable[RoomRecord], accounts: Iterable[Account]) -> _Marks:
    marks = {(f"#{each.key}", each.seq, each.time) for each in rooms if each.seq}
    return frozenset(marks | {(each.key, each.version, 0) for each in accounts})
