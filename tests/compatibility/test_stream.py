"""A cluster continues a stream that older nodes have written."""

from __future__ import annotations

from typing import Any

from tests.compatibility import current
from tests.compatibility.files import read


def _asFarAs(recorded: Any, found: Any) -> Any:
    # Records may have got fields since: they stand at the end.
    if isinstance(recorded, dict) and isinstance(found, dict):
        return {key: _asFarAs(recorded.get(key), value) for key, value in found.items()}
    if isinstance(recorded, list) and isinstance(found, list):
        return [_asFarAs(old, new) for old, new in zip(recorded, found, strict=False)]
    return found


def test_recordedStream() -> None:
    outcomes, checkpoints = current.applied(read("stream.json.gz"))
    for found, recorded in zip(outcomes, read("outcomes.json"), strict=True):
        assert _asFarAs(recorded, found) == recorded
    for position, recorded in read("checkpoints.json").items():
        assert current.reload(recorded) == checkpoints[position], position


def test_kindsOfEvents() -> None:
    found = current.operations()
    for name, types in read("operations.json").items():
        assert found[name][: len(types)] == types, name
