"""Tests for L{tsservices.stamp.stats.loss}."""

from __future__ import annotations

from random import Random
from sys import getsizeof

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsservices.stamp.stats.loss import (
    WINDOW,
    DirectionalLoss,
    LossBursts,
    NumberWindow,
    ReplyKind,
)


def directionsOf(*replies: tuple[int, int | None], stateful: bool | None = None) -> DirectionalLoss:
    directions = DirectionalLoss(stateful)
    for sequence, number in replies:
        directions.add(sequence, number)
    return directions


class TestDirections:
    def test_up(self) -> None:
        directions = directionsOf((0, 0), (1, 1), (4, 2))
        assert (directions.stateful, directions.lostUp, directions.lostDown) == (True, 2, 0)

    def test_down(self) -> None:
        directions = directionsOf((0, 0), (2, 1), (5, 4))
        assert (directions.lostUp, directions.lostDown) == (1, 2)

    def test_stateless(self) -> None:
        """While all numbers are equal the kind of the reflector is unknown."""
        directions = directionsOf((0, 0), (3, 3))
        assert (directions.stateful, directions.lostUp, directions.lostDown) == (None, None, None)
        known = directionsOf((0, 0), (3, 3), stateful=True)
        assert (known.lostUp, known.lostDown) == (0, 2)
        given = directionsOf((0, 0), (3, 2), stateful=False)
        assert (given.lostUp, given.reorderedUp, given.duplicatesUp) == (None, None, None)

    def test_noNumber(self) -> None:
        directions = directionsOf((0, None), (3, None), (3, None), (2, None))
        assert (directions.lostUp, directions.duplicates, directions.reordered) == (None, 1, 1)

    def test_restart(self) -> None:
        """The numbers of a restarted reflector contradict each other."""
        directions = directionsOf((0, 0), (2, 1), (3, 2), (4, 0), (5, 1))
        assert (directions.lostUp, directions.lostDown) == (None, None)
        later = DirectionalLoss()
        for number in range(2 * WINDOW):
            later.add(number + 1, number)
        assert later.lostUp == 1
        later.add(2 * WINDOW + 1, 0)
        assert later.lostUp is None

    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [
            # Lost: one up before, one down after.
            ([(0, 0), (2, 1)], [(3, 0), (5, 2)], (1, 1)),
            # Before it nothing came at all, or nothing was lost.
            ([], [(3, 0), (5, 1)], (1, 0)),
            ([(0, 0), (1, 1), (2, 2)], [(3, 0), (5, 1)], (1, 0)),
            ([(0, 0), (2, 1)], [], (1, 0)),
            ([(0, 0), (2, 1)], [(3, 3), (4, 4)], (1, 0)),
            # Of the other reflector nobody can know it.
            ([(0, 0), (2, 1)], [(3, 3), (5, 5)], (None, None)),
            ([(0, 0), (2, 2)], [(3, 0), (5, 1)], (None, None)),
            # An old reply comes late: its number is of the other counter.
            ([(0, 0), (1, 1)], [(3, 0), (2, 2), (4, 1), (5, 2)], (0, 0)),
        ],
    )
    def test_sessions(
        self,
        first: list[tuple[int, int]],
        second: list[tuple[int, int]],
        expected: tuple[int | None, int | None],
    ) -> None:
        directions = directionsOf(*first)
        directions.beginSession(3)
        for sequence, number in second:
            directions.add(sequence, number)
        assert (directions.lostUp, directions.lostDown) == expected

    def test_sessionsErrors(self) -> None:
        directions = directionsOf((0, 0), stateful=True)
        directions.addError(1)
        directions.beginSession(2)
        directions.addError(1)
        directions.addError(2)
        directions.add(3, 0)
        directions.add(3, 1)
        assert (directions.lostUp, directions.lostDown) == (0, 0)
        assert (directions.duplicates, directions.duplicatesUp) == (1, 1)

    def test_otherBase(self) -> None:
        """A counter that is ahead of the sender's does not count this session."""
        assert directionsOf((0, 1000), (1, 1001)).lostUp is None
        assert directionsOf((0, 5), (1, 6)).lostUp is None

    def test_duplicates(self) -> None:
        """Doubled on the way up a packet has two numbers of the reflector, on the way down one."""
        directions = directionsOf((0, 0), (1, 1), (1, 2), (2, 3), (2, 3), (4, 4))
        assert (directions.duplicates, directions.duplicatesUp, directions.duplicatesDown) == (
            2,
            1,
            1,
        )
        assert (directions.lostUp, directions.lostDown) == (1, 0)

    def test_reordered(self) -> None:
        """Overtaken on the way up, the reflector's numbers are in order; on the way down not."""
        directions = directionsOf((0, 0), (2, 1), (1, 2), (4, 4), (3, 3))
        assert (directions.reordered, directions.reorderedUp, directions.reorderedDown) == (2, 1, 1)
        assert (directions.lostUp, directions.lostDown) == (0, 0)

    def test_kinds(self) -> None:
        directions = DirectionalLoss()
        assert directions.add(0, 0) is ReplyKind.FIRST
        assert directions.add(0, 0) is ReplyKind.DUPLICATE
        assert directions.add(WINDOW + 5, 1) is ReplyKind.FIRST
        assert directions.add(3, 2) is ReplyKind.STRAY

    def test_networkErrorIsLostInNoDirection(self) -> None:
        directions = DirectionalLoss(stateful=True)
        directions.add(0, 0)
        directions.addError(1)
        directions.addError(2)
        assert directions.lostUp == 0
        directions.add(4, 1)
        assert directions.lostUp == 1
        directions.addError(3)
        assert directions.lostUp == 0

    def test_memory(self) -> None:
        directions = DirectionalLoss()
        for number in range(5 * WINDOW):
            directions.add(2 * number, number)
        assert (directions.lostUp, directions.lostDown) == (5 * WINDOW - 1, 0)
        for window in (directions._answered, directions._replies):
            assert getsizeof(window._bits) < WINDOW

    @settings(max_examples=60)
    @given(st.integers(0, 2**32), st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 0.2))
    def test_simulated(self, seed: int, up: float, down: float, doubled: float) -> None:
        """Up to the last reply the counts are exact."""
        path = Random(seed)
        directions = DirectionalLoss(stateful=True)
        counter = lostUp = lostDown = doubles = 0
        tail = [0, 0]
        for sequence in range(300):
            if path.random() < up:
                tail[0] += 1
                continue
            number, counter = counter, counter + 1
            if path.random() < down:
                tail[1] += 1
                continue
            # Losses count once a later reply shows them.
            lostUp, lostDown, tail = lostUp + tail[0], lostDown + tail[1], [0, 0]
            directions.add(sequence, number)
            if path.random() < doubled:
                doubles += 1
                directions.add(sequence, number)
        assert (directions.lostUp, directions.lostDown) == (lostUp, lostDown)
        assert (directions.duplicatesUp, directions.duplicatesDown) == (0, doubles)


