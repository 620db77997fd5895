"""
Goes on from one life of a chat to the next: what people did there, what stands in the
file afterwards, and what must hold from then on.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.live.crash.rules.accounts import Ledger
from tests.live.crash.rules.database import Tables
from tests.live.crash.rules.log import Diary, Line
from tests.live.crash.rules.messages import asked, heard, unchanged
from tests.live.crash.rules.room import RoomOrder
from tests.live.crash.rules.timeline import marks


@dataclass
class Deeds:
    """How much has been judged."""

    acts: int = 0
    refusals: int = 0
    unseen: int = 0
    lines: int = 0
    deleted: int = 0
    letters: int = 0
    tries: int = 0


class Judge:
    """Knows what must hold."""

    def __init__(self) -> None:
        self.rooms: dict[str, RoomOrder] = {}
        self.ledger = Ledger()
        self.deeds = Deeds()

    def found(self, name: str, founder: str) -> None:
        self.rooms.setdefault(name, RoomOrder(name, founder))

    def judge(self, diaries: list[Diary], tables: Tables) -> Iterator[str]:
        for diary in diaries:
            yield from diary.strange
            self.deeds.acts += sum(act.done for act in diary.acts)
            self.deeds.refusals += sum(bool(act.refused) for act in diary.acts)
            self.deeds.unseen += sum(act.pending for act in diary.acts)
        first = {
            (each.line.room, each.line.seq): each.line
            for diary in diaries
            for each in diary.heard
            if each.line.kind != "deleted"
        }
        for name, room in self.rooms.items():
            kept = tables.lines.get(name, [])
            new = [
                first.get((name, line.seq), line) if line.kind == "deleted" else line
                for line in kept[len(room.lines) :]
            ]
            yield from self._room(room, kept, new, diaries)
        gone = {name: room.deleted for name, room in self.rooms.items()}
        for diary in diaries:
            yield from heard(diary, tables.lines, gone)
        yield from self.ledger.judge(diaries, tables)
        for room in self.rooms.values():
            room.restart(tables.accounts)
        self.deeds.lines = sum(map(len, tables.lines.values()))
        self.deeds.deleted = sum(map(len, gone.values()))
        self.deeds.letters = len(tables.letters)

    def _room(
        self, room: RoomOrder, kept: list[Line], new: list[Line], diaries: list[Diary]
    ) -> Iterator[str]:
        names = {diary.name for diary in diaries}
        yield from (f"nobody here said {line}" for line in new if line.nick not in names)
        told = [mark for diary in diaries for mark in marks(room.name, diary)]
        # The kill may come after the guest has entered, and before the host sees the answer.
        for diary in diaries:
            room.doubtInvitations(diary)
        yield from room.advance(new, told)
        for diary in diaries:
            yield from asked(room.name, diary, new)
            room.doubt(diary, new)
        yield from unchanged(kept, room.lines, room.deleted)
        for diary in diaries:
            for each in diary.heard:
                seq = each.line.seq
                if each.line.room == room.name and not room.mayHaveRead(diary.name, seq):
                    yield f"{diary.name} is a stranger, and was told {each}; {room.insiders}"

    def secrets(self, most: int) -> Iterator[tuple[str, bool]]:
        for room in self.rooms.values():
            said = [line for line in room.lines if line.kind == "message"]
            gone = [line for line in said if line.seq in room.deleted]
            left = [line for line in said if line.seq not in room.deleted]
            yield from ((line.text, False) for line in gone[-most:])
            yield from ((line.text, True) for line in left[-most:])
