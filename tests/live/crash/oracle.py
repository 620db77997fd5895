"""
Whether a chat has kept what it told people that it keeps.  Pure: it judges what clients
have written down, and what is in the history afterwards.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.live.crash.wire import (
    Error,
    Event,
    Joined,
    Left,
    LiveMessage,
    Message,
    ReplayedMessage,
    ReplayStarted,
    Unknown,
)

#: How many of one kind are written down; the others are as bad.
VIOLATIONS_SHOWN = 20


@dataclass
class RoomHistory:
    """What a fresh client finds in one room."""

    lines: list[Message]
    topic: tuple[str, str, int] | None


@dataclass
class Transcript:
    """What one client was told, in order."""

    name: str
    complete: bool
    events: list[Event] = field(default_factory=list)


@dataclass
class Life:
    """All that clients know of one run of the server."""

    written: dict[str, list[Message]] = field(default_factory=dict)
    acknowledged: list[tuple[Message, int]] = field(default_factory=list)
    transcripts: list[Transcript] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    stopText: str = ""


@dataclass
class Counts:
    """How much has been judged."""

    written: int = 0
    kept: int = 0
    seen: int = 0
    acknowledged: int = 0
    missing: int = 0


class MessageOracle:
    """
    Judges one life after the other.  Of what was judged it remembers only a fingerprint
    of each line.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self._known: dict[str, array[int]] = {}
        self._missing: set[str] = set()

    def check(self, history: dict[str, RoomHistory], life: Life) -> list[str]:
        judged = [
            life.violations,
            self._numbered(history),
            self._written(history, life),
            self._acknowledged(history, life),
            self._heard(history, life),
            self._topics(history),
            # The last one: it remembers the history as it is now.
            self._unchanged(history),
        ]
        violations = []
        for kind in judged:
            found = list(kind)
            violations += found[:VIOLATIONS_SHOWN]
            if len(found) > VIOLATIONS_SHOWN:
                violations.append(f"... and {len(found) - VIOLATIONS_SHOWN} more like these")
        self.counts.missing += len(self._missing)
        self._missing.clear()
        self.counts.kept = sum(len(kept.lines) for kept in history.values())
        return violations

    def _numbered(self, history: dict[str, RoomHistory]) -> Iterator[str]:
        idents: set[str] = set()
        for room, kept in history.items():
            time = 0
            for seq, line in enumerate(kept.lines, 1):
                if (line.room, line.seq) != (room, seq):
                    yield f"{room}: number {line.seq} of {line.room} where {seq} should be"
                if line.time <= time:
                    yield f"{room} {seq}: time {line.time} is not after {time}"
                if line.ident in idents:
                    yield f"{room} {seq}: another line has the id {line.ident} too"
                time = line.time
                idents.add(line.ident)

    def _unchanged(self, history: dict[str, RoomHistory]) -> Iterator[str]:
        for room, kept in history.items():
            now = array("q", map(hash, kept.lines))
            before = self._known.get(room, array("q"))
            if len(now) < len(before):
                yield f"{room}: {len(now)} lines, there were {len(before)}"
            for seq, (old, new) in enumerate(zip(before, now, strict=False), 1):
                if old != new:
                    yield f"{room} {seq}: it was another line before: {kept.lines[seq - 1]}"
            self._known[room] = now

    def _written(self, history: dict[str, RoomHistory], life: Life) -> Iterator[str]:
        authors = {
            line.text: (writer, which)
            for writer, lines in life.written.items()
            for which, line in enumerate(lines)
        }
        self.counts.written += sum(map(len, life.written.values()))
        kept: dict[str, set[int]] = {writer: set() for writer in life.written}
        for room, found in history.items():
            before: dict[str, int] = {}
            for line in found.lines[len(self._known.get(room, ())) :]:
                writer, which = authors.get(line.text, ("", -1))
                if not writer:
                    yield f"{room} {line.seq}: nobody wrote {line.text!r} in this life"
                    continue
                wrote = life.written[writer][which]
                if wrote[:4] != line[:4]:
                    yield f"{room} {line.seq}: {line} instead of {wrote}"
                if which in kept[writer]:
                    yield f"{room} {line.seq}: {line.text!r} is there twice"
                if which < before.get(writer, -1):
                    yield f"{room} {line.seq}: {line.text!r} stands after what came later"
                before[writer] = which
                kept[writer].add(which)
        for writer, which_ in kept.items():
            # Lines of one writer are taken in order: what is kept has no holes.
            for hole in sorted(set(range(len(which_))) - which_):
                yield f"{life.written[writer][hole]} is not kept, later ones are"

    def _acknowledged(self, history: dict[str, RoomHistory], life: Life) -> Iterator[str]:
        self.counts.acknowledged += len(life.acknowledged)
        for wrote, seq in life.acknowledged:
            lines = history[wrote.room].lines
            if len(lines) < seq:
                self._missing.add(wrote.text)
                yield f"{wrote.room} {seq}: acknowledged and missing: {wrote}"
            elif lines[seq - 1][:4] != wrote[:4]:
                yield f"{wrote.room} {seq}: {lines[seq - 1]}, but acknowledged was {wrote}"

    def _heard(self, history: dict[str, RoomHistory], life: Life) -> Iterator[str]:
        places = {line.text: line for kept in history.values() for line in kept.lines}
        seen: set[str] = set()
        for heard in life.transcripts:
            memory = _TranscriptCheck(heard, places, life.stopText)
            for event in heard.events:
                yield from memory.check(event)
            seen |= memory.seen
            self._missing |= memory.missing
        self.counts.seen += len(seen)

    def _topics(self, history: dict[str, RoomHistory]) -> Iterator[str]:
        for room, kept in history.items():
            last = None
            for line in kept.lines:
                if line.kind == "topic":
                    last = (line.text, line.nick, line.time)
            if kept.topic != last:
                yield f"{room}: its topic is {kept.topic}, the last one said is {last}"


