"""Tests for L{tsservices.chat.requests}."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tsservices.chat.errors import NOWHERE, READ_FAILED, ChatError
from tsservices.chat.requests import PendingReply, Request, RequestQueue

#: More than the interpreter lets calls be nested.
MANY = 10_000


class Port:
    def __init__(self, suspended: bool = False) -> None:
        self.suspended = suspended
        self.asked = 0
        self._waiting: list[Callable[[int], None]] = []

    def ask(self, reply: PendingReply[int]) -> None:
        self.asked += 1
        if self.suspended:
            self._waiting.append(reply)
        else:
            reply(self.asked)

    def answer(self) -> None:
        self._waiting.pop(0)(self.asked)


class TestRequestQueue:
    def setup_method(self) -> None:
        self.port = Port()
        self.errors: list[ChatError] = []
        self.log: list[str] = []
        self.queue = RequestQueue(self.errors.append, lambda: self.log.append("resumed"))

    async def ask(self) -> int:
        reply: PendingReply[int] = PendingReply()
        self.port.ask(reply)
        return await reply

    def request(self, name: str, asks: int = 1) -> Request:
        async def run() -> None:
            self.log.append(f"{name} begins")
            for _ in range(asks):
                await self.ask()
            self.log.append(f"{name} ends")

        return run

    def test_immediateAnswersAreAwaitedInALoop(self) -> None:
        assert sys.getrecursionlimit() < MANY
        self.queue.add(self.request("a", MANY))
        assert self.port.asked == MANY
        assert self.log == ["a begins", "a ends"]
        assert not self.queue.busy

    def test_nestedRequestsAreAwaitedInALoop(self) -> None:
        self.port.suspended = True
        self.queue.add(self.request("first"))
        for number in range(MANY):
            self.queue.add(self.request(str(number)))
        self.port.suspended = False
        self.port.answer()
        assert self.log[-2:] == [f"{MANY - 1} ends", "resumed"]

        async def chain() -> None:
            self.port.asked += 1
            if self.port.asked < 3 * MANY:
                self.queue.add(chain)

        self.queue.add(chain)
        assert self.port.asked == 3 * MANY
        assert not self.queue.busy

    def test_order(self) -> None:
        self.port.suspended = True
        for name in "ab":
            self.queue.add(self.request(name))
        assert self.queue.busy
        self.port.answer()
        assert self.log == ["a begins", "a ends", "b begins", "resumed"]
        assert self.queue.busy
        self.port.answer()
        assert self.log[-2:] == ["b ends", "resumed"]
        assert not self.queue.busy

    def test_errorIsRaisedWhereItIsAwaited(self) -> None:
        refused = ChatError(READ_FAILED)
        replies: list[PendingReply[int]] = []

        async def careful() -> None:
            replies.append(PendingReply())
            try:
                await replies[-1]
            except ChatError as error:
                self.log.append(error.code.name)
            raise ChatError(NOWHERE)

        self.queue.add(careful)
        self.queue.add(self.request("next"))
        replies[0](refused)
        assert self.log == [READ_FAILED.name, "next begins", "next ends", "resumed"]
        assert [error.code for error in self.errors] == [NOWHERE]
        assert not self.queue.busy

    def test_otherExceptionReachesCaller(self) -> None:
        async def mistaken() -> None:
            await self.ask()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.queue.add(mistaken)
        self.port.suspended = True
        self.queue.add(mistaken)
        with pytest.raises(ZeroDivisionError):
            self.port.answer()
        self.port.suspended = False
        self.queue.add(self.request("next"))
        assert self.log == ["next begins", "next ends"]
        assert self.errors == []

    def test_stop(self) -> None:
        """A waiting request of an ended session keeps what it holds until its answer."""
        self.port.suspended = True
        places = ["place"]

        async def holding() -> None:
            try:
                await self.ask()
                self.log.append("went on")
            finally:
                places.clear()

        # A reference of the test's own: it has to be closed, not only forgotten.
        coroutine = holding()
        self.queue.add(lambda: coroutine)
        self.queue.add(self.request("next"))
        self.queue.stop()
        assert places == ["place"]
        self.port.answer()
        assert places == []
        self.queue.add(self.request("later"))
        assert self.log == []
        assert self.errors == []
        assert not self.queue.busy

    def test_requestEndsItsSession(self) -> None:
        self.port.suspended = True

        async def quit() -> None:
            self.queue.stop()
            self.log.append("quit")
            await self.ask()
            self.log.append("went on")

        self.queue.add(quit)
        assert self.log == ["quit"]
        self.port.answer()
        assert self.log == ["quit"]

    def test_checksAgainAfterAwait(self) -> None:
        self.port.suspended = True
        rooms = {"tea"}

        async def enter() -> None:
            assert "tea" in rooms
            await self.ask()
            self.log.append("there" if "tea" in rooms else "gone")

        self.queue.add(enter)
        rooms.clear()
        self.port.answer()
        assert self.log == ["gone", "resumed"]