class TestBursts:
    def test_lengths(self) -> None:
        runs = LossBursts()
        for sequence in (1, 0, 4, 3, 2, 6, 5):
            runs.add(sequence, sequence in (1, 2, 5, 6))
        assert list(runs.lengths.ranges()) == [(2, 2, 1)]
        assert list(runs.summary().ranges()) == [(2, 2, 2)]

    @given(st.lists(st.booleans(), max_size=50), st.randoms(use_true_random=False))
    def test_order(self, lost: list[bool], randomness: object) -> None:
        results = list(enumerate(lost))
        randomness.shuffle(results)  # type: ignore[attr-defined]
        runs = LossBursts()
        for sequence, isLost in results:
            runs.add(sequence, isLost)
        text = "".join("x" if isLost else " " for isLost in lost)
        lengths = sorted(len(run) for run in text.split())
        found = [low for low, _, count in runs.summary().ranges() for _ in range(count)]
        assert found == lengths


@given(
    st.lists(
        st.tuples(
            st.integers(-3 * WINDOW, 3 * WINDOW) | st.integers(-20, 20), st.sampled_from((1, 2, 9))
        ),
        min_size=1,
    )
)
def test_numberWindow(runs: list[tuple[int, int]]) -> None:
    numbers = [first + step for first, length in runs for step in range(length)]
    window = NumberWindow()
    highest, seen = -1, set[int]()
    for number in numbers:
        recent = highest - WINDOW < number
        assert (number in window) == (recent and number in seen)
        window.add(number)
        if recent:
            seen.add(number)
        highest = max(highest, number)


def test_numbersInOrder() -> None:
    window = NumberWindow()
    for number in range(WINDOW + 10):
        window.add(number)
    assert [number in window for number in (9, 10, WINDOW + 9, WINDOW + 10)] == [0, 1, 1, 0]
    window.add(WINDOW + 12)
    expected = [0, 1, 1, 0, 0, 1]
    numbers = (12, 13, WINDOW + 9, WINDOW + 10, WINDOW + 11, WINDOW + 12)
    assert [number in window for number in numbers] == expected


def test_numberFarAhead() -> None:
    window = NumberWindow()
    for number in (5, 1 << 200):
        window.add(number)
    assert (5 in window, 1 << 200 in window) == (False, True)