class _TranscriptCheck:
    """Goes through what one client was told."""

    def __init__(self, heard: Transcript, places: dict[str, Message], farewell: str) -> None:
        self._farewell = farewell
        self._heard = heard
        self._places = places
        self._last: dict[str, int] = {}
        self._replayed: dict[str, int] = {}
        self.seen: set[str] = set()
        self.missing: set[str] = set()

    def check(self, event: Event) -> Iterator[str]:
        name = self._heard.name
        match event:
            case LiveMessage(line):
                self.seen.add(line.text)
                if kept := self._find(line):
                    yield from self._follow(kept)
                else:
                    yield f"{name} was told {line}: found {self._places.get(line.text)}"
            case ReplayedMessage(line):
                if kept := self._find(line):
                    yield from self._repeat(kept)
                else:
                    yield f"{name} was told again {line}: found {self._places.get(line.text)}"
            case ReplayStarted():
                self._replayed.pop(event.room, None)
                self._raise(event.room, event.until)
                if event.missing:
                    yield f"{name} was told that lines of {event.room} are not kept"
            case Joined():
                self._last.pop(event.room, None)
                if event.last >= 0:
                    self._last[event.room] = event.last
            case Left():
                self._last.pop(event.room, None)
            case Error(text) if text == self._farewell:
                pass
            case Error() | Unknown():
                yield f"{name} was told {event}"

    def _find(self, line: Message) -> Message | None:
        kept = self._places.get(line.text)
        if kept is None:
            self.missing.add(line.text)
            return None
        if line.seq:
            return kept if kept == line else None
        same = (line.room or kept.room, line.kind, line.nick) == kept[:3]
        return kept if same else None

    def _follow(self, kept: Message) -> Iterator[str]:
        last = self._last.get(kept.room)
        if last is not None and (
            kept.seq != last + 1 if self._heard.complete else kept.seq <= last
        ):
            yield f"{self._heard.name} was told {kept.seq} of {kept.room} after {last}"
        self._last[kept.room] = kept.seq

    def _repeat(self, kept: Message) -> Iterator[str]:
        last = self._replayed.get(kept.room)
        if last is not None and kept.seq != last + 1:
            yield f"{self._heard.name} was told again {kept.seq} of {kept.room} after {last}"
        self._replayed[kept.room] = kept.seq
        self._raise(kept.room, kept.seq)

    def _raise(self, room: str, seq: int) -> None:
        if seq:
            self._last[room] = max(seq, self._last.get(room, 0))
