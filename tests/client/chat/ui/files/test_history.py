"""Tests for L{tsservices.client.chat.ui.files.history}."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsservices.client.chat.ui.files.history import (
    HISTORY_FILE,
    HISTORY_LINES,
    InputHistory,
    keepable,
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    mask = os.umask(0)
    yield tmp_path / "state"
    os.umask(mask)


def test_kept(folder: Path) -> None:
    history = InputHistory(str(folder))
    assert history.load() == []
    assert history.keep("hello")
    assert history.keep("你好")
    assert InputHistory(str(folder)).load() == ["hello", "你好"]
    assert stat.S_IMODE((folder / HISTORY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "typed",
    [
        *["/login ann pw", "/REGISTER pw", " /passwd a b", "//login x", "/reset ann"],
        *["\u200b/login ann pw", "\uff0flogin ann", "/login\xa0ann pw"],
    ],
)
def test_passwordsAreNotWritten(folder: Path, typed: str) -> None:
    assert not keepable(typed)
    InputHistory(str(folder)).keep(typed)
    assert not folder.exists()
    assert keepable("/login")
    assert keepable("login is /login")


def test_bounded(folder: Path) -> None:
    folder.mkdir()
    path = folder / HISTORY_FILE
    path.write_text("".join(f"line {number}\n" for number in range(2 * HISTORY_LINES + 1)))
    assert InputHistory(str(folder)).load()[-1] == f"line {2 * HISTORY_LINES}"
    assert path.read_text().count("\n") == HISTORY_LINES


def test_fullDisk(folder: Path) -> None:
    folder.mkdir()
    path = folder / HISTORY_FILE
    path.write_text("".join(f"line {number}\n" for number in range(2 * HISTORY_LINES + 1)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert InputHistory(str(folder)).load()[-1] == f"line {2 * HISTORY_LINES}"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text().count("\n") == 2 * HISTORY_LINES + 1
    assert list(folder.iterdir()) == [path]


def test_noFolder() -> None:
    history = InputHistory("/dev/null/x")
    assert history.keep("hello")
    assert history.load() == []
