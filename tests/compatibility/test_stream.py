"""
A cluster goes on with what its nodes have told each other.
"""

from __future__ import annotations

from tests.compatibility import current
from tests.compatibility.files import read


def test_outcomes() -> None:
    """What nodes have written can be read, would be written alike, and the same comes of it."""
    outcomes, checkpoints = current.applied(read("stream.json.gz"))
    for found, recorded in zip(outcomes, read("outcomes.json"), strict=True):
        assert found == recorded
    assert checkpoints == read("checkpoints.json")


def test_written() -> None:
    """Nodes to which the same happens write the same."""
    assert current.record() == read("stream.json.gz")


def test_checkpoints() -> None:
    """A state that was kept is the same when it is read, and kept again."""
    for position, state in read("checkpoints.json").items():
        assert current.reload(state) == state, position


def test_operations() -> None:
    """Nodes know the same kinds of events, with the same values."""
    assert current.operations() == read("operations.json")
