"""A server in this process, and members of its chat."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.path.trace import PathError, Trace
from tsservices.server.plugin import Options, makeService

# The most seconds of one wait of the reactor.
PAUSE = 0.05


class Deadline:
    """A time limit for all waits together, so that the command always ends."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def check(self, awaited: str) -> None:
        """
        Check that the time is not over.

        @param awaited: The awaited event, for the text of the error.
        @raise PathError: The time is over.
        """
        if time.monotonic() > self._end:
            raise PathError(f"waited too long for {awaited}")


class Server:
    """A server in this process, whose reactor runs only inside the methods."""

    def __init__(self, reactor: Any, deadline: Deadline, folder: Path, *options: str) -> None:
        self._reactor = reactor
        self._deadline = deadline
        parsed = Options()
        parsed.parseOptions(
            ["--port", "0", "--state", str(folder), "--journal", "memory", *options],
        )
        self._service: Any = makeService(parsed, reactor, io.StringIO())
        self._service.startService()
        rows = json.loads((folder / "ports.json").read_text())
        self.ports = {(row["offering"], row["transport"]): row["port"] for row in rows}

    def turnUntil(self, done: Callable[[], bool], awaited: str, trace: Trace | None = None) -> None:
        """
        Run iterations of the reactor until C{done} returns true.

        @param awaited: The awaited event, for the text of an error.
        @param trace: Gets the calls of the iterations; C{None}: they are not traced.
        @raise PathError: The wait takes too long.
        """
        while not done():
            self._deadline.check(awaited)
            if trace is None:
                self._reactor.iterate(PAUSE)
            else:
                trace.record(lambda: self._reactor.iterate(PAUSE))

    def settle(self) -> None:
        """Run all work that is due now."""
        for _ in range(3):
            self._reactor.iterate(0)

    def stop(self) -> None:
        ended: list[object] = []
        self._service.stopService().addBoth(ended.append)
        self.turnUntil(lambda: bool(ended), "the end of the server")


class Member:
    """A client of the chat in the room lobby."""

    def __init__(self, server: Server, name: str) -> None:
        self.received = b""
        self._socket = socket.create_connection(("127.0.0.1", server.ports["chat", "tcp"]))
        self._socket.setblocking(False)
        self.send(name)
        # The greeting does not name the room, so its name shows that the member is in it.
        server.turnUntil(lambda: self.hasReceived(b"#lobby"), "the lobby")
        server.settle()

    def send(self, text: str) -> None:
        """Send one line."""
        self._socket.sendall(text.encode() + b"\n")

    def hasReceived(self, text: bytes) -> bool:
        """Receive, and return whether this text has arrived since the last L{forget}."""
        try:
            while data := self._socket.recv(65536):
                self.received += data
        except BlockingIOError:
            pass
        return text in self.received

    def forget(self) -> None:
        """Receive, and discard all received data."""
        self.hasReceived(b"")
        self.received = b""

    def close(self) -> None:
        self._socket.close()
