"""
Whether the lines of rooms are what people asked for and were told.  Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from tests.live.crash.rules.actions import IDEMPOTENT, NUMBERED, Act
from tests.live.crash.rules.log import Diary, Line


def asKept(line: Line, deleted: set[int]) -> Line:
    return line._replace(kind="deleted", text="") if line.seq in deleted else line


def unchanged(kept: list[Line], said: list[Line], deleted: set[int]) -> Iterator[str]:
    if len(kept) < len(said):
        yield f"{said[0].room}: {len(kept)} lines, there were {len(said)}"
    for seq, line in enumerate(kept, 1):
        if line.seq != seq:
            yield f"{line.room}: number {line.seq} where {seq} should be"
        elif seq <= len(said) and line != asKept(said[seq - 1], deleted):
            yield f"{line.room}: {line} should be {asKept(said[seq - 1], deleted)}"
        elif (line.kind == "deleted") != (seq in deleted):
            yield f"{line.room}: {line}, deleted are {sorted(deleted)}"


def heard(diary: Diary, kept: dict[str, list[Line]], deleted: dict[str, set[int]]) -> Iterator[str]:
    gone: set[tuple[str, str]] = set()
    for each in diary.heard:
        line = each.line
        if line.kind == "delete":
            gone.add((line.room, line.text))
        elif each.again and line.text and (line.room, str(line.seq)) in gone:
            yield f"{diary.name} was told again {line}, which is deleted"
        if line.room not in kept and line.room not in deleted:
            continue
        lines = kept.get(line.room, [])
        found = lines[line.seq - 1] if line.seq <= len(lines) else None
        if found not in (line, asKept(line, deleted.get(line.room, set()))):
            yield f"{diary.name} was told {line}: found {found}"


def asked(room: str, diary: Diary, lines: list[Line]) -> Iterator[str]:
    acts = deque(act for act in diary.acts if act.room == room and act.verb in NUMBERED)
    for line in lines:
        if line.nick != diary.name:
            continue
        while acts and (acts[0].refused or not _makes(acts[0], line)):
            yield from _missing(acts.popleft())
        if not acts:
            yield f"{room}: {diary.name} was refused this, or has not asked for it: {line}"
            return
        acts.popleft()
    for act in acts:
        yield from _missing(act)


def _makes(act: Act, line: Line) -> bool:
    if line.kind == "deleted":
        return act.verb == "message"
    return (act.verb, act.words) == (line.kind, line.text)


def _missing(act: Act) -> Iterator[str]:
    if act.done and act.verb not in IDEMPOTENT:
        yield f"{act.room}: this was done, and is not there: {act}"
