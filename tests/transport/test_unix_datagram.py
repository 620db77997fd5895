"""Tests for datagrams over UNIX sockets: the port, and the guard of its services."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.epoll import ManualReactor
from tests.support.services import SuiteServer
from tsservices.common.limits import Limits
from tsservices.server.registry import BY_NAME
from tsservices.transport.binder import Binder


class Served:
    """A service at a path, and clients of it."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "service")
        self.folder = folder
        self.server = SuiteServer(Limits(udpRate=1, udpBurst=3))
        self.closed: set[str] = set()
        self.reactor = ManualReactor()
        self.binder = Binder(self.reactor)
        self.clients: list[socket.socket] = []

    def serve(self, name: str) -> None:
        datagrams = replace(self.server.datagrams, closedPaths=self.closed)
        wiring = replace(self.server.wiring, datagrams=datagrams)
        self.protocol, self.counters = wiring.datagramProtocol(BY_NAME[name], True)
        self.binder.bindUNIXDatagram(self.path, 0o620, self.protocol, 1025)
        (port,) = self.binder.ports
        port.startListening()
        self.port: Any = self.reactor.readers[0]

    def client(self, name: str | bytes | None = "client") -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.clients.append(client)
        client.setblocking(False)
        if name is not None:
            client.bind(name if isinstance(name, bytes) else str(self.folder / name))
        return client

    def ask(self, client: socket.socket, datagram: bytes = b"x") -> bytes | None:
        client.sendto(datagram, self.path)
        self.port.doRead()
        try:
            return client.recv(100)
        except BlockingIOError:
            return None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.binder.discard()
    made.reactor.advance(0)
    for client in made.clients:
        client.close()
    assert not os.path.exists(made.path)


def test_answers(served: Served) -> None:
    served.serve("hello")
    assert stat.S_IMODE(os.stat(served.path).st_mode) == 0o620
    assert served.binder.ports[0].name == served.path
    assert served.binder.ports[0].getHost().name == os.fsencode(served.path)  # type: ignore[attr-defined]
    abstract = served.client(b"\0tsservices-test-%d" % os.getpid())
    for client in (served.client(), abstract):
        assert served.ask(client, b"ann") == b"Hello, ann!"
    # Also by the protocol's own write, as a service of another package has it.
    served.protocol.startProtocol = lambda: None  # type: ignore[method-assign]
    served.port._reply = served.port._deliverDatagram
    assert served.ask(abstract, b"bob") == b"Hello, bob!"


@pytest.mark.parametrize(
    ("name", "counter"),
    [(None, "badSource"), (b"tsservices-relative", "badSource"), ("own", "badSource")],
)
def test_noAnswer(
    served: Served, monkeypatch: pytest.MonkeyPatch, name: str | bytes | None, counter: str
) -> None:
    """No path to answer to, one that names something else from here, and one of this server."""
    monkeypatch.chdir(served.folder)
    served.closed.add(str(served.folder / "own"))
    served.serve("hello")
    assert served.ask(served.client(name)) is None
    assert getattr(served.counters, counter) == 1
    assert served.counters.answered == 0


def test_guards(served: Served) -> None:
    served.serve("hello")
    client = served.client()
    for datagram in (b"", b"x" * 1025, b"Hello, Hello, x!"):
        assert served.ask(client, datagram) is None
    assert (served.counters.badSize, served.counters.ownFormat) == (2, 1)
    # As over streams, whoever may write to the socket is trusted.
    assert [served.ask(client) for _ in range(50)].count(None) == 0


def test_rate(served: Served) -> None:
    """Where the payload says nothing of loops, each path has a rate."""
    served.serve("echo")
    first, second = served.client("first"), served.client("second")
    assert [served.ask(first) for _ in range(5)] == [b"x"] * 3 + [None] * 2
    assert served.ask(second) == b"x"
    assert served.counters.overRate == 2


def test_unsent(served: Served) -> None:
    """A peer that has gone, and one that does not read."""
    served.serve("hello")
    gone, busy = served.client("gone"), served.client("busy")
    gone.sendto(b"x", served.path)
    gone.close()
    served.port.doRead()
    assert (served.counters.answered, served.counters.unsent) == (0, 1)
    for _ in range(600):
        busy.sendto(b"x", served.path)
        served.port.doRead()
        if served.counters.unsent > 1:
            return
    raise AssertionError("nothing is full")


def test_withoutAnswers(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that never answers takes them from anybody, and logs a path as what it is."""
    noted: list[tuple[str, str]] = []
    monkeypatch.setattr(
        type(served.server.wiring.payloadLog), "note", lambda log, *entry: noted.append(entry)
    )
    served.serve("sink")
    served.ask(served.client(None), b"one")
    served.ask(served.client("a\nb"), b"two")
    assert noted == [("one", "unix"), ("two", f"unix {served.folder}/a\\nb")]
