"""
NATS JetStream as an engine, with real servers that get into trouble.
"""

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
    Listener,
    administer,
    agree,
    answer,
    begin,
    founding,
    listening,
    place,
    whileTalking,
)
from tests.live.support.nats_server import NatsCluster, NatsServer

pytestmark = pytest.mark.usefixtures("quietLoop")


class TestOrder:
    """What is published comes back."""

    def test_same(self, engineServer: NatsServer) -> None:
        """Everybody has the same order, with stamps of the engine's clock in nanoseconds."""
        with listening(place(engineServer.url), "a", "b") as (a, b):
            began = time.time_ns()
            begin(a, b)
            assert [each.stream and each.stream.made for each in (a, b)] == [True, False]
            assert b.stream is not None
            assert b.stream.founding == founding()
            for _ in range(100):
                a.say(3)
                b.say(2)
            agree(a, b)
            assert all(began <= each.stamp <= time.time_ns() for each in a.deliveries)
            assert any(each.stamp % 1000 for each in a.deliveries)
            # A slow disk makes doubts, and these more than there has to be.
            assert answer(a, a.engine.lastSequence) >= a.engine.delivered >= 500
            assert (a.engine.connections, a.engine.resubscriptions) == (1, 0)
            assert a.places == [engineServer.url]
            a.reactor.until(lambda: a.engine.published >= 300)

    def test_late(self, engineServer: NatsServer) -> None:
        """Who comes later gets what was before, from the number on that is wanted."""
        with listening(place(engineServer.url), "a", "b", "c") as (a, b, c):
            begin(a)
            a.say(300)
            agree(a)
            last = a.numbers()[-1]
            begin(b, number=201)
            b.reactor.until(lambda: len(b.deliveries) >= last - 200)
            assert b.deliveries == a.deliveries[200:]
            begin(c, number=last + 1)
            assert c.stream is not None
            assert (c.stream.first, c.stream.last) == (1, last)
            a.say()
            c.reactor.until(lambda: c.deliveries)
            assert c.numbers()[0] == last + 1

    def test_pause(self, engineServer: NatsServer) -> None:
        """Who has enough for now gets nothing, and all of it later."""
        with listening(place(engineServer.url), "a", "b") as (a, b):
            begin(a, b)
            a.say(10)
            agree(a, b)
            b.engine.pause(True)
            a.say(200)
            a.reactor.until(a.complete)
            assert len(b.deliveries) == 10
            b.engine.pause(False)
            agree(a, b)

    def test_much(self, engineServer: NatsServer) -> None:
        """Much more than the engine sends without being allowed to; a slow reactor gets it all."""

        async def fill(jetstream: Any) -> None:
            data = b"x %d " + bytes(200_000)
            for number in range(400):
                await jetstream.publish("tsservices.chat", data % number)

        with listening(place(engineServer.url), "a") as (a,):
            a.open(founding())
            administer(engineServer.url, fill)
            a.deliveries = []
            a.delivered = lambda some: a.deliveries.extend(some) or time.sleep(0.001)  # type: ignore[method-assign,assignment,func-returns-value]
            a.engine.subscribe(1, a)
            a.reactor.until(lambda: len(a.deliveries) == 400)
            assert a.numbers() == list(range(1, 401))
            assert a.engine.resubscriptions == 0, a.noted


class TestTrouble:
    """What happens to engines."""

    def test_killed(self, engineServer: NatsServer) -> None:
        """
        A server is killed and started again, while everybody talks: nothing is lost, nothing
        comes twice, the order is one.
        """
        with listening(place(engineServer.url), "a", "b") as (a, b):
            begin(a, b)
            whileTalking([a, b], engineServer.kill, engineServer.start)
            agree(a, b)
            assert a.doubts
            assert a.places == [engineServer.url, "", engineServer.url]
            assert a.engine.lastError
            assert a.engine.lastErrorAt is not None

    def test_stopped(self, engineServer: NatsServer) -> None:
        """A server hangs for a while."""
        with listening(place(engineServer.url), "a", "b") as (a, b):
            begin(a, b)
            a.say(10)
            agree(a, b)
            engineServer.send(signal.SIGSTOP)
            a.say()
            a.reactor.until(lambda: "" in a.places)
            engineServer.send(signal.SIGCONT)
            agree(a, b)

    def test_leader(self, folder: Path) -> None:
        """Of three servers the one that leads is killed, then another one hangs."""
        with (
            NatsCluster(folder) as cluster,
            listening(place(*cluster.urls, replicas=3), "a", "b") as (a, b),
        ):
            begin(a, b)
            leader = cluster.leader(STREAM)
            whileTalking([a, b], leader.kill, lambda: leader.start(wait=False))
            agree(a, b)
            leader = cluster.leader(STREAM)
            whileTalking([a, b], lambda: leader.send(signal.SIGSTOP), lambda: None)
            agree(a, b)
            leader.send(signal.SIGCONT)
            a.say()
            agree(a, b)

    def test_consumerLost(self, engineServer: NatsServer) -> None:
        """The engine forgets who listens."""

        async def forget(jetstream: Any) -> None:
            for each in await jetstream.consumers_info(STREAM):
                await jetstream.delete_consumer(STREAM, each.name)

        with listening(place(engineServer.url), "a") as (a,):
            begin(a)
            a.say(10)
            agree(a)
            administer(engineServer.url, forget)
            a.say(10)
            agree(a)
            assert a.engine.resubscriptions == 1


