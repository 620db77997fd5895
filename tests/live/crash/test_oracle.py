"""The oracle of messages finds what is wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.crash.oracle import Life, MessageOracle, RoomHistory, Transcript
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

#: Spoils a history, or what people know.
Change = Callable[[dict[str, RoomHistory], Life], object]


def _line(seq: int, **others: object) -> Message:
    kind = "topic" if seq == 3 else "message"
    line = Message("lobby", kind, "ann", f"text {seq}", seq, f"log-{seq}-0", 1000 + seq)
    return line._replace(**others)  # type: ignore[arg-type]


def _bare(line: Message) -> Message:
    return Message(*line[:4])


def _live(seq: int, **others: object) -> LiveMessage:
    return LiveMessage(_line(seq, **others))


def _replayed(seq: int) -> ReplayedMessage:
    return ReplayedMessage(_line(seq))


def _sample() -> tuple[dict[str, RoomHistory], Life]:
    lines = [_line(seq) for seq in range(1, 6)]
    history = {
        "lobby": RoomHistory(lines, ("text 3", "ann", 1003)),
        "garden": RoomHistory([], None),
    }
    life = Life(
        {"ann": [*map(_bare, lines), Message("lobby", "message", "ann", "text 6")]},
        [(_bare(line), line.seq) for line in lines[:4]],
        [
            Transcript("json", True, [Joined("lobby", 0), *map(LiveMessage, lines[:4])]),
            Transcript("text", True, [LiveMessage(_bare(line)) for line in lines[2:5]]),
        ],
    )
    return history, life


def _receive(*events: Event, complete: bool = True) -> Change:
    return lambda history, life: life.transcripts.append(Transcript("bob", complete, list(events)))


def _put(index: int, **others: object) -> Change:

    def change(history: dict[str, RoomHistory], life: Life) -> None:
        lines = history["lobby"].lines
        lines[index] = lines[index]._replace(**others)  # type: ignore[arg-type]

    return change


def _swap(history: dict[str, RoomHistory], life: Life) -> None:
    _put(3, text="text 5")(history, life)
    _put(4, text="text 4")(history, life)
    life.transcripts.clear()
    life.acknowledged.clear()


def _hole(history: dict[str, RoomHistory], life: Life) -> None:
    lines = [_line(seq) for seq in (1, 3, 4, 5)]
    history["lobby"].lines[:] = [
        line._replace(seq=seq, ident=str(seq)) for seq, line in enumerate(lines, 1)
    ]
    life.transcripts.clear()
    life.acknowledged.clear()


class TestMessageOracle:
    def test_nothingWrong(self) -> None:
        oracle = MessageOracle()
        history, life = _sample()
        assert oracle.check(history, life) == []
        history["lobby"].lines.append(_line(6))
        again = Transcript(
            "late",
            True,
            [
                Joined("lobby"),
                ReplayStarted("lobby"),
                *[ReplayedMessage(_bare(_line(seq))) for seq in (4, 5)],
                LiveMessage(_bare(_line(6))),
                Left("lobby"),
            ],
        )
        second = Life({"bob": [Message("lobby", "message", "ann", "text 6")]}, [], [again])
        assert oracle.check(history, second) == []
        counts = oracle.counts
        assert (counts.written, counts.stored, counts.seen, counts.acknowledged) == (7, 6, 6, 4)
        assert counts.missing == 0

    def test_stopText(self) -> None:
        history, life = _sample()
        life.stopText = "the server stops"
        _receive(Error("the server stops"))(history, life)
        assert MessageOracle().check(history, life) == []
        _receive(Error("too slow"))(history, life)
        assert MessageOracle().check(history, life) != []

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda history, life: history["lobby"].lines.pop(), "found None"),
            (lambda history, life: history["lobby"].lines.pop(0), "number 2 of lobby where 1"),
            (lambda history, life: life.acknowledged.append((_bare(_line(6)), 6)), "missing"),
            (lambda history, life: life.acknowledged.append((_bare(_line(5)), 4)), "acknowledged"),
            (lambda history, life: life.written["ann"].pop(4), "nobody wrote 'text 5'"),
            (_put(4, text="text 4"), "is there twice"),
            (_put(4, seq=4), "number 4 of lobby where 5"),
            (_put(4, time=1004), "is not after 1004"),
            (_put(4, ident="log-4-0"), "another line has the id"),
            (_put(4, nick="bob"), "instead of"),
            (_put(1, kind="topic"), "instead of"),
            (_put(3, time=1009), "received"),
            (_swap, "stands after what came later"),
            (_hole, "is not stored, later ones are"),
            (lambda history, life: setattr(history["lobby"], "topic", None), "its topic is None"),
            (lambda history, life: life.violations.append("it hurts"), "it hurts"),
            (_receive(_live(3), _live(5)), "received 5 of lobby after 3"),
            (_receive(_live(3), _live(3), complete=False), "received 3 of lobby after 3"),
            (_receive(Joined("lobby", 3), _live(5)), "received 5 of lobby after 3"),
            (_receive(_replayed(3), _replayed(5)), "again 5 of lobby after 3"),
            (_receive(_replayed(3), _live(5)), "received 5 of lobby after 3"),
            (_receive(_replayed(7)), "found None"),
            (_receive(ReplayStarted("lobby", missing=True)), "are not stored"),
            (_receive(_live(3, ident="other")), "bob received"),
            (_receive(LiveMessage(_bare(_line(3, nick="bob")))), "bob received"),
            (_receive(Error("no")), "no"),
            (_receive(Unknown("???")), "???"),
        ],
    )
    def test_wrong(self, change: Change, words: str) -> None:
        history, life = _sample()
        change(history, life)
        violations = MessageOracle().check(history, life)
        assert any(words in violation for violation in violations), violations

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda history, life: history["lobby"].lines.pop(), "4 lines, there were 5"),
            (_put(1, text="text two"), "was another line before"),
            (
                lambda history, life: history["lobby"].lines.append(_line(6)),
                "nobody wrote 'text 6'",
            ),
        ],
    )
    def test_wrongLater(self, change: Change, words: str) -> None:
        oracle = MessageOracle()
        history, life = _sample()
        assert oracle.check(history, life) == []
        change(history, Life())
        violations = oracle.check(history, Life())
        assert any(words in violation for violation in violations), violations
