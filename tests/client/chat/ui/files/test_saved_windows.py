"""Tests for L{tsservices.client.chat.ui.files.saved_windows}."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tsservices.client.chat.ui.files.saved_windows import SavedWindows, WindowsFile
from tsservices.client.chat.ui.windows.window import WindowKind

SAVED = SavedWindows(
    [(WindowKind.ROOM, "Tee"), (WindowKind.PRIVATE, "bob")], "@bob", {"Tee": "key"}
)


def test_there_again(tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    WindowsFile(folder, "h:7").save(SAVED)
    WindowsFile(folder, "h:8").save(SavedWindows([(WindowKind.ROOM, "x")]))
    assert WindowsFile(folder, "h:7").load() == SAVED
    assert WindowsFile(folder, "h:9").load() == SavedWindows()
    path = tmp_path / "state" / "chat-windows"
    assert path.stat().st_mode & 0o777 == 0o600
    # Nothing is written that is there already.
    file = WindowsFile(folder, "h:7")
    file.save(SAVED)
    path.unlink()
    file.save(SAVED)
    assert not path.exists()
    file.save(SavedWindows())
    assert path.exists()


def test_servers(tmp_path: Path) -> None:
    for number in range(60):
        WindowsFile(str(tmp_path), f"h:{number}").save(SAVED)
    assert WindowsFile(str(tmp_path), "h:5").load() == SavedWindows()
    assert WindowsFile(str(tmp_path), "h:59").load() == SAVED


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "[]",
        '{"servers": 1}',
        '{"servers": {"h:7": 1}}',
        '{"servers": {"h:7": {"windows": 1, "keys": 1, "current": 1}}}',
        '{"servers": {"h:7": {"windows": [1, "", "#", "x", "#a b", "#a\\u001b[m"]}}}',
        '{"servers": {"h:7": {"windows": [], "keys": {"a": 1, "b": "x\\n/quit"}}}}',
        "[" * 100_000,
    ],
    ids=lambda entry: str(len(entry)),
)
def test_wrongFiles(tmp_path: Path, entry: str) -> None:
    (tmp_path / "chat-windows").write_text(entry)
    file = WindowsFile(str(tmp_path), "h:7")
    assert file.load() == SavedWindows()
    file.save(SAVED)
    assert json.loads((tmp_path / "chat-windows").read_text())["version"] == 1
    assert file.load() == SAVED


def test_nowhere(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    WindowsFile(str(tmp_path / "file"), "h:7").save(SAVED)
