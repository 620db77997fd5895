"""Tests for what readers get who name lines of a history that was restored since."""

from __future__ import annotations

import pytest

from tests.support.chat import ChatHarness, MemoryClient
from tsservices.chat.notifications import (
    ErrorReply,
    HistoryReplay,
    HistoryRestored,
    JoinedRoom,
    MarkedRead,
    Notification,
    Resumed,
    Welcome,
)
from tsservices.chat.records import RoomRecord
from tsservices.chat.verbs.history import HISTORY_LINES


def read(client: MemoryClient, line: str) -> tuple[HistoryRestored | None, list[int]]:
    pages: list[Notification] = client.say(line)
    while client._then is not None:
        client.continueOutput()
        pages += client.heard()
    restored = [item for item in pages if isinstance(item, HistoryRestored)]
    numbers = [
        number
        for page in pages
        if isinstance(page, HistoryReplay)
        for item in page.messages
        for number in range(item.first, item.last + 1)
    ]
    return restored[0] if restored else None, numbers


class Restored:
    """
    A chat whose last start found 4 lines of C{first} in the room; 3 of them were there at a start
    before, since which the log is C{log}, and 3 were said since.
    """

    def __init__(self, common: int | None = 3, more: int = 3) -> None:
        self.chat = ChatHarness()
        self.ann = self.chat.joinRegistered("ann", "tea")
        for number in range(4):
            self.ann.say(f"old {number}")
        room = self.chat.context.state.rooms["tea"]
        room.loadedSeq = 4
        if common is not None:
            position = next(
                item.position for item in self.chat.storage._all if item.first == common
            )
            self.chat.storage.logs = [("first", 0), ("log", position)]
        if more:
            self.ann.controller.say(("new",) * more)
            self.chat.tick()
        self.chat.clear()


@pytest.mark.parametrize(
    ("line", "common", "sure", "first", "last"),
    [
        # The history that one knows is this one.
        ("/since 0", None, None, 1, 7),
        ("/since 7@log", None, None, 0, 0),
        ("/since 5@log", None, None, 6, 7),
        ("/since tea 2@first", None, None, 3, 7),
        ("/since 3@first", None, None, 4, 7),
        ("/since 3", None, None, 4, 7),
        # It is not, for sure.
        ("/since 4@first", 3, True, 4, 7),
        ("/since 7@first", 3, True, 4, 7),
        ("/since 500@first", 3, True, 4, 7),
        ("/since 8@log", None, True, 1, 7),
        ("/since 1@unknown", None, True, 1, 7),
        # It may be another one.
        ("/since 4", 3, True, 4, 7),
        ("/since 500", 3, True, 4, 7),
        (f"/since {3 + HISTORY_LINES + 1}", 3, True, 4, 7),
    ],
)
def test_since(line: str, common: int | None, sure: bool | None, first: int, last: int) -> None:
    restored, numbers = read(Restored().ann, line)
    assert numbers == (list(range(first, last + 1)) if first else [])
    assert (restored and restored.sure) == sure
    if restored is not None:
        assert (restored.common, restored.first, restored.last) == (common, first, last)


def test_longAgo() -> None:
    """Without an epoch nothing but a word is said after so many lines."""
    chat = Restored(more=HISTORY_LINES)
    restored, numbers = read(chat.ann, f"/since {HISTORY_LINES + 3}")
    assert restored is not None
    assert (restored.sure, len(numbers)) == (True, HISTORY_LINES + 1)
    restored, numbers = read(chat.ann, f"/since {HISTORY_LINES + 4}")
    assert restored is not None
    assert (restored.sure, restored.common, numbers) == (False, 3, [])
    assert read(chat.ann, f"/since {HISTORY_LINES + 4}@log") == (None, [])


class TestByHand:
    """A copy that the start has not noticed: only readers know."""

    def test_nothingIsSaid(self) -> None:
        chat = Restored(common=None)
        for line in ("/since 7", "/since 5", "/since 5@log"):
            assert read(chat.ann, line)[0] is None

    @pytest.mark.parametrize("line", ["/since 9", "/since 9@log", "/read 9", "/read 9@log"])
    def test_numberBeyondTheLast(self, line: str) -> None:
        """Who names it is told; nobody else is, on the word of anybody."""
        chat = Restored(common=None)
        restored, numbers = read(chat.ann, line)
        assert restored is not None
        assert (restored.common, restored.first, restored.log) == (None, 1, "log")
        assert numbers == list(range(1, 8))
        assert chat.chat.context.state.readMarkers == {}
        assert read(chat.ann, "/since 6@log") == (None, [7])

    @pytest.mark.parametrize("verb", ["/since", "/read"])
    def test_timeOfTheLine(self, verb: str) -> None:
        chat = Restored(common=None, more=40)
        time = next(item.time for item in chat.chat.storage._all if item.first == 4)
        restored, numbers = read(chat.ann, f"/since 4@log@{time}")
        assert (restored, numbers[0]) == (None, 5)
        for seq in (4, 30):
            restored, numbers = read(chat.ann, f"{verb} {seq}@log@{time + 1}")
            assert restored is not None
            assert (restored.common, restored.sure) == (None, True)
            assert numbers == list(range(5, 45))
        assert chat.chat.context.state.readMarkers == {}

    def test_noSuchTime(self) -> None:
        chat = Restored(common=None)
        for time in ("x", "-1", "9" * 20):
            (error,) = chat.ann.say(f"/since 4@log@{time}")
            assert isinstance(error, ErrorReply)

    def test_emptyRoom(self) -> None:
        chat = ChatHarness(records=[RoomRecord("tea", "tea")])
        ann = chat.join("ann", "tea")
        restored, numbers = read(ann, "/since 9")
        assert restored is not None
        assert (restored.first, restored.last, numbers) == (1, 0, [])


def test_markersOfOtherHistoriesAreNotTaken() -> None:
    chat = Restored()
    assert read(chat.ann, "/read 5@first")[1] == [4, 5, 6, 7]
    assert chat.chat.context.state.readMarkers == {}
    assert any(isinstance(item, MarkedRead) for item in chat.ann.say("/read 5"))


def test_epochIsShown() -> None:
    chat = ChatHarness()
    person = chat.connect()
    received = person.say("/nick ann", "/join tea")
    token = person.controller._token
    other = chat.connect()
    received += other.say(f"/resume {token}")
    epochs = [item.log for item in received if isinstance(item, Welcome | JoinedRoom | Resumed)]
    assert epochs == ["log"] * 3
