"""
The probe on the reactor of these tests: every transport, every format, and how it is stopped.
"""

from __future__ import annotations

import gc
import json
import signal
import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.live.support.server import Server
from tests.live.test_probe import freePort, server, stampPort
from tsservices.client.cli import parseArguments
from tsservices.client.probe import run as program
from tsservices.client.probe.options import ProbeOptions
from tsservices.client.probe.run import ProbeRun, probe
from tsservices.client.probe.wires.base import Clocks
from tsservices.client.probe.wires.stamp import StampTransport

__all__ = ["server"]

reactor: Any = installed

#: Seconds until a test gives up.
WAIT = 20

#: What is called for a signal, by its number.
Handlers = dict[int, Callable[[int, object], None]]


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    found: Handlers = {}
    monkeypatch.setattr(signal, "signal", found.__setitem__)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    return found


class Nonsense(Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"no reply\n" + b"x" * 5000)
        self.transport.loseConnection()


class Page(Protocol):
    """Gets /metrics.  Not by urllib: the reactor under test has to answer it."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._read = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"GET /metrics HTTP/1.0\r\n\r\n")

    def dataReceived(self, data: bytes) -> None:
        self._read += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.whole.callback(self._read)


def optionsOf(*words: object) -> ProbeOptions:
    options = parseArguments(["probe", *map(str, words)])
    assert isinstance(options, ProbeOptions)
    return options


def start(*words: object) -> Deferred[int]:
    run = ProbeRun(reactor, optionsOf(*words), Clocks())
    return Deferred.fromCoroutine(run.run()).addTimeout(WAIT, reactor)


@pytest.mark.usefixtures("handlers")
async def test_stamp(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    status = await start(
        "-c", 5, "-i", 0.01, "-s", 200, "-Q", 8, "--json", "--port", stampPort(server), "127.0.0.1"
    )
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert status == 0
    assert [line["bytes"] for line in lines[:-1]] == [200] * 5
    if sys.platform.startswith("linux"):
        assert {line["clocks"] for line in lines[:-1]} == {"kk"}


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("wire", ["udp", "tcp"])
async def test_text(server: Server, wire: str, capsys: pytest.CaptureFixture[str]) -> None:
    port = server.address("timestamp", wire).port
    assert await start("-c", 3, "-i", 0.01, f"--{wire}", "-Q", 8, "--port", port, "127.0.0.1") == 0
    out = capsys.readouterr().out
    assert "3 packets transmitted, 3 received" in out
    if wire == "tcp" and sys.platform.startswith("linux"):
        assert "TCP's own account: rtt " in out


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("wire", ["stamp", "udp", "tcp"])
async def test_refused(wire: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [] if wire == "stamp" else [f"--{wire}"]
    assert await start("-c", 3, "-i", 0.02, *words, "--port", freePort(), "127.0.0.1") == 1
    out = capsys.readouterr().out
    assert [f"seq={number} connection refused" in out for number in range(3)] == [True] * 3


@pytest.mark.usefixtures("handlers")
async def test_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """A TCP connection that is closed costs the packets on it; the next packet opens another."""
    listening = reactor.listenTCP(0, Factory.forProtocol(Nonsense), interface="127.0.0.1")
    port = listening.getHost().port
    done = start("-c", 6, "-i", 0.05, "-W", 0.3, "--tcp", "--json", "--port", port, "127.0.0.1")
    assert await done == 1
    await listening.stopListening()
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    states = {line.get("state") for line in lines[:-1]}
    assert "unreachable" in states
    assert any("connection lost" in (line.get("reason") or "") for line in lines[:-1])
    assert lines[-1]["strays"] >= 2


async def test_signals(
    server: Server, handlers: Handlers, capsys: pytest.CaptureFixture[str]
) -> None:
    done = start("-i", 0.01, "-q", "--port", stampPort(server), "127.0.0.1", "127.0.0.1")
    await deferLater(reactor, 0.1, lambda: None)
    handlers[signal.SIGQUIT](signal.SIGQUIT, None)
    await deferLater(reactor, 0.05, lambda: None)
    handlers[signal.SIGINT](signal.SIGINT, None)
    assert await done == 0
    out, errors = capsys.readouterr()
    assert errors.count("min/p50/p99/max") == 2
    assert out.count("probe statistics") == 2


async def test_interruptedEarly(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:

    async def never(*_: object) -> str:
        await Deferred()
        return ""

    monkeypatch.setattr(program, "resolveAddress", never)
    done = start("host.example")
    handlers[signal.SIGTERM](signal.SIGTERM, None)
    assert await done == 2


@pytest.mark.usefixtures("handlers")
async def test_files(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("matplotlib") is None:
        pytest.skip("the extra plot is not installed")
    run = ("-c", 2, "-i", 0.01, "--csv", "--port", stampPort(server), "127.0.0.1", "--plot")
    assert await start(*run, "a.png") == 0
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.count("\n") == 3
    Path("folder.png").mkdir()
    assert await start(*run, "folder.png") == 2
    assert await start(*run, "a.nosuchform") == 2
    assert "tsservices: folder.png: " in capsys.readouterr().err


@pytest.mark.usefixtures("handlers")
async def test_metrics(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    if find_spec("prometheus_client") is None:
        pytest.skip("the extra http is not installed")
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        words = ("--prometheus", port, "--port", stampPort(server), "127.0.0.1")
        assert await start("-c", 1, *words) == 2
        assert f"no metrics on port {port}: " in capsys.readouterr().err
    done = start("-i", 0.01, "-w", 0.5, *words)
    await deferLater(reactor, 0.2, lambda: None)
    page = Page()
    await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), page)
    assert b"tsservices_probe_received_total" in await page.whole.addTimeout(WAIT, reactor)
    assert await done == 0


@pytest.mark.usefixtures("handlers")
async def test_trouble(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert await start("-6", "127.0.0.1") == 2
    assert capsys.readouterr().err == "tsservices: 127.0.0.1 has no IPv6 address\n"
    with pytest.raises(SystemExit) as ended:
        await probe(reactor, optionsOf("-4", "::1"))
    assert ended.value.code == 2

    def refuse(*_: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(StampTransport, "open", refuse)
    assert await start("::1") == 2
    assert "no socket for ::1: " in capsys.readouterr().err
