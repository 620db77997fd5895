"""NATS JetStream as the broker, with real servers that get into trouble."""

from __future__ import annotations

import re
import shutil
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.broker import (
    STREAM,
    BrokerClient,
    administer,
    answer,
    assertSameOrder,
    clients,
    config,
    identity,
    publishDuring,
    subscribeAll,
)
from tests.live.support.nats_server import NatsCluster, NatsServer
from tests.support.examples import onlyThorough

pytestmark = pytest.mark.usefixtures("quietLoop")


class TestOrder:
    def test_sameOrderForAll(self, natsServer: NatsServer) -> None:
        with clients(config(natsServer.url), "a", "b") as (a, b):
            began = time.time_ns()
            subscribeAll(a, b)
            assert [item.stream and item.stream.created for item in (a, b)] == [True, False]
            assert b.stream is not None
            assert b.stream.identity == identity()
            for _ in range(100):
                a.publish(3)
                b.publish(2)
            assertSameOrder(a, b)
            assert all(began <= message.stamp <= time.time_ns() for message in a.deliveries)
            assert any(message.stamp % 1000 for message in a.deliveries)
            # A slow disk makes doubts, and these more than there has to be.
            assert answer(a, a.broker.lastSequence) >= a.broker.delivered >= 500
            assert (a.broker.connections, a.broker.resubscriptions) == (1, 0)
            assert a.connections == [natsServer.url]
            a.reactor.until(lambda: a.broker.published >= 300)

    def test_subscribesFromANumber(self, natsServer: NatsServer) -> None:
        with clients(config(natsServer.url), "a", "b", "c") as (a, b, c):
            subscribeAll(a)
            a.publish(300)
            assertSameOrder(a)
            last = a.numbers()[-1]
            subscribeAll(b, number=201)
            b.reactor.until(lambda: len(b.deliveries) >= last - 200)
            assert b.deliveries == a.deliveries[200:]
            subscribeAll(c, number=last + 1)
            assert c.stream is not None
            assert (c.stream.first, c.stream.last) == (1, last)
            a.publish()
            c.reactor.until(lambda: c.deliveries)
            assert c.numbers()[0] == last + 1

    def test_pause(self, natsServer: NatsServer) -> None:
        with clients(config(natsServer.url), "a", "b") as (a, b):
            subscribeAll(a, b)
            a.publish(10)
            assertSameOrder(a, b)
            b.broker.pause(True)
            a.publish(200)
            a.reactor.until(a.allReceived)
            assert len(b.deliveries) == 10
            b.broker.pause(False)
            assertSameOrder(a, b)

    def test_flowControlWithMuchData(self, natsServer: NatsServer) -> None:
        async def fill(jetstream: Any) -> None:
            data = b"x %d " + bytes(200_000)
            for number in range(400):
                await jetstream.publish("tsservices.chat", data % number)

        with clients(config(natsServer.url), "a") as (a,):
            a.open(identity())
            administer(natsServer.url, fill)
            a.deliveries = []
            a.delivered = lambda some: a.deliveries.extend(some) or time.sleep(0.001)  # type: ignore[method-assign,assignment,func-returns-value]
            a.broker.subscribe(1, a)
            a.reactor.until(lambda: len(a.deliveries) == 400)
            assert a.numbers() == list(range(1, 401))
            assert a.broker.resubscriptions == 0, a.logged


class TestTrouble:
    def test_serverKilled(self, natsServer: NatsServer) -> None:
        with clients(config(natsServer.url), "a", "b") as (a, b):
            subscribeAll(a, b)
            publishDuring([a, b], natsServer.kill, natsServer.start)
            assertSameOrder(a, b)
            assert a.uncertainties
            assert a.connections == [natsServer.url, "", natsServer.url]
            assert a.broker.lastError

    def test_serverFrozen(self, natsServer: NatsServer) -> None:
        with clients(config(natsServer.url), "a", "b") as (a, b):
            subscribeAll(a, b)
            a.publish(10)
            assertSameOrder(a, b)
            natsServer.send(signal.SIGSTOP)
            a.publish()
            a.reactor.until(lambda: "" in a.connections)
            natsServer.send(signal.SIGCONT)
            assertSameOrder(a, b)

    @onlyThorough()
    def test_leaderKilledAndFrozen(self, folder: Path) -> None:
        with (
            NatsCluster(folder) as cluster,
            clients(config(*cluster.urls, replicas=3), "a", "b") as (a, b),
        ):
            subscribeAll(a, b)
            leader = cluster.leader(STREAM)
            publishDuring([a, b], leader.kill, lambda: leader.start(wait=False))
            assertSameOrder(a, b)
            leader = cluster.leader(STREAM)
            publishDuring([a, b], lambda: leader.send(signal.SIGSTOP), lambda: None)
            assertSameOrder(a, b)
            leader.send(signal.SIGCONT)
            a.publish()
            assertSameOrder(a, b)

    def test_consumerLost(self, natsServer: NatsServer) -> None:
        async def forget(jetstream: Any) -> None:
            for item in await jetstream.consumers_info(STREAM):
                await jetstream.delete_consumer(STREAM, item.name)

        with clients(config(natsServer.url), "a") as (a,):
            subscribeAll(a)
            a.publish(10)
            assertSameOrder(a)
            administer(natsServer.url, forget)
            a.publish(10)
            assertSameOrder(a)
            assert a.broker.resubscriptions == 1


