"""
Tests for L{tsservices.storage.sqlite.tables}, L{tsservices.storage.sqlite.transaction}, and private
messages in both storages.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial

import pytest

from tests.support.sqlite import SQLiteHarness
from tests.support.storage import (
    LOG,
    SECOND,
    TIMEOUT,
    MessageSource,
    StorageClient,
    ThreadReactor,
    lineFields,
)
from tsservices.chat.batch import Batch
from tsservices.chat.operations import BAN, ME, MESSAGE, MUTE
from tsservices.chat.records import (
    Account,
    AccountToken,
    PostReceipt,
    ReadMarker,
    Record,
    Restriction,
    RoomRole,
    StoredPrivateMessage,
    keyOf,
)
from tsservices.chat.storage import Storage
from tsservices.storage.memory import MemoryStorage
from tsservices.storage.sqlite.journal import SQLiteStorage
from tsservices.storage.sqlite.messages import DIRECT_ROWS, DIRECT_STATEMENTS
from tsservices.storage.sqlite.tables import DIRECT_UPSERTS
from tsservices.storage.sqlite.transaction import statementsFor

#: When all this happens.
START = 1_700_000_000 * SECOND

ANN = Account("ann", "Ann", "SCRAM-SHA-256$4096:salt$stored:server", 1, START, START)
BAN_OF_BOB = Restriction("a", BAN, "bob", "Bob", "Ann", START, 0, 'he\0 "was" rude\ud800', "bob")
MUTE_OF_BOB = Restriction("a", MUTE, "bob", "Bob", "Ann", START, START + 100 * SECOND, "", "bob")
TOKEN_OF_ANN = AccountToken("i1", "ann", "Bote", "bote", "read", "5f" * 32, START)
#: One of each kind at least; two of each table differ in one part of their key only.
RECORDS: tuple[Record, ...] = (
    ANN,
    Account("büb", "Büb", "", 3, START + 1, START + 2, 17),
    BAN_OF_BOB,
    MUTE_OF_BOB,
    RoomRole("a", "ann", operator=True),
    RoomRole("a", "büb", invited=True, admitted=7),
    RoomRole("b", "ann", voice=True),
    ReadMarker("ann", "a", 12),
    ReadMarker("ann", "b", 2**62),
    TOKEN_OF_ANN,
    AccountToken("i2", "ann", "Bot", "bot", "talk", "digest", START + 1, START, "~x"),
    # The younger one first: their keys are in another order than their ages.
    PostReceipt("ann", "k1", "digest", "a", 12, 2, START, "log-1-0", START + 1),
    PostReceipt("ann", "k2", "digest", "b", 2**62, 1, START, "log-1-2", START),
)


def letter(number: int, sender: str = "ann", receiver: str = "bob") -> StoredPrivateMessage:
    return StoredPrivateMessage(
        f"{LOG}-{number}-0",
        START + number,
        sender,
        receiver,
        sender.title(),
        receiver.title(),
        ME if number % 2 else MESSAGE,
        f"number {number}",
    )


def changing(source: MessageSource, *records: Record, gone: tuple[Record, ...] = ()) -> Batch:
    batch = source.batch()
    for item in records:
        batch.upsert(item)
    for item in gone:
        batch.delete(item)
    return batch


class TestRecords:
    def test_allFields(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        harness.storage.store(changing(source, *RECORDS))
        harness.client.stop()
        found = SQLiteHarness(start=False).loaded.records
        ban = Restriction("a", BAN, "bob", "Bob", "Ann", START, 0, 'he␀ "was" rude\ud800', "bob")
        assert set(found) == {*RECORDS} - {BAN_OF_BOB} | {ban}
        assert len(found) == len(RECORDS)
        standing = next(item for item in found if item == RoomRole("a", "ann", True))
        assert isinstance(standing, RoomRole)
        assert (standing.operator is True, standing.invited is False) == (True, True)

    @pytest.mark.parametrize("together", [False, True])
    def test_lastValueStays(self, together: bool) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        going = threading.Event()
        if together:
            harness.connections.before = lambda connection, text: going.wait(TIMEOUT)
        harness.storage.store(changing(source, RoomRole("z", "z", operator=True)))
        newer = Account("ann", "Änn", "other", 2, START, START + 9, 1)
        for batch in (
            changing(source, *RECORDS),
            changing(source, gone=(ANN, MUTE_OF_BOB, BAN_OF_BOB, TOKEN_OF_ANN)),
            changing(source, Account("ann", "AnN", "x", 1, START, START), BAN_OF_BOB),
            changing(source, newer, ReadMarker("ann", "a", 13), gone=(RoomRole("b", "ann"),)),
            changing(source, gone=(RoomRole("z", "z"), RoomRole("never", "there"))),
        ):
            harness.storage.store(batch)
            if not together:
                harness.client.waitFor(batch.position)
        going.set()
        harness.client.stop()
        assert (harness.client.positions == [6]) is together
        assert harness.client.positions[-1] == 6
        found = {keyOf(item): item for item in SQLiteHarness(start=False).loaded.records}
        wanted = {keyOf(item): item for item in (*RECORDS, newer, ReadMarker("ann", "a", 13))}
        for gone in (MUTE_OF_BOB, RoomRole("b", "ann"), TOKEN_OF_ANN):
            del wanted[keyOf(gone)]
        assert found.pop(keyOf(BAN_OF_BOB))
        del wanted[keyOf(BAN_OF_BOB)]
        assert found == wanted

    def test_expiredStays(self) -> None:
        harness = SQLiteHarness()
        harness.storage.store(changing(MessageSource(), BAN_OF_BOB, MUTE_OF_BOB))
        harness.client.stop()
        later = partial(int, START + 100 * SECOND)
        assert len(SQLiteStorage("chat.db", LOG, None, print, later).prepare().records) == 2
        with closing(sqlite3.connect("chat.db")) as connection:
            assert connection.execute("SELECT count(*) FROM restraints").fetchone() == (2,)

    def test_constantNumberOfStatements(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        harness.reactor.until(lambda: len(harness.connections.statements) > 1)
        for batch, most in (
            (source.batch(("a", ("x",))), 5),
            (source.batch(("a", ("y",) * DIRECT_ROWS)), 5),
            (source.batch(*[("a", ("y", "z"))] * DIRECT_STATEMENTS), 4 + DIRECT_STATEMENTS),
            (source.batch(*[("a", ("y", "z"))] * (DIRECT_STATEMENTS + 1)), 5),
            (source.batch(("b", ("x",)), *[("a", ("y",))] * 600), 5 + 1),
            (changing(source, *RECORDS), 3 + 6),
            (changing(source, ANN, gone=RECORDS[1:]), 3 + 7),
        ):
            before = len(harness.connections.statements[1])
            harness.store(batch)
            seen = harness.connections.statements[1][before:]
            assert seen.index("COMMIT") - seen.index("BEGIN IMMEDIATE") + 1 == most
        harness.client.stop()

    @pytest.mark.parametrize(
        "texts",
        [
            ("one",),
            tuple([f"{number} ünï 😀" for number in range(DIRECT_ROWS + 1)]),
            ("a\0b",),
            ("a\ud800", "ü\0"),
            ("two\nlines", ""),
        ],
        ids=["line", "many", "NUL", "surrogate", "feed"],
    )
    def test_sameWithAndWithoutParameters(self, texts: tuple[str, ...]) -> None:
        # The number of its room is not known at the first batch: that goes by JSON.
        harness, source = SQLiteHarness(), MessageSource()
        for _ in range(2):
            lines = ("a", texts), ("a", ("x",)), ("b", ("y",)), ("a", texts)
            harness.store(source.batch(*lines, account="ann"))
        read = [
            (*line[:-1], str(line[-1]).replace("\u2400", "\0"))
            for room in "ab"
            for line in harness.client.lines(room, 1, 1000)
        ]
        harness.client.stop()
        assert read == sorted(lineFields(source.messages), key=lambda line: str(line[0]))
        with closing(sqlite3.connect("chat.db")) as connection:
            connection.text_factory = bytes
            stored = connection.execute(
                "SELECT kind, nick, account, session, text FROM messages ORDER BY position, idx, id"
            ).fetchall()
        assert stored[: len(stored) // 2] == stored[len(stored) // 2 :]

    @pytest.mark.parametrize("topic", ["plain", "a\0b", "a\ud800"])
    @pytest.mark.parametrize("count", [1, DIRECT_UPSERTS + 1])
    def test_topicsOfAnySign(self, topic: str, count: int) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        batch = source.batch(*[(f"r{number}", ("x",)) for number in range(count)])
        batch.roomRecords[0].topic = topic
        harness.store(batch)
        harness.client.stop()
        rooms = SQLiteHarness(start=False).loaded.rooms
        assert [room.topic.replace("\u2400", "\0") for room in rooms] == [
            topic,
            *[""] * (count - 1),
        ]

    def test_rooms(self) -> None:
        harness, source = SQLiteHarness(), MessageSource()
        batch = source.batch(("a", ("1",)), ("b", ("1",)))
        batch.roomRecords[0].founder, batch.roomRecords[0].private = "ann", True
        harness.storage.store(batch)
        harness.client.waitFor(batch.position)
        batch = source.batch(("a", ("2",)), ("b", ("2",)))
        room = batch.roomRecords[0]
        room.founder, room.private = "ann", True
        room.modes, room.joinKey, room.memberLimit = "mt", "secret", 7
        harness.storage.store(batch)
        harness.client.stop()
        loaded = SQLiteHarness(start=False).loaded
        assert loaded.rooms == batch.roomRecords
        assert [item.private is True for item in loaded.rooms] == [True, False]

    def test_secret(self) -> None:
        first = SQLiteHarness(start=False, entropy=lambda count: bytes(range(count))).loaded.secret
        assert first == bytes(range(32))
        assert SQLiteHarness(start=False).loaded.secret == first
        others = {MemoryStorage(LOG).prepare().secret for _ in range(2)}
        assert len(others) == 2
        assert {len(item) for item in others} == {32}


#: Asks for private messages as L{Storage.privateMessages} does, and gives their numbers.
Ask = Callable[[str, str, str, int], list[int]]


@contextmanager
def asking(kind: str, *letters: StoredPrivateMessage, erased: str = "") -> Iterator[Ask]:
    source = MessageSource()
    if kind == "sqlite":
        harness = SQLiteHarness()
        journal: Storage = harness.storage
        client = harness.client
    else:
        journal = MemoryStorage(LOG, 100)
        client = StorageClient(journal, ThreadReactor())
        journal.start(client)
    for half in (letters[: len(letters) // 2], letters[len(letters) // 2 :]):
        batch = source.batch()
        batch.privateMessages.extend(half)
        journal.store(batch)
    client.waitFor(source.position)
    if erased:
        batch = source.batch()
        batch.erasedInboxes.append(erased)
        journal.store(batch)
        client.waitFor(source.position)
    sent = {item.ident: item for item in letters}

    def ask(account: str, other: str, before: str, most: int) -> list[int]:
        found = client.privateMessages(account, other, before, most)
        assert all(sent[item.ident] == item for item in found)
        return [item.time - START for item in found]

    yield ask
    client.stop()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
class TestLetters:
    SAID = (
        letter(1),
        letter(2, "bob", "ann"),
        letter(3, "cid", "ann"),
        letter(4),
        letter(5, "ann", "ann"),
        letter(6, "bob", "cid"),
        letter(7, "bob", "ann"),
    )

    def test_bothDirections(self, kind: str) -> None:
        with asking(kind, *self.SAID) as ask:
            assert ask("ann", "bob", "", 9) == ask("bob", "ann", "", 9) == [1, 2, 4, 7]
            assert ask("ann", "ann", "", 9) == [5]
            assert ask("cid", "bob", "", 9) == [6]
            assert ask("cid", "dan", "", 9) == []

    def test_received(self, kind: str) -> None:
        with asking(kind, *self.SAID) as ask:
            assert ask("ann", "", "", 9) == [2, 3, 5, 7]
            assert ask("dan", "", "", 9) == []

    def test_pages(self, kind: str) -> None:
        with asking(kind, *self.SAID) as ask:
            assert ask("ann", "bob", "", 3) == [2, 4, 7]
            assert ask("ann", "bob", self.SAID[1].ident, 3) == [1]
            assert ask("ann", "bob", self.SAID[4].ident, 2) == [2, 4]
            assert ask("ann", "", self.SAID[6].ident, 2) == [3, 5]
            assert ask("ann", "", self.SAID[1].ident, 2) == []
            assert ask("ann", "", "nothing", 2) == [5, 7]
            assert ask("ann", "", "", 0) == []

    def test_anyText(self, kind: str) -> None:
        odd = replace(letter(1), text="ünï→😀 \ud800 \\u0000 \"'\n\t" + "x" * 70_000)
        with asking(kind, odd) as ask:
            assert ask("bob", "", "", 1) == [1]

    def test_erased(self, kind: str) -> None:
        with asking(kind, *self.SAID, erased="bob") as ask:
            assert ask("ann", "bob", "", 9) == ask("cid", "bob", "", 9) == []
            assert ask("ann", "", "", 9) == [3, 5]

    def test_bounded(self, kind: str) -> None:
        with asking(kind, *(letter(number) for number in range(1, 151))) as ask:
            assert ask("ann", "bob", "", 3) == [148, 149, 150]
            assert len(ask("bob", "", "", 999)) == (150 if kind == "sqlite" else 100)


class TestOldLetters:
    def test_oldMessagesAreDeleted(self) -> None:
        harness, source = SQLiteHarness(keep=100.0), MessageSource()
        batch = source.batch()
        batch.privateMessages += [letter(1), replace(letter(2), time=START + 60 * SECOND)]
        harness.store(batch)
        assert len(harness.client.privateMessages("bob", "", "", 9)) == 2
        harness.time = START + 130 * SECOND
        harness.reactor.until(lambda: len(harness.client.privateMessages("bob", "", "", 9)) == 1)
        assert harness.client.privateMessages("bob", "", "", 9) == batch.privateMessages[1:]
        harness.client.stop()


def test_droppedInTurn() -> None:
    """What was said to the next owner of a dropped name stays, if that one is dropped too."""
    source = MessageSource()
    first, between, second = source.batch(), source.batch(), source.batch()
    between.privateMessages += [letter(1, "cid", "ann"), letter(2, "cid", "bob")]
    first.erasedInboxes.append("ann")
    second.erasedInboxes.append("bob")
    *_, (_, rows, count) = statementsFor([first, between, second])
    assert [row[0] for row in json.loads(rows)] == [letter(1).ident]
    assert count == 1
