"""The memory of idle connections, without a server."""

from __future__ import annotations

import os
import socket
from threading import Thread

import pytest

from benchmarks.common.servers import ServerError
from benchmarks.idle import anonymousBytes, enter, frame
from tests.support.web_clients import frame as browserFrame


def test_frame() -> None:
    assert frame('{"do":"rooms"}') == browserFrame('{"do":"rooms"}')


def test_memory() -> None:
    assert 1_000_000 < anonymousBytes(os.getpid()) < 10_000_000_000


def test_refused() -> None:
    """A server that does not let one in ends the measurement."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"* too many\n")
                connection.recv(100)

        refusing = Thread(target=refuse, daemon=True)
        refusing.start()
        with (
            socket.create_connection(server.getsockname()) as connection,
            pytest.raises(ServerError, match="too many"),
        ):
            enter("line", connection, 1)
        refusing.join()
