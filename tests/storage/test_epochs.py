"""Tests for incarnations of the order: which lines of a restored history are the same."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import LOG, MessageSource, StorageClient, ThreadReactor
from tsservices.storage.sqlite.journal import SQLiteStorage

ROOMS = (("a", 1), ("b", 1))


def test_anotherLogBegins() -> None:
    source = MessageSource()
    reactor = ThreadReactor()

    def start(log: str) -> StorageClient:
        source.log = log
        storage = SQLiteStorage("chat.db", log, None, reactor.callFromThread, lambda: 0)
        storage.prepare()
        client = StorageClient(storage, reactor)
        storage.start(client)
        return client

    client = start(LOG)
    client.storage.store(source.batch(("a", ("x", "y")), ("b", ("x",))))
    client.waitFor(1)
    assert client.lastCommon("a", "") is None
    for log in ("second", "third"):
        assert client.copy("copy.db") is None
        client.storage.store(source.batch(("a", ("lost",))))
        client.waitFor(source.position)
        client.stop()
        os.replace("copy.db", "chat.db")
        source.forget("a")
        client = start(log)
        client.storage.store(source.batch(("a", ("z", "w"))))
        client.waitFor(source.position)
    found = {(room, log): client.lastCommon(room, log) for room in "abc" for log in (LOG, "second")}
    assert found == {
        ("a", LOG): 2,
        ("b", LOG): 1,
        ("c", LOG): 0,
        ("a", "second"): 4,
        ("b", "second"): 1,
        ("c", "second"): 0,
    }
    assert client.lastCommon("a", "") == 4
    assert client.lastCommon("a", "third") is client.lastCommon("a", "unknown") is None
    for lines in (client.lines("a", 1, 9), client.search(ROOMS[:1])):
        logs = [str(line[4]).partition("-")[0] for line in lines]
        assert logs == [LOG] * 2 + ["second"] * 2 + ["third"] * 2
    client.stop()


def test_begunAnew() -> None:
    """Nothing is left of the history that was here, but one knows that there was one."""
    harness, source = SQLiteHarness(), MessageSource()
    harness.store(source.batch(("a", ("x",))))
    harness.client.stop()
    os.remove("chat.db")
    reactor = ThreadReactor()
    storage = SQLiteStorage("chat.db", "second", None, reactor.callFromThread, lambda: 0)
    assert "another one was here" in storage.prepare().notes[-1]
    client = StorageClient(storage, reactor)
    storage.start(client)
    storage.store(MessageSource("second").batch(("a", ("y", "z"))))
    client.waitFor(1)
    assert client.lastCommon("a", "") == client.lastCommon("a", LOG) == 0
    assert [line[4] for line in client.lines("a", 1, 9)] == ["second-1-0", "second-1-1"]
    client.stop()
    assert started("chat.db", "third") == ("second", [])


@pytest.mark.parametrize("way", ["overwritten", "replaced", "folder"])
def test_copiedByHand(way: str) -> None:
    """Nobody has marked the copy: it is behind the place where the other was, or another file."""
    harness, source = SQLiteHarness(), MessageSource()
    harness.store(source.batch(("a", ("x",))))
    harness.client.stop()
    shutil.copy("chat.db", "copy.db")
    shutil.copy("chat.position", "copy.position")
    assert started("chat.db", "second") == (LOG, [])
    again = SQLiteHarness()
    again.store(source.batch(("a", ("y",))))
    again.client.stop()
    assert started("chat.db", "second") == (LOG, [])
    if way == "overwritten":
        shutil.copy("copy.db", "chat.db")
    else:
        # (A new file may get the number of the one that was removed.)
        os.replace("copy.db", "chat.db")
        if way == "folder":
            os.replace("copy.position", "chat.position")
        else:
            os.remove("chat.position")
    log, notes = started("chat.db", "second")
    assert (log, len(notes)) == ("second", 1)
    third = SQLiteHarness()
    third.client.stop()
    assert started("chat.db", "third") == ("second", [])


def started(path: str, log: str) -> tuple[str, list[str]]:
    loaded = SQLiteStorage(path, log, None, print, lambda: 0).prepare()
    return loaded.log, [note for note in loaded.notes if "restored" in note]


def test_copyBeginsAnotherLog() -> None:
    harness, source = SQLiteHarness(), MessageSource()
    harness.store(source.batch(("a", ("x", "y"))))
    assert harness.client.copy("copy.db") is None
    harness.client.stop()
    assert started("chat.db", "second") == (LOG, [])
    log, notes = started("copy.db", "second")
    assert (log, len(notes)) == ("second", 1)
    # Once: the next start goes on with it.
    assert started("copy.db", "third") == ("second", [])
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
    assert started("copy.db", "second") == ("stream", [])
    node = SQLiteStorage("copy.db", "third", None, print, lambda: 0)
    node.prepare()
    node.leave()
    assert started("copy.db", "fourth") == ("third", [])
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
