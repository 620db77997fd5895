"""A cluster continues a stream that older nodes have written."""

from __future__ import annotations

from tests.compatibility import current
from tests.compatibility.files import read


def test_recordedStream() -> None:
    outcomes, checkpoints = current.applied(read("stream.json.gz"))
    for found, recorded in zip(outcomes, read("outcomes.json"), strict=True):
        assert found == recorded
    assert checkpoints == read("checkpoints.json")


def test_sameEventsSameStream() -> None:
    assert current.record() == read("stream.json.gz")


def test_checkpointsRoundTrip() -> None:
    for position, state in read("checkpoints.json").items():
        assert current.reload(state) == state, position


def test_kindsOfEvents() -> None:
    assert current.operations() == read("operations.json")
