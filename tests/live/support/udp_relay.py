"""
Forged datagrams, and a UDP relay that loses, delays, doubles and reorders datagrams, each way by
its own seeded plan, and keeps count of what it did.
"""

from __future__ import annotations

import heapq
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import Self

#: How often the relay looks whether it is to stop.
IDLE_SECONDS = 0.05


def forgeDatagram(source: tuple[str, int], destination: tuple[str, int], payload: bytes) -> bytes:
    length = 8 + len(payload)
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_UDP, 0)
    return header + addresses + struct.pack("!HHHH", source[1], destination[1], length, 0) + payload


@dataclass
class Path:
    """
    One way through the relay.

    @ivar delay: seconds for every datagram.
    @ivar extraDelay: seconds more for those that others overtake.
    """

    seed: int = 0
    loss: float = 0.0
    double: float = 0.0
    overtaken: float = 0.0
    delay: float = 0.0
    extraDelay: float = 0.03
    first: int = 0
    until: int = 1 << 60
    lost: int = 0
    doubled: int = 0
    delayed: int = 0
    _seen: int = 0
    _random: Random = field(default_factory=Random)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def plan(self) -> list[float]:
        self._seen += 1
        if not self.first < self._seen <= self.until:
            return [self.delay]
        drawn = self._random.random()
        if drawn < self.loss:
            self.lost += 1
            return []
        if drawn < self.loss + self.double:
            self.doubled += 1
            return [self.delay, self.delay]
        if drawn < self.loss + self.double + self.overtaken:
            self.delayed += 1
            return [self.delay + self.extraDelay]
        return [self.delay]


class Relay:
    """A relay between one sender and one server, in a thread."""

    def __init__(
        self,
        server: tuple[str, int],
        up: Path,
        down: Path,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self._up = up
        self._down = down
        self._outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outside.bind((host, port))
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.connect(server)
        self.port: int = self._outside.getsockname()[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._outside.close()
        self._inside.close()

    def _run(self) -> None:
        waiting: list[tuple[float, int, bool, bytes]] = []
        number = 0
        sender: tuple[str, int] | None = None
        while not self._stopping.is_set():
            pause = IDLE_SECONDS
            if waiting:
                pause = min(pause, max(0.0, waiting[0][0] - time.monotonic()))
            ready, _, _ = select.select([self._outside, self._inside], [], [], pause)
            now = time.monotonic()
            for item in ready:
                upward = item is self._outside
                data, source = item.recvfrom(65_536)
                if upward:
                    sender = source
                for delay in (self._up if upward else self._down).plan():
                    number += 1
                    heapq.heappush(waiting, (now + delay, number, upward, data))
            while waiting and waiting[0][0] <= now:
                _, _, upward, data = heapq.heappop(waiting)
                if upward:
                    self._inside.send(data)
                elif sender is not None:
                    self._outside.sendto(data, sender)
