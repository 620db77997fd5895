"""
Tests for L{tsservices.stamp.stats.loss} and L{tsservices.stamp.stats.loss}.
"""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tsservices.stamp.stats.loss import WINDOW, DirectionalLoss, LossBursts, ReplyKind


def account(*replies: tuple[int, int | None], stateful: bool | None = None) -> DirectionalLoss:
    ways = DirectionalLoss(stateful)
    for sequence, counted in replies:
        ways.add(sequence, counted)
    return ways


class DirectionsTests(SynchronousTestCase):
    def test_up(self) -> None:
        """What the reflector did not count was lost on the way up."""
        ways = account((0, 0), (1, 1), (4, 2))
        assert (ways.stateful, ways.lostUp, ways.lostDown) == (True, 2, 0)

    def test_down(self) -> None:
        """What it counted and did not arrive was lost on the way down."""
        ways = account((0, 0), (2, 1), (5, 4))
        assert (ways.lostUp, ways.lostDown) == (1, 2)

    def test_stateless(self) -> None:
        """As long as all numbers are equal nobody can know."""
        ways = account((0, 0), (3, 3))
        assert (ways.stateful, ways.lostUp, ways.lostDown) == (None, None, None)
        known = account((0, 0), (3, 3), stateful=True)
        assert (known.lostUp, known.lostDown) == (0, 2)
        said = account((0, 0), (3, 2), stateful=False)
        assert (said.lostUp, said.reorderedUp, said.duplicatesUp) == (None, None, None)

    def test_noNumber(self) -> None:
        """Without a number of the reflector's nobody can know."""
        ways = account((0, None), (3, None), (3, None), (2, None))
        assert (ways.lostUp, ways.duplicates, ways.reordered) == (None, 1, 1)

    def test_restart(self) -> None:
        """A reflector that begins anew contradicts itself, and nothing is claimed."""
        ways = account((0, 0), (2, 1), (3, 2), (4, 0), (5, 1))
        assert (ways.lostUp, ways.lostDown) == (None, None)
        later = DirectionalLoss()
        for number in range(2 * WINDOW):
            later.add(number + 1, number)
        assert later.lostUp == 1
        later.add(2 * WINDOW + 1, 0)
        assert later.lostUp is None

    def test_otherBase(self) -> None:
        """A counter that is ahead of the sender's counts something else."""
        assert account((0, 1000), (1, 1001)).lostUp is None
        assert account((0, 5), (1, 6)).lostUp is None

    def test_duplicates(self) -> None:
        """Doubled on the way up has two numbers of the reflector, on the way down one."""
        ways = account((0, 0), (1, 1), (1, 2), (2, 3), (2, 3), (4, 4))
        assert (ways.duplicates, ways.duplicatesUp, ways.duplicatesDown) == (2, 1, 1)
        assert (ways.lostUp, ways.lostDown) == (1, 0)

    def test_reordered(self) -> None:
        """
        Overtaken on the way up, the reflector's numbers are in order; on the way down,
        they are not.
        """
        ways = account((0, 0), (2, 1), (1, 2), (4, 4), (3, 3))
        assert (ways.reordered, ways.reorderedUp, ways.reorderedDown) == (2, 1, 1)
        assert (ways.lostUp, ways.lostDown) == (0, 0)

    def test_kinds(self) -> None:
        """Each reply is the first, a double, or a stray from long ago."""
        ways = DirectionalLoss()
        assert ways.add(0, 0) is ReplyKind.FIRST
        assert ways.add(0, 0) is ReplyKind.DUPLICATE
        assert ways.add(WINDOW + 5, 1) is ReplyKind.FIRST
        assert ways.add(3, 2) is ReplyKind.STRAY

    def test_refused(self) -> None:
        """Packets whose fate the network tells are not lost on a way, wherever they are."""
        ways = DirectionalLoss(stateful=True)
        ways.add(0, 0)
        ways.addError(1)
        ways.addError(2)
        assert ways.lostUp == 0
        ways.add(4, 1)
        assert ways.lostUp == 1
        ways.addError(3)
        assert ways.lostUp == 0

    def test_memory(self) -> None:
        """Long runs are accounted for in bounded memory."""
        ways = DirectionalLoss()
        for number in range(5 * WINDOW):
            ways.add(2 * number, number)
        assert (ways.lostUp, ways.lostDown) == (5 * WINDOW - 1, 0)
        assert len(ways._answered) == len(ways._replies) == WINDOW

    @settings(max_examples=60)
    @given(st.integers(0, 2**32), st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 0.2))
    def test_simulated(self, seed: int, up: float, down: float, doubled: float) -> None:
        """On a path with losses and doubles the account is exact, up to the last reply."""
        path = Random(seed)
        ways = DirectionalLoss(stateful=True)
        counter = lostUp = lostDown = doubles = 0
        tail = [0, 0]
        for sequence in range(300):
            if path.random() < up:
                tail[0] += 1
                continue
            counted, counter = counter, counter + 1
            if path.random() < down:
                tail[1] += 1
                continue
            # Losses count once a later reply shows them.
            lostUp, lostDown, tail = lostUp + tail[0], lostDown + tail[1], [0, 0]
            ways.add(sequence, counted)
            if path.random() < doubled:
                doubles += 1
                ways.add(sequence, counted)
        assert (ways.lostUp, ways.lostDown) == (lostUp, lostDown)
        assert (ways.duplicatesUp, ways.duplicatesDown) == (0, doubles)


class RunsTests(SynchronousTestCase):
    def test_lengths(self) -> None:
        """Runs are of packets sent one after the other, in whatever order they are told."""
        runs = LossBursts()
        for sequence in (1, 0, 4, 3, 2, 6, 5):
            runs.add(sequence, sequence in (1, 2, 5, 6))
        assert list(runs.lengths.ranges()) == [(2, 2, 1)]
        assert list(runs.summary().ranges()) == [(2, 2, 2)]

    @given(st.lists(st.booleans(), max_size=50), st.randoms(use_true_random=False))
    def test_order(self, lost: list[bool], randomness: object) -> None:
        """The order in which they are told does not matter."""
        told = list(enumerate(lost))
        randomness.shuffle(told)  # type: ignore[attr-defined]
        runs = LossBursts()
        for sequence, gone in told:
            runs.add(sequence, gone)
        text = "".join("x" if gone else " " for gone in lost)
        lengths = sorted(len(run) for run in text.split())
        found = [low for low, _, count in runs.summary().ranges() for _ in range(count)]
        assert found == lengths
