"""
All that happens in the engine's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from nats.js.api import StreamInfo

from tsservices.cluster.broker import (
    BrokerError,
    ClusterIdentity,
    SnapshotInfo,
    StreamMessage,
    StreamState,
)
from tsservices.cluster.messages import MESSAGE_BYTES
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.connection import Connection, ReconnectingConnection
from tsservices.cluster.nats.consumer import ConsumerCredit, StreamConsumer
from tsservices.cluster.nats.loop_thread import describeCrash, oneLine
from tsservices.cluster.nats.objects import SnapshotStore
from tsservices.cluster.nats.publisher import Publisher
from tsservices.cluster.nats.stream import NotReady, findOrCreate

#: Seconds that an answer may take.
_REQUEST_SECONDS = 2.0

#: Seconds until it is asked for again.
_RETRY_SECONDS = 0.3

#: Seconds that servers which have just begun may say that they can't.
_NOT_READY_SECONDS = 60.0

#: Seconds until a task that does not end is told again.
_CANCEL_SECONDS = 0.3

#: Seconds that the connection has to end: it sends what there is, and says goodbye.
_LINK_SECONDS = 1.8

#: How often at least somebody is not let in before it is given up.
_MIN_REJECTIONS = 2


class BrokerSession:
    """
    What an engine does in its thread, from the first connection to the last goodbye.

    @ivar link: the connection.
    @ivar consumer: what comes.
    @ivar publisher: what goes.
    @ivar snapshots: what is kept beside.
    """

    def __init__(
        self,
        config: JetStreamConfig,
        random: Random,
        changed: Callable[[str], object],
        deliver: Callable[[StreamMessage | ConsumerCredit], object],
        unsure: Callable[[], object],
        onBroken: Callable[[str], object],
        log: Log,
    ) -> None:
        self._config = config
        self._log = log
        self._onBroken = onBroken
        self._ending = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._info: StreamInfo | None = None
        self.link = ReconnectingConnection(config, random, changed, log)
        self.consumer = StreamConsumer(config, self.link, deliver, onBroken, log)
        self.publisher = Publisher(config, self.link, unsure, log)
        self.snapshots = SnapshotStore(config, self.link, log)

    async def run(self) -> None:
        """Go on until L{stop}."""
        link = self._spawn(self.link.run())
        for work in (self.consumer.run(), self.publisher.run(), self.publisher.watch()):
            self._spawn(work)
        await self._ending.wait()
        # The link is the last: it says goodbye.
        await _cancel(self._tasks - {link}, _CANCEL_SECONDS)
        await _cancel({link}, _LINK_SECONDS)

    def stop(self) -> None:
        """End soon."""
        self._ending.set()

    async def waitForStop(self) -> None:
        """Wait until it is to end."""
        await self._ending.wait()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._onBroken(describeCrash(error))

    def open(
        self,
        founding: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        self._spawn(self._open(founding, opened, failed))

    async def _open(
        self,
        founding: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        seconds = asyncio.get_running_loop().time
        since: float | None = None
        reason = ""

        def note(words: str) -> None:
            nonlocal reason
            reason = words
            self._log(words)

        self.link.log = note
        try:
            while True:
                connection = self.link.connection
                if connection is None:
                    if self.link.rejections >= max(_MIN_REJECTIONS, len(self._config.servers)):
                        raise BrokerError(reason)
                    await asyncio.sleep(_RETRY_SECONDS / 10)
                    continue
                try:
                    _checkSize(connection)
                    jetstream = connection.jetstream(timeout=_REQUEST_SECONDS)
                    stream, self._info = await findOrCreate(jetstream, self._config, founding)
                    opened(stream)
                    return
                except NotReady as error:
                    since = seconds() if since is None else since
                    if seconds() - since > _NOT_READY_SECONDS:
                        raise
                    note(str(error))
                except BrokerError:
                    raise
                except Exception as error:
                    if "permissions violation" in reason.casefold():
                        raise BrokerError(reason) from error
                    note(oneLine(error))
                await asyncio.sleep(_RETRY_SECONDS)
        except BrokerError as error:
            failed(str(error))
        finally:
            self.link.log = self._log

    def subscribe(self, number: int) -> None:
        assert self._info is not None, "it is not open"
        self.consumer.start(number, self._info)

    def lastSequence(self, found: Callable[[int | None], object]) -> None:
        self._spawn(self._lastSequence(found))

    async def _lastSequence(self, found: Callable[[int | None], object]) -> None:
        number: int | None = None
        connection = self.link.connection
        if connection is not None:
            try:
                jetstream = connection.jetstream(timeout=_REQUEST_SECONDS)
                number = (await jetstream.stream_info(self._config.stream)).state.last_seq
            except Exception as error:
                self._log(oneLine(error))
        found(number)

    def latestSnapshot(self, found: Callable[[SnapshotInfo | None], object]) -> None:
        self._spawn(self._answer(self.snapshots.latest(), found))

    def getSnapshot(self, path: str, fetched: Callable[[str | None], object]) -> None:
        self._spawn(self._answer(self.snapshots.get(path), fetched))

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, offered: Callable[[str | None], object]
    ) -> None:
        self._spawn(self._answer(self.snapshots.put(snapshot, path), offered))

    async def _answer(self, work: Coroutine[Any, Any, Any], then: Callable[[Any], object]) -> None:
        then(await work)


def _checkSize(connection: Connection) -> None:
    if connection.max_payload < MESSAGE_BYTES:
        raise BrokerError(
            f"the server takes messages of {connection.max_payload} bytes at most, and"
            f" {MESSAGE_BYTES} are needed: set its max_payload"
        )


async def _cancel(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    left = tasks
    while left:
        for task in left:
            task.cancel()
        # The client loses a cancellation where it is about to send something.
        _, left = await asyncio.wait(left, timeout=seconds)