class TestBroken:
    """A stream that is not what it was."""

    def pause(self, listener: Listener) -> None:
        listener.engine.pause(True)
        # It is done when something that was asked for later is.
        answer(listener, listener.engine.lastSequence)

    def broken(self, engineServer: NatsServer, work: Callable[[Any], Awaitable[object]]) -> str:
        with listening(place(engineServer.url), "a", "b") as (a, b):
            begin(a, b)
            a.say(10)
            agree(a, b)
            self.pause(b)
            a.say(10)
            a.reactor.until(a.complete)
            administer(engineServer.url, work)
            b.engine.pause(False)
            b.reactor.until(lambda: b.reasons)
            assert len(b.deliveries) < len(a.deliveries)
            assert len(b.reasons) == 1
            return b.reasons[0]

    def test_deleted(self, engineServer: NatsServer) -> None:
        """It is there no more."""

        async def delete(jetstream: Any) -> None:
            await jetstream.delete_stream(STREAM)

        assert self.broken(engineServer, delete) == f"the stream {STREAM} was deleted"

    def test_madeAnew(self, engineServer: NatsServer) -> None:
        """There is another one of its name."""

        async def remake(jetstream: Any) -> None:
            config = (await jetstream.stream_info(STREAM)).config
            await jetstream.delete_stream(STREAM)
            config.metadata["tsservices-epoch"] = "e2"
            await jetstream.add_stream(config)

        assert self.broken(engineServer, remake) == f"the stream {STREAM} was made anew"

    def test_purged(self, engineServer: NatsServer) -> None:
        """What is still needed was deleted."""

        async def purge(jetstream: Any) -> None:
            await jetstream.purge_stream(STREAM, keep=2)

        said = self.broken(engineServer, purge)
        assert re.fullmatch(rf"the stream {STREAM} begins at \d+, and \d+ is still needed", said)

    def test_purgedBehind(self, engineServer: NatsServer) -> None:
        """
        What nobody needs any more may be deleted; and what is missing in the middle is not
        waited for.
        """

        async def purge(jetstream: Any) -> None:
            await jetstream.purge_stream(STREAM, keep=1)

        async def deleteOne(jetstream: Any) -> None:
            await jetstream.delete_msg(STREAM, 22)

        with listening(place(engineServer.url), "a", "b") as (a, b):
            begin(a, b)
            a.say(20)
            agree(a, b)
            administer(engineServer.url, purge)
            self.pause(b)
            a.say(5)
            a.reactor.until(a.complete)
            administer(engineServer.url, deleteOne)
            b.engine.pause(False)
            b.reactor.until(lambda: len(b.deliveries) == 24)
            assert b.numbers()[-5:] == [20, 21, 23, 24, 25]
            assert not b.reasons

    def test_oldCopy(self, engineServer: NatsServer, folder: Path) -> None:
        """It was restored from a copy that lacks what a node has had."""
        store, copy = folder / "n1" / "store", folder / "copy"
        with listening(place(engineServer.url), "a") as (a,):
            begin(a)
            a.say(10)
            agree(a)
            engineServer.stop()
            shutil.copytree(store, copy)
            engineServer.start()
            a.say(10)
            agree(a)
            engineServer.stop()
            shutil.rmtree(store)
            shutil.copytree(copy, store)
            engineServer.start()
            a.reactor.until(lambda: a.reasons)
            had = a.numbers()[-1]
            words = rf"the stream {STREAM} ends at \d+, where {had} was there already: .*"
            assert re.fullmatch(words, a.reasons[0])

    @pytest.mark.parametrize("lost", [1, 3])
    def test_overtaken(self, engineServer: NatsServer, folder: Path, lost: int) -> None:
        """
        What it has lost is so little that what is said next has got these numbers before
        anybody has looked.
        """
        store, copy = folder / "n1" / "store", folder / "copy"
        with listening(place(engineServer.url), "a", "b") as (a, b):
            begin(a, b)
            a.say(10)
            agree(a)
            engineServer.stop()
            shutil.copytree(store, copy)
            engineServer.start()
            a.say(lost)
            agree(a, b)
            engineServer.kill()
            shutil.rmtree(store)
            shutil.copytree(copy, store)
            a.reactor.until(lambda: not (a.engine.where or b.engine.where))
            a.say(8)
            b.say(8)
            engineServer.start()
            a.reactor.until(lambda: a.reasons and b.reasons)
            words = f"the stream {STREAM} has another message {10 + lost} now"
            assert all(each.reasons[0].startswith(words) for each in (a, b))
            assert [len(each.deliveries) for each in (a, b)] == [10 + lost] * 2


def test_threads(engineServer: NatsServer) -> None:
    """Nothing is left of an engine; and stopping it again is no error."""
    with listening(place(engineServer.url), "a") as (a,):
        begin(a)
        a.say(10)
        a.stop()
        a.stop()
        a.say()
        a.engine.lastSequence(lambda _: None)
    assert not [each for each in threading.enumerate() if each.name == "engine"]
