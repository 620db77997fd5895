"""Tests for incarnations of the order: which lines of a restored history are the same."""

from __future__ import annotations

import os

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import LOG, MessageSource, StorageClient, ThreadReactor
from tsservices.chat.batch import Batch
from tsservices.chat.storage import Storage
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.journal import SQLiteStorage

ROOMS = (("a", 1), ("b", 1))


def beginning(source: MessageSource, log: str, common: int) -> Batch:
    source.log = log
    batch = source.batch(("a", ("of another log",)))
    batch.common = common
    return batch


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_anotherLogBegins(kind: str) -> None:
    source = MessageSource()
    reactor = ThreadReactor()
    storage: Storage = MemoryStorage(LOG)
    if kind == "sqlite":
        storage = SQLiteStorage("chat.db", LOG, None, reactor.callFromThread, lambda: 0)
        storage.prepare()
    client = StorageClient(storage, reactor)
    storage.start(client)
    storage.store(source.batch(("a", ("x", "y")), ("b", ("x",))))
    storage.store(source.batch(("a", ("z",))))
    client.waitFor(2)
    assert client.lastCommon("a", "") is None
    storage.store(beginning(source, "second", 1))
    storage.store(source.batch(("a", ("w",))))
    storage.store(beginning(source, "third", 4))
    client.waitFor(5)
    found = {(room, log): client.lastCommon(room, log) for room in "abc" for log in (LOG, "second")}
    assert found == {
        ("a", LOG): 2,
        ("b", LOG): 1,
        ("c", LOG): 0,
        ("a", "second"): 5,
        ("b", "second"): 1,
        ("c", "second"): 0,
    }
    assert client.lastCommon("a", "") == 5
    assert client.lastCommon("a", "third") is client.lastCommon("a", "unknown") is None
    for lines in (client.lines("a", 1, 9), client.search(ROOMS[:1])):
        logs = [str(line[4]).partition("-")[0] for line in lines]
        assert logs == [LOG] * 3 + ["second"] * 2 + ["third"]
    client.stop()


def started(path: str, log: str) -> tuple[str, bool, list[str]]:
    loaded = SQLiteStorage(path, log, None, print, lambda: 0).prepare()
    return loaded.log, loaded.isNew, [note for note in loaded.notes if "restored" in note]


def test_copyBeginsAnotherLog() -> None:
    harness, source = SQLiteHarness(), MessageSource()
    harness.store(source.batch(("a", ("x", "y"))))
    assert harness.client.copy("copy.db") is None
    harness.client.stop()
    assert started("chat.db", "second") == (LOG, False, [])
    log, isNew, notes = started("copy.db", "second")
    assert (log, isNew, len(notes)) == ("second", True, 1)
    # Once: the next start goes on with it.
    assert started("copy.db", "third") == ("second", False, [])
    reactor = ThreadReactor()
    copy = SQLiteStorage("copy.db", "third", None, reactor.callFromThread, lambda: 0)
    copy.prepare()
    client = StorageClient(copy, reactor)
    copy.start(client)
    assert client.lastCommon("a", LOG) == client.lastCommon("a", "") == 2
    assert [line[4] for line in client.lines("a", 1, 2)] == [f"{LOG}-1-0", f"{LOG}-1-1"]
    client.stop()


def test_clusterKeepsTheLogOfItsStream() -> None:
    """A copy of a node is a node; one that leaves has a history of its own from then on."""
    harness, source = SQLiteHarness(start=False), MessageSource()
    harness.storage.bind("e", "stream", bytes(32), 40)
    harness.storage.start(harness.client)
    source.log, source.position = "stream", 40
    harness.store(source.batch(("a", ("x",))))
    assert harness.client.copy("copy.db") is None
    harness.client.stop()
    assert started("copy.db", "second") == ("stream", False, [])
    node = SQLiteStorage("copy.db", "third", None, print, lambda: 0)
    node.prepare()
    node.leave()
    assert started("copy.db", "fourth") == ("third", False, [])
    assert sorted(os.listdir(".")) == ["chat.ballast", "chat.db", "copy.db"]


def test_emptyDatabaseTakesTheLogOfTheStream() -> None:
    harness, source = SQLiteHarness(start=False), MessageSource()
    harness.storage.bind("e", "stream", bytes(32), 0)
    harness.storage.start(harness.client)
    source.log = "stream"
    harness.store(source.batch(("a", ("x",))))
    assert [line[4] for line in harness.client.lines("a", 1, 1)] == ["stream-1-0"]
    assert harness.client.lastCommon("a", "") is None
    harness.client.stop()
