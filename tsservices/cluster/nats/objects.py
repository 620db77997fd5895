"""The snapshot in the object store of NATS: one object, the newest copy of a node's database."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from typing import Any

from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import ObjectInfo, ObjectMeta, ObjectMetaOptions, ObjectStoreConfig, StorageType
from nats.js.errors import APIError, BadObjectMetaError, NotFoundError
from nats.js.object_store import ObjectStore

from tsservices.cluster.broker import SnapshotInfo
from tsservices.cluster.nats.config import JetStreamConfig, Log
from tsservices.cluster.nats.connection import ReconnectingConnection
from tsservices.cluster.nats.gzip_streams import (
    CHUNK_BYTES,
    CorruptSnapshot,
    GzipReader,
    GzipWriter,
)
from tsservices.cluster.nats.loop_thread import oneLine
from tsservices.common.plainfiles import openPlain

_OBJECT = "database"

#: Seconds that one answer may take.
_REQUEST_SECONDS = 5.0

#: Seconds without any progress after which a transfer is aborted.
_STALLED_SECONDS = 15.0

#: Seconds between two attempts to find out whether there is a snapshot.
_RETRY_SECONDS = 0.5

#: The server's error code for a stream whose name is in use.
_NAME_IN_USE = 10058


def _decodeInfo(info: ObjectInfo) -> SnapshotInfo:
    try:
        headers: dict[str, Any] = info.headers or {}
        epoch, position, size = (headers[key][0] for key in ("epoch", "position", "size"))
        return SnapshotInfo(str(epoch), int(position), int(size))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CorruptSnapshot("the snapshot was not made by tsservices") from error


class SnapshotStore:
    """
    The bucket that holds the snapshot.

    Several nodes may write at a time, one may read while another writes, and each may be killed
    meanwhile.  NATS writes an object's chunks under a new subject first and then its description,
    so a reader gets either the old object or the new one.  Chunks left by a killed writer are
    deleted by the next writer.
    """

    def __init__(self, config: JetStreamConfig, link: ReconnectingConnection, log: Log) -> None:
        self._config = config
        self._link = link
        self._log = log
        self._strays: dict[str, int] = {}

    def _jetstream(self) -> JetStreamContext:
        connection = self._link.connection
        if connection is None:
            raise Error("there is no connection to the engine")
        return connection.jetstream(timeout=_REQUEST_SECONDS)

    async def latest(self) -> SnapshotInfo | None:
        """
        Return the description of the snapshot; L{None}: there is none.  Errors are retried without
        limit, because a node that wrongly found no snapshot would begin without one.
        """
        while True:
            try:
                store = await self._jetstream().object_store(self._config.stream)
                return _decodeInfo(await store.get_info(_OBJECT))
            except NotFoundError:
                return None
            except (CorruptSnapshot, BadObjectMetaError) as error:
                self._log(f"the snapshot: {oneLine(error)}")
                return None
            except Exception as error:
                self._log(f"the snapshot: {oneLine(error)}")
            await asyncio.sleep(_RETRY_SECONDS)

    async def get(self, path: str) -> str | None:
        """Write the snapshot to a new file; return the reason of a failure."""
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            return oneLine(error)
        try:
            with open(descriptor, "wb") as file:
                store = await self._jetstream().object_store(self._config.stream)
                target = GzipWriter(file, _decodeInfo(await store.get_info(_OBJECT)).size)
                getting = store.get(_OBJECT, writeinto=target)  # type: ignore[arg-type]
                await _withProgress(getting, lambda: target.bytesWritten)
                # A sync takes long on a slow disk; the connection has to answer pings meanwhile.
                await asyncio.to_thread(target.finish)
        except BaseException as error:
            with contextlib.suppress(OSError):
                os.unlink(path)
            if not isinstance(error, Exception):
                raise
            if isinstance(error, NotFoundError):
                return "there is no snapshot"
            return f"the snapshot can't be had: {oneLine(error)}"
        return None

    async def put(self, snapshot: SnapshotInfo, path: str) -> str | None:
        """Store a file in place of an older snapshot; return the reason of a failure."""
        try:
            with open(openPlain(path, os.O_RDONLY), "rb") as file:
                source = GzipReader(file)
                jetstream = self._jetstream()
                store = await self._openBucket(jetstream)
                current = await self._current(store)
                if (
                    current is not None
                    and current.epoch == snapshot.epoch
                    and current.position >= snapshot.position
                ):
                    return None
                meta = ObjectMeta(
                    name=_OBJECT,
                    headers={
                        "epoch": [snapshot.epoch],
                        "position": [str(snapshot.position)],
                        "size": [str(snapshot.size)],
                    },
                    options=ObjectMetaOptions(max_chunk_size=CHUNK_BYTES),
                )
                putting = store.put(_OBJECT, source, meta=meta)  # type: ignore[arg-type]
                info = await _withProgress(putting, lambda: source.bytesRead)
            await self._deleteStrays(jetstream, info.nuid)
        except Exception as error:
            # After any error the caller still waits for an answer.
            return f"the snapshot can't be kept: {oneLine(error)}"
        return None

    async def _openBucket(self, jetstream: JetStreamContext) -> ObjectStore:
        config = ObjectStoreConfig(
            description="the chat's database, for nodes that are new",
            storage=StorageType.FILE,
            replicas=self._config.replicas,
        )
        try:
            return await jetstream.object_store(self._config.stream)
        except NotFoundError:
            pass
        try:
            return await jetstream.create_object_store(self._config.stream, config)
        except APIError as error:
            if error.err_code != _NAME_IN_USE:
                raise
            return await jetstream.object_store(self._config.stream)

    async def _current(self, store: ObjectStore) -> SnapshotInfo | None:
        try:
            return _decodeInfo(await store.get_info(_OBJECT))
        except (NotFoundError, CorruptSnapshot, BadObjectMetaError):
            return None

    async def _deleteStrays(self, jetstream: JetStreamContext, current: str) -> None:
        # Chunks that belong to no snapshot are from a node that was killed while writing, or from
        # one that is writing now.  Only chunks that did not grow since the last call are deleted.
        bucket, stream = self._config.stream, f"OBJ_{self._config.stream}"
        info = await jetstream.stream_info(stream, subjects_filter=f"$O.{bucket}.C.*")
        strays = dict(info.state.subjects or {})
        strays.pop(f"$O.{bucket}.C.{current}", None)
        for subject, count in strays.items():
            if self._strays.get(subject) == count:
                await jetstream.purge_stream(stream, subject=subject)
        self._strays = strays


async def _withProgress(work: Coroutine[Any, Any, Any], progress: Callable[[], int]) -> Any:
    # No timeout for the whole transfer: a large database may take any time on a slow connection.
    task = asyncio.ensure_future(work)
    try:
        before = -1
        while not task.done():
            await asyncio.wait([task], timeout=_STALLED_SECONDS)
            now = progress()
            if not task.done() and now == before:
                raise TimeoutError("it does not go on")
            before = now
        return task.result()
    finally:
        task.cancel()
