"""Whether the lines of rooms are those that clients asked for and received.  Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from tests.live.crash.rules.actions import IDEMPOTENT, NUMBERED, Action
from tests.live.crash.rules.log import ClientLog, Line

#: Words that stay in lines that were deleted, by kind: whom it was done to, and for how long.
WORDS_KEPT = {"kick": 1, "ban": 2, "mute": 2}


def asStored(line: Line, deleted: set[int]) -> Line:
    if line.seq not in deleted:
        return line
    if line.kind in WORDS_KEPT:
        return line._replace(text=" ".join(line.text.split(" ")[: WORDS_KEPT[line.kind]]))
    return line._replace(kind="deleted", text="")


def checkStored(stored: list[Line], known: list[Line], deleted: set[int]) -> Iterator[str]:
    if len(stored) < len(known):
        yield f"{known[0].room}: {len(stored)} lines, there were {len(known)}"
    for seq, line in enumerate(stored, 1):
        if line.seq != seq:
            yield f"{line.room}: number {line.seq} where {seq} should be"
        elif seq <= len(known) and line != asStored(known[seq - 1], deleted):
            yield f"{line.room}: {line} should be {asStored(known[seq - 1], deleted)}"
        elif line != asStored(line, deleted) or (line.kind == "deleted" and seq not in deleted):
            yield f"{line.room}: {line}, deleted are {sorted(deleted)}"


def checkReceived(
    log: ClientLog, stored: dict[str, list[Line]], deleted: dict[str, set[int]]
) -> Iterator[str]:
    deletions: set[tuple[str, str]] = set()
    for line, _, replayed, _ in log.received:
        if line.kind == "delete":
            deletions.add((line.room, line.text))
        elif (
            replayed
            and (line.room, str(line.seq)) in deletions
            and line != asStored(line, {line.seq})
            and line.kind != "deleted"
        ):
            yield f"{log.name} received again {line}, which is deleted"
        if line.room not in stored and line.room not in deleted:
            continue
        lines = stored.get(line.room, [])
        found = lines[line.seq - 1] if line.seq <= len(lines) else None
        if found not in (line, asStored(line, deleted.get(line.room, set()))):
            yield f"{log.name} received {line}: found {found}"


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
    if line.kind in WORDS_KEPT and action.lineText.startswith(f"{line.text} "):
        # Nobody has received its reason.
        return action.verb == line.kind
    return (action.verb, action.lineText) == (line.kind, line.text)


def _missing(action: Action) -> Iterator[str]:
    if action.succeeded and action.verb not in IDEMPOTENT:
        yield f"{action.room}: this was done, and is not there: {action}"
