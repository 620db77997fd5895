"""A whole server in this process: started, used through real sockets, and stopped."""

from __future__ import annotations

import io
import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from twisted.application.service import IService
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, connectProtocol
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import DatagramProtocol, Protocol, connectionDone
from twisted.python.failure import Failure

from tsservices.server.options import Options
from tsservices.server.plugin import makeService
from tsservices.server.shutdown import SignalService

reactor: Any = installed

#: Seconds until a test gives up.
WAIT = 10


class Client(Protocol):
    """Collects data until there is as much as is wanted, or the end."""

    def __init__(self) -> None:
        self.received = b""
        self.lost = False
        self._waiting: Deferred[bytes] | None = None
        self._wanted = 0

    def read(self, count: int) -> Deferred[bytes]:
        self._wanted = count
        waiting = self._waiting = Deferred()
        waiting.addTimeout(WAIT, reactor)
        self._check()
        return waiting

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._check()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        self._check()

    def _check(self) -> None:
        if self._waiting is not None and (self.lost or len(self.received) >= self._wanted):
            waiting, self._waiting = self._waiting, None
            waiting.callback(self.received)


class Sender(DatagramProtocol):
    noisy = False

    def __init__(self, data: bytes, where: tuple[str, int]) -> None:
        self._data = data
        self._where = where
        self.answer: Deferred[bytes] = Deferred()
        self.answer.addTimeout(WAIT, reactor)

    def startProtocol(self) -> None:
        assert self.transport is not None
        self.transport.write(self._data, self._where)

    def datagramReceived(self, datagram: bytes, address: tuple[str, int]) -> None:
        self.answer.callback(datagram)


class Server:
    def __init__(self, folder: Path, *words: str) -> None:
        options = Options()
        options.parseOptions(["--port", "0", "--state", str(folder), *words])
        self.folder = folder
        self.service: IService = makeService(options, reactor, io.StringIO())
        self.service.startService()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.service.stopService()

    def address(self, offering: str, transport: str) -> dict[str, Any]:
        with (self.folder / "ports.json").open(encoding="utf-8") as file:
            rows: list[dict[str, Any]] = json.load(file)
        (row,) = [
            row for row in rows if (row["offering"], row["transport"]) == (offering, transport)
        ]
        return row

    async def connect(self, offering: str, transport: str = "tcp") -> Client:
        entry = self.address(offering, transport)
        endpoint: IStreamClientEndpoint
        if "path" in entry:
            endpoint = UNIXClientEndpoint(reactor, entry["path"])
        else:
            endpoint = HostnameEndpoint(reactor, entry["host"], entry["port"])
        client: Client = await connectProtocol(endpoint, Client())
        return client


@pytest.fixture(autouse=True)
def _processAsBefore(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the signal handlers and the limit of descriptors of the test process."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(SignalService, "startService", lambda self: None)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_everyTransport(tmp_path: Path) -> None:
    listens = ("timestamp=tcp:0", f"timestamp=unix:{tmp_path}/sock", "echo=tcp6:0")
    options = [option for listen in listens for option in ("--listen", listen)]
    async with Server(tmp_path, "--services", "timestamp", *options) as server:
        clients = [
            await server.connect("timestamp"),
            await server.connect("timestamp", "unix"),
            await server.connect("echo"),
        ]
        for client in clients:
            client.write(b"hello")
        assert (await clients[0].read(32))[27:] == b"hello"
        assert (await clients[1].read(32))[27:] == b"hello"
        assert await clients[2].read(5) == b"hello"
        entry = server.address("timestamp", "udp")
        sender = Sender(b"hello", (entry["host"], entry["port"]))
        port = reactor.listenUDP(0, sender, "127.0.0.1")
        assert (await sender.answer)[27:] == b"hello"
        await port.stopListening()
    for client in clients:
        await client.read(10_000)
        assert client.lost
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counters.json", "lock"]


async def test_halfClosed(tmp_path: Path) -> None:
    async with Server(tmp_path, "--services", "timestamp-line") as server:
        client = await server.connect("timestamp-line")
        client.write(b"x\n" * 20_000 + b"last")
        assert client.transport is not None
        client.transport.loseWriteConnection()  # type: ignore[attr-defined]
        answers = (await client.read(10_000_000)).splitlines()
        assert len(answers) == 20_001
        assert answers[-1].endswith(b"] last")


async def test_operatorAttaches(tmp_path: Path) -> None:
    async with Server(tmp_path, "--services", "talk", "--operator", "Jack") as server:
        attached = await connectProtocol(
            UNIXClientEndpoint(reactor, str(tmp_path / "operator.sock")), Client()
        )
        assert b"Jack, you are the operator" in await attached.read(20)
        caller = await server.connect("talk")
        caller.write(b"hello")
        while b"[1] hello\n" not in attached.received:
            await attached.read(len(attached.received) + 1)
        attached.write(b"good day\n")
        assert await caller.read(8) == b"good day"
