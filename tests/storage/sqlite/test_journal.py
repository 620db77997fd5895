"""
Tests for L{tsservices.storage.sqlite.journal}: what is stored can be read.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

from tests.support.sqlite import Kept
from tests.support.storage import LOG, PATIENCE, SECOND, Talk, lines
from tsservices.chat.operations import NOTICE
from tsservices.chat.storage import HISTORY_PAGE

CHILD = """
import os, sys
from tests.support.storage import LOG, Talk
from tsservices.storage.sqlite.journal import SQLiteStorage

class Listener:
    def stored(self, position):
        os.write(1, b"%d\\n" % position)
        if position >= 40:
            os._exit(7)
    def troubled(self, trouble):
        os._exit(1)
    def failed(self, reason):
        os.write(2, reason.encode())
        os._exit(1)

journal = SQLiteStorage("chat.db", LOG, None, lambda call, *args: call(*args), lambda: 0)
journal.prepare()
journal.start(Listener())
talk = Talk()
for number in range(100_000):
    journal.store(talk.batch(("a", ("x%d" % number, "y")), ("b", ("z",) * 50)))
import time
time.sleep(30)
"""


class TestKeeping:
    """What is stored is there later."""

    def test_new(self) -> None:
        """A new journal begins a log, has nothing, and says how fast its disk is."""
        kept = Kept(start=False)
        loaded = kept.loaded
        assert (loaded.log, loaded.position, loaded.rooms) == (LOG, 0, [])
        assert sqlite3.sqlite_version in loaded.notes[0]
        assert "0 rooms" in loaded.notes[0]
        assert os.listdir(".") == ["chat.db"]

    def test_slowDisk(self) -> None:
        """Whoever starts on a slow disk is warned."""
        clock = iter(range(100))
        kept = Kept(start=False, monotonic=lambda: next(clock) * 0.021)
        assert "21 ms" in kept.loaded.notes[1]
        clock = iter(range(100))
        assert len(Kept(start=False, monotonic=lambda: next(clock) * 0.019).loaded.notes) == 1

    def test_everything(self) -> None:
        """Lines come back with their numbers, times, ids, kinds and names; any text does."""
        kept, talk = Kept(), Talk()
        odd = ("", "ünï→😀", "\ud800 half", "a\\u0000", "\\\\u0000 \"'\n\t\x1b\x7f", "x" * 70_000)
        kept.journal.store(talk.batch(("a", odd), ("b", ("between",)), ("a", ("1", "2", "3"))))
        kept.journal.store(talk.batch(("a", ("4",)), account="ann", kind=NOTICE))
        kept.witness.await_(2)
        every = lines([each for each in talk.said if each.room == "a"])
        assert kept.witness.lines("a", 1, 10) == every
        assert kept.witness.lines("a", 3, 8) == every[2:8]
        assert kept.witness.lines("b", 1, 10) == lines(talk.said[1:2])
        assert kept.witness.lines("c", 1, 10) == []
        kept.witness.stop()

    def test_NUL(self) -> None:
        """A NUL, where SQLite's JSON ends a text, becomes its picture."""
        kept, talk = Kept(), Talk()
        kept.journal.store(talk.batch(("a", ("a\0b\0\0", "\\\0", "\\\\u0000"))))
        kept.witness.await_(1)
        texts = [each[-1] for each in kept.witness.lines("a", 1, 3)]
        assert texts == ["a␀b␀␀", "\\␀", "\\\\u0000"]
        kept.witness.stop()

    def test_page(self) -> None:
        """Not more than a page is given, from the beginning."""
        kept, talk = Kept(), Talk()
        kept.journal.store(talk.batch(("a", ("x",) * (HISTORY_PAGE + 5))))
        kept.witness.await_(1)
        assert kept.witness.lines("a", 2, 900) == lines(talk.said)[1 : HISTORY_PAGE + 1]
        kept.witness.stop()

    def test_again(self) -> None:
        """The next start finds rooms, topics, numbers and lines, and goes on."""
        kept, talk = Kept(), Talk()
        batch = talk.batch(("a", ("1", "2")), ("b", ("1",)))
        batch.roomRecords[0].topic, batch.roomRecords[0].topicBy = "tea\ud800", "Ann"
        kept.journal.store(batch)
        kept.witness.stop()
        assert sorted(os.listdir(".")) == ["chat.ballast", "chat.db"]

        kept = Kept()
        assert (kept.loaded.log, kept.loaded.position) == (LOG, 1)
        assert kept.loaded.rooms == batch.roomRecords
        second = talk.batch(("b", ("2",)), ("c", ("1",)))
        kept.journal.store(second)
        kept.witness.stop()

        kept = Kept()
        assert kept.loaded.position == 2
        assert kept.loaded.rooms == [batch.roomRecords[0], *second.roomRecords]
        assert kept.witness.lines("b", 1, 2) == lines([talk.said[1], talk.said[2]])
        kept.witness.stop()

    def test_log(self) -> None:
        """The log of a database is that of its beginning, whatever is proposed later."""
        Kept(start=False)
        with closing(sqlite3.connect("chat.db")) as connection, connection:
            connection.execute("UPDATE meta SET log = 'ffffffff'")
        assert Kept(start=False).loaded.log == "ffffffff"

    def test_crash(self) -> None:
        """
        A process that ends in the middle leaves all that it said was stored, and each
        batch wholly or not at all.
        """
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (7, b"")
        reported = int(done.stdout.split()[-1])
        kept, talk = Kept(), Talk()
        position = kept.loaded.position
        assert position >= reported >= 40
        for number in range(position):
            talk.batch(("a", (f"x{number}", "y")), ("b", ("z",) * 50))
        records = talk.records()
        assert {each.key: each for each in kept.loaded.rooms} == records
        for room, record in records.items():
            every = lines([each for each in talk.said if each.room == room])
            for first in range(1, record.seq + 2, HISTORY_PAGE):
                page = kept.witness.lines(room, first, record.seq + 1)
                assert page == every[first - 1 : first - 1 + HISTORY_PAGE]
        kept.witness.stop()

    def test_grouped(self) -> None:
        """What comes during a transaction is stored in the next, all at once, and told once."""
        kept, talk = Kept(), Talk()
        arrived, going = kept.wires.hold("BEGIN IMMEDIATE")
        kept.journal.store(talk.batch(("a", ("1",))))
        assert arrived.wait(PATIENCE)
        for number in range(9):
            kept.journal.store(talk.batch((f"r{number % 3}", ("x", "y"))))
        going.set()
        kept.witness.await_(10)
        assert kept.witness.positions == [1, 10]
        assert kept.witness.lines("r0", 1, 9) == lines(
            [each for each in talk.said if each.room == "r0"]
        )
        kept.witness.stop()

    def test_constant(self) -> None:
        """A large transaction takes as many statements as a small one."""
        kept, talk = Kept(), Talk()
        counts = []
        for position, said in enumerate((1, 700), 1):
            before = len(kept.wires.statements[1]) if position > 1 else 0
            kept.journal.store(talk.batch(*[(f"r{n}", ("x",) * 3) for n in range(said)]))
            kept.witness.await_(position)
            seen = kept.wires.statements[1][before:]
            counts.append(seen.index("COMMIT") - seen.index("BEGIN IMMEDIATE") + 1)
        assert counts == [5, 5]
        kept.witness.stop()


