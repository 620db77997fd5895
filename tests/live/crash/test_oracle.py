"""
Tests of what judges a killed chat: it must see what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.crash.oracle import Heard, Kept, Life, Proof
from tests.live.crash.wire import (
    Event,
    Noticed,
    NotUnderstood,
    Refused,
    ReplayBegins,
    Replayed,
    RoomEntered,
    RoomLeft,
    Spoken,
    Stored,
    Told,
    understand,
)

#: Spoils a history, or what people know.
Change = Callable[[dict[str, Kept], Life], object]


def _line(seq: int, **others: object) -> Told:
    kind = "topic" if seq == 3 else "message"
    line = Told("lobby", kind, "ann", f"text {seq}", seq, f"log-{seq}-0", 1000 + seq)
    return line._replace(**others)  # type: ignore[arg-type]


def _bare(line: Told) -> Told:
    return Told(*line[:4])


def _sample() -> tuple[dict[str, Kept], Life]:
    lines = [_line(seq) for seq in range(1, 6)]
    history = {
        "lobby": Kept(lines, ("text 3", "ann", 1003)),
        "garden": Kept([], None),
    }
    life = Life(
        {"ann": [*map(_bare, lines), Told("lobby", "message", "ann", "text 6")]},
        [(_bare(line), line.seq) for line in lines[:4]],
        [
            Heard("json", True, [RoomEntered("lobby", 0), *map(Spoken, lines[:4])]),
            Heard("text", True, [Spoken(_bare(line)) for line in lines[2:5]]),
        ],
    )
    return history, life


def _hear(*events: Event, whole: bool = True) -> Change:
    return lambda history, life: life.heard.append(Heard("bob", whole, list(events)))


def _put(index: int, **others: object) -> Change:

    def change(history: dict[str, Kept], life: Life) -> None:
        lines = history["lobby"].lines
        lines[index] = lines[index]._replace(**others)  # type: ignore[arg-type]

    return change


def _swap(history: dict[str, Kept], life: Life) -> None:
    _put(3, text="text 5")(history, life)
    _put(4, text="text 4")(history, life)
    life.heard.clear()
    life.acknowledged.clear()


def _hole(history: dict[str, Kept], life: Life) -> None:
    lines = [_line(seq) for seq in (1, 3, 4, 5)]
    history["lobby"].lines[:] = [
        line._replace(seq=seq, ident=str(seq)) for seq, line in enumerate(lines, 1)
    ]
    life.heard.clear()
    life.acknowledged.clear()


class TestProof:
    def test_nothingWrong(self) -> None:
        """
        A history that holds what was told is in order, also when lines that were only
        written are not in it; what was in it before may be told again.
        """
        proof = Proof()
        history, life = _sample()
        assert proof.judge(history, life) == []
        history["lobby"].lines.append(_line(6))
        again = Heard(
            "late",
            True,
            [
                RoomEntered("lobby"),
                ReplayBegins("lobby"),
                *[Replayed(_bare(_line(seq))) for seq in (4, 5)],
                Spoken(_bare(_line(6))),
                RoomLeft("lobby"),
            ],
        )
        second = Life({"bob": [Told("lobby", "message", "ann", "text 6")]}, [], [again])
        assert proof.judge(history, second) == []
        tally = proof.tally
        assert (tally.written, tally.kept, tally.seen, tally.acknowledged) == (7, 6, 6, 4)
        assert tally.missing == 0

    def test_farewell(self) -> None:
        """A server that stops in order may refuse everybody, in those words only."""
        history, life = _sample()
        life.farewell = "the server stops"
        _hear(Refused("the server stops"))(history, life)
        assert Proof().judge(history, life) == []
        _hear(Refused("too slow"))(history, life)
        assert Proof().judge(history, life) != []

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
            (_put(3, time=1009), "was told"),
            (_swap, "stands after what came later"),
            (_hole, "is not kept, later ones are"),
            (lambda history, life: setattr(history["lobby"], "topic", None), "its topic is None"),
            (lambda history, life: life.complaints.append("it hurts"), "it hurts"),
            (_hear(Spoken(_line(3)), Spoken(_line(5))), "told 5 of lobby after 3"),
            (_hear(Spoken(_line(3)), Spoken(_line(3)), whole=False), "told 3 of lobby after 3"),
            (_hear(RoomEntered("lobby", 3), Spoken(_line(5))), "told 5 of lobby after 3"),
            (_hear(Replayed(_line(3)), Replayed(_line(5))), "told again 5 of lobby after 3"),
            (_hear(Replayed(_line(3)), Spoken(_line(5))), "told 5 of lobby after 3"),
            (_hear(Replayed(_line(7))), "found None"),
            (_hear(ReplayBegins("lobby", missing=True)), "are not kept"),
            (_hear(Spoken(_line(3, ident="other"))), "bob was told"),
            (_hear(Spoken(_bare(_line(3, nick="bob")))), "bob was told"),
            (_hear(Refused("no")), "no"),
            (_hear(NotUnderstood("???")), "???"),
        ],
    )
    def test_wrong(self, change: Change, words: str) -> None:
        """Whatever is wrong is told."""
        history, life = _sample()
        change(history, life)
        complaints = Proof().judge(history, life)
        assert any(words in complaint for complaint in complaints), complaints

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
        """What was judged once stays as it was, and a line that was lost does not come back."""
        proof = Proof()
        history, life = _sample()
        assert proof.judge(history, life) == []
        change(history, Life())
        complaints = proof.judge(history, Life())
        assert any(words in complaint for complaint in complaints), complaints


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (
            '{"type":"said","room":"a","seq":3,"id":"x-1-0","time":5,"kind":"me","nick":"b",'
            '"account":null,"text":"waves"}',
            [Spoken(Told("a", "me", "b", "waves", 3, "x-1-0", 5))],
        ),
        ('{"type":"stored","room":"a","first":3,"last":4}', [Stored("a", 3), Stored("a", 4)]),
        ('{"type":"replay","room":"a","lines":2,"missing":[1,3],"until":5}', None),
        ('{"type":"refused","code":"x","text":"no"}', [Refused("no")]),
        ('{"type":"left","room":"a","nick":"b","why":""}', []),
        ('{"type":"what"}', None),
        ("[12:10:05] <ann> * stored #a 3", [Spoken(Told("", "message", "ann", "* stored #a 3"))]),
        ("[12:10:05] #a <ann> hello", [Spoken(Told("a", "message", "ann", "hello"))]),
        ("| [12:10:05] #a * ann waves", [Replayed(Told("a", "me", "ann", "waves"))]),
        (
            "* ann changed the topic of #a to: tea",
            [Spoken(Told("a", "topic", "ann", "tea"))],
        ),
        (
            "| * [12:10:05] ann changed the topic of #a to: tea",
            [Replayed(Told("a", "topic", "ann", "tea"))],
        ),
        (
            "[12:10:05] * ann changed the topic of #a to: tea",
            [Spoken(Told("", "me", "ann", "changed the topic of #a to: tea"))],
        ),
        ("* stored a 3", [Stored("a", 3)]),
        ("* stored somehow", [NotUnderstood("'* stored somehow'")]),
        ("* you are in #a with 2 others: b, c", [RoomEntered("a")]),
        ("* you are in #a, alone", [RoomEntered("a")]),
        ("* you left #a", [RoomLeft("a")]),
        ("--- #a: 20 lines from before ---", [ReplayBegins("a")]),
        ("--- now ---", []),
        ("| * Monday", []),
        ("! no", [Refused("no")]),
        ("* echo is off", [Noticed("echo is off")]),
        ("hello", [NotUnderstood("'hello'")]),
    ],
)
def test_understand(line: str, meaning: list[Event] | None) -> None:
    """
    Both forms of the door are understood as the same, and nothing that stands in a text
    is taken for anything else.
    """
    understood = understand(line.encode())
    if meaning is not None:
        assert understood == meaning
    else:
        [event] = understood
        assert event == ReplayBegins("a", 5, 2, True) or isinstance(event, NotUnderstood)
