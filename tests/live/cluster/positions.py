"""Whether what one user wrote and received is in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.live.cluster.records import (
    Burst,
    ConnectionLost,
    Delivered,
    Event,
    History,
    Joined,
    Left,
    Line,
    Replayed,
)


@dataclass
class WriterPositions:
    """Where the lines of a writer are in the order."""

    connection: int = -1
    last: tuple[int, int] = (-1, -1)
    before: tuple[int, int] = (-1, -1)
    acknowledged: tuple[int, int] = (-1, -1)

    def check(self, burst: Burst, texts: dict[str, Line]) -> Iterator[str]:
        if burst.connection != self.connection:
            self.connection = burst.connection
            self.before = max(self.before, self.acknowledged)
            self.last = self.before
        stored = set(burst.stored)
        hole = ""
        for text in burst.texts:
            line = texts.get(text)
            if line is None:
                hole = hole or text
                continue
            if hole and not burst.refused:
                yield f"{line.room} {line.seq}: {text!r} is kept, {hole!r} before it is not"
            if line.place <= self.last:
                where = f"{line.room} {line.seq}"
                yield f"{where}: {text!r} stands before what {burst.writer} said before it"
            self.last = line.place
            if (line.room, line.seq) in stored:
                self.acknowledged = max(self.acknowledged, line.place)


@dataclass
class ReaderPositions:
    """Which lines a user has received."""

    name: str
    last: dict[str, int] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    contiguous: dict[str, int] = field(default_factory=dict)
    beyond: dict[str, set[int]] = field(default_factory=dict)

    def check(self, events: list[Event], history: History) -> Iterator[str]:
        for event in events:
            match event:
                case ConnectionLost():
                    self.last.clear()
                case Joined(room, last):
                    self.last[room] = last
                    self.contiguous.setdefault(room, last)
                case Left(room):
                    self.last.pop(room, None)
                    yield f"{self.name} was put out of {room}"
                case Delivered(line):
                    yield from self._checkDelivered(line, history)
                case Replayed():
                    yield from self._checkReplayed(event, history)

    def _checkDelivered(self, line: Line, history: History) -> Iterator[str]:
        room, seq = line.room, line.seq
        yield from self._checkLine(line, history)
        last = self.last.get(room)
        if last is not None and seq != last + 1:
            yield f"{self.name} was told {room} {seq} after {last}: {line.text!r}"
        if seq <= self.live.get(room, 0):
            yield f"{self.name} was told {room} {seq} twice: {line.text!r}"
        self.last[room] = seq
        self.live[room] = max(seq, self.live.get(room, 0))
        self._cover(room, seq)

    def _checkReplayed(self, replay: Replayed, history: History) -> Iterator[str]:
        room, last = replay.room, self.last.get(replay.room)
        if not replay.asked and last is not None:
            start = replay.lines[0].seq if replay.lines else replay.until + 1
            if replay.missing is not None:
                start = replay.missing[0]
            if start != last + 1:
                yield f"{self.name} was told again {room} from {start} on, unasked, after {last}"
        if replay.asked and replay.missing is not None:
            yield f"{self.name} was told that {replay.missing} of {room} are not kept"
        before = None
        for line in replay.lines:
            yield from self._checkLine(line, history)
            if before is not None and line.seq != before + 1:
                yield f"{self.name} was told again {room} {line.seq} after {before}"
            before = line.seq
            self._cover(room, line.seq)
        self.last[room] = max(replay.until, last or 0)

    def _checkLine(self, line: Line, history: History) -> Iterator[str]:
        lines = history.get(line.room, [])
        found = lines[line.seq - 1] if 0 < line.seq <= len(lines) else None
        if found != line:
            yield f"{self.name} was told {line}, kept is {found}"

    def _cover(self, room: str, seq: int) -> None:
        whole = self.contiguous.setdefault(room, seq - 1)
        if seq <= whole:
            return
        beyond = self.beyond.setdefault(room, set())
        beyond.add(seq)
        while whole + 1 in beyond:
            whole += 1
            beyond.remove(whole)
        self.contiguous[room] = whole

    def complete(self, history: History) -> Iterator[str]:
        for room, whole in self.contiguous.items():
            if whole < len(history.get(room, [])):
                yield (
                    f"{self.name} was never told {room} {whole + 1}:"
                    f" {history[room][whole]}, of {len(history[room])}"
                )
                # One complaint is enough.
                self.contiguous[room] = len(history[room])
                self.beyond.pop(room, None)
