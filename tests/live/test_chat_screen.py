"""The full screen of the chat's client, read back from a terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.line_client import LineClient
from tests.live.support.server import Server, until
from tests.live.support.tcp_proxy import Proxy

pytestmark = pytest.mark.skipif(
    find_spec("prompt_toolkit") is None or find_spec("pyte") is None,
    reason="prompt_toolkit or pyte is not installed",
)


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    with Server(sharedFolder / "chat", "--services", "chat", "--flood-lines", "0") as running:
        yield running


@pytest.fixture
def port(server: Server) -> int:
    return server.address("chat").port


def lines(seen: list[str]) -> list[str]:
    """The rows of lines without what may stand at their side, or before them."""
    return [row.partition("│")[0].rstrip() for row in seen]


def test_windows(server: Server, port: int, tmp_path: Path) -> None:
    from tests.live.support.terminal import fullScreen

    arguments = ("--nick", "ann", "--room", "tea", "--room", "den")
    with (
        LineClient(server, "/nick bob", "/join tea") as bob,
        fullScreen(port, tmp_path, *arguments) as screen,
    ):
        screen.waitFor("ann (guest) | 2:#tea | online")
        screen.type("b\thi\r")
        bob.until("<ann> bob: hi")
        seen = screen.waitFor("<~ann> bob: hi")
        assert seen[0].startswith("#tea (2)")
        assert {row.partition("│")[2] for row in seen} >= {"ann", "@bob"}
        assert seen[-1] == "#tea>"
        # What is typed in one window stays there.
        screen.type("half a se\x1b3")
        screen.waitFor("3:#den | online")
        assert screen.seen()[-1] == "#den>"
        bob.say("ANN!")
        bob.say("/msg ann psst")
        screen.waitFor("2:#tea 1! | 4:bob 1!")
        assert screen.bells == 2
        screen.type("\x1ba")
        screen.waitFor("<~bob> psst")
        screen.type("to you\r")
        bob.until("<ann -> bob> to you")
        screen.type("\x1ba")
        seen = screen.waitFor("#tea> half a se")
        # The mark of what is new is above it.
        rows = lines(seen)
        assert "--- new ---" in rows
        assert (
            rows.index("--- new ---")
            == next(number for number, row in enumerate(rows) if row.endswith("<~bob> ANN!")) - 1
        )
        screen.type("ntence\r")
        bob.until("<ann> half a sentence")
        screen.type("\x1b4/quit\r")
        assert screen.ended() == 0
    # All of it is there again.
    with fullScreen(port, tmp_path, "--nick", "ann") as screen:
        screen.waitFor("4:bob | online")
        screen.type("\x1b2")
        screen.waitFor("half a sentence")
        screen.type("\x1b[A")
        screen.waitFor("#tea> half a sentence")
        screen.type("x\r")
        screen.waitFor("<~ann> x")
        screen.type("\x04")
        assert screen.ended() == 0


def test_sizes(server: Server, port: int, tmp_path: Path) -> None:
    from tests.live.support.terminal import fullScreen

    with (
        LineClient(server, "/nick bob", "/join sizes") as bob,
        fullScreen(port, tmp_path, "--nick", "ann", "--room", "sizes", size=(40, 12)) as screen,
    ):
        screen.waitFor("2:#sizes | online")
        bob.say("words " * 12)
        screen.waitFor("<~bob> words")
        screen.type("a draft")
        seen = screen.waitFor("#sizes> a draft")
        assert len(seen) == 12
        assert not any("│" in row for row in seen)
        # It is broken between words, below its own beginning.
        at = next(number for number, row in enumerate(seen) if "<~bob> words" in row)
        assert seen[at][5:] == " <~bob> words words words words"
        assert seen[at + 1] == " " * 13 + "words words words words"
        screen.resize(120, 40)
        screen.waitFor("│@bob")
        seen = screen.waitFor("#sizes> a draft")
        assert len(seen) == 40
        assert sum("│" in row for row in seen) == 37
        screen.resize(10, 5)
        screen.waitFor("a draft")
        screen.resize(80, 24)
        screen.waitFor("ann (guest) | 2:#sizes | online")
        screen.type("\r")
        bob.until("<ann> a draft")
        screen.type("\x04")
        assert screen.ended() == 0


def pagesUpTo(screen: Any, number: int) -> bool:
    shown = re.findall(r"line number (\d+)\.", "\n".join(screen.seen()))
    # A page may have gone by before it was looked at.
    if min(map(int, shown), default=number + 1) <= number:
        return True
    screen.type("\x1b[5~")
    screen.read(0.3)
    return False


def test_olderLines(server: Server, port: int, tmp_path: Path) -> None:
    from tests.live.support.terminal import fullScreen

    with LineClient(server, "/nick bob", "/join old") as bob:
        for number in range(1, 301):
            bob.say(f"line number {number}.")
        bob.say("/topic the end")
        bob.until("the end")
        with fullScreen(port, tmp_path, "--nick", "ann", "--room", "old") as screen:
            screen.waitFor("line number 300.")
            for number in (281, 260, 100, 1):
                until(partial(pagesUpTo, screen, number), f"line number {number}", 60)
            screen.waitFor("below: PageDown")
            screen.type("\x1b[1;3F")
            screen.waitFor("line number 300.")
            # The server finds it, and the window goes there.
            screen.type("/search number 42\r")
            screen.waitFor("--- 1 line found ---")
            screen.type("\x1bl\x1b[A\r")
            rows = lines(screen.waitFor("line number 43."))
            assert any(row.endswith("<~bob> line number 41.") for row in rows)
            screen.type("\x04")
            assert screen.ended() == 0


def test_cut(server: Server, tmp_path: Path) -> None:
    from tests.live.support.terminal import fullScreen

    with (
        Proxy(server.address("chat").pair) as proxy,
        LineClient(server, "/nick bob", "/join cut") as bob,
        fullScreen(proxy.port, tmp_path, "--nick", "ann", "--room", "cut") as screen,
    ):
        screen.waitFor("online")
        bob.until("joined #cut")
        screen.type("/join other\r")
        screen.waitFor("3:#other | online")
        screen.type("\x1b2")
        screen.waitFor("2:#cut | online")
        proxy.setClosed(True)
        proxy.cut()
        screen.waitFor("* connection lost, trying again")
        screen.type("mine\r")
        screen.waitFor("* waits for the connection: mine")
        # It goes where it was typed, wherever one is by then.
        screen.type("\x1b3")
        screen.waitFor("3:#other | not connected | 1 to send")
        screen.type("a draft")
        bob.say("missed")
        proxy.setClosed(False)
        bob.until("<ann> mine")
        screen.waitFor("3:#other | online | 2:#cut 1")
        assert screen.seen()[-1] == "#other> a draft"
        screen.type("\x03\x1b2")
        rows = lines(screen.waitFor("<~ann> mine"))
        assert [row[11:] for row in rows if "missed" in row or "mine" in row] == [
            "* waits for the connection: mine",
            "<~bob> missed",
            "<~ann> mine",
        ]
        screen.type("\x04")
        assert screen.ended() == 0


def test_hungUp(server: Server, port: int, tmp_path: Path) -> None:
    from tests.live.support.terminal import fullScreen

    with (
        LineClient(server, "/nick bob", "/join hung") as bob,
        fullScreen(port, tmp_path, "--nick", "ann", "--room", "hung", LC_ALL="C") as screen,
    ):
        screen.waitFor("online")
        bob.until("joined #hung")
        screen.hangUp()
        bob.until("* ann is gone")
        assert screen.wait() == 0


def test_withoutColours(port: int, tmp_path: Path) -> None:
    from tests.live.support.terminal import fullScreen

    arguments = (port, tmp_path, "--nick", "ann", "--room", "grey")
    with fullScreen(*arguments, NO_COLOR="1") as screen:
        screen.waitFor("online")
        screen.type("hello\r")
        screen.waitFor("<~ann> hello")
        assert b"\x1b[3" not in screen.raw.replace(b"\x1b[39", b"")
        screen.type("\x04")
        assert screen.ended() == 0
    assert os.stat(tmp_path / "chat-windows").st_mode & 0o777 == 0o600
