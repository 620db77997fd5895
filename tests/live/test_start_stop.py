"""Starting and stopping, as people, scripts and supervisors do it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.live.support.echo_client import BUFSIZ, checkAnswers, checkStamped, receive, receiveRest
from tests.live.support.plain_servers import Terminal
from tests.live.support.server import ANSWER_SECONDS, PYTHON, TROUBLE, TWISTD, Server, alive, until

#: What is served when nothing is asked for.
STREAMS = ("timestamp", "timestamp-line", "hello", "ack", "sink", "talk", "chat", "irc", "http")
OFFERINGS = {
    *((name, "tcp") for name in STREAMS),
    *((name, "udp") for name in ("timestamp", "hello", "sink", "stamp")),
}

#: Within this a start that fails has failed, and a daemon has left.
LAUNCH_SECONDS = 30

foreground = pytest.mark.parametrize("daemon", [False, True], ids=["foreground", "daemon"])


def launch(
    folder: Path, *options: str, daemon: bool = False, command: list[str] | None = None
) -> subprocess.CompletedProcess[str]:
    if command is None:
        command = [TWISTD, f"--logfile={folder}/log", f"--pidfile={folder}/pid"]
        command += ["tsserver"] if daemon else ["-n", "tsserver"]
    return subprocess.run(
        [*command, "--state", str(folder / "state"), *options],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        timeout=LAUNCH_SECONDS,
        start_new_session=True,
    )


def checkFails(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    for word in words:
        assert word in line


def checkUsage(done: subprocess.CompletedProcess[str], folder: Path, *words: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    reason, hint = done.stderr.splitlines()
    for word in words:
        assert word in reason
    program = reason.partition(": ")[0]
    assert hint == f"{program}: see {program} --help"
    assert not (folder / "state").exists()


@contextlib.contextmanager
def _bound(kind: socket.SocketKind) -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as bound:
        bound.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            bound.listen()
        yield bound.getsockname()[1]


@pytest.mark.parametrize(
    ("transport", "kind", "daemon"),
    [("tcp", socket.SOCK_STREAM, False), ("udp", socket.SOCK_DGRAM, True)],
    ids=["foreground", "daemon"],
)
def test_busyPort(folder: Path, transport: str, kind: socket.SocketKind, daemon: bool) -> None:
    with _bound(socket.SOCK_STREAM) as free:
        pass
    with _bound(kind) as port:
        done = launch(
            folder,
            *("--port", "0", "--listen", f"hello={transport}:{port}"),
            *("--listen", f"timestamp=tcp:{free}", "--listen", f"timestamp=unix:{folder}/sock"),
            *("--listen", f"talk=unix:{folder}/talk"),
            daemon=daemon,
        )
    checkFails(done, "hello", f"{transport} 127.0.0.1:{port}", "already in use")
    left = {path.name for path in folder.rglob("*") if path.is_file() or path.is_socket()}
    assert left <= {"lock"}
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.1", free))
    # The state folder is free again.
    with Server(folder):
        pass


def test_noSuchAddress(folder: Path) -> None:
    done = launch(folder, "--port", "0", "--interface", "192.0.2.1", daemon=True)
    checkFails(done, "timestamp", "192.0.2.1:0")
    assert not (folder / "pid").exists()


@pytest.mark.parametrize("taken", ["socket", "file"])
def test_busyPath(folder: Path, taken: str) -> None:
    path = folder / "sock"
    with socket.socket(socket.AF_UNIX) as other:
        if taken == "socket":
            other.bind(str(path))
            other.listen()
        else:
            path.write_text("precious")
        done = launch(folder, "--port", "0", "--listen", f"hello=unix:{path}")
        checkFails(done, "hello", str(path))
        if taken == "socket":
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
        else:
            assert path.read_text() == "precious"


def test_stateNotWritable(folder: Path) -> None:
    checkFails(launch(folder, "--port", "0", "--state", "/dev/null/such"), "/dev/null/such")


@foreground
def test_serves(folder: Path, daemon: bool) -> None:
    with Server(folder, daemon=daemon) as server:
        assert {(row.offering, row.transport) for row in server.addresses} == OFFERINGS
        heading, *rows = server.output().splitlines()
        assert heading.split()[:3] == ["service", "over", "address"]
        table, notes = rows[: len(OFFERINGS)], rows[len(OFFERINGS) :]
        for row, address in zip(table, server.addresses, strict=True):
            words = [address.offering, address.transport, f"127.0.0.1:{address.port}"]
            assert row.split(None, 3)[:3] == words
        assert f"log: {server.log}" in notes[0]
        assert str(server.state) in notes[0]
        assert server.complaint() == ""
        checkAnswers(server)
        if daemon:
            assert server.process.returncode == 0
            assert os.getsid(server.pid) != server.process.pid
        assert server.pidFile.exists() == daemon
        pid = server.pid
        server.stop()
        assert not alive(pid)
        assert not server.pidFile.exists()
        left = {path.name for path in server.state.iterdir()}
        assert left == {
            "lock",
            "counters.json",
            "chat.sqlite",
            "chat.ballast",
            "chat.position",
        }
        with pytest.raises(ConnectionRefusedError):
            server.connect("timestamp")


def test_ring(folder: Path) -> None:
    """Whether large rooms are sent to by io_uring is in the log."""
    with Server(folder, "--services", "chat", ring=True) as server:
        server.logged("io_uring")


@pytest.mark.parametrize("words", [["--no-io-uring"], ["--no-fast-lane"], ["--services", "hello"]])
def test_noRing(folder: Path, words: list[str]) -> None:
    with Server(folder, *words, ring=True) as server, server.connect("hello") as client:
        client.sendall(b"ann")
        client.recv(BUFSIZ)
        assert not Path(
            f"/proc/{server.process.pid}/task/{server.process.pid}/children"
        ).read_text()


@pytest.mark.parametrize("lane", [[], ["--no-fast-lane"]], ids=["fast", "stock"])
def test_connectionsAreLogged(folder: Path, lane: list[str]) -> None:
    """Each service, with the bytes of each connection, and the client behind a proxy."""
    options = ["--log-connections", *lane, "--listen", "timestamp=haproxy:tcp:0"]
    with Server(folder, *options, "--listen", f"ack=unix:{folder}/sock") as server:
        header = b"PROXY TCP4 203.0.113.5 192.0.2.9 5555 7\r\n"
        for offering, sent, peer in (
            ("timestamp", header + b"hello", "203.0.113.5:5555"),
            ("timestamp-line", b"hello\n", None),
            ("hello", b"ann", None),
            ("ack", b"ann", "unix"),
            ("talk", b"ann", None),
            ("chat", b"ann\n", None),
        ):
            with server.connect(offering, "unix" if peer == "unix" else "tcp") as client:
                name = peer or "{}:{}".format(*client.getsockname())
                client.send(sent)
                server.logged(f"{offering}: {name} connected")
                got = len(client.recv(BUFSIZ))
                if offering == "talk":
                    # It may still listen, so the end would take a minute.
                    continue
                client.shutdown(socket.SHUT_WR)
                got += len(receiveRest(client))
                server.logged(f" s, {len(sent)} bytes in, {got} bytes out: closed by the peer")
        for offering, sent, words in (
            ("timestamp", b"hello", "first datagram from {}"),
            ("hello", b"", "dropped a datagram from {}: badSize ("),
            ("sink", b"hello", "first datagram from {}"),
            ("stamp", b"hello", "dropped a datagram from {}: badSize ("),
        ):
            with server.connect(offering, "udp") as client:
                client.send(sent)
                peer = "{}:{}".format(*client.getsockname())
                server.logged(f"{offering}: {words.format(peer)}")
        server.stop()
        for noise in ("object at", "b'", "Factory", "Protocol", "Closed)", "tsservices.admin"):
            assert noise not in server.logText(), noise


def test_stopTellsPeople(folder: Path) -> None:
    with Server(folder) as server, contextlib.ExitStack() as stack:
        clients = {offering: stack.enter_context(server.connect(offering)) for offering in STREAMS}
        # All of them are there when the last one is answered.
        for offering, client in clients.items():
            if offering not in ("hello", "talk", "chat"):
                # A line of HTTP ends with both.
                client.send(b"I am here\r\n" if offering == "http" else b"I am here\n")
            if offering == "sink":
                server.logged("I am here [{}:{}]".format(*client.getsockname()))
            else:
                assert client.recv(BUFSIZ)
        server.stop()
        for offering, client in clients.items():
            rest = receiveRest(client)
            if offering in ("talk", "chat"):
                assert rest.startswith(b"! the server stops"), offering
                assert rest.count(b"\n") == 1
            elif offering == "irc":
                assert b"ERROR :" in rest.splitlines()[-1]
            else:
                assert rest == b"", offering


def test_stopIsBounded(folder: Path) -> None:
    config = folder / "limits.toml"
    config.write_text("stop-limit = 1\n")
    options = ("--config", str(config), "--listen", "echo=tcp:0")
    with Server(folder, *options) as server, server.connect("echo", seconds=0.3) as client:
        with contextlib.suppress(TimeoutError):
            while True:
                client.send(b"x" * 65_536)
        begun = time.monotonic()
        server.send(signal.SIGTERM)
        until(lambda: not server.portsFile().exists(), "the beginning of the stop")
        for number in 3 * [signal.SIGTERM, signal.SIGINT]:
            server.send(number)
        assert server.process.wait(ANSWER_SECONDS) == 0
        assert time.monotonic() - begun > 0.9
        server.untroubled()
        server.kill()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--services", "nope"), ("nope", "timestamp-line", "daytime")),
        (("--config", "/no/such.toml"), ("/no/such.toml",)),
    ],
)
def test_usage(folder: Path, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    checkUsage(launch(folder, "--port", "0", *options), folder, *words)


def test_config(folder: Path) -> None:
    config = folder / "ts.toml"
    config.write_text(
        """
        port = 1
        interface = "127.0.0.1"
        services = ["timestamp", "hello", "talk"]
        listen = ["echo=tcp:0", "echo=udp:0"]
        stamp = "iso"
        trust = ["10.0.0.0/8", "192.168.0.0/16"]
        max-connections = 3
        max-datagram = 9
        """
    )
    with Server(folder, "-c", str(config), "--stamp", "epoch-ns") as server:
        wanted = {*product(("timestamp", "hello", "echo"), ("tcp", "udp")), ("talk", "tcp")}
        assert {(row.offering, row.transport) for row in server.addresses} == wanted
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.connect("timestamp")) for _ in range(4)]
            clients[0].send(b"hello")
            checkStamped(clients[0].recv(BUFSIZ), b"hello", "epoch-ns")
            assert b"3 connections" in receiveRest(clients[3])
        with server.connect("timestamp", "udp") as client:
            client.send(b"x" * 10)
            client.send(b"x" * 9)
            checkStamped(client.recv(BUFSIZ), b"x" * 9, "epoch-ns")
        server.stop()
        counters = server.counters("timestamp")
        assert (counters["refused"], counters["accepted"]) == (1, 3)
        assert (counters["received"], counters["receivedBytes"]) == (1, 5)
        port = server.address("timestamp").port
        words = f"timestamp tcp 127.0.0.1:{port}: accepted=3 refused=1"
        assert words in server.logText()
        counters = server.counters("timestamp", "udp")
        assert (counters["badSize"], counters["answered"]) == (1, 1)


def test_sameState(folder: Path) -> None:
    state = folder / "state"
    with Server(folder / "one", state=state) as first:
        owned = (state / "ports.json").read_text()
        operator = os.stat(state / "operator.sock").st_ino
        second = Server(folder / "two", "--journal", "memory", state=state, guest=True)
        with second:
            assert second.portsFile().name == f"ports.{second.pid}.json"
            assert (state / "ports.json").read_text() == owned
            assert second.addresses != first.addresses
            assert str(state / "ports.<pid>.json") in second.output()
            for server in (first, second):
                with server.connect("timestamp") as client:
                    client.send(b"hello")
                    checkStamped(client.recv(BUFSIZ), b"hello")
        assert not (state / f"ports.{second.pid}.json").exists()
        assert os.stat(state / "operator.sock").st_ino == operator
        assert json.loads((state / "ports.json").read_text()) == json.loads(owned)
    assert not list(state.glob("ports*.json"))


def test_stateAfterKill(folder: Path) -> None:
    with Server(folder) as server:
        server.send(signal.SIGKILL)
        server.process.wait(ANSWER_SECONDS)
        server.kill()
    assert (folder / "state" / "ports.json").exists()
    with Server(folder) as server:
        checkAnswers(server)
        _Operator(server).expect("you are the operator").leave()


def test_longStatePath(folder: Path) -> None:
    state = folder.joinpath(*["a folder with a long name"] * 6)
    with Server(folder, "--operator", "Jack", state=state, log=state / "tsserver.log") as server:
        assert "operators can't attach" in server.output()
        checkAnswers(server)


class _Operator:
    def __init__(self, server: Server) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_SECONDS)
        self._socket.connect(str(server.state / "operator.sock"))
        self._seen = ""

    def type(self, line: str) -> _Operator:
        self._socket.send(line.encode() + b"\n")
        return self

    def expect(self, text: str) -> _Operator:
        while text not in self._seen:
            more = self._socket.recv(BUFSIZ)
            assert more, f"no {text!r} in {self._seen!r}"
            self._seen += more.decode()
        self._seen = self._seen.partition(text)[2]
        return self

    def readToEnd(self) -> str:
        with self._socket:
            return self._seen + receiveRest(self._socket).decode()

    def leave(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)
        self.readToEnd()


def test_operatorAttaches(folder: Path) -> None:
    with Server(folder, "--operator", "Jack", daemon=True) as server:
        path = server.state / "operator.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with server.connect("talk") as ann, server.connect("talk") as bob:
            for client, word in ((ann, "早上好"), (bob, "hello, is anybody there?")):
                assert b"no operator" in client.recv(BUFSIZ)
                client.send(word.encode())
                client.send(b"\n")
            # The server has heard both when it has counted them.
            server.counted("talk", receivedBytes=len("早上好".encode()) + 1 + 24 + 1)
            jack = _Operator(server).expect("Jack, you are the operator")
            jack.expect("早上好").expect("hello, is anybody there?")
            refused = _Operator(server).readToEnd()
            assert "Jack is on the line already" in refused
            assert "早上好" not in refused
            jack.type("/who").expect("[1]").expect("[2]")
            jack.type("/to 1").type("you, Ann").type("/to 2").type("and you, Bob")
            assert ann.recv(BUFSIZ) == b"you, Ann\n"
            assert bob.recv(BUFSIZ) == b"and you, Bob\n"
            jack.type("/all both of you")
            assert ann.recv(BUFSIZ) == b"both of you\n"
            assert bob.recv(BUFSIZ) == b"both of you\n"
            jack.type("/nonsense").expect("/nonsense")
            ann.send(b"\x1b[2Jsly\n")
            jack.expect("\\x1b[2Jsly")
            jack.type("/close 1")
            assert b"ended" in receiveRest(ann)
            jack.leave()
            bob.send(b"are you gone?\n")
            assert b"no operator" in bob.recv(BUFSIZ)
            jill = _Operator(server).expect("are you gone?")
            server.stop()
            assert "the server stops" in jill.readToEnd()
            assert b"the server stops" in receiveRest(bob)
        assert not path.exists()


def test_operatorPiped(folder: Path) -> None:
    log = folder / "state" / "tsserver.log"
    with Server(folder, "--operator", "Jack", log=log, stdin=subprocess.PIPE) as server:
        stdin = server.process.stdin
        assert stdin is not None
        until(lambda: "Jack, you are the operator" in server.output(), "the console")
        assert f"log: {log}" in server.output()
        assert "starting up" not in server.output()
        with server.connect("talk") as client:
            until(lambda: "calls" in server.output(), "the call")
            stdin.write(b"/who\n" + "你好\n".encode() + b"the last words")
            stdin.close()
            words = "你好\nthe last words\n".encode()
            assert receive(client, len(words)) == words
            client.send(b"still there?")
            assert b"no operator" in client.recv(BUFSIZ)
            jill = _Operator(server).expect("still there?")
            jill.type("yes")
            assert client.recv(BUFSIZ) == b"yes"
            jill.leave()
        checkAnswers(server)
        assert "starting up" in server.logText()


def test_operatorAtTerminal(folder: Path) -> None:
    state = folder / "state"
    command = [TWISTD, "-n", "--pidfile=", "tsserver", "--port", "0", "--state", str(state)]
    with contextlib.closing(Terminal("dumb", program=[*command, "--operator", "Jack"])) as terminal:
        shown = terminal.shows("Jack, you are the operator")
        until((state / "ports.json").exists, "a server")
        rows = json.loads((state / "ports.json").read_text())
        (port,) = (row["port"] for row in rows if row["offering"] == "talk")
        with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as client:
            client.send("你好".encode())
            shown += terminal.shows("[1] 你好")
            terminal.type("嗨\n")
            assert client.recv(BUFSIZ).decode() == "嗨"
            # Ctrl-C stops the server in order.
            terminal.type("\x03")
            assert terminal.status() == 0
            assert b"the server stops" in receiveRest(client)
        assert "starting up" not in shown
        log = (state / "tsserver.log").read_text()
        assert not any(word in log for word in TROUBLE)


COMMANDS = {
    "tsservices": [str(PYTHON.with_name("tsservices"))],
    "python -m tsservices": [str(PYTHON), "-m", "tsservices"],
    "twist": [str(PYTHON), "-m", "twisted", "tsserver"],
}


@pytest.mark.parametrize(
    ("name", "number"),
    list(zip(COMMANDS, [signal.SIGTERM, signal.SIGINT, signal.SIGTERM], strict=True)),
)
def test_otherCommands(folder: Path, name: str, number: signal.Signals) -> None:
    with Server(folder, command=COMMANDS[name], log=folder / "stdout") as server:
        checkAnswers(server)
        assert "timestamp-line" in server.output()
        server.stop(number)
    names = {path.name for path in folder.iterdir()}
    assert names == {"stdout", "stderr", "state"}


def test_otherCommandFails(folder: Path) -> None:
    with _bound(socket.SOCK_STREAM) as port:
        options = ("--port", "0", "--listen", f"hello=tcp:{port}")
        checkFails(launch(folder, *options, command=COMMANDS["twist"]), f"127.0.0.1:{port}")
