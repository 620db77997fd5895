"""Tests for L{tsservices.__main__}."""

from __future__ import annotations

import importlib
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from twisted.application.reactors import getReactorTypes
from twisted.scripts import twistd

from tsservices import __version__
from tsservices.__main__ import COMMANDS, main
from tsservices.client import program
from tsservices.client.chat import startup
from tsservices.transport.epoll.set import available

#: Runs the command of its arguments, and prints which modules it has imported.
IMPORTED = """
import sys
from tsservices.__main__ import main
try:
    main()
except SystemExit:
    pass
print("", *sys.modules)
"""


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    return Ask(monkeypatch, capfd)


class Ask:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._patch = monkeypatch
        self._output = capfd

    def __call__(self, *words: str, status: int = 0) -> tuple[str, str]:
        self._patch.setattr(sys, "argv", ["/usr/bin/python -m tsservices", *words])
        ended: object = 0
        try:
            main()
        except SystemExit as reason:
            ended = reason.code or 0
        assert ended == status
        out, errors = self._output.readouterr()
        return out, errors


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help(ask: Ask, word: str) -> None:
    out, errors = ask(word)
    rows = out.splitlines()
    assert errors == ""
    assert len(rows) < 24
    assert max(map(len, rows)) <= 80
    commands = [f"  {word:<13}{command.meaning}" for word, command in COMMANDS.items()]
    assert set(commands) <= set(rows)


@pytest.mark.parametrize("word", [word for word in COMMANDS if word != "serve"])
def test_helpOfCommand(ask: Ask, word: str) -> None:
    out, errors = ask(word, "--help")
    assert out.startswith(f"usage: tsservices {word} ")
    assert "python -m" not in out
    assert errors == ""


def test_version(ask: Ask) -> None:
    assert ask("--version") == (f"tsservices {__version__}\n", "")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("chta", "there is no command 'chta'; do you mean chat?"),
        ("x\ny", r"there is no command 'x\ny'"),
        ("", "there is no command ''"),
    ],
)
def test_noCommand(ask: Ask, word: str, reason: str) -> None:
    expected = f"tsservices: {reason}\ntsservices: see tsservices --help\n"
    assert ask(word, "--port", "0", status=2) == ("", expected)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], []),
        (["--port", "0"], ["--port", "0"]),
        (["serve", "--port", "0"], ["--port", "0"]),
        (["serve", "--help"], ["--help"]),
        (["--port", "0", "chat"], ["--port", "0", "chat"]),
    ],
    ids=str,
)
def test_serve(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, words: list[str], options: list[str]
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(twistd, "run", lambda: seen.append(sys.argv))
    ask(*words)
    reactor = ["--reactor=tsservices"] if available() else []
    assert seen == [["tsservices", *reactor, "--nodaemon", "--pidfile=", "tsserver", *options]]


@pytest.mark.parametrize(("module", "name"), [(select, "epoll"), (os, "eventfd")], ids=str)
def test_serveWithoutOurReactor(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(twistd, "run", lambda: seen.append(sys.argv))
    monkeypatch.delattr(module, name, raising=False)
    ask("serve")
    assert seen == [["tsservices", "--nodaemon", "--pidfile=", "tsserver"]]


@pytest.mark.skipif(not available(), reason="this platform has no epoll")
def test_reactorOfThePlugin() -> None:
    """C{twistd} finds the reactor by the name that the command gives it."""
    kinds: list[Any] = list(getReactorTypes())
    [found] = [kind for kind in kinds if kind.shortName == "tsservices"]
    assert callable(importlib.import_module(found.moduleName).install)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["client", "--udp"], ["--udp"]),
        (["talk", "--port", "1"], ["talk", "--port", "1"]),
        (["client", "talk"], ["talk"]),
        (["probe", "a"], ["probe", "a"]),
    ],
    ids=str,
)
def test_clients(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: list[str]
) -> None:
    seen: list[Sequence[str]] = []
    monkeypatch.setattr(program, "main", seen.append)
    ask(*words)
    assert seen == [expected]


@pytest.mark.parametrize("words", [["chat", "--json"], ["client", "chat", "--json"]], ids=str)
def test_chat(ask: Ask, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    seen: list[Sequence[str]] = []
    monkeypatch.setattr(startup, "main", seen.append)
    ask(*words)
    assert seen == [["--json"]]


def test_interruptedWhileImporting(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(words: Sequence[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(startup, "main", interrupt)
    assert ask("chat", status=130) == ("", "")


@pytest.mark.parametrize(
    ("word", "foreign"),
    [
        ("chat", ("twisted", "tsservices.server", "tsservices.admin", "prompt_toolkit", "wcwidth")),
        ("probe", ("tsservices.server", "tsservices.admin", "tsservices.client.chat")),
        ("backup", ("twisted", "tsservices.server", "tsservices.client")),
    ],
)
def test_imports(word: str, foreign: tuple[str, ...]) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", IMPORTED, word, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    modules = asked.stdout.splitlines()[-1].split()
    assert "tsservices.common.commandline" in modules
    wrong = [name for name in modules for item in foreign if f"{name}.".startswith(f"{item}.")]
    assert wrong == []
