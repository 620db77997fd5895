"""
Goes on from one life of a chat to the next: what people did there, what stands in the
file afterwards, and what must hold from then on.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.live.crash.rules.accounts import AccountRules
from tests.live.crash.rules.database import Tables
from tests.live.crash.rules.log import ClientLog, Line
from tests.live.crash.rules.messages import checkReceived, checkRequested, checkStored
from tests.live.crash.rules.room import RoomRules
from tests.live.crash.rules.timeline import timeline


@dataclass
class RuleCounts:
    """How much has been judged."""

    succeeded: int = 0
    errors: int = 0
    unanswered: int = 0
    lines: int = 0
    deleted: int = 0
    privateMessages: int = 0
    checks: int = 0


class RuleOracle:
    """Knows what must hold."""

    def __init__(self) -> None:
        self.rooms: dict[str, RoomRules] = {}
        self.accounts = AccountRules()
        self.counts = RuleCounts()

    def addRoom(self, name: str, founder: str) -> None:
        self.rooms.setdefault(name, RoomRules(name, founder))

    def check(self, logs: list[ClientLog], tables: Tables) -> Iterator[str]:
        for log in logs:
            yield from log.violations
            self.counts.succeeded += sum(action.succeeded for action in log.actions)
            self.counts.errors += sum(bool(action.error) for action in log.actions)
            self.counts.unanswered += sum(action.pending for action in log.actions)
        first = {
            (each.line.room, each.line.seq): each.line
            for log in logs
            for each in log.received
            if each.line.kind != "deleted"
        }
        for name, room in self.rooms.items():
            kept = tables.lines.get(name, [])
            new = [
                first.get((name, line.seq), line) if line.kind == "deleted" else line
                for line in kept[len(room.lines) :]
            ]
            yield from self._checkRoom(room, kept, new, logs)
        gone = {name: room.deleted for name, room in self.rooms.items()}
        for log in logs:
            yield from checkReceived(log, tables.lines, gone)
        yield from self.accounts.check(logs, tables)
        for room in self.rooms.values():
            room.restart(tables.accounts)
        self.counts.lines = sum(map(len, tables.lines.values()))
        self.counts.deleted = sum(map(len, gone.values()))
        self.counts.privateMessages = len(tables.privateMessages)

    def _checkRoom(
        self, room: RoomRules, kept: list[Line], new: list[Line], logs: list[ClientLog]
    ) -> Iterator[str]:
        names = {log.name for log in logs}
        yield from (f"nobody here said {line}" for line in new if line.nick not in names)
        told = [mark for log in logs for mark in timeline(room.name, log)]
        # The kill may come after the guest has entered, and before the host sees the answer.
        for log in logs:
            room.applyUnansweredInvitations(log)
        yield from room.advance(new, told)
        for log in logs:
            yield from checkRequested(room.name, log, new)
            room.applyUnanswered(log, new)
        yield from checkStored(kept, room.lines, room.deleted)
        for log in logs:
            for each in log.received:
                seq = each.line.seq
                if each.line.room == room.name and not room.mayRead(log.name, seq):
                    yield f"{log.name} is a stranger, and was told {each}; {room.readableFrom}"

    def storedTexts(self, count: int) -> Iterator[tuple[str, bool]]:
        for room in self.rooms.values():
            said = [line for line in room.lines if line.kind == "message"]
            gone = [line for line in said if line.seq in room.deleted]
            left = [line for line in said if line.seq not in room.deleted]
            yield from ((line.text, False) for line in gone[-count:])
            yield from ((line.text, True) for line in left[-count:])
