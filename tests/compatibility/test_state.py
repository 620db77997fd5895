"""What a server left behind is there again, and a server leaves the same behind today."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.compatibility import current, evening
from tests.compatibility.files import FILES, read


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    state = tmp_path_factory.mktemp("spent") / "state"
    notes, ports, counters, audits = evening.spend(state)
    database = state / evening.DATABASE
    return {
        "evening": notes,
        "ports": ports,
        "counters": {"file": counters, "kinds": current.counters()},
        "audits": audits,
        "rows": evening.rows(database),
        "schema": evening.schema(database),
    }


@pytest.mark.parametrize("name", ["evening", "ports", "counters", "audits", "rows", "schema"])
def test_sameEveningSameState(spent: dict[str, object], name: str) -> None:
    assert spent[name] == read(f"{name}.json")


def test_oldDatabaseOpens(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    packed = (FILES / "state" / f"{evening.DATABASE}.gz").read_bytes()
    (state / evening.DATABASE).write_bytes(gzip.decompress(packed))
    found = evening.visit(state, read("about.json")["over"])
    for name, notes in read("left.json").items():
        assert found[name] == notes, name