class TestRetention:
    """Lines do not live longer than they are to."""

    def test_old(self) -> None:
        """What is too old goes, from the beginning of each room; rooms and numbers stay."""
        kept, talk = Kept(keep=100.0), Talk()
        start = kept.time
        kept.journal.store(talk.batch(("a", ("x",) * 2500), ("b", ("1",)), stamp=start))
        kept.journal.store(talk.batch(("a", ("new",)), stamp=start + 60 * SECOND))
        kept.witness.await_(2)
        assert len(kept.witness.lines("b", 1, 1)) == 1
        kept.time = start + 130 * SECOND
        deadline = time.monotonic() + PATIENCE
        while kept.witness.lines("b", 1, 1):
            assert time.monotonic() < deadline
        assert [each[-1] for each in kept.witness.lines("a", 1, 9999)] == ["new"]
        deletes = [each for each in kept.wires.statements[1] if "DELETE" in each]
        assert all("LIMIT 1000)" in each for each in deletes)
        kept.witness.stop()
        records = {each.key: each.seq for each in Kept(start=False).loaded.rooms}
        assert records == {"a": 2501, "b": 1}

    def test_forEver(self) -> None:
        """Without a limit nothing is ever looked for."""
        kept, talk = Kept(), Talk()
        kept.journal.store(talk.batch(("a", ("x",)), stamp=1))
        kept.witness.await_(1)
        assert not any("DELETE" in each for each in kept.wires.statements[1])
        kept.witness.stop()
