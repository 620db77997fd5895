"""Several processes that serve the same ports (C{--processes})."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

from tests.live.support.server import Server, alive, until

OPTIONS = ("--processes", "2", "--services", "hello,timestamp")


def workersOf(pid: int) -> set[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(number) for number in found}


def serving(server: Server) -> set[int]:
    server.logged("worker 1 serves")
    server.logged("worker 2 serves")
    return workersOf(server.pid)


def greeted(server: Server) -> bool:
    with server.connect("hello") as client:
        return client.recv(100) == b"Welcome!"


def test_workers(tmp_path: Path) -> None:
    with Server(tmp_path, *OPTIONS, asUsers=True) as server:
        # What comes before a worker serves waits for it.
        assert all(greeted(server) for _ in range(8))
        before = serving(server)
        assert len(before) == 2
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        until(lambda: not alive(killed), "the end of a worker")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.connect(server.address("timestamp", "udp").pair)
            client.send(b"x")
            assert all(greeted(server) for _ in range(8))
            assert client.recv(100).endswith(b"] x")
        until(lambda: len(workersOf(server.pid)) == 2, "another worker")
        server.counted("processes", "", running=2, started=3)
        after = workersOf(server.pid)
        server.stop()
        assert not any(map(alive, after))
        # Those of the killed one since its last report are lost, and it may have had many.
        assert server.counters("hello")["accepted"]
        assert not server.portsFile().exists()


def test_mainProcessIsKilled(tmp_path: Path) -> None:
    with Server(tmp_path, *OPTIONS, asUsers=True) as server:
        workers = serving(server)
        place = server.address("hello").pair
        server.kill()
        until(lambda: not any(map(alive, workers)), "the end of the workers")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with socket.socket() as client:
                if client.connect_ex(place):
                    return
        raise AssertionError("somebody listens")
