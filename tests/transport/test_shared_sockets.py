"""Tests for L{tsservices.transport.shared_sockets}."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from twisted.internet.error import CannotListenError

from tsservices.transport.shared_sockets import GivenSockets, WorkersSockets

STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM


@pytest.fixture
def sockets() -> Iterator[WorkersSockets]:
    with closing(WorkersSockets(3)) as made:
        yield made


class TestWorkersSockets:
    @pytest.mark.parametrize("kind", [STREAM, DATAGRAM])
    def test_samePort(self, sockets: WorkersSockets, kind: socket.SocketKind) -> None:
        with sockets.internet(kind, "127.0.0.1", 0, 5) as first:
            rows = sockets.descriptors([first.fileno()])
            assert [len(row) for row in rows] == [1, 1, 1]
            names = set()
            for (descriptor,) in rows:
                with socket.socket(fileno=os.dup(descriptor)) as shared:
                    names.add(shared.getsockname())
            assert names == {first.getsockname()}

    def test_spreads(self, sockets: WorkersSockets) -> None:
        with sockets.internet(DATAGRAM, "127.0.0.1", 0) as first:
            rows = sockets.descriptors([first.fileno()])
            for _ in range(64):
                with socket.socket(socket.AF_INET, DATAGRAM) as client:
                    client.sendto(b"x", first.getsockname())
            got = []
            for (descriptor,) in rows:
                with socket.socket(fileno=os.dup(descriptor)) as shared:
                    got.append(_waiting(shared))
            assert sum(got) == 64
            assert all(got)

    @pytest.mark.parametrize("kind", [STREAM, DATAGRAM])
    @pytest.mark.parametrize("shares", [False, True])
    def test_taken(self, sockets: WorkersSockets, kind: socket.SocketKind, shares: bool) -> None:
        with socket.socket(socket.AF_INET, kind) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shares))
            other.bind(("127.0.0.1", 0))
            if kind == STREAM:
                other.listen()
            with pytest.raises(CannotListenError, match="in use"):
                sockets.internet(kind, "127.0.0.1", other.getsockname()[1])

    def test_unix(self, sockets: WorkersSockets, tmp_path: Path) -> None:
        bound, file = sockets.unix(str(tmp_path / "s"), STREAM, 0o600, 5)
        with bound:
            assert file is not None
            assert [len(row) for row in sockets.descriptors([bound.fileno()])] == [1, 1, 1]


class TestGivenSockets:
    def test_inOrder(self) -> None:
        with socket.socket() as one, socket.socket() as two:
            numbers = [os.dup(one.fileno()), os.dup(two.fileno())]
            for number in numbers:
                os.set_inheritable(number, True)
            given = GivenSockets(numbers)
            with (
                given.internet(STREAM, "127.0.0.1", 7) as first,
                given.unix("/x", STREAM, 0)[0] as second,
            ):
                assert [first.fileno(), second.fileno()] == numbers
                assert not first.get_inheritable()
                assert not first.getblocking()
                with pytest.raises(CannotListenError):
                    given.internet(STREAM, "127.0.0.1", 8)


def _waiting(shared: socket.socket) -> int:
    shared.setblocking(False)
    count = 0
    while True:
        try:
            shared.recv(10)
        except BlockingIOError:
            return count
        count += 1
