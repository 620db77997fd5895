"""The oracle of messages: whether a chat keeps what clients message and received.  Pure."""

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
    lines: list[Message]
    topic: tuple[str, str, int] | None


@dataclass
class Transcript:
    """The events that one client received, in order; a complete one must have no gaps."""

    name: str
    complete: bool
    events: list[Event] = field(default_factory=list)


@dataclass
class Life:
    """All that clients know of one life of the server."""

    written: dict[str, list[Message]] = field(default_factory=dict)
    acknowledged: list[tuple[Message, int]] = field(default_factory=list)
    transcripts: list[Transcript] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    stopText: str = ""


@dataclass
class Counts:
    """How much has been checked."""

    written: int = 0
    stored: int = 0
    seen: int = 0
    acknowledged: int = 0
    missing: int = 0


class MessageOracle:
    """Checks one life after the other; of older messages it knows only a hash each."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._hashes: dict[str, array[int]] = {}
        self._missing: set[str] = set()

    def check(self, history: dict[str, RoomHistory], life: Life) -> list[str]:
        checks = [
            life.violations,
            self._checkNumbers(history),
            self._checkWritten(history, life),
            self._checkAcknowledged(history, life),
            self._checkTranscripts(history, life),
            self._checkTopics(history),
            # The last one: it remembers the history as it is now.
            self._checkUnchanged(history),
        ]
        violations = []
        for kind in checks:
            found = list(kind)
            violations += found[:VIOLATIONS_SHOWN]
            if len(found) > VIOLATIONS_SHOWN:
                violations.append(f"... and {len(found) - VIOLATIONS_SHOWN} more like these")
        self.counts.missing += len(self._missing)
        self._missing.clear()
        self.counts.stored = sum(len(stored.lines) for stored in history.values())
        return violations

    def _checkNumbers(self, history: dict[str, RoomHistory]) -> Iterator[str]:
        idents: set[str] = set()
        for room, stored in history.items():
            time = 0
            for seq, line in enumerate(stored.lines, 1):
                if (line.room, line.seq) != (room, seq):
                    yield f"{room}: number {line.seq} of {line.room} where {seq} should be"
                if line.time <= time:
                    yield f"{room} {seq}: time {line.time} is not after {time}"
                if line.ident in idents:
                    yield f"{room} {seq}: another line has the id {line.ident} too"
                time = line.time
                idents.add(line.ident)

    def _checkUnchanged(self, history: dict[str, RoomHistory]) -> Iterator[str]:
        for room, stored in history.items():
            now = array("q", map(hash, stored.lines))
            before = self._hashes.get(room, array("q"))
            if len(now) < len(before):
                yield f"{room}: {len(now)} lines, there were {len(before)}"
            for seq, (old, new) in enumerate(zip(before, now, strict=False), 1):
                if old != new:
                    yield f"{room} {seq}: it was another line before: {stored.lines[seq - 1]}"
            self._hashes[room] = now

    def _checkWritten(self, history: dict[str, RoomHistory], life: Life) -> Iterator[str]:
        authors = {
            line.text: (writer, position)
            for writer, lines in life.written.items()
            for position, line in enumerate(lines)
        }
        self.counts.written += sum(map(len, life.written.values()))
        positions: dict[str, set[int]] = {writer: set() for writer in life.written}
        for room, stored in history.items():
            before: dict[str, int] = {}
            for line in stored.lines[len(self._hashes.get(room, ())) :]:
                writer, position = authors.get(line.text, ("", -1))
                if not writer:
                    yield f"{room} {line.seq}: nobody wrote {line.text!r} in this life"
                    continue
                message = life.written[writer][position]
                if message[:4] != line[:4]:
                    yield f"{room} {line.seq}: {line} instead of {message}"
                if position in positions[writer]:
                    yield f"{room} {line.seq}: {line.text!r} is there twice"
                if position < before.get(writer, -1):
                    yield f"{room} {line.seq}: {line.text!r} stands after what came later"
                before[writer] = position
                positions[writer].add(position)
        for writer, found in positions.items():
            # Lines of one writer are taken in order: what is stored has no holes.
            for missing in sorted(set(range(len(found))) - found):
                yield f"{life.written[writer][missing]} is not stored, later ones are"

    def _checkAcknowledged(self, history: dict[str, RoomHistory], life: Life) -> Iterator[str]:
        self.counts.acknowledged += len(life.acknowledged)
        for message, seq in life.acknowledged:
            lines = history[message.room].lines
            if len(lines) < seq:
                self._missing.add(message.text)
                yield f"{message.room} {seq}: acknowledged and missing: {message}"
            elif lines[seq - 1][:4] != message[:4]:
                yield f"{message.room} {seq}: {lines[seq - 1]}, but acknowledged was {message}"

    def _checkTranscripts(self, history: dict[str, RoomHistory], life: Life) -> Iterator[str]:
        messages = {line.text: line for room in history.values() for line in room.lines}
        seen: set[str] = set()
        for transcript in life.transcripts:
            check = _TranscriptCheck(transcript, messages, life.stopText)
            for event in transcript.events:
                yield from check.check(event)
            seen |= check.seen
            self._missing |= check.missing
        self.counts.seen += len(seen)

    def _checkTopics(self, history: dict[str, RoomHistory]) -> Iterator[str]:
        for room, stored in history.items():
            last = None
            for line in stored.lines:
                if line.kind == "topic":
                    last = (line.text, line.nick, line.time)
            if stored.topic != last:
                yield f"{room}: its topic is {stored.topic}, the last one written is {last}"


class _TranscriptCheck:
    def __init__(self, transcript: Transcript, messages: dict[str, Message], stopText: str) -> None:
        self._stopText = stopText
        self._transcript = transcript
        self._messages = messages
        self._last: dict[str, int] = {}
        self._replayed: dict[str, int] = {}
        self.seen: set[str] = set()
        self.missing: set[str] = set()

    def check(self, event: Event) -> Iterator[str]:
        name = self._transcript.name
        match event:
            case LiveMessage(line):
                self.seen.add(line.text)
                if stored := self._find(line):
                    yield from self._checkLive(stored)
                else:
                    yield f"{name} received {line}: found {self._messages.get(line.text)}"
            case ReplayedMessage(line):
                if stored := self._find(line):
                    yield from self._checkReplayed(stored)
                else:
                    yield f"{name} received again {line}: found {self._messages.get(line.text)}"
            case ReplayStarted():
                self._replayed.pop(event.room, None)
                self._advance(event.room, event.until)
                if event.missing:
                    yield f"{name} received that lines of {event.room} are not stored"
            case Joined():
                self._last.pop(event.room, None)
                if event.last >= 0:
                    self._last[event.room] = event.last
            case Left():
                self._last.pop(event.room, None)
            case Error(text) if text == self._stopText:
                pass
            case Error() | Unknown():
                yield f"{name} received {event}"

    def _find(self, line: Message) -> Message | None:
        stored = self._messages.get(line.text)
        if stored is None:
            self.missing.add(line.text)
            return None
        if line.seq:
            return stored if stored == line else None
        same = (line.room or stored.room, line.kind, line.nick) == stored[:3]
        return stored if same else None

    def _checkLive(self, message: Message) -> Iterator[str]:
        last = self._last.get(message.room)
        if last is not None and (
            message.seq != last + 1 if self._transcript.complete else message.seq <= last
        ):
            yield f"{self._transcript.name} received {message.seq} of {message.room} after {last}"
        self._last[message.room] = message.seq

    def _checkReplayed(self, message: Message) -> Iterator[str]:
        last = self._replayed.get(message.room)
        if last is not None and message.seq != last + 1:
            name = self._transcript.name
            yield f"{name} received again {message.seq} of {message.room} after {last}"
        self._replayed[message.room] = message.seq
        self._advance(message.room, message.seq)

    def _advance(self, room: str, seq: int) -> None:
        if seq:
            self._last[room] = max(seq, self._last.get(room, 0))
