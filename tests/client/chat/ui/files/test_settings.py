"""Tests for L{tsservices.client.chat.ui.files.settings}."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.documents import blocks
from tsservices.client.chat.ui.files.settings import ScreenSettings, readSettings


def test_all(tmp_path: Path) -> None:
    path = tmp_path / "chat.toml"
    path.write_text(
        'highlight = ["deploy", " "]\nlog = "/logs"\nbell = false\nmouse = true\n'
        'names = false\nrecall = "edit"\n'
        '[aliases]\n"/Hi" = "/me greets $1"\n[keys]\nf2 = "/names"\n'
    )
    assert readSettings(str(path)) == ScreenSettings(
        highlight=["deploy"],
        aliases={"hi": "/me greets $1"},
        keys={"f2": "/names"},
        log="/logs",
        bell=False,
        mouse=True,
        names=False,
        replaceRecalled=False,
    )


def test_ofTheManual(tmp_path: Path) -> None:
    (block,) = [block for block in blocks() if "[aliases]" in block.text]
    path = tmp_path / "chat.toml"
    path.write_text(block.text, encoding="utf-8")
    settings = readSettings(str(path))
    assert settings.problems == []
    assert settings.keys == {"f2": "/names", "ctrl-t": "next-active"}


def test_logInTheHomeFolder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    path = tmp_path / "chat.toml"
    path.write_text('log = "~/chatlogs"')
    assert readSettings(str(path)).log == "/home/ann/chatlogs"


def test_none(tmp_path: Path) -> None:
    assert readSettings(str(tmp_path / "chat.toml")) == ScreenSettings()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("highlight = 1", "highlight: a list of texts is needed"),
        ("aliases = 1", "aliases: texts by name are needed"),
        ('[aliases]\nlogin = "/me"', "aliases: login can't stand for something else"),
        ("keys = [1]", "keys: actions by key are needed"),
        ("[keys]\nf2 = 1", "keys: f2: actions by key are needed"),
        ('[keys]\nf2 = "fly"', "keys: f2: there is no action fly"),
        ("log = 1", "log: the name of a folder is needed"),
        ("bell = 1", "bell: true or false is needed"),
        ('recall = "x"', 'recall: "replace" or "edit" is needed'),
        ("colour = 1", "colour: there is no such setting"),
        ("x = ", "is not read: "),
        ("x = '\x00'", "is not read: "),
        ("\udcff", "is not read: "),
    ],
    ids=ascii,
)
def test_problems(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "chat.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    settings = readSettings(str(path))
    assert len(settings.problems) == 1
    assert problem in settings.problems[0]
    assert (settings.bell, settings.highlight) == (True, [])


def test_othersStillApply(tmp_path: Path) -> None:
    path = tmp_path / "chat.toml"
    path.write_text(
        'highlight = ["deploy", 7]\n[aliases]\nlogin = "/me"\nhi = "/me greets"\n'
        '[keys]\nf2 = 1\nf3 = "/names"\n'
    )
    settings = readSettings(str(path))
    assert settings.highlight == ["deploy"]
    assert settings.aliases == {"hi": "/me greets"}
    assert settings.keys == {"f3": "/names"}
    assert len(settings.problems) == 3


def test_unreadable(tmp_path: Path) -> None:
    assert readSettings(str(tmp_path)).problems == [f"{tmp_path} can't be read: Is a directory"]
