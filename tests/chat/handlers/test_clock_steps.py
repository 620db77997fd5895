"""Tests for a clock that was wrong for a while: nothing of that lasts longer than the mistake."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.chat import (
    HOUR,
    NOON,
    PASSWORD,
    ChatHarness,
    RoomCase,
    StateHarness,
    errorCodes,
    only,
)
from tsservices.chat import errors
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.notifications import RestrictionList, RoomMessages, SeenReply
from tsservices.chat.operations import MESSAGE, Enter, Join, Say
from tsservices.chat.pipeline import LATEST_STAMP
from tsservices.chat.session import Session
from tsservices.chat.snapshot import load, save
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS

#: Ten years.
AHEAD = 10 * 365 * 24 * HOUR


def times(schema: int, *stamps: int, texts: int = 1) -> list[int]:
    """The times of lines that are said in batches with these stamps."""
    state, session = ChatState(Limits()), Session("s1", None)
    found = []
    for position, stamp in enumerate((stamps[0], *stamps), 1):
        batch = Batch("log", position, stamp, schema)
        say = Say("s1", "tea", MESSAGE, ("x",) * texts)
        first = [Enter("s1", "ann", "ann"), Join("s1", "tea", "tea")]
        for operation in [say] if position > 1 else first:
            apply(state, operation, session, batch)
        found += [item.time for item in batch.messages]
    return found


@pytest.mark.parametrize(
    ("schema", "stamps", "found"),
    [
        (2, (0, 0, 5), (0, 1, 5)),
        (2, (NANOSECONDS, 1), (NANOSECONDS, NANOSECONDS + 1)),
        (2, (NANOSECONDS, 0), (NANOSECONDS, 0)),
        (2, (0, AHEAD, 7, 7, AHEAD), (0, AHEAD, 7, 8, AHEAD)),
        (1, (0, AHEAD, 7, 7), (0, AHEAD, AHEAD + 1, AHEAD + 2)),
    ],
)
def test_timesOfLines(schema: int, stamps: tuple[int, ...], found: tuple[int, ...]) -> None:
    wanted = [NOON + time for time in found]
    assert times(schema, *[NOON + stamp for stamp in stamps]) == wanted


@pytest.mark.parametrize(("clock", "found"), [(-1, 1), (10**20, LATEST_STAMP)])
def test_clocksBeyondAllStamps(clock: int, found: int) -> None:
    chat = ChatHarness()
    ann = chat.join("ann", "tea")
    chat.time = clock
    (line,) = (item for item in ann.say("/topic x") if isinstance(item, RoomMessages))
    assert line.time == found


def test_linesOfOneMessageFollowEachOther() -> None:
    assert times(2, NOON, NOON, texts=3) == [NOON, NOON + 3]


class TestClockAhead(RoomCase):
    def at(self, time: int) -> None:
        self.chat.time = time

    def test_numbersGoOn(self) -> None:
        for number, time in enumerate((NOON + AHEAD, NOON + HOUR), 2):
            self.at(time)
            self.ann.say("tea")
            line = [item for item in self.bob.heard() if isinstance(item, RoomMessages)][-1]
            assert (line.first - number, line.time) == (1, time)
            assert line.previous != 0

    def test_endedBanComesBack(self) -> None:
        self.opal.say("/ban mel 2h")
        self.at(NOON + AHEAD)
        self.opal.say("/ban bob 1h", "/mute bob 1h")
        assert errorCodes(self.opal.say("/unban mel")) == [errors.NOT_RESTRAINED]
        self.at(NOON + HOUR)
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        self.at(NOON + 2 * HOUR)
        assert errorCodes(self.mel.say("/join tea")) == []

    def test_banOfWrongClockEnds(self) -> None:
        self.at(NOON + AHEAD)
        self.opal.say("/ban mel 2h")
        self.at(NOON + 1)
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        (listed,) = only(RestrictionList, self.opal.say("/ban")).restrictions[:1]
        assert listed.until == NOON + 1 + 2 * HOUR
        self.at(NOON + 2 * HOUR)
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        self.at(NOON + 2 * HOUR + 1)
        assert errorCodes(self.mel.say("/join tea")) == []

    def test_banSurvivesClockBehind(self) -> None:
        self.opal.say("/ban mel 2h", "/ban bob")
        self.at(HOUR)
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        self.at(NOON + HOUR)
        assert errorCodes(self.mel.say("/join tea")) == [errors.BANNED]
        self.at(NOON + 2 * HOUR)
        assert errorCodes(self.mel.say("/join tea")) == []
        assert errorCodes(self.bob.say("/join tea")) == [errors.BANNED]

    def test_whoWasFirst(self) -> None:
        cloak = self.bob.session.cloak
        self.at(NOON + AHEAD)
        old = self.chat.connect(cloak)
        old.say("/nick old", f"/register {PASSWORD}")
        guest = self.chat.connect(cloak)
        guest.say("/nick guest")
        self.at(NOON)
        self.opal.say("/ban bob")
        self.at(NOON - AHEAD)
        young = self.chat.connect(cloak)
        young.say("/nick young", f"/register {PASSWORD}")
        for person, codes in ((old, []), (guest, []), (young, [errors.BANNED])):
            assert errorCodes(person.say("/join tea")) == codes

    def test_ownLineIsDeleted(self) -> None:
        self.at(NOON + AHEAD)
        new = self.chat.joinRegistered("new", "tea")
        self.at(NOON)
        new.say("oops")
        assert errorCodes(new.say(f"/delete {self.room.record.seq}")) == []

    def seen(self, nick: str) -> int:
        self.chat.clear()
        return only(SeenReply, self.ann.say(f"/seen {nick}")).time

    @pytest.mark.parametrize("nick", ["mel", "bob"])
    def test_lastSeen(self, nick: str) -> None:
        self.at(NOON + AHEAD)
        person = {"mel": self.mel, "bob": self.bob}[nick]
        person.say("/quit")
        assert self.seen(nick) == NOON + AHEAD
        self.at(NOON)
        self.ann.say("hello")
        assert self.seen(nick) == 0
        if nick == "mel":
            self.chat.login("mel").say("/quit")
            assert self.seen(nick) == NOON

    def test_quotas(self) -> None:
        limit = self.state.roomCreationLimit
        limit.resize(1)
        self.at(NOON + AHEAD)
        assert errorCodes(self.mel.say("/join a", "/join b")) == [errors.ROOMS_FOUNDED]
        self.at(NOON)
        assert errorCodes(self.mel.say("/join c")) == [errors.ROOMS_FOUNDED]
        self.at(NOON + HOUR)
        assert errorCodes(self.mel.say("/join d")) == []

    def test_registrations(self) -> None:
        self.state.registrationLimit.resize(1)
        self.at(NOON + AHEAD)
        for number, (time, codes) in enumerate(
            (
                (NOON + AHEAD, []),
                (NOON, [errors.ACCOUNTS_EACH]),
                (NOON + 1, [errors.ACCOUNTS_EACH]),
                (NOON + HOUR, []),
            )
        ):
            self.at(time)
            new = self.chat.connect("~new")
            new.say(f"/nick new{number}")
            assert errorCodes(new.say(f"/register {PASSWORD}")) == codes


def test_guessesAreCountedOn() -> None:
    chat = RoomCase()
    chat.setup_method()
    wrong = "/login mel wrong-password"
    chat.chat.time = NOON + AHEAD
    thief = chat.chat.connect("~thief")
    codes: list[Any] = []
    while errors.GUESSED_OFTEN not in codes:
        codes = errorCodes(thief.say(wrong))
    for time, code in ((NOON, errors.GUESSED_OFTEN), (NOON + HOUR, errors.WRONG_PASSWORD)):
        chat.chat.time = time
        assert errorCodes(thief.say(wrong)) == [code]


def test_snapshotKnowsTheClock() -> None:
    """A node that starts from a snapshot finds the same step as one that went on."""
    harness = StateHarness()
    harness.tick(Enter("s1", "ann", "ann"), Join("s1", "tea", "tea"), stamp=NOON + AHEAD)
    assert harness.state.sessions["s1"].connectedPosition == 1
    copy = load(Limits(), save(harness.state))
    assert (copy.time, copy.sessions["s1"].connectedPosition) == (NOON + AHEAD, 1)
    assert save(copy) == save(harness.state)
