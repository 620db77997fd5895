"""
A connection to the line frontend of a node, in its JSON format, for programs that ask and wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.live.support.server import Address

#: Follows each request: its answer comes when the request is answered.
BARRIER = "/echo on"

#: Its answer.
BARRIER_REPLY = ["echo is on"]

#: Bytes of one line, at most.
LIMIT = 1 << 20

#: An object that a server has sent.
JsonObject = dict[str, Any]


class ConnectionEnded(Exception):
    """The connection ended before the answer came."""


@dataclass
class Answer:
    """What a server sends from a request to its end."""

    objects: list[JsonObject] = field(default_factory=list)
    done: asyncio.Future[None] = field(default_factory=lambda: _future())

    async def finished(self, seconds: float) -> list[JsonObject]:
        await asyncio.wait_for(asyncio.shield(self.done), seconds)
        return self.objects

    def codes(self) -> list[str]:
        return [item["code"] for item in self.objects if item["type"] == "refused"]


def _future() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


class JsonConnection:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        onObject: Callable[[JsonObject, Answer | None], object],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.onObject = onObject
        self._answers: deque[Answer] = deque()
        self.listening: asyncio.Task[None] = asyncio.create_task(self._listen())

    @classmethod
    async def open(
        cls,
        address: Address,
        onObject: Callable[[JsonObject, Answer | None], object] = lambda received, answer: None,
        seconds: float = 5.0,
    ) -> JsonConnection:
        opening = asyncio.open_connection(*address.pair, limit=LIMIT)
        reader, writer = await asyncio.wait_for(opening, seconds)
        # What a server writes before this is for people.
        writer.write(b"/format json\n")
        return cls(reader, writer, onObject)

    def send(self, *lines: str) -> Answer:
        answer = Answer()
        if self.listening.done():
            answer.done.set_exception(ConnectionEnded())
            return answer
        self._answers.append(answer)
        text = "".join(f"{line}\n" for line in (*lines, BARRIER))
        self._writer.write(text.encode())
        return answer

    async def request(self, *lines: str, seconds: float = 30.0) -> Answer:
        answer = self.send(*lines)
        await answer.finished(seconds)
        return answer

    async def close(self) -> None:
        self._writer.close()
        self.listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self.listening

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                if line.startswith(b"{"):
                    self._objectReceived(json.loads(line))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writer.close()
            for answer in self._answers:
                answer.done.set_exception(ConnectionEnded())
            self._answers.clear()

    def _objectReceived(self, received: JsonObject) -> None:
        if received["type"] == "notice" and received["lines"] == BARRIER_REPLY:
            self._answers.popleft().done.set_result(None)
            return
        answer = self._answers[0] if self._answers else None
        if answer is not None:
            answer.objects.append(received)
        self.onObject(received, answer)
