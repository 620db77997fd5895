"""Snapshots in the object store of NATS JetStream."""

from __future__ import annotations

import json
import random
import resource
from pathlib import Path
from typing import Any

import pytest

from tests.live.support.broker import STREAM, administer, answer, clients, config, identity
from tests.live.support.nats_server import NatsServer
from tsservices.cluster.broker import SnapshotInfo

pytestmark = pytest.mark.usefixtures("quietLoop")

#: Of a snapshot that would be seen in memory.
SNAPSHOT_BYTES = 30_000_000

#: Bytes of memory that it may take.
SNAPSHOT_MEMORY = 16_000_000


class TestSnapshots:
    def test_largeSnapshotAndItsSuccessor(self, natsServer: NatsServer, folder: Path) -> None:
        source, target = folder / "source", folder / "target"
        content = random.Random(1).randbytes(SNAPSHOT_BYTES)
        source.write_bytes(content)
        with clients(config(natsServer.url), "a", "b") as (a, b):
            a.open(identity())
            b.open(None)
            assert answer(a, a.broker.latestSnapshot) is None
            assert answer(a, a.broker.getSnapshot, str(target)) == "there is no snapshot"
            assert not target.exists()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            first = SnapshotInfo("e1", 17, SNAPSHOT_BYTES)
            assert answer(a, a.broker.putSnapshot, first, str(source)) is None
            assert answer(b, b.broker.latestSnapshot) == first
            assert answer(b, b.broker.getSnapshot, str(target)) is None
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert target.read_bytes() == content
            assert target.stat().st_mode & 0o777 == 0o600
            assert grown * 1024 < SNAPSHOT_MEMORY
            assert "exists" in answer(b, b.broker.getSnapshot, str(target))
            source.write_bytes(b"x" * 1000)
            second = SnapshotInfo("e1", 20, 1000)
            assert answer(b, b.broker.putSnapshot, second, str(source)) is None
            older = SnapshotInfo("e1", 19, 1000)
            assert answer(a, a.broker.putSnapshot, older, str(source)) is None
            assert answer(a, a.broker.latestSnapshot) == second
            target.unlink()
            assert answer(a, a.broker.getSnapshot, str(target)) is None
            assert target.read_bytes() == b"x" * 1000
        info = natsServer.monitor("jsz?accounts=1&streams=1")
        assert info is not None
        assert info["storage"] < 100_000, json.dumps(info)

    def test_straysAreDeleted(self, natsServer: NatsServer, folder: Path) -> None:
        counts: list[int] = []

        async def leave(jetstream: Any) -> None:
            for _ in range(3):
                await jetstream.publish(f"$O.{STREAM}.C.stray", b"x")

        async def count(jetstream: Any) -> None:
            info = await jetstream.stream_info(f"OBJ_{STREAM}", subjects_filter=">")
            counts.append(info.state.subjects.get(f"$O.{STREAM}.C.stray", 0))
            assert len(info.state.subjects) == 2 + bool(counts[-1])

        source = folder / "source"
        source.write_bytes(b"x" * 1000)
        with clients(config(natsServer.url), "a") as (a,):
            a.open(identity())
            for position in range(1, 5):
                snapshot = SnapshotInfo("e1", position, 1000)
                assert answer(a, a.broker.putSnapshot, snapshot, str(source)) is None
                administer(natsServer.url, count)
                if position == 1:
                    administer(natsServer.url, leave)
        assert counts == [0, 3, 0, 0]

    def test_wrongSizeLeavesNoFile(self, natsServer: NatsServer, folder: Path) -> None:
        source, target = folder / "source", folder / "target"
        source.write_bytes(b"x" * 1_000_000)
        with clients(config(natsServer.url), "a") as (a,):
            a.open(identity())
            for position, size in ((1, 999_999), (2, 1_000_001)):
                snapshot = SnapshotInfo("e1", position, size)
                assert answer(a, a.broker.putSnapshot, snapshot, str(source)) is None
                assert "the snapshot can't be had" in answer(a, a.broker.getSnapshot, str(target))
                assert not target.exists()
