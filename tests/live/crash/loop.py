"""
Lets many clients of a chat read, write and act until its server ends.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

#: Within this every client has seen that the server is gone.
DRAIN_SECONDS = 10.0


class Client(Protocol):
    """One of them."""

    name: str
    socket: socket.socket
    due: float
    ended: bool

    @property
    def unsent(self) -> bool: ...

    def act(self, now: float) -> None: ...

    def receive(self) -> None: ...

    def flush(self) -> None: ...


def runUntilKill(
    clients: Sequence[Client], seconds: float, extension: float, kill: Callable[[], object]
) -> list[str]:
    with selectors.DefaultSelector() as selector:
        for person in clients:
            selector.register(person.socket, selectors.EVENT_READ, person)
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < deadline + extension:
            for person in clients:
                person.act(now)
            due = min(person.due for person in clients)
            told = _iterate(selector, max(0.0, min(due, deadline + extension) - now))
            if told and time.monotonic() >= deadline:
                break
        violations = [
            f"{each.name} lost its connection before the kill" for each in clients if each.ended
        ]
        kill()
        deadline = time.monotonic() + DRAIN_SECONDS
        while selector.get_map() and (now := time.monotonic()) < deadline:
            _iterate(selector, deadline - now)
        return violations + [
            f"{each.data.name} does not see that the server is gone"
            for each in selector.get_map().values()
        ]


def _iterate(selector: selectors.BaseSelector, seconds: float) -> bool:
    for key in list(selector.get_map().values()):
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if key.data.unsent else 0)
        if key.events != wanted:
            selector.modify(key.fileobj, wanted, key.data)
    told = False
    for key, events in selector.select(seconds):
        person: Client = key.data
        if events & selectors.EVENT_READ:
            person.receive()
            told = True
        if events & selectors.EVENT_WRITE:
            person.flush()
        if person.ended:
            selector.unregister(key.fileobj)
    return told
