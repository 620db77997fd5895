"""Tests for L{tsservices.client.chat.ui.screen} on a terminal in memory."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.client.chat.ui.test_model import ScreenWorld
from tsservices.client.chat.ui.draft import Typed

if TYPE_CHECKING:
    from prompt_toolkit.input import PipeInput

    from tsservices.client.chat.ui.screen import ChatScreen

pytestmark = pytest.mark.skipif(
    find_spec("prompt_toolkit") is None or find_spec("pyte") is None,
    reason="prompt_toolkit or pyte is not installed",
)

#: How many turns of the event loop anything here may take.
TURNS = 60


class Fixture:
    def __init__(self, loop: asyncio.AbstractEventLoop, keys: PipeInput) -> None:
        import pyte
        from prompt_toolkit.data_structures import Size

        from tsservices.client.chat.ui.screen import ChatScreen
        from tsservices.client.chat.ui.terminal import Screen

        self.world = ScreenWorld()
        self.world.join()
        self.left = 0
        self.output = io.StringIO()
        self._loop = loop
        self._keys = keys
        self._pyte = pyte.Screen(80, 12)
        self._stream = pyte.Stream(self._pyte)
        screen = Screen(self.output, lambda: Size(rows=12, columns=80), enable_cpr=False)
        self.screen: ChatScreen = ChatScreen(loop, keys, screen, self.world.model, 256)
        self.screen.quit = self._leave
        # Nothing is put off: here the loop is never idle.
        self.screen._application.max_render_postpone_time = None
        loop.run_until_complete(self.screen.drawn())

    def _leave(self) -> None:
        self.left += 1

    def turn(self) -> None:

        async def turns() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self._loop.run_until_complete(turns())

    def type(self, *keys: str) -> None:
        for key in keys:
            self._keys.send_text(key)
            self.turn()
            self.world.settle()
            self.screen.changed()

    def seen(self) -> list[str]:
        self.screen.redraw()
        self.turn()
        self._stream.feed(self.output.getvalue())
        self.output.seek(0)
        self.output.truncate()
        return [row.rstrip() for row in self._pyte.display]

    @property
    def line(self) -> str:
        return self.screen.line.text


@pytest.fixture
def fixture() -> Iterator[Fixture]:
    from prompt_toolkit.input import create_pipe_input

    loop = asyncio.new_event_loop()
    with contextlib.closing(loop), create_pipe_input() as keys:
        made = Fixture(loop, keys)
        yield made
        loop.run_until_complete(made.screen.stop())


def test_talk(fixture: Fixture) -> None:
    fixture.type("hello\r")
    assert fixture.world.textsIn("lobby") == ["hello"]
    seen = fixture.seen()
    assert seen[0].startswith("#lobby (2)")
    assert any(row.partition("│")[0].rstrip().endswith("<~ann> hello") for row in seen)
    assert seen[-2] == " ann (guest) | 2:#lobby | online"
    assert seen[-1] == "#lobby>"


def test_draftsPerWindow(fixture: Fixture) -> None:
    fixture.type("half", "\x0e", "other", "\x10")
    assert fixture.line == "half"
    fixture.type("\x1b3")
    assert fixture.line == "other"
    fixture.type("\x1b[1;3D", " a", "\r")
    assert fixture.world.textsIn("lobby") == ["half a"]
    assert fixture.world.textsIn("den") == []


def test_recalledIsTypedOver(fixture: Fixture) -> None:
    fixture.type("one\r", "two\r", "\x1b[A")
    assert fixture.line == "two"
    fixture.type("x")
    assert fixture.line == "x"
    fixture.type("\x03", "\x1b[A", "\x1b[A")
    assert fixture.line == "two"
    # Who moves in it means to change it.
    fixture.type("\x1b[F", "!")
    assert fixture.line == "two!"
    fixture.type("\x03", "\x1b[A", "\x1b[A", "\r")
    assert fixture.world.textsIn("lobby") == ["one", "two", "x"]
    fixture.world.model.settings.replaceRecalled = False
    fixture.type("\x1b[A", "x")
    assert fixture.line == "xx"


def test_pasted(fixture: Fixture) -> None:
    fixture.type("\x1b[200~/usr/bin/env\r\nis a path\n\x1b[201~")
    assert fixture.line == "/usr/bin/env\nis a path"
    seen = fixture.seen()
    assert seen[-3:] == [
        " 2 lines: Enter sends them, Ctrl-C drops them",
        "#lobby> /usr/bin/env",
        "is a path",
    ]
    fixture.type("\r")
    assert fixture.world.textsIn("lobby") == ["/usr/bin/env", "is a path"]
    # A terminal may send a paste like keys, but all at once.
    fixture.type("three\rfour\r")
    assert fixture.line == "three\nfour\n"
    assert fixture.world.textsIn("lobby")[2:] == []
    fixture.type("\x03")
    assert fixture.line == ""
    fixture.screen.paste("x" * 70_000)
    assert fixture.line == ""
    assert "too many to be pasted" in fixture.seen()[-2]


def test_keysThatWouldDropTheLine(fixture: Fixture) -> None:
    fixture.type("one", "\x0f", "\x1b#")
    assert fixture.line == "one"


def test_severalLinesByHand(fixture: Fixture) -> None:
    fixture.type("one", "\x1b\r", "two")
    assert fixture.line == "one\ntwo"
    fixture.type("\x1b[A", "\x1b[F", "!")
    assert fixture.line == "one!\ntwo"


def test_refusedStays(fixture: Fixture) -> None:
    fixture.type("\x1b1", "to nobody\r")
    assert fixture.line == "to nobody"
    assert "nothing can be said in this window" in "\n".join(fixture.seen())


def test_completion(fixture: Fixture) -> None:
    fixture.type("b", "\t")
    assert fixture.line == "bob: "
    fixture.type("\x03", "/la", "\t", "bob", "\r")
    assert fixture.world.texts()[-1] == "--- 0 with 'bob': Alt-l, Enter goes to one ---"
    # A tab in a paste that arrives like keys completes nothing.
    fixture.type("\x03", "def f():\r\treturn\r")
    assert fixture.line == "def f():\n\treturn\n"
    fixture.type("\x03")
    fixture.type("/me", "\t", "\t")
    assert "/me" in fixture.line
    fixture.type("\x1b[Z")
    assert fixture.line.startswith("/me")


def test_secret(fixture: Fixture) -> None:
    answers: list[str] = []
    fixture.screen.answer = answers.append
    fixture.type("draft")
    fixture.world.time += 10
    view = fixture.world.model.view
    assert view is not None
    view.askSecret("password: ")
    fixture.screen.changed()
    fixture.type("swordfish", "\t", "\x1b[A")
    seen = fixture.seen()
    assert seen[-1] == "password: *********"
    fixture.type("\r")
    view.askSecret("")
    fixture.screen.changed()
    assert answers == ["swordfish"]
    assert fixture.line == "draft"
    fixture.type("\x03", "\x1b[A")
    assert fixture.line == "draft"


def test_promptWhileTyping(fixture: Fixture) -> None:
    answers: list[str] = []
    fixture.screen.answer = answers.append
    fixture.type("hello ev")
    view, sender = fixture.world.model.view, fixture.world.machine.sender
    assert view is not None
    view.askSecret("password of ann: ")
    sender.prompted = True
    fixture.screen.changed()
    fixture.type("erybody")
    # Neither is the line said for a password, nor the password for a line.
    seen = fixture.seen()
    assert seen[-2] == " password of ann: Enter turns to it, what you type is kept"
    assert seen[-1] == "#lobby> hello everybody"
    fixture.world.model.do("/me waves")
    assert fixture.world.texts()[-1] == "! a password is asked for, and this was not typed as one"
    fixture.type("\r")
    assert fixture.seen()[-1] == "password of ann:"
    fixture.type("swordfish\r")
    view.askSecret("")
    sender.prompted = False
    fixture.screen.changed()
    assert answers == ["swordfish"]
    assert fixture.line == "hello everybody"
    fixture.type("\r")
    assert fixture.world.textsIn("lobby") == ["hello everybody"]


def test_choosing(fixture: Fixture) -> None:
    fixture.type("/join own\r", "mine\r", "\x1bl")
    assert fixture.seen()[-2].startswith(" Up Down choose")
    fixture.output.truncate()
    fixture.type("c")
    assert base64.b64encode(b"mine").decode() in fixture.output.getvalue()
    fixture.type("\x1bl", "\x1b[A", "d")
    assert fixture.line == "/delete 1"
    fixture.type("\r")
    assert "<~ann> (deleted)" in fixture.world.texts()
    fixture.type("\x1bl", "\x1b[A")
    # Esc ends it: what is typed next is not typed with Alt.
    assert fixture.screen._application.timeoutlen == 0.1
    fixture.type("\x03", "x", "\x03")
    assert fixture.screen._application.timeoutlen == 0.5
    # Any other key goes on with what is typed.
    fixture.type("\x1bl", "x")
    assert fixture.line == "x"
    assert fixture.world.model.windows.current.chosen is None


def test_scrolling(fixture: Fixture) -> None:
    for number in range(40):
        fixture.world.bob.say("lobby", f"line {number}")
    fixture.world.settle()
    fixture.type("\x1b[5~", "\x1b[5~")
    assert not any("line 39" in row for row in fixture.seen())
    fixture.type("\x1b[1;3F")
    assert any("line 39" in row for row in fixture.seen())
    assert b"\x1b[?1000h" not in fixture.output.getvalue().encode()
    fixture.type("\x1bm")
    fixture.seen()
    fixture.type("\x1b[<64;10;5M", "\x1b[<64;10;5M")
    assert not any("line 39" in row for row in fixture.seen())
    fixture.type("\x1b[<65;10;5M", "\x1b[<65;10;5M", "\x1bm", "\x0c")
    assert fixture.world.model.windows.current.view.position is None


def test_keysOfTheSettings(fixture: Fixture) -> None:
    from tsservices.client.chat.ui.screen_keys import screenBindings

    fixture.world.model.settings.keys = {"f9": "/names", "x": "next-window"}
    fixture.screen._application.key_bindings = screenBindings(fixture.screen)
    fixture.type("\x1b[20~")
    assert not fixture.world.model.showNames
    assert fixture.world.model.settings.problems == ["'x' does something else already"]


def test_leaving(fixture: Fixture) -> None:
    fixture.type("x", "\x04")
    assert fixture.left == 0
    fixture.type("\x03", "\x04")
    assert fixture.left == 1


def test_redrawnSeldom(fixture: Fixture) -> None:
    drawn: list[float] = []
    fixture.screen._application.after_render += lambda sender: drawn.append(time.monotonic())
    fixture.type("x")
    drawn.clear()
    for number in range(50):
        fixture.world.bob.say("lobby", f"line {number}")
        fixture.world.settle()
        fixture.screen.changed()
        fixture.turn()
    assert len(drawn) < 10


def test_ring(fixture: Fixture) -> None:
    fixture.screen.ring()
    assert "\a" in fixture.output.getvalue()
    fixture.screen.bell = False
    fixture.seen()
    fixture.screen.ring()
    assert "\a" not in fixture.output.getvalue()


def test_turnedAwayWhileTyping(fixture: Fixture) -> None:
    """Where a window is shown by itself, what is typed stays in its own."""
    model = fixture.world.model
    fixture.type("half")
    model.showWindow(model.windows.windows[2])
    fixture.screen.changed()
    fixture.type("other")
    assert model.windows.windows[1].draft.typed == Typed("half", 4)
    assert fixture.line == "other"


def test_afterStop(fixture: Fixture) -> None:
    fixture.type("half")
    fixture.seen()
    fixture.screen.resumed()
    fixture.turn()
    assert "half" in fixture.output.getvalue()
    assert "\x1b[?2004h" in fixture.output.getvalue()


def test_emojiInTheInput(fixture: Fixture) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    fixture.type(f"a {family} b")
    assert f"\x1b7  \x1b8\x1b7{family}\x1b8\x1b[2C" in fixture.output.getvalue()
    fixture.seen()
    assert fixture._pyte.cursor.x == len("#lobby> a 12 b")


def test_pictures(fixture: Fixture) -> None:
    """Whatever a terminal makes of an emoji, what stands behind it is where it should be."""
    fixture.world.bob.say("lobby", "a \u2764\ufe0f b")
    fixture.world.settle()
    fixture.screen.redraw()
    fixture.turn()
    assert "\x1b7  \x1b8\x1b7\u2764\ufe0f\x1b8\x1b[2C" in fixture.output.getvalue()
    rows = [row for row in fixture.seen() if "│" in row]
    assert {row.index("│") for row in rows} <= {75, 74}
