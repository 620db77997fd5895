"""
The second implementation of the rules of rooms: an oracle for one life after the other.  Pure.

From what clients did and what the database has afterwards it knows what must hold from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.live.crash.rules.accounts import AccountRules
from tests.live.crash.rules.database import Tables
from tests.live.crash.rules.log import ClientLog, Line
from tests.live.crash.rules.messages import (
    asStored,
    checkReceived,
    checkRequested,
    checkStored,
)
from tests.live.crash.rules.room import RoomRules
from tests.live.crash.rules.timeline import timeline
from tests.live.crash.rules.tokens import TokenRules


@dataclass
class RuleCounts:
    """How much has been checked."""

    succeeded: int = 0
    errors: int = 0
    unanswered: int = 0
    lines: int = 0
    deleted: int = 0
    privateMessages: int = 0
    checks: int = 0
    tokens: int = 0


class RuleOracle:
    def __init__(self) -> None:
        self.rooms: dict[str, RoomRules] = {}
        self.accounts = AccountRules()
        self.tokens = TokenRules()
        self.counts = RuleCounts()

    def addRoom(self, name: str, founder: str) -> None:
        self.rooms.setdefault(name, RoomRules(name, founder))

    def check(self, logs: list[ClientLog], tables: Tables) -> Iterator[str]:
        for log in logs:
            yield from log.violations
            self.counts.succeeded += sum(action.succeeded for action in log.actions)
            self.counts.errors += sum(bool(action.error) for action in log.actions)
            self.counts.unanswered += sum(action.pending for action in log.actions)
        # What deleted lines were, as far as a client has received them before.
        originals: dict[tuple[str, int], Line] = {}
        for log in logs:
            for line, *_ in log.received:
                known = originals.get((line.room, line.seq))
                if line.kind != "deleted" and (known is None or len(known.text) < len(line.text)):
                    originals[line.room, line.seq] = line
        for name, room in self.rooms.items():
            stored = tables.lines.get(name, [])
            new = [
                original
                if (original := originals.get((name, line.seq))) is not None
                and asStored(original, {line.seq}) == line
                else line
                for line in stored[len(room.lines) :]
            ]
            yield from self._checkRoom(room, stored, new, logs)
        deleted = {name: room.deleted for name, room in self.rooms.items()}
        for log in logs:
            yield from checkReceived(log, tables.lines, deleted)
        yield from self.accounts.check(logs, tables)
        yield from self.tokens.check(logs, tables.tokens)
        for room in self.rooms.values():
            room.restart(tables.accounts)
        self.counts.lines = sum(map(len, tables.lines.values()))
        self.counts.deleted = sum(map(len, deleted.values()))
        self.counts.privateMessages = len(tables.privateMessages)

    def _checkRoom(
        self, room: RoomRules, stored: list[Line], new: list[Line], logs: list[ClientLog]
    ) -> Iterator[str]:
        names = {log.name for log in logs}
        yield from (f"no client wrote {line}" for line in new if line.nick not in names)
        events = [event for log in logs for event in timeline(room.name, log)]
        # The kill may come after the guest has joined, and before the host has the answer.
        for log in logs:
            room.applyUnansweredInvitations(log)
        yield from room.advance(new, events)
        for log in logs:
            yield from checkRequested(room.name, log, new)
            room.applyUnanswered(log, new)
        yield from checkStored(stored, room.lines, room.deleted)
        for log in logs:
            for row in log.received:
                if row.line.room == room.name and not room.mayRead(log.name, row.line.seq):
                    yield f"{log.name} is a stranger, and received {row}; {room.readableFrom}"

    def storedTexts(self, count: int) -> Iterator[tuple[str, bool]]:
        for room in self.rooms.values():
            for stored in (False, True):
                lines = [
                    line
                    for line in room.lines
                    if line.kind == "message" and (line.seq not in room.deleted) is stored
                ]
                yield from ((line.text, stored) for line in lines[-count:])
