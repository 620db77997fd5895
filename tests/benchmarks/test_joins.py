"""Joins of those who are connected already, without a server."""

from __future__ import annotations

import socket

import pytest

from benchmarks.common.servers import ServerError
from benchmarks.joins import JOIN, Crowd


def test_join() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    crowd = Crowd("irc")
    for near, _ in pairs:
        crowd.add(near)
    for _, far in pairs:
        far.sendall(b"news")
    crowd.join(1000.0)
    for near, far in pairs:
        assert far.recv(100) == JOIN["irc"]
        with pytest.raises(BlockingIOError):
            near.recv(1)
        near.close()
        far.close()


def test_closed() -> None:
    near, far = socket.socketpair()
    crowd = Crowd("line")
    crowd.add(near)
    far.close()
    with near, pytest.raises(ServerError, match="closed"):
        crowd.settle()
