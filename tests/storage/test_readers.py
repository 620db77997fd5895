"""What both storages read for one reader: the newest lines, what is unread, and who is ignored."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import LOG, MessageSource, StorageClient, ThreadReactor
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import RoomMessages, isIgnored, newestLines
from tsservices.chat.operations import DELETE, DELETED, KICK, ME, MESSAGE, NOTICE, TOPIC
from tsservices.chat.records import MessageDeletion, StoredPrivateMessage
from tsservices.chat.storage import ALL_SIDES, LineSpan, SearchQuery, Storage, UnreadCount
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.schema import MIGRATIONS, migrate

#: Lines of each kind, by an account, a guest, somebody else, and from before the session was
#: stored.
AUTHORS = (("ann", "s.1"), (None, "s.2"), ("cat", "s.3"), (None, ""))
KINDS = (MESSAGE, ME, NOTICE, TOPIC, KICK, DELETE)
DELETED_LINES = (3, 8, 9, 20)


@contextmanager
def filled(kind: str, source: MessageSource) -> Iterator[tuple[Storage, Callable[[object], None]]]:
    if kind == "sqlite":
        harness = SQLiteHarness()
        storage: Storage = harness.storage
        client, reactor = harness.client, harness.reactor
    else:
        storage, reactor = MemoryStorage(LOG), ThreadReactor()
        client = StorageClient(storage, reactor)
        storage.start(client)
    for number, (account, origin) in enumerate(AUTHORS * 4):
        texts = tuple(f"word {number} {index}" for index in range(1 + number % 2))
        batch: Batch = source.batch(
            ("r", texts), account=account, kind=KINDS[number % len(KINDS)], stamp=number
        )
        for item in batch.messages:
            item.origin = origin
        storage.store(batch)
    deleting = source.batch()
    deleting.deletions += [MessageDeletion("r", seq) for seq in DELETED_LINES]
    storage.store(deleting)
    client.waitFor(source.position)
    yield storage, lambda answers: reactor.until(lambda: answers)
    client.stop()


def stored(source: MessageSource) -> list[RoomMessages]:
    lines = [part for item in source.messages for part in _single(item)]
    return [item.without(item.first)[0] if item.first in DELETED_LINES else item for item in lines]


def _single(item: RoomMessages) -> list[RoomMessages]:
    return [item.since(seq).before(seq + 1) for seq in range(item.first, item.last + 1)]


MASKS = [frozenset[str](), frozenset({"ann"}), frozenset({"s.2", "cat"}), frozenset({"nobody"})]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_readersOfRooms(kind: str) -> None:
    source = MessageSource()
    with filled(kind, source) as (storage, wait):
        lines = stored(source)
        for masks in MASKS:
            for first, last, count in ((1, 24, 3), (1, 24, 50), (5, 17, 4), (9, 9, 1), (1, 24, 8)):
                answers: list[list[RoomMessages] | ChatError] = []
                span = LineSpan("r", first, last, count, masks)
                storage.newest(span, answers.append)
                wait(answers)
                assert not isinstance(answers[0], ChatError)
                within = [item for item in reversed(lines) if first <= item.first <= last]
                wanted = newestLines(within, count, masks)
                found = [part for item in answers[0] for part in _single(item)]
                assert [(item.first, item.kind, item.texts, item.origin) for item in found] == [
                    (item.first, item.kind, item.texts, item.origin) for item in wanted
                ]
                own = frozenset({"cat", "s.3"})
                counts: list[UnreadCount | ChatError] = []
                storage.countUnread(replace(span, own=own), counts.append)
                wait(counts)
                unread = [
                    item.first
                    for item in within
                    if item.kind in (MESSAGE, ME, NOTICE) and not isIgnored(item, masks | own)
                ][:count]
                assert counts == [UnreadCount(len(unread), unread[-1] if unread else 0)]
            results: list[list[RoomMessages] | ChatError] = []
            query = SearchQuery((("r", 1),), ("word",), "", 0, 0, None, 5, masks)
            storage.search(query, results.append)
            wait(results)
            assert not isinstance(results[0], ChatError)
            talk = [item for item in lines if item.kind in (MESSAGE, ME, NOTICE, TOPIC)]
            readable = [item.first for item in talk if not isIgnored(item, masks)]
            assert [item.first for item in results[0]] == readable[-5:]


def test_sharesOfOlderDatabases(tmp_path: Path) -> None:
    """The newest of them are those that wait; in a cluster nobody knows whose they are."""
    for epoch, wanted in (("", [("bob", "ann", 2), ("bob", "cat", 1)]), ("e", [])):
        with closing(sqlite3.connect(tmp_path / f"chat{epoch}.db")) as connection:
            migrate(connection, "chat", MIGRATIONS[:3])
            connection.execute(
                "INSERT INTO meta (log, position, epoch) VALUES ('x', 1, ?)", (epoch,)
            )
            for key, unread in (("ann", 0), ("bob", 3), ("cat", 5)):
                connection.execute(
                    "INSERT INTO accounts VALUES (?, ?, '', 1, 1, 1, ?)", (key, key, unread)
                )
            for number, (sender, receiver) in enumerate(
                [("ann", "bob"), ("cat", "bob"), ("ann", "ann"), ("ann", "bob"), ("ann", "bob")]
            ):
                connection.execute(
                    "INSERT INTO letters VALUES (?, ?, 1, ?, ?, '', '', '', '')",
                    (number, str(number), sender, receiver),
                )
            connection.commit()
            migrate(connection, "chat")
            found = connection.execute("SELECT * FROM shares ORDER BY account, sender").fetchall()
            assert found == wanted


def test_linesOfOlderDatabases(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
        migrate(connection, "chat", MIGRATIONS[:3])
        connection.execute(
            "INSERT INTO messages VALUES (1, 1, 1, 1, 1, 0, 'message', 'ann', NULL, 'x')"
        )
        connection.commit()
        migrate(connection, "chat")
        assert connection.execute("SELECT session FROM messages").fetchall() == [("",)]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_privateMessagesOfAllSides(kind: str) -> None:
    source = MessageSource()
    with filled(kind, source) as (storage, wait):
        batch = source.batch(("r", ("x",)))
        pairs = (("ann", "bob"), ("cat", "ann"), ("ann", "ann"), ("bob", "cat"))
        for number, (sender, receiver) in enumerate(pairs):
            batch.privateMessages.append(
                StoredPrivateMessage(f"w{number}", 1, sender, receiver, "", "", MESSAGE, "")
            )
        storage.store(batch)
        for other, ignored, wanted in (
            (ALL_SIDES, "", ["w0", "w1", "w2"]),
            ("", "", ["w1", "w2"]),
            (ALL_SIDES, "cat", ["w0", "w2"]),
        ):
            found: list[list[StoredPrivateMessage] | ChatError] = []
            while not found or not found[-1]:
                # It is stored some moments later.
                found.clear()
                storage.privateMessages("ann", other, "", 9, found.append, frozenset({ignored}))
                wait(found)
            (answer,) = found
            assert not isinstance(answer, ChatError)
            assert [item.ident for item in answer] == wanted


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_deletedPrivateMessages(kind: str) -> None:
    source = MessageSource()
    with filled(kind, source) as (storage, wait):

        def read(ident: str) -> list[tuple[str, str]]:
            found: list[list[StoredPrivateMessage] | ChatError] = []
            storage.privateMessage(ident, found.append)
            wait(found)
            (answer,) = found
            assert not isinstance(answer, ChatError)
            return [(item.kind, item.text) for item in answer]

        for number in (0, 1):
            batch = source.batch(("r", ("x",)))
            batch.privateMessages = [
                StoredPrivateMessage(f"w{number}{letter}", 1, "ann", "bob", "", "", MESSAGE, "y")
                for letter in "ab"
            ]
            # One of this batch, and one of the batch before.
            batch.privateDeletions = ["w1a", "w0b"] if number else []
            storage.store(batch)
        while not read("w1b"):
            pass
        assert read("w0a") == read("w1b") == [(MESSAGE, "y")]
        assert read("w0b") == read("w1a") == [(DELETED, "")]
        assert read("w9") == []


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_lastUpTo(kind: str) -> None:
    harness = SQLiteHarness() if kind == "sqlite" else None
    storage: Storage = MemoryStorage(LOG) if harness is None else harness.storage
    client = StorageClient(storage, ThreadReactor()) if harness is None else harness.client
    if harness is None:
        storage.start(client)
    source = MessageSource()
    for said in (
        [("a", ("x", "y", "z")), ("b", ("x",)), ("a", ("w",))],
        [("b", ("x",))],
        [("a", ("x",)), ("b", ("x", "y")), ("a", ("y", "z"))],
    ):
        storage.store(source.batch(*said))
    client.waitFor(source.position)
    for room in "abc":
        lines = [
            (item.position, item.index + offset, item.first + offset)
            for item in source.messages
            if item.room == room
            for offset in range(len(item.texts))
        ]
        for position in range(5):
            for index in (0, 1, 2, 3, 4, 10**9):
                until = [seq for *place, seq in lines if tuple(place) <= (position, index)]
                assert client.lastUpTo(room, position, index) == max(until, default=0)
    client.stop()
