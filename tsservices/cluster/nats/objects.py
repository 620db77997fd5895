"""
Copies of a node's database, kept beside the stream: one, the newest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import ObjectInfo, ObjectMeta, ObjectMetaOptions, ObjectStoreConfig, StorageType
from nats.js.errors import APIError, BadObjectMetaError, NotFoundError
from nats.js.object_store import ObjectStore

from tsservices.cluster.broker import SnapshotInfo
from tsservices.cluster.nats.config import JetStreamConfig
from tsservices.cluster.nats.connection import ReconnectingConnection
from tsservices.cluster.nats.loop_thread import oneLine

_OBJECT = "database"

#: Bytes of one message.
_CHUNK_BYTES = 128 * 1024

#: What zlib calls the format of gzip.
_GZIP = 31

#: How hard it is packed: four times faster than the best, for a tenth more.
_LEVEL = 3

#: Seconds that one answer may take.
_REQUEST_SECONDS = 5.0

#: Seconds without any progress after which it is given up.
_STALLED_SECONDS = 15.0

#: Seconds until the next attempt to find out what there is.
_RETRY_SECONDS = 0.5

_NAME_IN_USE = 10058


class CorruptSnapshot(Error):
    """A snapshot is not what it says."""


class GzipReader:
    """
    A file to be read in packed form.

    @ivar bytesRead: how many, of the file itself.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._packed = bytearray()
        self._ended = False
        self.bytesRead = 0

    def readinto(self, into: bytearray) -> int:
        while not self._ended and len(self._packed) < len(into):
            piece = self._file.read(_CHUNK_BYTES)
            self.bytesRead += len(piece)
            self._ended = not piece
            self._packed += self._packer.compress(piece) if piece else self._packer.flush()
        count = min(len(into), len(self._packed))
        into[:count] = self._packed[:count]
        del self._packed[:count]
        return count


class GzipWriter:
    """
    A file to be written from packed form.

    @ivar bytesWritten: how many, of the file itself.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self._unpacker = zlib.decompressobj(_GZIP)
        self.bytesWritten = 0

    def write(self, data: bytes) -> None:
        try:
            while data:
                piece = self._unpacker.decompress(data, _CHUNK_BYTES * 8)
                self.bytesWritten += len(piece)
                if self.bytesWritten > self._most:
                    raise CorruptSnapshot("there is more in it than it says")
                self._file.write(piece)
                data = self._unpacker.unconsumed_tail
        except zlib.error as error:
            raise CorruptSnapshot(f"it is damaged: {error}") from error

    def end(self) -> None:
        """See that all is there, and safe."""
        if not self._unpacker.eof or self.bytesWritten != self._most:
            raise CorruptSnapshot(f"{self.bytesWritten} bytes came, instead of {self._most}")
        self._file.flush()
        os.fsync(self._file.fileno())


def _read(info: ObjectInfo) -> SnapshotInfo:
    try:
        headers: dict[str, Any] = info.headers or {}
        epoch, position, size = (headers[each][0] for each in ("epoch", "position", "size"))
        return SnapshotInfo(str(epoch), int(position), int(size))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CorruptSnapshot("the snapshot was not made by tsservices") from error


class SnapshotStore:
    """The bucket that holds it."""

    def __init__(
        self, config: JetStreamConfig, link: ReconnectingConnection, log: Callable[[str], object]
    ) -> None:
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
        """Find out, however long that takes: who believes that there is none begins without."""
        while True:
            try:
                store = await self._jetstream().object_store(self._config.stream)
                return _read(await store.get_info(_OBJECT))
            except NotFoundError:
                return None
            except (CorruptSnapshot, BadObjectMetaError) as error:
                self._log(f"the snapshot: {oneLine(error)}")
                return None
            except Exception as error:
                self._log(f"the snapshot: {oneLine(error)}")
            await asyncio.sleep(_RETRY_SECONDS)

    async def get(self, path: str) -> str | None:
        """Why it failed."""
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except OSError as error:
            return oneLine(error)
        try:
            with open(descriptor, "wb") as file:
                store = await self._jetstream().object_store(self._config.stream)
                target = GzipWriter(file, _read(await store.get_info(_OBJECT)).size)
                getting = store.get(_OBJECT, writeinto=target)  # type: ignore[arg-type]
                await _withProgress(getting, lambda: target.bytesWritten)
                await asyncio.to_thread(target.end)
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
        """Why it failed."""
        try:
            with open(path, "rb") as file:
                source = GzipReader(file)
                jetstream = self._jetstream()
                store = await self._openBucket(jetstream)
                stands = await self._current(store)
                if (
                    stands is not None
                    and stands.epoch == snapshot.epoch
                    and stands.position >= snapshot.position
                ):
                    return None
                about = ObjectMeta(
                    name=_OBJECT,
                    headers={
                        "epoch": [snapshot.epoch],
                        "position": [str(snapshot.position)],
                        "size": [str(snapshot.size)],
                    },
                    options=ObjectMetaOptions(max_chunk_size=_CHUNK_BYTES),
                )
                putting = store.put(_OBJECT, source, meta=about)  # type: ignore[arg-type]
                info = await _withProgress(putting, lambda: source.bytesRead)
            await self._deleteStrays(jetstream, info.nuid)
        except Exception as error:
            # Whatever it was, somebody waits for this.
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
            return _read(await store.get_info(_OBJECT))
        except (NotFoundError, CorruptSnapshot, BadObjectMetaError):
            return None

    async def _deleteStrays(self, jetstream: JetStreamContext, kept: str) -> None:
        """
        Delete what was left behind by nodes that ended on the way: what belongs to no
        snapshot, and has not grown since the last time.
        """
        bucket, stream = self._config.stream, f"OBJ_{self._config.stream}"
        info = await jetstream.stream_info(stream, subjects_filter=f"$O.{bucket}.C.*")
        strays = dict(info.state.subjects or {})
        strays.pop(f"$O.{bucket}.C.{kept}", None)
        for subject, count in strays.items():
            if self._strays.get(subject) == count:
                await jetstream.purge_stream(stream, subject=subject)
        self._strays = strays


async def _withProgress(work: Any, progress: Callable[[], int]) -> Any:
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
