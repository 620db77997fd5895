"""Tests for L{tsservices.client.terminal.keyboard}."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("prompt_toolkit", reason="the extra client is not installed")

from prompt_toolkit.keys import Keys

from tsservices.client.terminal.keyboard import Keyboard

_Typing = Callable[[bytes], list[tuple[str, str]]]
_Opening = Callable[..., _Typing]


@pytest.fixture
def opened() -> Iterator[_Opening]:
    with ExitStack() as stack:

        def openKeyboard(encoding: str, text: bool) -> _Typing:
            controller, terminal = os.openpty()
            stack.callback(os.close, controller)
            os.set_blocking(terminal, False)
            keyboard = Keyboard(stack.enter_context(open(terminal, encoding=encoding)), text)
            stack.enter_context(keyboard.raw_mode())

            def typed(data: bytes) -> list[tuple[str, str]]:
                os.write(controller, data)
                return [(str(press.key), press.data) for press in keyboard.read_keys()]

            return typed

        yield openKeyboard


def test_pasteWithoutAnEnd(opened: _Opening) -> None:
    typed = opened("utf-8", True)
    assert typed(b"\x1b[200~one\r") == []
    assert typed(b"two") == []
    assert typed(b"\x03") == [(str(Keys.BracketedPaste), "one\rtwo")]
    assert typed(b"\x1b[201~\x03") == [(str(Keys.ControlC), "\x03")]
    assert typed(b"\x1b[200~three\x03\x1b[201~") == [(str(Keys.BracketedPaste), "three\x03")]


@pytest.mark.parametrize(
    ("encoding", "data", "text"),
    [
        ("utf-8", "é".encode(), "é"),
        ("utf-8", b"\xe9!", "\ufffd!"),
        ("ascii", "é".encode(), "é"),
        ("latin-1", b"\xe9", "é"),
    ],
)
def test_text(opened: _Opening, encoding: str, data: bytes, text: str) -> None:
    assert opened(encoding, True)(data) == [(character, character) for character in text]


def test_bytes(opened: _Opening) -> None:
    assert opened("utf-8", False)(b"\xe9!") == [("\udce9", "\udce9"), ("!", "!")]
