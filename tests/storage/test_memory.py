"""
Tests for L{tsservices.storage.memory}.
"""

from __future__ import annotations

from tests.support.storage import LOG, Reactor, Talk, Witness, lines
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.storage import HISTORY_PAGE, Storage
from tsservices.storage.memory import MemoryStorage


def begun(most: int = 1000) -> tuple[MemoryStorage, Witness]:
    journal = MemoryStorage(LOG, most)
    typed: Storage = journal
    witness = Witness(typed, Reactor())
    journal.start(witness)
    return journal, witness


class TestMemoryJournal:
    def test_empty(self) -> None:
        """It begins with nothing."""
        loaded = MemoryStorage(LOG).prepare()
        assert (loaded.log, loaded.position, loaded.rooms, loaded.notes) == (LOG, 0, [], [])

    def test_atOnce(self) -> None:
        """What is given is stored in the same turn."""
        journal, witness = begun()
        journal.store(Talk().batch(("a", ("x",))))
        assert witness.positions == [1]
        assert journal.trouble is None

    def test_read(self) -> None:
        """Lines come back as they were, from and to any number."""
        journal, witness = begun()
        talk = Talk()
        journal.store(talk.batch(("a", ("1", "2", "3")), ("b", ("other",)), ("a", ("4", "5"))))
        journal.store(talk.batch(("a", ("6",)), account="ann"))
        every = lines([each for each in talk.said if each.room == "a"])
        for first in range(1, 7):
            for last in range(first, 7):
                assert witness.lines("a", first, last) == every[first - 1 : last]
        assert witness.lines("c", 1, 10) == []

    def test_page(self) -> None:
        """Not more than a page is given, from the beginning."""
        journal, witness = begun()
        talk = Talk()
        journal.store(talk.batch(("a", ("x",) * (HISTORY_PAGE - 1)), ("a", ("y",) * 3)))
        assert witness.lines("a", 1, 500) == lines(talk.said)[:HISTORY_PAGE]

    def test_bounded(self) -> None:
        """The oldest lines of all rooms go when there are too many, and nothing else."""
        journal, witness = begun(most=4)
        talk = Talk()
        for room in "abacb":
            journal.store(talk.batch((room, (room,))))
        assert [each[2] for each in witness.lines("a", 1, 9)] == [2]
        assert [each[2] for each in witness.lines("b", 1, 9)] == [1, 2]
        journal.store(talk.batch(("c", ("x", "y", "z", "z"))))
        assert witness.lines("a", 1, 9) == []
        assert len(witness.lines("c", 1, 9)) == 4

    def test_stop(self) -> None:
        """It stops at once."""
        journal, witness = begun()
        journal.stop(lambda: setattr(witness, "ended", True))
        assert witness.ended

    def test_sessionsAreGone(self) -> None:
        """What is read names no session, though what was said does still."""
        journal, witness = begun()
        batch = Talk().batch(("a", ("x",)))
        journal.store(batch)
        found = witness.read("a", 1, 1)
        assert isinstance(found, list)
        assert isinstance(found[0], RoomMessages)
        assert (found[0].session, batch.messages[0].session) == ("", "s1")
