"""Tests of the oracle: it must see what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.live.cluster.oracle import FATE_SECONDS, Oracle
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
class Sample:
    nodes: dict[str, History]
    bursts: list[Burst]
    heard: dict[str, list[Event]]

    def judged(self, judge: Oracle | None = None) -> list[str]:
        return (judge or Oracle()).check(self.nodes, self.bursts, self.heard)


#: Makes something wrong.
Change = Callable[[Sample], object]


def _line(seq: int, room: str = "lobby", text: str = "") -> Line:
    position, index = (seq + 1) // 2, (seq + 1) % 2
    position += 100 if room == "garden" else 0
    ident = f"log-{position}-{index}"
    return Line(room, seq, ident, 1000 + seq, "message", "ann", None, text or f"{room} {seq}")


def _burst(*seqs: int, room: str = "lobby", connection: int = 1) -> Burst:
    texts = [f"{room} {seq}" for seq in seqs]
    stored = [(room, seq) for seq in seqs]
    return Burst("ann", connection, texts, 10.0, stored, settled=True, repliedAt=11.0)


def _sample() -> Sample:
    state = [_line(seq) for seq in range(1, 7)]
    garden = [_line(seq, "garden") for seq in range(1, 3)]
    lost = _burst(5, 6, 7, connection=2)
    lost.settled, lost.lost, lost.stored, lost.repliedAt = False, True, [("lobby", 5)], 0.0
    refused = _burst(8, room="garden", connection=3)
    refused.stored, refused.refused = [], ["not-stored"]
    return Sample(
        {name: {"lobby": list(state), "garden": list(garden)} for name in "ab"},
        [_burst(1), _burst(2, 3, 4), lost, _burst(1, 2, room="garden", connection=3), refused],
        {
            "bob": [
                Joined("lobby", 0),
                Joined("garden", 0),
                *map(Delivered, state[:3]),
                ConnectionLost(),
                Joined("lobby", 4),
                Replayed("lobby", state[:4], None, 4, True),
                Replayed("lobby", state[3:5], None, 5, True),
                Delivered(state[5]),
                *map(Delivered, garden),
            ],
            "eve": [
                Joined("lobby", 1),
                Delivered(state[1]),
                Replayed("lobby", state[2:4], None, 4, False),
                Replayed("lobby", [], (5, 5), 5, False),
                Delivered(state[5]),
                Replayed("lobby", state[4:], None, 6, True),
            ],
        },
    )


def _set(node: str, which: int, **fields: object) -> Change:

    def change(sample: Sample) -> None:
        for item in node:
            lines = sample.nodes[item]["lobby"]
            lines[which - 1] = lines[which - 1]._replace(**fields)  # type: ignore[arg-type]

    return change


def _swap(node: str) -> Change:

    def change(sample: Sample) -> None:
        for item in node:
            _set(item, 2, text="lobby 3")(sample)
            _set(item, 3, text="lobby 2")(sample)

    return change


def _drop(node: str, seq: int) -> Change:

    def change(sample: Sample) -> None:
        for item in node:
            lines = sample.nodes[item]["lobby"]
            del lines[seq - 1]
            lines[:] = [line._replace(seq=which) for which, line in enumerate(lines, 1)]

    return change


def _deliver(*events: Event, whole: bool = False) -> Change:
    rest = [Replayed("lobby", [_line(seq) for seq in range(1, 7)], None, 6, True)] if whole else []

    return lambda sample: sample.heard.update(zoe=[*events, *rest])


def _put(which: int, **fields: object) -> Change:

    def change(sample: Sample) -> None:
        for name, value in fields.items():
            assert hasattr(sample.bursts[which], name)
            setattr(sample.bursts[which], name, value)

    return change


class TestJudge:
    def test_nothingWrongAlsoLater(self) -> None:
        judge = Oracle()
        sample = _sample()
        assert sample.judged(judge) == []
        tally = judge.tally
        assert (tally.lines, tally.delivered, tally.written) == (8, 8, 10)
        assert (tally.acknowledged, tally.refused, tally.lost) == (7, 1, 1)
        for history in sample.nodes.values():
            history["garden"].append(_line(3, "garden"))
        later: dict[str, list[Event]] = {"bob": [Delivered(_line(3, "garden"))]}
        bursts = [_burst(3, room="garden", connection=3)]
        assert Sample(sample.nodes, bursts, later).judged(judge) == []

    def test_writerIsToldNothing(self) -> None:
        sample = _sample()
        _put(0, repliedAt=10.0 + FATE_SECONDS + 1)(sample)
        assert any("waited 61.0 s" in item for item in sample.judged())

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (_set("b", 3, text="other"), "lobby 3: a has "),
            (_set("b", 3, ident="log-9-9"), "lobby 3: a has "),
            (_set("b", 3, time=9), "lobby 3: a has "),
            (_swap("b"), "lobby 2: a has "),
            (_drop("b", 6), "a has 6 lines, b has 5"),
            (_drop("a", 6), "a has 5 lines, b has 6"),
            (lambda sample: sample.nodes["b"].pop("garden"), "a has 2 lines, b has 0"),
            (_set("ab", 3, seq=4), "number 4 of lobby is there"),
            (_set("ab", 3, time=1002), "time 1002 is not after 1002"),
            (_set("ab", 3, ident="log-1-0"), "another line has the id"),
            (_set("ab", 3, ident="log-1-0"), "stands after log-1-1"),
            (_set("ab", 3, text="lobby 2"), "is there twice"),
            (_set("ab", 3, text="what"), "nobody wrote 'what'"),
            (_swap("ab"), "stands before what ann said before it"),
            (_drop("ab", 3), "is kept, 'lobby 3' before it is not"),
            (_drop("ab", 6), "bob was told"),
            (_drop("ab", 4), "acknowledged was one of"),
            (lambda sample: [item["lobby"].clear() for item in sample.nodes.values()], "missing"),
            (_put(1, stored=[("lobby", 2), ("lobby", 2), ("lobby", 4)]), "acknowledged twice"),
            (_put(1, stored=[("lobby", 1)]), "acknowledged was one of"),
            (_put(1, stored=[("lobby", 2)]), "was told nothing of 2"),
            (_put(1, refused=["no"]), "what was stored"),
            (_put(1, refused=["no"], stored=[("lobby", 2)]), "'lobby 3' was refused to ann"),
            (_put(1, settled=False), "was never told what became"),
            (_put(4, settled=False, repliedAt=0.0), "waited inf s"),
            (_put(0, texts=["lobby 2"], stored=[]), "was told nothing of 1"),
            (lambda sample: sample.bursts.reverse(), "stands before what ann said"),
            (_deliver(Delivered(_line(6)), Delivered(_line(6))), "told lobby 6 twice"),
            (
                _deliver(Delivered(_line(6)), ConnectionLost(), Delivered(_line(6))),
                "told lobby 6 twice",
            ),
            (
                _deliver(Delivered(_line(4)), Delivered(_line(6)), whole=True),
                "told lobby 6 after 4",
            ),
            (
                _deliver(Delivered(_line(6)), Delivered(_line(5)), whole=True),
                "told lobby 5 after 6",
            ),
            (_deliver(Joined("lobby", 4), Delivered(_line(6)), whole=True), "told lobby 6 after 4"),
            (_deliver(Delivered(_line(7))), "kept is None"),
            (_deliver(Delivered(_line(6, text="else"))), "kept is Line"),
            (_deliver(Joined("lobby", 0)), "zoe was never told lobby 1"),
            (
                _deliver(Delivered(_line(3)), ConnectionLost(), Delivered(_line(5))),
                "never told lobby 4",
            ),
            (_deliver(Joined("lobby", 6), Left("lobby")), "was put out of lobby"),
            (
                _deliver(Joined("lobby", 6), Replayed("lobby", [_line(6)], None, 6, False)),
                "from 6 on, unasked, after 6",
            ),
            (
                _deliver(
                    Joined("lobby", 3), Replayed("lobby", [_line(5)], None, 5, False), whole=True
                ),
                "from 5 on, unasked, after 3",
            ),
            (
                _deliver(Joined("lobby", 3), Replayed("lobby", [], (5, 6), 6, False), whole=True),
                "from 5 on, unasked, after 3",
            ),
            (
                _deliver(Replayed("lobby", [_line(4), _line(6)], None, 6, True), whole=True),
                "told again lobby 6 after 4",
            ),
            (
                _deliver(Replayed("lobby", [], (1, 6), 6, True), whole=True),
                "(1, 6) of lobby are not kept",
            ),
        ],
    )
    def test_wrong(self, change: Change, words: str) -> None:
        sample = _sample()
        change(sample)
        complaints = sample.judged()
        assert any(words in complaint for complaint in complaints), complaints

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (_drop("ab", 6), "5 lines, there were 6"),
            (_set("ab", 1, nick="bob"), "was another line before"),
        ],
    )
    def test_historyChangesLater(self, change: Change, words: str) -> None:
        judge = Oracle()
        sample = _sample()
        assert sample.judged(judge) == []
        change(sample)
        complaints = Sample(sample.nodes, [], {}).judged(judge)
        assert any(words in complaint for complaint in complaints), complaints

    def test_orderAcrossConnections(self) -> None:
        sample = _sample()
        sample.bursts[0].connection = 0
        sample.bursts[0].texts, sample.bursts[0].stored = ["lobby 4"], [("lobby", 4)]
        sample.bursts[1].texts = ["lobby 1", "lobby 2", "lobby 3"]
        sample.bursts[1].stored = [("lobby", seq) for seq in (1, 2, 3)]
        assert any("stands before" in item for item in sample.judged())
        # One that was not acknowledged may have been long under way.
        sample.bursts[0].settled, sample.bursts[0].lost, sample.bursts[0].stored = False, True, []
        assert sample.judged() == []
