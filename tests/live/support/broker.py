"""A broker and a client of it, in a reactor that only the test runs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.storage import ThreadReactor
from tsservices.cluster.broker import (
    ACKNOWLEDGE_SECONDS,
    STOP_SECONDS,
    ClusterIdentity,
    StreamMessage,
    StreamState,
)
from tsservices.cluster.nats.broker import JetStreamBroker
from tsservices.cluster.nats.config import JetStreamConfig

#: The default name of the stream.
STREAM = "tsservices-chat"

#: Messages of a client that are published and not back yet.
MAX_IN_FLIGHT = 16

#: Seconds that a busy machine may add.
LATE_SECONDS = 2.0


def identity(epoch: str = "e1") -> ClusterIdentity:
    return ClusterIdentity(epoch, "0a1b2c3d", 1000, bytes(range(32)))


class BrokerClient:
    """Publishes numbered messages and, as a node does, publishes again what may be lost."""

    def __init__(self, reactor: ThreadReactor, place: JetStreamConfig, name: str = "a") -> None:
        self.reactor = reactor
        self.name = name
        self.deliveries: list[StreamMessage] = []
        self.connections: list[str] = []
        self.uncertainties = 0
        self.brokenReasons: list[str] = []
        self.stream: StreamState | None = None
        self.failures: list[str] = []
        self.logged: list[str] = []
        self._ownReceived = 0
        self._requested = 0
        self._publishedUpTo = 0
        self._progressAt = time.monotonic()
        self._thread = threading.get_ident()
        self.broker = JetStreamBroker(place, reactor.callFromThread, log=self.logged.append)

    def open(self, identity: ClusterIdentity | None) -> StreamState:
        self.startOpening(identity)
        self.reactor.until(lambda: self.stream or self.failures)
        assert self.stream is not None, self.failures
        return self.stream

    def startOpening(self, identity: ClusterIdentity | None) -> None:
        self.broker.open(
            identity, lambda stream: setattr(self, "stream", stream), self.failures.append
        )

    def delivered(self, deliveries: list[StreamMessage]) -> None:
        assert threading.get_ident() == self._thread
        for message in deliveries:
            author, number = message.data.split()
            if author == self.name.encode() and int(number) == self._ownReceived + 1:
                self._ownReceived += 1
                self._progressAt = time.monotonic()
                self._publishedUpTo = max(self._publishedUpTo, self._ownReceived)
        self.deliveries.extend(deliveries)
        self._publish()

    def publishUncertain(self) -> None:
        assert threading.get_ident() == self._thread
        self.uncertainties += 1
        self._republish()

    def _republish(self) -> None:
        self._publishedUpTo, self._progressAt = self._ownReceived, time.monotonic()
        self._publish()

    def connected(self, where: str) -> None:
        self.connections.append(where)

    def streamBroken(self, reason: str) -> None:
        self.brokenReasons.append(reason)

    def _publish(self) -> None:
        for number in range(
            self._publishedUpTo + 1, min(self._requested, self._ownReceived + MAX_IN_FLIGHT) + 1
        ):
            self._publishedUpTo = number
            self.broker.publish(b"%s %d" % (self.name.encode(), number))

    def publish(self, count: int = 1) -> None:
        self._requested += count
        self._publish()

    def allReceived(self) -> bool:
        # As a node does, because the broker is not asked to answer each message.
        if (
            self._ownReceived < self._publishedUpTo
            and time.monotonic() - self._progressAt > ACKNOWLEDGE_SECONDS
        ):
            self._republish()
        return self._ownReceived == self._requested

    def numbers(self) -> list[int]:
        return [message.sequence for message in self.deliveries]

    def stop(self) -> None:
        ended: list[bool] = []
        began = time.monotonic()
        self.broker.stop(lambda: ended.append(True))
        self.reactor.until(lambda: ended)
        assert time.monotonic() - began < STOP_SECONDS + LATE_SECONDS
        thread = self.broker._thread
        if thread is not None:
            thread.thread.join(LATE_SECONDS)
            assert not thread.thread.is_alive()


@contextmanager
def clients(place: JetStreamConfig, *names: str) -> Iterator[list[BrokerClient]]:
    reactor = ThreadReactor()
    listeners = [BrokerClient(reactor, place, name) for name in names]
    try:
        yield listeners
    finally:
        for client in listeners:
            client.stop()


def answer(listener: BrokerClient, ask: Callable[..., Any], *args: Any) -> Any:
    answers: list[Any] = []
    ask(*args, answers.append)
    listener.reactor.until(lambda: answers)
    return answers[0]


def config(*urls: str, **settings: Any) -> JetStreamConfig:
    return JetStreamConfig(urls, **settings)


def administer(url: str, work: Callable[[Any], Awaitable[object]]) -> None:

    import nats

    async def run() -> None:
        client = await nats.connect(url)
        try:
            await work(client.jetstream())
        finally:
            await client.close()

    asyncio.run(run())


def subscribeAll(*listeners: BrokerClient, number: int = 1) -> None:
    for client in listeners:
        client.open(identity())
        client.broker.subscribe(number, client)


def assertSameOrder(*listeners: BrokerClient) -> None:
    """
    Wait until all have what was published, and see that it is the same: each message once, in the
    order of its author.
    """
    total = sum(client._requested for client in listeners)

    def done() -> bool:
        assert not any(client.brokenReasons for client in listeners), [
            client.brokenReasons for client in listeners
        ]
        complete = [client.allReceived() for client in listeners]
        return all(complete) and all(
            len({one.data for one in client.deliveries}) == total for client in listeners
        )

    listeners[0].reactor.until(done)
    last = max(client.numbers()[-1] for client in listeners)
    listeners[0].reactor.until(lambda: all(client.numbers()[-1] >= last for client in listeners))
    for client in listeners:
        assert client.numbers() == list(range(1, len(client.deliveries) + 1))
        assert client.deliveries[:last] == listeners[0].deliveries[:last]
        stamps = [one.stamp for one in client.deliveries]
        assert stamps == sorted(stamps)


def publishDuring(
    listeners: list[BrokerClient], trouble: Callable[[], object], after: Callable[[], object]
) -> None:
    for step in range(30):
        if step == 10:
            trouble()
        elif step == 20:
            after()
        for client in listeners:
            client.publish(5)
        until = time.monotonic() + 0.03
        listeners[0].reactor.until(lambda until=until: time.monotonic() > until)  # type: ignore[misc]
