"""Tests for L{tsservices.client.chat.ui.typing} and the keys of the screen."""

from __future__ import annotations

import pytest

from tsservices.client.chat.commands import SECRET_COMMANDS, looksSecret
from tsservices.client.chat.ui.completion import CompletionCycle
from tsservices.client.chat.ui.keys import KEYS, keysHelp, parseKey
from tsservices.client.chat.ui.model import ScreenModel
from tsservices.client.chat.ui.typing import SCREEN_COMMANDS, SYNONYMS, expandAlias, isPath


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("/usr/bin", True),
        ("/usr/bin is a folder", True),
        ("//x", True),
        ("/usr", False),
        ("/login/ann x", False),
        ("usr/bin/x", False),
        ("/me says a/b", False),
    ],
)
def test_paths(line: str, path: bool) -> None:
    assert isPath(line) is path


@pytest.mark.parametrize(
    "line",
    ["/login a b", "/logn a b", "/lgoin a", "/LOGIN a", "/regsiter x", "/pasword x", "/rest x"],
)
def test_secrets(line: str) -> None:
    assert looksSecret(line)


def test_noSecrets() -> None:
    assert not any(
        looksSecret(f"/{command.name} x")
        for command in SCREEN_COMMANDS
        if command.name not in SECRET_COMMANDS and command.name != "resend"
    )
    assert not looksSecret("login a b")


def test_aliases() -> None:
    aliases = {"hi": "/me greets $1 ($*)", "j": "join", "loop": "/loop x"}
    assert expandAlias("/hi bob and all", aliases) == "/me greets bob (bob and all)"
    assert expandAlias("/J tea", aliases) == "/join tea"
    assert expandAlias("/loop", aliases) == "/loop x"
    assert expandAlias("//hi", aliases) == "//hi"
    assert expandAlias("hi bob", aliases) == "hi bob"


def test_keys() -> None:
    assert parseKey("alt-a") == ("escape", "a")
    assert parseKey("ctrl-t") == ("c-t",)
    assert parseKey("shift-f5") == ("s-f5",)
    assert parseKey("alt-/") == ("escape", "/")
    assert parseKey("alt--") == ("escape", "-")
    for text in ("x", "ctrl-c", "alt-1", "hyper-x", "f99", "", "alt-alt-x", "ctrl-"):
        with pytest.raises(ValueError, match=r"no key|something else"):
            parseKey(text)
    keys = [parseKey(key) for row in KEYS for key in row.keys]
    assert len(keys) == len(set(keys))
    assert {row.action for row in KEYS} <= set(ScreenModel._ACTIONS)
    assert "f2: /names (of your settings)" in keysHelp({"f2": "/names"})


def test_commandsOfTheScreen() -> None:
    own = {command.name for command in SCREEN_COMMANDS} - {"quit", "resend"}
    assert own == set(ScreenModel._COMMANDS)
    assert not own & set(SYNONYMS)


def test_completionCycle() -> None:
    found = {"b": ["bob: ", "bea: "], "c": ["carl "]}
    cycle = CompletionCycle()

    def matches(before: str) -> tuple[int, list[str]]:
        return 1, found.get(before[-1:], [])

    assert cycle.next("b!", 1, matches) == ("bob: !", 5)
    assert cycle.shown == ["bob: ", "bea: "]
    assert cycle.next("bob: !", 5, matches) == ("bea: !", 5)
    assert cycle.next("bea: !", 5, matches, -1) == ("bob: !", 5)
    assert cycle.next("x c", 3, matches) == ("x carl ", 7)
    assert cycle.shown == []
    assert cycle.next("z", 1, matches) == ("z", 1)
    assert cycle.next("b", 1, matches, -1) == ("bea: ", 5)
