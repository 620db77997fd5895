"""Runs many clients on one selector until their server ends."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Sequence

#: Within this every client has seen that the server is gone.
DRAIN_SECONDS = 10.0


class Client:
    """A client on a socket that does not block: the loop tells it when to read, write and act."""

    def __init__(self, name: str, connection: socket.socket) -> None:
        self.name = name
        self.socket = connection
        self.socket.setblocking(False)
        self.due = 0.0
        self.ended = False
        self.unsent = bytearray()
        self._received = b""

    def act(self, now: float) -> None:
        raise NotImplementedError

    def receiveLine(self, line: bytes) -> None:
        raise NotImplementedError

    def receive(self) -> None:
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = not data
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self.receiveLine(line)

    def flush(self) -> None:
        # A connection that has ended is noticed by receive.
        with contextlib.suppress(OSError):
            del self.unsent[: self.socket.send(self.unsent)]


def closeAll(clients: Iterable[Client]) -> None:
    for client in clients:
        client.socket.close()


def runUntilKill(
    clients: Sequence[Client], seconds: float, extension: float, kill: Callable[[], object]
) -> list[str]:
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < deadline + extension:
            for client in clients:
                client.act(now)
            due = min(client.due for client in clients)
            received = _iterate(selector, max(0.0, min(due, deadline + extension) - now))
            if received and time.monotonic() >= deadline:
                break
        violations = [
            f"{client.name} lost its connection before the kill"
            for client in clients
            if client.ended
        ]
        kill()
        deadline = time.monotonic() + DRAIN_SECONDS
        while selector.get_map() and (now := time.monotonic()) < deadline:
            _iterate(selector, deadline - now)
        return violations + [
            f"{key.data.name} does not see that the server is gone"
            for key in selector.get_map().values()
        ]


def _iterate(selector: selectors.BaseSelector, seconds: float) -> bool:
    for key in list(selector.get_map().values()):
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if key.data.unsent else 0)
        if key.events != wanted:
            selector.modify(key.fileobj, wanted, key.data)
    received = False
    for key, events in selector.select(seconds):
        client: Client = key.data
        if events & selectors.EVENT_READ:
            client.receive()
            received = True
        if events & selectors.EVENT_WRITE:
            client.flush()
        if client.ended:
            selector.unregister(key.fileobj)
    return received
