"""Tests for searches in both storages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import tried
from tests.support.sqlite import FAST_TIMINGS, SQLiteHarness, unindexedCount
from tests.support.storage import (
    LOG,
    SECOND,
    MessageSource,
    StorageClient,
    ThreadReactor,
    lineFields,
)
from tsservices.chat.batch import Batch
from tsservices.chat.errors import NOT_SEARCHABLE, ChatError
from tsservices.chat.operations import DELETED, KICK, ME, NOTICE, TOPIC
from tsservices.chat.records import MessageDeletion
from tsservices.chat.storage import SearchQuery, Storage
from tsservices.storage.memory import MemoryStorage

#: When all this happens.
START = 1_700_000_000 * SECOND

#: Letters by their category, that nobody sees: they are no part of a word.
UNSEEN_LETTERS = dict.fromkeys((0x115F, 0x1160, 0x3164, 0xFFA0))

#: All rooms.
EVERYWHERE = (("a", 1), ("b", 1), ("c", 1))


class Searched:
    def __init__(self, kind: str) -> None:
        self.source = MessageSource()
        self._harness: SQLiteHarness | None = None
        if kind == "memory":
            self._journal: Storage = MemoryStorage(LOG, 20_000)
            self.client = StorageClient(self._journal, ThreadReactor())
            self._journal.start(self.client)
        else:
            self._harness = (
                SQLiteHarness(pace=FAST_TIMINGS) if kind == "indexed" else SQLiteHarness()
            )
            self._journal, self.client = self._harness.storage, self._harness.client
        self._indexed = kind == "indexed"

    def store(self, *batches: Batch) -> None:
        for batch in batches:
            self._journal.store(batch)
        self.client.waitFor(batches[-1].position)
        if self._indexed and self._harness is not None:
            self._harness.reactor.until(lambda: not unindexedCount())

    def texts(self, *words: str, rooms: tuple[tuple[str, int], ...] = EVERYWHERE) -> list[object]:
        return [item[-1] for item in self.client.search(rooms, *words)]


@contextmanager
def searching(kind: str) -> Iterator[Searched]:
    searched = Searched(kind)
    yield searched
    searched.client.stop()


@pytest.mark.parametrize("kind", ["memory", "indexed", "stored"])
class TestSearch:
    def test_allWords(self, kind: str) -> None:
        with searching(kind) as searched:
            texts = ("Tea or coffee?", "coffee or tea", "cöffee", "I like 中文输入法", "")
            searched.store(searched.source.batch(("a", texts)))
            every = lineFields(searched.source.messages)
            assert searched.client.search(EVERYWHERE, "COFFEE", "tea") == every[:2]
            assert searched.texts("or coffee") == ["Tea or coffee?"]
            assert searched.texts("coffee") == list(texts[:3])
            assert searched.texts("cof") == []
            assert searched.texts("文输") == ["I like 中文输入法"]
            assert searched.texts("中输") == []
            assert searched.texts() == list(texts)
            assert searched.texts("?!", "tea") == list(texts[:2])
            answers: list[object] = []
            query = SearchQuery(EVERYWHERE, ("?!",), "", 0, 0, None, 9)
            searched.client.storage.search(query, answers.append)
            searched.client.reactor.until(lambda: answers)
            assert answers == [ChatError(NOT_SEARCHABLE)]

    @pytest.mark.parametrize(
        "query",
        [
            *['"tea', "te*", "tea AND", "NEAR(tea coffee)", "text : tea", "-tea", "^tea", "("],
            *["tea' --", "{text} : tea", "\x00tea", "tea OR coffee", "�"],
            '""',
            "a" * 70_000,
            "tea " * 5000,
        ],
    )
    def test_noOperators(self, kind: str, query: str) -> None:
        with searching(kind) as searched:
            searched.store(searched.source.batch(("a", ("coffee and some tea",))))
            found = searched.texts(query)
            assert bool(found) == (query in ('"tea', "-tea", "^tea", "tea' --", "\0tea"))

    def test_manyWords(self, kind: str) -> None:
        with searching(kind) as searched:
            words = tuple(f"w{number}" for number in range(3000))
            searched.store(searched.source.batch(("a", (" ".join(words), "w1"))))
            assert len(searched.texts(*words)) == 1

    def test_roomsAndFirstLines(self, kind: str) -> None:
        with searching(kind) as searched:
            source = searched.source
            searched.store(source.batch(("a", ("x 1", "x 2")), ("b", ("x 3",)), ("a", ("x 4",))))
            assert searched.texts("x", rooms=(("a", 2), ("b", 1))) == ["x 2", "x 3", "x 4"]
            assert searched.texts("x", rooms=(("a", 3), ("b", 2))) == ["x 4"]
            assert searched.texts(rooms=(("a", 4), ("b", 1))) == ["x 3"]
            assert searched.texts(rooms=(("gone", 1),)) == searched.texts("x", rooms=()) == []
            # Numbers of rooms and words of people are not taken for each other.
            assert searched.texts("1", rooms=(("b", 1),)) == []
            rooms = tuple((f"r{number}", 1) for number in range(100))
            assert searched.texts("x", rooms=(*rooms, ("b", 1))) == ["x 3"]
            assert searched.texts(rooms=(*rooms, ("b", 1))) == ["x 3"]

    def test_onlyMessages(self, kind: str) -> None:
        with searching(kind) as searched:
            source = searched.source
            for item in (ME, NOTICE, TOPIC, KICK):
                searched.store(source.batch(("a", (f"it is {item}",)), kind=item))
            assert searched.texts("it is") == ["it is me", "it is notice", "it is topic"]

    def test_foldedNick(self, kind: str) -> None:
        with searching(kind) as searched:
            first, second = (
                searched.source.batch(("a", ("x",))),
                searched.source.batch(("a", ("y",))),
            )
            second.messages[0].nick = "Straße"
            searched.store(first, second)
            every = lineFields(searched.source.messages)
            assert searched.client.search(EVERYWHERE, nick="strasse") == every[1:]
            assert searched.client.search(EVERYWHERE, nick="ann") == every[:1]
            assert searched.client.search(EVERYWHERE, "y", nick="ann") == []
            assert searched.client.search(EVERYWHERE, nick="Ann") == []

    def test_times(self, kind: str) -> None:
        with searching(kind) as searched:
            source = searched.source
            for number in (0, 5, 3, 1, 4, 2, 3):
                stamp = START + number * SECOND
                room = "abc"[number % 3]
                searched.store(source.batch((room, (f"x {number}", "y")), stamp=stamp))
            every = [item for item in lineFields(source.messages) if str(item[-1]).startswith("x")]
            for since in range(-1, 7):
                for until in range(-1, 7):
                    first, last = START + since * SECOND, START + until * SECOND
                    found = searched.client.search(EVERYWHERE, "x", since=first, until=last)
                    assert found == [item for item in every if first <= int(str(item[3])) <= last]
            time = int(str(every[3][3]))
            assert len(searched.client.search(EVERYWHERE, since=time, until=time)) == 1
            assert searched.client.search(EVERYWHERE, "x", since=time) == [
                item for item in every if int(str(item[3])) >= time
            ]

    def test_pages(self, kind: str) -> None:
        with searching(kind) as searched:
            for number in range(9):
                lines = (("a", (f"x {number}", "y", "x")), ("b", ("x",)))
                searched.store(searched.source.batch(*lines))
            every = [item for item in lineFields(searched.source.messages) if item[-1] != "y"]
            found: list[tuple[object, ...]] = []
            before = None
            while len(found) < len(every):
                page = searched.client.search(EVERYWHERE, "x", before=before, most=4)
                assert 1 <= len(page) <= 4
                found = page + found
                _, position, index = str(page[0][4]).split("-")
                before = (int(position), int(index))
            assert found == every
            assert searched.client.search(EVERYWHERE, "x", before=before) == []
            assert searched.client.search(EVERYWHERE, "x", most=0) == []
            assert searched.client.search(EVERYWHERE, "x", before=(99, 0), most=1) == every[-1:]

    def test_deleted(self, kind: str) -> None:
        with searching(kind) as searched:
            source = searched.source
            texts = ("secret one", "secret two", "secret three", "other")
            searched.store(source.batch(("a", texts), ("b", ("secret four",))))
            batch = source.batch(("a", ("secret five", "secret six")))
            batch.deletions += [
                MessageDeletion("a", 2),
                MessageDeletion("a", 5),
                MessageDeletion("a", 2),
            ]
            batch.deletions += [MessageDeletion("a", 99), MessageDeletion("gone", 1)]
            searched.store(batch)
            assert searched.texts("secret") == [
                "secret one",
                "secret three",
                "secret four",
                "secret six",
            ]
            read = searched.client.lines("a", 1, 9)
            assert [item[-1] for item in read] == [
                "secret one",
                "",
                "secret three",
                "other",
                "",
                "secret six",
            ]
            wanted = lineFields([item for item in source.messages if item.room == "a"])
            for number in (1, 4):
                wanted[number] = (*wanted[number][:5], DELETED, *wanted[number][6:8], "")
            assert read == wanted
            later = source.batch()
            later.deletions += [
                MessageDeletion("a", 2),
                MessageDeletion("a", 1, KICK, "bob"),
                MessageDeletion("b", 1),
            ]
            searched.store(later)
            assert [(item[5], item[-1]) for item in searched.client.lines("a", 1, 2)] == [
                (KICK, "bob"),
                (DELETED, ""),
            ]
            assert searched.texts("secret") == ["secret three", "secret six"]
            assert searched.texts("two") == searched.texts("four") == []
            # What others hold of it stays as it was said.
            assert batch.messages[0].texts == ("secret five", "secret six")

    def test_deletionSparesLaterBatches(self, kind: str) -> None:
        with searching(kind) as searched:
            early = searched.source.batch()
            early.deletions.append(MessageDeletion("a", 1))
            searched.store(early, searched.source.batch(("a", ("x",))))
            assert searched.texts("x") == ["x"]


#: Any text, most often one that is hard to search.
ODD = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        st.sampled_from(" \t\"'*^:()-ae\u0301ßİ中文かガ한สวัสดีक्षि🎉\u200d\ufe0f"),
    ),
    max_size=30,
)


class TestAgreement:
    @settings(max_examples=tried(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.lists(ODD, min_size=1, max_size=8), min_size=1, max_size=3),
        st.lists(ODD, max_size=4),
    )
    def test_storagesAgree(self, batches: list[list[str]], queries: list[str]) -> None:
        for name in os.listdir("."):
            os.unlink(name)
        with searching("memory") as memory, searching("indexed") as indexed:
            for searched in (memory, indexed):
                searched.store(*[searched.source.batch(("a", tuple(texts))) for texts in batches])
            stored = [text for texts in batches for text in texts]
            for text in stored:
                for word in (text, *text.split()):
                    found = memory.texts(word)
                    assert indexed.texts(word) == found
                    letters = word.translate(UNSEEN_LETTERS)
                    assert text in found or not any(map(str.isalnum, letters))
            for pair in (*zip(queries), *pairwise(queries)):
                assert memory.texts(*pair) == indexed.texts(*pair)
