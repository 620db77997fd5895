"""
The session in the thread of the broker's client, from the first connection to the end of the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from nats.js.api import StreamInfo

from tsservices.cluster.broker import (
    BrokerError,
    ClusterIdentity,
    SnapshotInfo,
    StreamMessage,
    StreamState,
)
from tsservices.cluster.messages import MESSAGE_BYTES
from tsservices.cluster.nats.client_internals import NATSConnection
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.connection import ReconnectingConnection
from tsservices.cluster.nats.consumer import ConsumerCredit, StreamConsumer
from tsservices.cluster.nats.loop_thread import describeCrash, oneLine
from tsservices.cluster.nats.objects import SnapshotStore
from tsservices.cluster.nats.publisher import Publisher
from tsservices.cluster.nats.stream import NotReady, findOrCreate

Outcome = TypeVar("Outcome")

#: Seconds that an answer may take.
_REQUEST_SECONDS = 2.0

#: Seconds between two attempts to open the stream.
_RETRY_SECONDS = 0.3

#: Seconds between two checks for a connection.
_CONNECTION_POLL_SECONDS = 0.03

#: Seconds in which servers may answer that they are not ready, after they have started.
_NOT_READY_SECONDS = 60.0

#: Seconds until a task that does not end is cancelled again.
_CANCEL_SECONDS = 0.3

#: Seconds for the connection to send the last messages and close.
_LINK_SECONDS = 1.8

#: Rejected logins, at least, after which the node gives up.
_MIN_REJECTIONS = 2


@dataclass(frozen=True, slots=True)
class SessionEvents:
    """The callbacks for events of a session, called in the thread of the session."""

    #: Gets the address of the server, or an empty string when the connection ends.
    connected: Callable[[str], object]
    delivered: Callable[[StreamMessage | ConsumerCredit], object]
    #: A published message may be lost.
    uncertain: Callable[[], object]
    #: Gets the reason why the stream can't be read any more.
    broken: Callable[[str], object]
    log: Log


class BrokerSession:
    """Owns the connection, and the tasks that use it."""

    def __init__(self, config: JetStreamConfig, random: Random, events: SessionEvents) -> None:
        self._config = config
        self._log = log = events.log
        self._onBroken = events.broken
        self._ending = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._info: StreamInfo | None = None
        self.link = ReconnectingConnection(config, random, events.connected, log)
        self.consumer = StreamConsumer(config, self.link, events.delivered, events.broken, log)
        self.publisher = Publisher(config, self.link, events.uncertain, log)
        self.snapshots = SnapshotStore(config, self.link, log)

    async def run(self) -> None:
        """Run until L{stop} is called."""
        link = self._spawn(self.link.run())
        for work in (self.consumer.run(), self.publisher.run(), self.publisher.watch()):
            self._spawn(work)
        await self._ending.wait()
        # The connection ends last, because it still sends messages.
        await _cancel(self._tasks - {link}, _CANCEL_SECONDS)
        await _cancel({link}, _LINK_SECONDS)

    def stop(self) -> None:
        self._ending.set()

    async def waitForStop(self) -> None:
        await self._ending.wait()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        # asyncio has only weak references to tasks.
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
        identity: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        self._spawn(self._open(identity, opened, failed))

    async def _open(
        self,
        identity: ClusterIdentity | None,
        opened: Callable[[StreamState], object],
        failed: Callable[[str], object],
    ) -> None:
        lastError = ""

        def log(text: str) -> None:
            nonlocal lastError
            lastError = text
            self._log(text)

        clock = asyncio.get_running_loop().time
        notReadySince: float | None = None
        self.link.log = log
        try:
            while True:
                connection = self.link.connection
                if connection is None:
                    if self.link.rejections >= max(_MIN_REJECTIONS, len(self._config.servers)):
                        raise BrokerError(lastError)
                    await asyncio.sleep(_CONNECTION_POLL_SECONDS)
                    continue
                try:
                    _checkSize(connection)
                    jetstream = connection.jetstream(timeout=_REQUEST_SECONDS)
                    stream, self._info = await findOrCreate(jetstream, self._config, identity)
                    opened(stream)
                    return
                except NotReady as error:
                    notReadySince = clock() if notReadySince is None else notReadySince
                    if clock() - notReadySince > _NOT_READY_SECONDS:
                        raise
                    log(str(error))
                except BrokerError:
                    raise
                except Exception as error:
                    # A request without permission just gets no answer; the server reports the
                    # reason separately.
                    if "permissions violation" in lastError.casefold():
                        raise BrokerError(lastError) from error
                    log(oneLine(error))
                await asyncio.sleep(_RETRY_SECONDS)
        except BrokerError as error:
            failed(str(error))
        finally:
            self.link.log = self._log

    def subscribe(self, number: int) -> None:
        assert self._info is not None, "it is not open"
        self.consumer.start(number, self._info)

    def lastSequence(self, done: Callable[[int | None], object]) -> None:
        self._spawn(self._answer(self._lastSequence(), done))

    async def _lastSequence(self) -> int | None:
        connection = self.link.connection
        if connection is None:
            return None
        try:
            jetstream = connection.jetstream(timeout=_REQUEST_SECONDS)
            return (await jetstream.stream_info(self._config.stream)).state.last_seq
        except Exception as error:
            self._log(oneLine(error))
            return None

    def latestSnapshot(self, done: Callable[[SnapshotInfo | None], object]) -> None:
        self._spawn(self._answer(self.snapshots.latest(), done))

    def getSnapshot(self, path: str, done: Callable[[str | None], object]) -> None:
        self._spawn(self._answer(self.snapshots.get(path), done))

    def putSnapshot(
        self, snapshot: SnapshotInfo, path: str, done: Callable[[str | None], object]
    ) -> None:
        self._spawn(self._answer(self.snapshots.put(snapshot, path), done))

    async def _answer(
        self, work: Coroutine[Any, Any, Outcome], done: Callable[[Outcome], object]
    ) -> None:
        done(await work)


def _checkSize(connection: NATSConnection) -> None:
    if connection.max_payload < MESSAGE_BYTES:
        raise BrokerError(
            f"the server takes messages of {connection.max_payload} bytes at most, and"
            f" {MESSAGE_BYTES} are needed: set its max_payload"
        )


async def _cancel(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    pending = tasks
    while pending:
        for task in pending:
            task.cancel()
        # nats-py loses a cancellation when it is about to send, so tasks are cancelled again.
        _, pending = await asyncio.wait(pending, timeout=seconds)
