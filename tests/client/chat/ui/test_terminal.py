"""Tests for L{tsservices.client.chat.ui.terminal} on a terminal in memory."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsservices.client.chat.ui.files.history import InputHistory

if TYPE_CHECKING:
    from prompt_toolkit.input import PipeInput

    from tsservices.client.chat.ui.terminal import Terminal

pytestmark = pytest.mark.skipif(
    find_spec("prompt_toolkit") is None, reason="prompt_toolkit is not installed"
)

MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08|\r")

#: How many turns of the event loop anything here may take: it all happens in memory, so none of
#: them waits.
TURNS = 100


class Fixture:
    def __init__(self, loop: asyncio.AbstractEventLoop, keys: PipeInput, folder: Path) -> None:
        from prompt_toolkit.data_structures import Size
        from prompt_toolkit.output.vt100 import Vt100_Output

        from tsservices.client.chat.ui.terminal import Screen, Terminal

        self.typed: list[str] = []
        self.left = 0
        self._loop = loop
        self._keys = keys
        self._screen = io.StringIO()
        screen: Vt100_Output = Screen(
            self._screen, lambda: Size(rows=24, columns=80), enable_cpr=False
        )
        self.terminal: Terminal = Terminal(loop, keys, screen, InputHistory(str(folder)))
        self.terminal.typed = self.typed.append
        self.terminal.quit = self._leave
        # Nothing is put off: here the loop is never idle.
        self.terminal._session.app.max_render_postpone_time = None
        self.turn(self.terminal.drawn())

    def _leave(self) -> None:
        self.left += 1

    def turn(self, first: object = None) -> None:

        async def turns() -> None:
            if first is not None:
                await first  # type: ignore[misc]
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self._loop.run_until_complete(turns())

    def type(self, keys: str) -> None:
        self._keys.send_text(keys)
        self.turn()

    def drawn(self) -> str:
        self.turn()
        text = MOVES.sub("", self._screen.getvalue())
        self._screen.seek(0)
        self._screen.truncate()
        return text

    def hangUp(self) -> None:
        self._keys.pipe.close_write()  # type: ignore[attr-defined]
        self.turn()

    def close(self) -> None:
        self.turn(self.terminal.stop())


@pytest.fixture
def fixture(tmp_path: Path) -> Iterator[Fixture]:
    from prompt_toolkit.input import create_pipe_input

    loop = asyncio.new_event_loop()
    with contextlib.closing(loop), create_pipe_input() as keys:
        made = Fixture(loop, keys, tmp_path)
        yield made
        made.close()


class TestTerminal:
    def test_prompt(self, fixture: Fixture) -> None:
        text = fixture.drawn()
        assert text.startswith(">")
        assert "connecting" in text
        fixture.terminal.prompt = lambda: "#lobby> "
        fixture.terminal.status = lambda: " online "
        fixture.terminal.redraw()
        fixture.type("")
        assert "online" in fixture.drawn()

    def test_pastedLinesAreSeparate(self, fixture: Fixture) -> None:
        fixture.type("hello\r")
        fixture.type("\x1b[200~one\ntwo\x1b[201~\r")
        assert fixture.typed == ["hello", "one", "two"]

    def test_outputAboveTheInput(self, fixture: Fixture) -> None:
        fixture.type("hel")
        fixture.drawn()
        fixture.terminal.show("<bob> hi", bell=False)
        fixture.terminal.show("<bob> there", bell=True)
        text = fixture.drawn()
        assert text.startswith("<bob> hi\n\a<bob> there\n")
        fixture.type("lo\r")
        assert fixture.typed == ["hello"]

    def test_keys(self, fixture: Fixture) -> None:
        fixture.type("never\x03said\x04\r")
        assert (fixture.typed, fixture.left) == (["said"], 0)
        fixture.type("\x04")
        assert fixture.left == 1

    def test_tabCompletes(self, fixture: Fixture) -> None:
        found = {"b": ["bob: "], "x": ["xa ", "xb "]}
        fixture.terminal.complete = lambda before: (1, found.get(before[-1:], []))
        fixture.type("b\thi\r")
        # A paste that arrives like keys.
        fixture.terminal.complete = lambda before: (0, ["bob: "])
        fixture.type("\tb\r")
        fixture.type("\tbe\r")
        fixture.terminal.complete = lambda before: (1, found.get(before[-1:], []))
        fixture.type("x\t")
        fixture.type("\t\r")
        assert fixture.typed == ["bob: hi", "bob: b", "\tbe", "xb "]

    def test_historyHasNoPasswords(self, fixture: Fixture, tmp_path: Path) -> None:
        fixture.type("first\r")
        fixture.type("/login ann swordfish\r")
        fixture.type("\x1b[A\r")
        fixture.type("\x1b[200~second\n/login ann swordfish\x1b[201~\r")
        fixture.typed.clear()
        fixture.type("\x1b[A\r")
        fixture.type("\x1b[A\x1b[A\r")
        assert fixture.typed == ["second", "first"]
        fixture.terminal.ask("password of ann")
        assert "password of ann:" in fixture.drawn()
        fixture.type("swordfish")
        assert "swordfish" not in fixture.drawn()
        fixture.type("\r")
        fixture.terminal.ask("")
        fixture.type("\x1b[A\r")
        assert fixture.typed == ["second", "first", "swordfish", "first"]
        assert "swordfish" not in InputHistory(str(tmp_path)).load()
        assert InputHistory(str(tmp_path)).load()[0] == "first"

    def test_searchingTheHistory(self, fixture: Fixture) -> None:
        fixture.type("tea at five\r")
        fixture.type("\x12tea")
        fixture.type("\r")
        assert fixture.typed == ["tea at five"]
        fixture.type("\r")
        assert fixture.typed == ["tea at five"] * 2
        fixture.type("\x12tea")
        fixture.type("\x03")
        fixture.type("\x12tea\x04\x03")
        fixture.type("else\r")
        assert (fixture.typed[2:], fixture.left) == (["else"], 0)

    def test_promptWhileTyping(self, fixture: Fixture) -> None:
        fixture.type("half a li")
        fixture.terminal.ask("password of ann")
        fixture.type("ne")
        fixture.type("\rswordfish\r")
        # The prompt of a wrong password.
        fixture.terminal.ask("")
        fixture.terminal.ask("password of ann")
        fixture.type("\r")
        fixture.type("goldfish\r")
        fixture.terminal.ask("")
        fixture.type("!\r")
        assert fixture.typed == ["swordfish", "goldfish", "half a line!"]

    def test_keysThatWouldEndThePrompt(self, fixture: Fixture, tmp_path: Path) -> None:
        fixture.type("one\x1b\rtwo\x0f\x1b#\r")
        assert fixture.typed == ["one", "two"]
        fixture.terminal.ask("password of ann")
        fixture.type("swordfish\x1b\r\x0f\r")
        assert (fixture.typed[2:], fixture.left) == (["swordfish"], 0)
        assert "swordfish" not in InputHistory(str(tmp_path)).load()

    def test_emojiInTheInput(self, fixture: Fixture) -> None:
        family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
        fixture.type(f"a {family} b")
        assert f"\x1b7{family}\x1b8 b" in fixture.drawn()

    def test_afterStop(self, fixture: Fixture) -> None:
        fixture.type("half")
        fixture.drawn()
        fixture.terminal.resumed()
        assert fixture.drawn().startswith("> half")

    def test_closedTerminal(self, fixture: Fixture) -> None:
        fixture.hangUp()
        assert fixture.left == 1

    def test_afterwards(self, fixture: Fixture) -> None:
        fixture.turn(fixture.terminal.stop())
        fixture.drawn()
        fixture.terminal.show("bye", bell=False)
        assert fixture.drawn() == "bye\n"
