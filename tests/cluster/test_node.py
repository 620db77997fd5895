"""Tests for L{tsservices.cluster.node}."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsservices.cluster.broker import BrokerError
from tsservices.cluster.node import checkNodeName, storedNodeName
from tsservices.common.statedir import NODE_FILE, StateDirectory


@pytest.fixture
def folder(tmp_path: Path) -> StateDirectory:
    return StateDirectory(str(tmp_path / "state"))


def test_kept(folder: StateDirectory) -> None:
    folder.create()
    assert storedNodeName(folder, "Web_07.example.net", lambda: "c0de") == "web-07-c0de"
    assert storedNodeName(folder, "other", lambda: "f00d") == "web-07-c0de"


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ("", "node-c0de"),
        ("...", "node-c0de"),
        ("\u00fc", "node-c0de"),
        ("a" * 40, "a" * 20 + "-c0de"),
    ],
)
def test_machineName(folder: StateDirectory, machine: str, name: str) -> None:
    folder.create()
    assert storedNodeName(folder, machine, lambda: "c0de") == name


@pytest.mark.parametrize("content", ["", "7", '"Not One"'])
def test_unreadable(folder: StateDirectory, content: str) -> None:
    with pytest.raises(BrokerError, match="--node NAME"):
        storedNodeName(folder, "web", lambda: "c0de")
    folder.create()
    Path(folder.path(NODE_FILE)).write_text(content)
    with pytest.raises(BrokerError, match="--node NAME"):
        storedNodeName(folder, "web", lambda: "c0de")


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a" * 33, "a\n", None, 7])
def test_noName(name: object) -> None:
    with pytest.raises(ValueError, match="1 to 32"):
        checkNodeName(name)
