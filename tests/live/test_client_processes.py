"""Real client processes against tiny servers: pipes, terminals, lost servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from tests.live.support.plain_servers import (
    PATIENCE,
    STAMP,
    Terminal,
    answerOnce,
    command,
    converse,
    runClient,
    runningClient,
    serving,
    servingDatagrams,
    stampChunks,
    stampLines,
)


def unusedPort() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class StartTests(SynchronousTestCase):
    def test_reactorComesLast(self) -> None:
        code = (
            "import sys, tsservices.client.__main__\n"
            "sys.exit('twisted.internet.reactor' in sys.modules)\n"
        )
        assert subprocess.run([sys.executable, "-c", code], timeout=20).returncode == 0


class PipeTests(SynchronousTestCase):
    def test_stamped(self) -> None:
        with serving(stampChunks) as port:
            done = runClient("--port", port, typed=b"a\n\n\xff\x00\nlast")
        answers = [STAMP + line + b"\n" for line in (b"a", b"", b"\xff\x00", b"last")]
        assert (done.stdout, done.stderr, done.returncode) == (b"".join(answers), b"", 0)

    def test_files(self) -> None:
        with TemporaryDirectory() as folder, serving(stampChunks) as port:
            source, target = Path(folder, "in"), Path(folder, "out")
            source.write_bytes(b"a\nb\n")
            call = command("--port", port)
            with source.open("rb") as stdin, target.open("wb") as stdout:
                subprocess.run(call, stdin=stdin, stdout=stdout, timeout=PATIENCE, check=True)
            assert target.read_bytes() == STAMP + b"a\n" + STAMP + b"b\n"
            null = subprocess.DEVNULL
            subprocess.run(call, stdin=null, stdout=null, timeout=PATIENCE, check=True)

    def test_head(self) -> None:
        with serving(stampLines) as port, runningClient("--line", "--port", port) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            assert client.stderr is not None
            client.stdin.write(b"a\nb\n")
            client.stdin.flush()
            assert client.stdout.readline() == STAMP + b"a\n"
            client.stdout.close()
            assert client.wait(PATIENCE) == 0
            assert client.stderr.read() == b""

    def test_lost(self) -> None:
        with serving(answerOnce) as port:
            done = runClient("--port", port, typed=b"a\nb\n")
        assert done.stdout == STAMP + b"a\n"
        assert done.stderr.decode() == (
            f"tsservices: connection to 127.0.0.1 port {port} lost: closed by the other side\n"
        )
        assert done.returncode == 1

    def test_refused(self) -> None:
        port = unusedPort()
        done = runClient("talk", "--port", port, typed=b"a\n")
        assert done.stderr.decode() == (
            f"tsservices: cannot connect to 127.0.0.1 port {port}: connection refused\n"
        )
        assert (done.stdout, done.returncode) == (b"", 1)

    def test_interrupt(self) -> None:
        self.checkEnded(signal.SIGINT, 130)

    def test_terminated(self) -> None:
        self.checkEnded(signal.SIGTERM, 143)

    def checkEnded(self, number: signal.Signals, status: int) -> None:
        with serving(stampChunks) as port, runningClient("--port", port) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            assert client.stderr is not None
            client.stdin.write(b"a\n")
            client.stdin.flush()
            assert client.stdout.readline() == STAMP + b"a\n"
            client.send_signal(number)
            assert client.wait(PATIENCE) == status
            assert client.stderr.read() == b""


class DatagramTests(SynchronousTestCase):
    def test_retry(self) -> None:

        def answer(data: bytes, number: int) -> list[bytes]:
            return [] if number == 1 else [STAMP + b"stray", STAMP + data, STAMP + data]

        with servingDatagrams(answer) as port:
            done = runClient("--udp", "--port", port, "--timeout", 0.3, typed=b"a\n\na\n\xff")
        assert done.stdout == b"".join(STAMP + line + b"\n" for line in (b"a", b"a", b"\xff"))
        assert (done.stderr, done.returncode) == (b"", 0)

    def test_silence(self) -> None:
        with servingDatagrams(lambda data, number: []) as port:
            done = runClient(
                "--udp", "--port", port, "--timeout", 0.1, "--retries", 1, typed=b"a\nb\n"
            )
        assert done.stderr.count(b"no answer") == 2
        assert (done.stdout, done.returncode) == (b"", 1)

    def test_nobody(self) -> None:
        """At once: the time of one try would be too long for this test."""
        port = unusedPort()
        for host in ("127.0.0.1", "localhost"):
            done = runClient("--udp", "--port", port, "--timeout", 3600, host, typed=b"a\nb\n")
            assert done.stderr.count(b": refused: ") == 2
            assert (done.stdout, done.returncode) == (b"", 1)


class TalkTests(SynchronousTestCase):
    def test_pipe(self) -> None:
        with serving(converse) as port:
            done = runClient("talk", "--port", port, typed=b"hi")
        assert done.stdout == "你好\x1b[31m\nheard hi\nbye".encode()
        assert (done.stderr, done.returncode) == (b"", 0)

    def test_operator(self) -> None:
        with TemporaryDirectory() as folder:
            path = os.path.join(folder, "operator.sock")
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(path)
                listening.listen()
                listening.settimeout(PATIENCE)
                attached = runningClient("talk", "--operator", "--state", folder)
                with attached as client, listening.accept()[0] as connection:
                    connection.settimeout(PATIENCE)
                    connection.sendall("<ann> 你好\n".encode())
                    assert client.stdout is not None
                    assert client.stdout.readline() == "<ann> 你好\n".encode()
                    assert client.stdin is not None
                    client.stdin.write(b"/who\n")
                    client.stdin.close()
                    assert connection.recv(100) == b"/who\n"
                    assert connection.recv(100) == b""
                    connection.close()
                    assert client.wait(PATIENCE) == 0


class PlainTerminalTests(SynchronousTestCase):
    def test_prompt(self) -> None:
        with serving(stampChunks) as port:
            terminal = Terminal("dumb", "--port", port)
            self.addCleanup(terminal.close)
            terminal.shows("> ")
            terminal.type("héllo\n")
            terminal.shows(f"{STAMP.decode()}héllo\r\n> ")
            terminal.type("\n")
            assert terminal.status() == 0

    def test_talk(self) -> None:
        with serving(converse) as port:
            terminal = Terminal("dumb", "talk", "--port", port)
            self.addCleanup(terminal.close)
            terminal.shows("你好\\x1b[31m\r\n")
            terminal.type("hi\n")
            terminal.shows("heard hi\r\n")
            terminal.type("\x04")
            assert terminal.status() == 0


class EditingTerminalTests(SynchronousTestCase):
    skip = "prompt_toolkit is not installed" if find_spec("prompt_toolkit") is None else None

    def test_editing(self) -> None:
        with serving(stampChunks) as port:
            terminal = Terminal("xterm", "--port", port)
            self.addCleanup(terminal.close)
            terminal.shows(">")
            terminal.type("你x\x1b[D\x7fé\r")
            terminal.shows(f"{STAMP.decode()}éx\r\n")
            terminal.shows(">")
            terminal.type("\x1b[A!\r")
            terminal.shows(f"{STAMP.decode()}éx!\r\n")
            terminal.shows(">")
            terminal.type("\x04")
            assert terminal.status() == 0

    def test_talk(self) -> None:
        with serving(converse) as port:
            terminal = Terminal("xterm", "talk", "--port", port)
            self.addCleanup(terminal.close)
            terminal.shows("你好\\x1b[31m")
            terminal.shows(">")
            terminal.type("one\rtwo")
            terminal.shows("heard one")
            terminal.shows("two")
            terminal.type("\r")
            terminal.shows("heard two")
            terminal.type("\x03")
            assert terminal.status() == 130

    def test_lost(self) -> None:
        with serving(answerOnce) as port:
            terminal = Terminal("xterm", "--port", port)
            self.addCleanup(terminal.close)
            terminal.shows(">")
            terminal.type("a\r")
            terminal.shows(f"{STAMP.decode()}a\r\n")
            terminal.shows(">")
            terminal.type("b\r")
            assert terminal.shows("lost: closed by the other side").count("tsservices:") == 1
            assert terminal.status() == 1
