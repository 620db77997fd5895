"""
Whether all nodes of a cluster have the same lines, and every line that was acknowledged.  Pure.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.live.cluster.positions import ReaderPositions, WriterPositions
from tests.live.cluster.records import Burst, Delivered, Event, History, Line

#: Complaints of one kind that are shown.
MAX_COMPLAINTS = 10

#: Seconds within which a writer knows what became of a line, or that this is not known.
FATE_SECONDS = 60.0


@dataclass
class Tally:
    """How much was checked."""

    lines: int = 0
    delivered: int = 0
    written: int = 0
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    lost: int = 0


class Oracle:
    """Compares what was received with the histories, each time that the cluster is quiet."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._knownHashes: dict[str, array[int]] = {}
        self._linesByText: dict[str, Line] = {}
        self._written: set[str] = set()
        self._writers: dict[str, WriterPositions] = {}
        self._readers: dict[str, ReaderPositions] = {}

    def check(
        self,
        nodes: dict[str, History],
        bursts: Iterable[Burst],
        events: dict[str, list[Event]],
    ) -> list[str]:
        bursts = list(bursts)
        history = next(iter(nodes.values()))
        self._written.update(text for burst in bursts for text in burst.texts)
        kinds: list[Iterator[str]] = [
            nodeDifferences(nodes),
            self._checkNumbers(history),
            self._checkUnchanged(history),
            self._checkBursts(history, bursts),
            self._checkReaders(history, events),
        ]
        complaints: list[str] = []
        for kind in kinds:
            found = list(kind)
            complaints += found[:MAX_COMPLAINTS]
            if len(found) > MAX_COMPLAINTS:
                complaints.append(f"... and {len(found) - MAX_COMPLAINTS} more like these")
        self.tally.lines = sum(map(len, history.values()))
        return complaints

    def _checkNumbers(self, history: History) -> Iterator[str]:
        self._linesByText.clear()
        idents: set[str] = set()
        for room, lines in history.items():
            before: Line | None = None
            for seq, line in enumerate(lines, 1):
                where = f"{room} {seq}"
                if (line.room, line.seq) != (room, seq):
                    yield f"{where}: number {line.seq} of {line.room} is there"
                if before is not None and line.time <= before.time:
                    yield f"{where}: time {line.time} is not after {before.time}"
                if before is not None and line.place <= before.place:
                    yield f"{where}: {line.ident} stands after {before.ident}"
                if line.ident in idents:
                    yield f"{where}: another line has the id {line.ident} too"
                if (other := self._linesByText.get(line.text)) is not None:
                    yield f"{where}: {line.text!r} is there twice, see {other.room} {other.seq}"
                if line.text not in self._written:
                    yield f"{where}: nobody wrote {line.text!r}"
                idents.add(line.ident)
                self._linesByText[line.text] = before = line

    def _checkUnchanged(self, history: History) -> Iterator[str]:
        for room, lines in history.items():
            now = array("q", map(hash, lines))
            before = self._knownHashes.get(room, array("q"))
            if len(now) < len(before):
                yield f"{room}: {len(now)} lines, there were {len(before)}"
            for seq, (old, new) in enumerate(zip(before, now, strict=False), 1):
                if old != new:
                    yield f"{room} {seq}: it was another line before: {lines[seq - 1]}"
            self._knownHashes[room] = now

    def _checkBursts(self, history: History, bursts: list[Burst]) -> Iterator[str]:
        for burst in bursts:
            self.tally.written += len(burst.texts)
            self.tally.acknowledged += len(burst.stored)
            self.tally.refused += bool(burst.refused)
            self.tally.unknown += burst.unknown
            self.tally.lost += burst.lost
            writer = self._writers.setdefault(burst.writer, WriterPositions())
            yield from checkFates(burst, history, self._linesByText)
            yield from writer.check(burst, self._linesByText)

    def _checkReaders(self, history: History, byReader: dict[str, list[Event]]) -> Iterator[str]:
        for name, events in byReader.items():
            reader = self._readers.setdefault(name, ReaderPositions(name))
            yield from reader.check(events, history)
            yield from reader.complete(history)
            self.tally.delivered += sum(isinstance(event, Delivered) for event in events)


def nodeDifferences(nodes: dict[str, History]) -> Iterator[str]:
    (first, history), *others = nodes.items()
    for name, other in others:
        for room in history.keys() | other.keys():
            mine, theirs = history.get(room, []), other.get(room, [])
            if mine == theirs:
                continue
            pairs = zip(mine, theirs, strict=False)
            for seq, (one, two) in enumerate(pairs, 1):
                if one != two:
                    yield f"{room} {seq}: {first} has {one}, {name} has {two}"
                    break
            else:
                rest = (mine if len(mine) > len(theirs) else theirs)[min(len(mine), len(theirs))]
                yield (
                    f"{room}: {first} has {len(mine)} lines, {name} has {len(theirs)};"
                    f" the first that only one has is {rest}"
                )


def checkFates(burst: Burst, history: History, texts: dict[str, Line]) -> Iterator[str]:
    acknowledged: set[str] = set()
    for room, seq in burst.stored:
        lines = history.get(room, [])
        if len(lines) < seq:
            yield f"{room} {seq}: acknowledged to {burst.writer} and missing, of {burst.texts}"
            continue
        text = lines[seq - 1].text
        if text not in burst.texts:
            yield f"{room} {seq}: {text!r}, but acknowledged was one of {burst.texts}"
        if text in acknowledged:
            yield f"{room} {seq}: acknowledged twice to {burst.writer}: {text!r}"
        acknowledged.add(text)
    if burst.settled:
        unanswered = len(burst.texts) - len(burst.stored)
        if not burst.refused and unanswered:
            yield f"{burst.writer} was told nothing of {unanswered} of {burst.texts}: {burst}"
        if burst.refused and not unanswered:
            yield f"{burst.writer} was refused ({burst.refused}) what was stored: {burst}"
        for text in burst.texts:
            if text in texts and text not in acknowledged:
                line = texts[text]
                yield f"{line.room} {line.seq}: {text!r} was refused to {burst.writer}: {burst}"
    elif not burst.lost:
        yield f"{burst.writer} was never told what became of {burst}"
    waited = (burst.repliedAt or float("inf")) - burst.sentAt
    if not burst.lost and waited > FATE_SECONDS:
        yield f"{burst.writer} waited {waited:.1f} s to be told anything of {burst}"