class TestBroken:
    def pause(self, listener: BrokerClient) -> None:
        listener.broker.pause(True)
        # It is done when something that was asked for later is.
        answer(listener, listener.broker.lastSequence)

    def broken(self, natsServer: NatsServer, work: Callable[[Any], Awaitable[object]]) -> str:
        with clients(config(natsServer.url), "a", "b") as (a, b):
            subscribeAll(a, b)
            a.publish(10)
            assertSameOrder(a, b)
            self.pause(b)
            a.publish(10)
            a.reactor.until(a.allReceived)
            administer(natsServer.url, work)
            b.broker.pause(False)
            b.reactor.until(lambda: b.brokenReasons)
            assert len(b.deliveries) < len(a.deliveries)
            assert len(b.brokenReasons) == 1
            return b.brokenReasons[0]

    def test_deleted(self, natsServer: NatsServer) -> None:
        async def delete(jetstream: Any) -> None:
            await jetstream.delete_stream(STREAM)

        assert self.broken(natsServer, delete) == f"the stream {STREAM} was deleted"

    def test_recreated(self, natsServer: NatsServer) -> None:
        async def remake(jetstream: Any) -> None:
            config = (await jetstream.stream_info(STREAM)).config
            await jetstream.delete_stream(STREAM)
            config.metadata["tsservices-epoch"] = "e2"
            await jetstream.add_stream(config)

        assert self.broken(natsServer, remake) == f"the stream {STREAM} was made anew"

    def test_purgedAhead(self, natsServer: NatsServer) -> None:
        async def purge(jetstream: Any) -> None:
            await jetstream.purge_stream(STREAM, keep=2)

        texts = self.broken(natsServer, purge)
        assert re.fullmatch(rf"the stream {STREAM} begins at \d+, and \d+ is still needed", texts)

    def test_purgedBehind(self, natsServer: NatsServer) -> None:
        async def purge(jetstream: Any) -> None:
            await jetstream.purge_stream(STREAM, keep=1)

        async def deleteOne(jetstream: Any) -> None:
            await jetstream.delete_msg(STREAM, 22)

        with clients(config(natsServer.url), "a", "b") as (a, b):
            subscribeAll(a, b)
            a.publish(20)
            assertSameOrder(a, b)
            administer(natsServer.url, purge)
            self.pause(b)
            a.publish(5)
            a.reactor.until(a.allReceived)
            administer(natsServer.url, deleteOne)
            b.broker.pause(False)
            b.reactor.until(lambda: len(b.deliveries) == 24)
            assert b.numbers()[-5:] == [20, 21, 23, 24, 25]
            assert not b.brokenReasons

    def test_restoredFromOldCopy(self, natsServer: NatsServer, folder: Path) -> None:
        store, copy = folder / "n1" / "store", folder / "copy"
        with clients(config(natsServer.url), "a") as (a,):
            subscribeAll(a)
            a.publish(10)
            assertSameOrder(a)
            natsServer.stop()
            shutil.copytree(store, copy)
            natsServer.start()
            a.publish(10)
            assertSameOrder(a)
            natsServer.stop()
            shutil.rmtree(store)
            shutil.copytree(copy, store)
            natsServer.start()
            a.reactor.until(lambda: a.brokenReasons)
            had = a.numbers()[-1]
            words = rf"the stream {STREAM} ends at \d+, where {had} was there already: .*"
            assert re.fullmatch(words, a.brokenReasons[0])

    @pytest.mark.parametrize("lost", [1, 3])
    def test_lostEndWasOverwritten(self, natsServer: NatsServer, folder: Path, lost: int) -> None:
        store, copy = folder / "n1" / "store", folder / "copy"
        with clients(config(natsServer.url), "a", "b") as (a, b):
            subscribeAll(a, b)
            a.publish(10)
            assertSameOrder(a)
            natsServer.stop()
            shutil.copytree(store, copy)
            natsServer.start()
            a.publish(lost)
            assertSameOrder(a, b)
            natsServer.kill()
            shutil.rmtree(store)
            shutil.copytree(copy, store)
            a.reactor.until(lambda: not (a.broker.where or b.broker.where))
            a.publish(8)
            b.publish(8)
            natsServer.start()
            a.reactor.until(lambda: a.brokenReasons and b.brokenReasons)
            words = f"the stream {STREAM} has another message {10 + lost} now"
            assert all(item.brokenReasons[0].startswith(words) for item in (a, b))
            assert [len(item.deliveries) for item in (a, b)] == [10 + lost] * 2


def test_noThreadIsLeft(natsServer: NatsServer) -> None:
    with clients(config(natsServer.url), "a") as (a,):
        subscribeAll(a)
        a.publish(10)
        a.stop()
        a.stop()
        a.publish()
        a.broker.lastSequence(lambda _: None)
    assert not [item for item in threading.enumerate() if item.name == "broker"]
