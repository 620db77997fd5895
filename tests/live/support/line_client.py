"""A client of the line protocol that a test plays step by step."""

from __future__ import annotations

import contextlib
import time
from typing import Self

from tests.live.support.server import ANSWER_SECONDS, Server


class LineClient:
    def __init__(self, server: Server, *lines: str) -> None:
        self.socket = server.connect("chat")
        self._received = b""
        self.say(*lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.socket.close()

    def say(self, *lines: str) -> None:
        self.socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def until(self, words: str, seconds: float = ANSWER_SECONDS) -> list[str]:
        deadline = time.monotonic() + seconds
        lines: list[str] = []
        while True:
            while b"\n" in self._received:
                line, _, self._received = self._received.partition(b"\n")
                lines.append(line.decode())
                if words in lines[-1]:
                    return lines
            remains = deadline - time.monotonic()
            assert remains > 0, f"no {words!r} in {seconds} s; received was {lines[-20:]}"
            self.socket.settimeout(remains)
            with contextlib.suppress(TimeoutError):
                part = self.socket.recv(1 << 18)
                assert part, f"the end instead of {words!r}; received was {lines[-20:]}"
                self._received += part

    def readToEnd(self, seconds: float = ANSWER_SECONDS) -> list[str]:
        self.socket.settimeout(seconds)
        with self.socket.makefile("rb") as stream:
            return (self._received + stream.read()).decode().splitlines()
