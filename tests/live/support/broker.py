"""
What tests of engines need: one that somebody listens to, in a reactor that is none.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.storage import Reactor
from tsservices.cluster.broker import (
    ENGINE_DOUBT_SECONDS,
    ENGINE_STOP_SECONDS,
    ClusterIdentity,
    StreamMessage,
    StreamState,
)
from tsservices.cluster.nats.broker import JetStreamBroker
from tsservices.cluster.nats.config import JetStreamConfig

#: The name of a stream, when no other was said.
STREAM = "tsservices-chat"

#: Messages of a listener that are published and not back yet.
UNDER_WAY = 16

#: Seconds that a machine which is busy with other things takes for nothing.
LATE_SECONDS = 2.0


def founding(epoch: str = "e1") -> ClusterIdentity:
    return ClusterIdentity(epoch, "0a1b2c3d", 1000, bytes(range(32)))


class Listener:
    """Listens to an engine.  As a node does, it publishes again what it is not sure about."""

    def __init__(self, reactor: Reactor, place: JetStreamConfig, name: str = "a") -> None:
        self.reactor = reactor
        self.name = name
        self.deliveries: list[StreamMessage] = []
        self.places: list[str] = []
        self.doubts = 0
        self.reasons: list[str] = []
        self.stream: StreamState | None = None
        self.failures: list[str] = []
        self.noted: list[str] = []
        self._mine = 0
        self._said = 0
        self._sent = 0
        self._moved = time.monotonic()
        self._thread = threading.get_ident()
        self.engine = JetStreamBroker(
            place, reactor.callFromThread, time.monotonic, noted=self.noted.append
        )

    def open(self, made: ClusterIdentity | None) -> StreamState:
        self.beginToOpen(made)
        self.reactor.until(lambda: self.stream or self.failures)
        assert self.stream is not None, self.failures
        return self.stream

    def beginToOpen(self, made: ClusterIdentity | None) -> None:
        self.engine.open(made, lambda stream: setattr(self, "stream", stream), self.failures.append)

    def delivered(self, deliveries: list[StreamMessage]) -> None:
        assert threading.get_ident() == self._thread
        for each in deliveries:
            author, number = each.data.split()
            if author == self.name.encode() and int(number) == self._mine + 1:
                self._mine += 1
                self._moved = time.monotonic()
                self._sent = max(self._sent, self._mine)
        self.deliveries.extend(deliveries)
        self._publish()

    def unsure(self) -> None:
        assert threading.get_ident() == self._thread
        self.doubts += 1
        self._again()

    def _again(self) -> None:
        self._sent, self._moved = self._mine, time.monotonic()
        self._publish()

    def connected(self, where: str) -> None:
        self.places.append(where)

    def broken(self, reason: str) -> None:
        self.reasons.append(reason)

    def _publish(self) -> None:
        for number in range(self._sent + 1, min(self._said, self._mine + UNDER_WAY) + 1):
            self._sent = number
            self.engine.publish(b"%s %d" % (self.name.encode(), number))

    def say(self, count: int = 1) -> None:
        self._said += count
        self._publish()

    def complete(self) -> bool:
        """Doubt by itself too: the engine is not asked to answer each message."""
        if self._mine < self._sent and time.monotonic() - self._moved > ENGINE_DOUBT_SECONDS:
            self._again()
        return self._mine == self._said

    def numbers(self) -> list[int]:
        return [each.number for each in self.deliveries]

    def stop(self) -> None:
        ended: list[bool] = []
        began = time.monotonic()
        self.engine.stop(lambda: ended.append(True))
        self.reactor.until(lambda: ended)
        assert time.monotonic() - began < ENGINE_STOP_SECONDS + LATE_SECONDS
        thread = self.engine._thread
        if thread is not None:
            thread.thread.join(LATE_SECONDS)
            assert not thread.thread.is_alive()


@contextmanager
def listening(place: JetStreamConfig, *names: str) -> Iterator[list[Listener]]:
    reactor = Reactor()
    listeners = [Listener(reactor, place, name) for name in names]
    try:
        yield listeners
    finally:
        for each in listeners:
            each.stop()


def answer(listener: Listener, ask: Callable[..., Any], *args: Any) -> Any:
    answers: list[Any] = []
    ask(*args, answers.append)
    listener.reactor.until(lambda: answers)
    return answers[0]


def place(*urls: str, **other: Any) -> JetStreamConfig:
    return JetStreamConfig(urls, **other)


def administer(url: str, work: Callable[[Any], Awaitable[object]]) -> None:

    import nats

    async def run() -> None:
        client = await nats.connect(url)
        try:
            await work(client.jetstream())
        finally:
            await client.close()

    asyncio.run(run())


def begin(*listeners: Listener, number: int = 1) -> None:
    for each in listeners:
        each.open(founding())
        each.engine.subscribe(number, each)


def agree(*listeners: Listener) -> None:
    """
    Wait until all have what was published, and see that it is the same: each message once,
    in the order in which its author published it.
    """
    total = sum(each._said for each in listeners)

    def done() -> bool:
        assert not any(each.reasons for each in listeners), [each.reasons for each in listeners]
        complete = [each.complete() for each in listeners]
        return all(complete) and all(
            len({one.data for one in each.deliveries}) == total for each in listeners
        )

    listeners[0].reactor.until(done)
    last = max(each.numbers()[-1] for each in listeners)
    listeners[0].reactor.until(lambda: all(each.numbers()[-1] >= last for each in listeners))
    for each in listeners:
        assert each.numbers() == list(range(1, len(each.deliveries) + 1))
        assert each.deliveries[:last] == listeners[0].deliveries[:last]
        stamps = [one.stamp for one in each.deliveries]
        assert stamps == sorted(stamps)


def whileTalking(
    listeners: list[Listener], trouble: Callable[[], object], after: Callable[[], object]
) -> None:
    for step in range(30):
        if step == 10:
            trouble()
        elif step == 20:
            after()
        for each in listeners:
            each.say(5)
        until = time.monotonic() + 0.03
        listeners[0].reactor.until(lambda until=until: time.monotonic() > until)  # type: ignore[misc]
