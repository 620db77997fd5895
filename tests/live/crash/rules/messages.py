"""
Whether the lines of rooms are what people asked for and were told.  Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from tests.live.crash.rules.actions import IDEMPOTENT, NUMBERED, Action
from tests.live.crash.rules.log import ClientLog, Line


def asStored(line: Line, deleted: set[int]) -> Line:
    return line._replace(kind="deleted", text="") if line.seq in deleted else line


def checkStored(kept: list[Line], said: list[Line], deleted: set[int]) -> Iterator[str]:
    if len(kept) < len(said):
        yield f"{said[0].room}: {len(kept)} lines, there were {len(said)}"
    for seq, line in enumerate(kept, 1):
        if line.seq != seq:
            yield f"{line.room}: number {line.seq} where {seq} should be"
        elif seq <= len(said) and line != asStored(said[seq - 1], deleted):
            yield f"{line.room}: {line} should be {asStored(said[seq - 1], deleted)}"
        elif (line.kind == "deleted") != (seq in deleted):
            yield f"{line.room}: {line}, deleted are {sorted(deleted)}"


def checkReceived(
    log: ClientLog, kept: dict[str, list[Line]], deleted: dict[str, set[int]]
) -> Iterator[str]:
    gone: set[tuple[str, str]] = set()
    for each in log.received:
        line = each.line
        if line.kind == "delete":
            gone.add((line.room, line.text))
        elif each.replayed and line.text and (line.room, str(line.seq)) in gone:
            yield f"{log.name} was told again {line}, which is deleted"
        if line.room not in kept and line.room not in deleted:
            continue
        lines = kept.get(line.room, [])
        found = lines[line.seq - 1] if line.seq <= len(lines) else None
        if found not in (line, asStored(line, deleted.get(line.room, set()))):
            yield f"{log.name} was told {line}: found {found}"


def checkRequested(room: str, log: ClientLog, lines: list[Line]) -> Iterator[str]:
    actions = deque(
        action for action in log.actions if action.room == room and action.verb in NUMBERED
    )
    for line in lines:
        if line.nick != log.name:
            continue
        while actions and (actions[0].error or not _makes(actions[0], line)):
            yield from _missing(actions.popleft())
        if not actions:
            yield f"{room}: {log.name} was refused this, or has not asked for it: {line}"
            return
        actions.popleft()
    for action in actions:
        yield from _missing(action)


def _makes(action: Action, line: Line) -> bool:
    if line.kind == "deleted":
        return action.verb == "message"
    return (action.verb, action.lineText) == (line.kind, line.text)


def _missing(action: Action) -> Iterator[str]:
    if action.succeeded and action.verb not in IDEMPOTENT:
        yield f"{action.room}: this was done, and is not there: {action}"
