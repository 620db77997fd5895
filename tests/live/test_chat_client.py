"""The client of the chat as a real process: on a terminal, on pipes, on a connection that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.live.support.line_client import LineClient
from tests.live.support.plain_servers import runClient
from tests.live.support.server import Server
from tests.live.support.tcp_proxy import Proxy

needsPrompt = pytest.mark.skipif(
    find_spec("prompt_toolkit") is None or find_spec("pyte") is None,
    reason="prompt_toolkit or pyte is not installed",
)


@pytest.fixture(scope="module")
def server(sharedFolder: Path) -> Iterator[Server]:
    with Server(sharedFolder / "chat", "--services", "chat") as running:
        yield running


@pytest.fixture
def port(server: Server) -> int:
    return server.address("chat").port


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


class TestPipes:
    def test_lines(self, port: int) -> None:
        lines = "".join(f"line {number}\n" for number in range(50))
        arguments = ("chat", "--port", port, "--nick", "pipe", "--room", "pipes", "--show")
        done = runClient(*arguments, typed=f"{lines}/me waves".encode())
        assert (done.returncode, done.stderr) == (0, b"")
        quiet = runClient(*arguments[:-1], typed=b"/usr/bin/env\n/nick a b\n")
        assert (quiet.returncode, quiet.stdout) == (1, b"")
        assert quiet.stderr.startswith(b"tsservices: a name is made of letters")
        again = runClient(*arguments, typed=b"/history 3\n").stdout.decode()
        assert "<~pipe> line 49\n" in again
        assert "<~pipe> /usr/bin/env\n" in again
        assert "* ~pipe waves\n" in again
        assert "\x1b" not in again
        assert again.startswith("* you are pipe\n* you are in #pipes, alone\n")

    def test_status(self, port: int) -> None:
        assert runClient("chat", "--port", port, typed=b"/nope\n").returncode == 1
        done = runClient("chat", "--port", 1)
        assert done.returncode == 1
        assert b"cannot connect to 127.0.0.1 port 1: connection refused" in done.stderr

    def test_account(self, port: int, tmp_path: Path) -> None:
        typed = b"/register\nswordfish\nswordfish\n"
        done = runClient("chat", "--port", port, "--nick", "owner", typed=typed)
        assert done.returncode == 0, done.stdout
        path = tmp_path / "password"
        path.write_text("swordfish\n")
        path.chmod(0o600)
        arguments = (
            "chat",
            "--port",
            port,
            "--account",
            "owner",
            "--password-file",
            path,
            "--show",
        )
        done = runClient(*arguments, typed=b"hello\n")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"* you are owner, logged in\n" in done.stdout
        path.write_text("wrong word\n")
        done = runClient(*arguments, typed=b"hello\n")
        assert done.returncode == 1
        assert b"not the password" in done.stderr
        assert b"wrong word" not in done.stdout + done.stderr

    def test_json(self, port: int) -> None:
        done = runClient("chat", "--json", "--port", port, "--nick", "robot", typed=b"hello\n")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert events[0] == {"type": "client", "event": "connected"}
        assert [event["text"] for event in events if event["type"] == "said"][-1] == "hello"

    def test_withoutPrompt(self, port: int) -> None:
        code = (
            "import sys; sys.modules['prompt_toolkit'] = None; sys.argv[1:] = "
            f"['chat', '--port', '{port}', '--nick', 'bare'];"
            "import runpy; runpy.run_module('tsservices.client', run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], input=b"hello\n", capture_output=True, timeout=20
        )
        assert (done.returncode, done.stderr) == (0, b"")


@needsPrompt
class TestTerminal:
    def test_talk(self, server: Server, port: int, tmp_path: Path) -> None:
        from tests.live.support.terminal import chatScreen

        with (
            LineClient(server, "/nick bob", "/join tea") as bob,
            chatScreen(port, tmp_path, "--nick", "ann", "--room", "tea") as screen,
        ):
            screen.status("ann (guest) | #tea | online")
            screen.shows("* you are in #tea with 1 other: bob")
            screen.type("b\thi\r")
            bob.until("<ann> bob: hi")
            screen.shows("<~ann> bob: hi")
            bob.say("\x1b[31m ANN!")
            screen.shows("<~bob> \\x1b[31m ANN!")
            bob.say("/msg ann psst")
            screen.shows("<~bob -> ann> psst")
            assert screen.bells == 2
            assert b"\x1b[38;5;" in screen.raw
            screen.type("/join cellar\r")
            screen.status("#cellar")
            bob.say("anybody?")
            screen.shows("#tea <~bob> anybody?")
            screen.status("#tea 1")
            screen.type("/topic wine\r")
            screen.shows("changed the topic of #cellar to: wine")
            screen.type("not this\x03\x1b[A\x1b[A\x03/quit\r")
            assert screen.ended() == 0
        assert (tmp_path / "chat-history").read_text().split("\n") == [
            "bob: hi",
            "/join cellar",
            "/topic wine",
            "/quit",
            "",
        ]

    def test_quiet(self, server: Server, port: int, tmp_path: Path) -> None:
        from tests.live.support.terminal import chatScreen

        arguments = (port, tmp_path, "--nick", "ann", "--room", "quiet", "--no-bell")
        with (
            chatScreen(*arguments, NO_COLOR="1") as screen,
            LineClient(server, "/nick bob", "/join quiet") as bob,
        ):
            screen.status("online")
            bob.until("#quiet")
            bob.say("ann: hello")
            screen.shows("<~bob> ann: hello")
            assert screen.bells == 0
            assert b"\x1b[38" not in screen.raw
            screen.type("\x04")
            assert screen.ended() == 0

    def test_password(self, port: int, tmp_path: Path) -> None:
        from tests.live.support.terminal import chatScreen

        with chatScreen(port, tmp_path, "--nick", "carla") as screen:
            screen.status("online")
            screen.type("/register\r")
            screen.shows("password:")
            screen.type("swordfish\r")
            screen.shows("again:")
            screen.type("swordfish\r")
            screen.status("carla (carla)")
            screen.type("/quit\r")
            assert screen.ended() == 0
            assert b"swordfish" not in screen.raw
        assert "swordfish" not in (tmp_path / "chat-history").read_text()

    def test_token(self, tmp_path: Path, stack: ExitStack) -> None:
        from tests.live.support.terminal import chatScreen

        first = Server(tmp_path / "first", "--services", "chat")
        with first:
            port = first.address("chat").port
            with LineClient(first, "/nick ann", "/register swordfish") as ann:
                ann.until("ann is logged in")
            arguments = ("--account", "ann")
            with chatScreen(port, tmp_path, *arguments) as screen:
                screen.shows("password of ann:")
                screen.type("swordfish\r")
                screen.shows("keep a token on this computer")
                screen.type("y\r")
                screen.shows("* a token is kept in ")
                screen.type("/quit\r")
                assert screen.ended() == 0
                assert b"tst_" not in screen.raw
            screen = stack.enter_context(chatScreen(port, tmp_path, *arguments))
            screen.status("online")
        # It takes the token for the second time after the restart of the server.
        second = Server(
            tmp_path / "second", "--services", "chat", port=str(port - 6), state=first.state
        )
        with second:
            screen.shows("* back: nothing was said meanwhile")
            screen.status("ann (ann)")
            path = tmp_path / "tokens"
            assert path.stat().st_mode & 0o777 == 0o600
            token = path.read_text().split()[3]
            assert token.encode() not in screen.raw
            with LineClient(second, "/login ann swordfish", "/token revoke *") as ann:
                ann.until("revoked: client-")
                screen.shows("! the token by which you have logged in was revoked")
                screen.shows("is of no use any more: it is forgotten")
                screen.shows("password:")
                screen.type("swordfish\r")
                screen.shows("* back: ")
                screen.type("/quit\r")
                assert screen.ended() == 0
            assert path.read_text() == ""
            history = (tmp_path / "chat-history").read_text()
            assert "swordfish" not in history
            assert "tst_" not in history
        assert token not in first.log.read_text() + second.log.read_text()

    def test_cut(self, server: Server, tmp_path: Path) -> None:
        from tests.live.support.terminal import chatScreen

        with (
            Proxy(server.address("chat").pair) as proxy,
            LineClient(server, "/nick bob", "/join cut") as bob,
            chatScreen(proxy.port, tmp_path, "--nick", "ann", "--room", "cut") as screen,
        ):
            screen.status("online")
            bob.until("joined #cut")
            proxy.setClosed(True)
            proxy.cut()
            screen.shows("* connection lost, trying again")
            screen.type("mine\r")
            screen.shows("* waits for the connection: mine")
            screen.status("1 to send")
            bob.say("missed")
            proxy.setClosed(False)
            screen.shows("* back: 1 line was said meanwhile")
            screen.shows("<~ann> mine")
            bob.until("<ann> mine")
            lines = [line[11:] if line.startswith("[") else line for line in screen.lines()]
            shown = [line for line in lines if line in ("--- new ---", "<~bob> missed")]
            assert shown == ["--- new ---", "<~bob> missed"]
            assert lines.count("<~ann> mine") == 1
            screen.type("\x04")
            assert screen.ended() == 0

    def test_start(self, tmp_path: Path) -> None:
        """The first screen needs no Twisted, whose import takes as long as all the rest."""
        code = (
            "import sys\n"
            "from tsservices.client.chat.startup import openScreen, parseChat\n"
            f"stands = openScreen(parseChat(['--state', {str(tmp_path)!r}]))\n"
            "found = 'twisted' in sys.modules\n"
            "stands.loop.run_until_complete(stands.screen.stop())\n"
            "stands.loop.close()\n"
            "print(found, 'end')\n"
        )
        from tests.live.support.terminal import Screen

        with Screen("-c", code) as screen:
            screen.shows("False end")

    def test_missing(self, port: int, tmp_path: Path) -> None:
        from tests.live.support.terminal import Screen

        code = (
            "import sys, importlib.util as util\n"
            "find = util.find_spec\n"
            "util.find_spec = lambda name, *more: None if name == 'prompt_toolkit' else "
            "find(name, *more)\n"
            f"sys.argv[1:] = ['chat', '--port', '{port}', '--nick', 'bare']\n"
            "import runpy\n"
            "runpy.run_module('tsservices.client', run_name='__main__')\n"
        )
        with Screen("-c", code) as screen:
            screen.shows("prompt_toolkit is not installed")
            screen.shows("you are bare")
            screen.type("hello\n")
            screen.shows("<~bare> hello")
            screen.type("\x04")
            assert screen.ended() == 0
