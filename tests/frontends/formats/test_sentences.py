"""
Tests for L{tsservices.frontends.formats.sentences} and L{tsservices.frontends.formats.sentences}.
"""

from __future__ import annotations

import time

import pytest

from tests.support.chat_samples import NOON
from tsservices.chat.errors import NO_PERSON, Refused
from tsservices.chat.notifications import (
    Absent,
    AccountChanged,
    AwayChanged,
    CommandsListed,
    Entered,
    Gone,
    Happening,
    Invited,
    Joined,
    LastSeen,
    Left,
    LoggedIn,
    MarkedRead,
    Notice,
    PeopleListed,
    PersonShown,
    Present,
    Refusal,
    Renamed,
    RestraintsListed,
    Resumed,
    RoomLeft,
    RoomsListed,
    Stored,
    Token,
    Topic,
)
from tsservices.chat.operations import BAN, MUTE
from tsservices.chat.records import Restraint
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.sentences import TALK
from tsservices.frontends.formats.text import TextForm

HOUR = 3600 * NANOSECONDS


def restraint(
    kind: str = BAN, name: str = "Bob", mask: str = "bob", until: int = 0, why: str = ""
) -> Restraint:
    return Restraint("lobby", kind, mask, name, "ann", NOON, until, why)


@pytest.mark.parametrize(
    ("happening", "lines"),
    [
        (Joined("lobby", "Lobby", "bob", "bob"), ["* bob joined #Lobby"]),
        (Joined("lobby", "Lobby", "bob", None), ["* bob (guest) joined #Lobby"]),
        (Left("lobby", "Lobby", "bob", ""), ["* bob left #Lobby"]),
        (Left("lobby", "Lobby", "bob", "tea"), ["* bob left #Lobby (tea)"]),
        (Gone("bob", ""), ["* bob is gone"]),
        (Gone("bob", "lunch"), ["* bob is gone (lunch)"]),
        (Renamed("bob", "rob"), ["* bob is now called rob"]),
        (AwayChanged("bob", "lunch"), ["* bob is away: lunch"]),
        (AwayChanged("bob", ""), ["* bob is back"]),
        (Absent("bob", "lunch"), ["* bob is away: lunch"]),
        (Entered("ann"), ["* you are ann"]),
        (LoggedIn("Ann", "ann", 0), ["* you are Ann, logged in"]),
        (
            LoggedIn("Ann", "ann", 1),
            ["* you are Ann, logged in; 1 private message for you: /inbox"],
        ),
        (AccountChanged("ann", "ann"), ["* ann is logged in"]),
        (AccountChanged("ann", None), ["* ann is a guest again"]),
        (
            Resumed("ann", None, [("Lobby", 17), ("dev", 0)]),
            [
                "* you are ann, as before",
                "* you are in #Lobby, where the last line is 17",
                "* you are in #dev, where the last line is 0",
            ],
        ),
        (Invited("dev", "Dev", "bob", "bob"), ["* bob has invited you to #Dev: /join #Dev"]),
        (RoomLeft("lobby", "Lobby"), ["* you left #Lobby"]),
        (Token("0123secret"), []),
        (MarkedRead("lobby", "Lobby", 17), ["* you have read #Lobby up to line 17"]),
        (
            Topic("lobby", "Lobby", "tea", "bob", NOON),
            ["* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)"],
        ),
        (Topic("lobby", "Lobby", "", "", 0), ["* #Lobby has no topic"]),
        (Stored("lobby", "Lobby", 17, 17), ["* stored Lobby 17"]),
        (Stored("lobby", "Lobby", 9, 10), ["* stored Lobby 9", "* stored Lobby 10"]),
        (RoomsListed([]), ["* 0 rooms"]),
        (
            RoomsListed([("Lobby", 2, "tea"), ("dev", 1, "")]),
            ["* 2 rooms", "*   #Lobby, 2 people: tea", "*   #dev, 1 person"],
        ),
        (
            PeopleListed(
                "Lobby",
                [
                    Present("ann", False, "", "founder"),
                    Present("bob", True, "lunch", "member"),
                    Present("eve", False, "", "member"),
                ],
            ),
            ["* 3 people in #Lobby", "*   ann (founder), bob (guest, away: lunch), eve"],
        ),
        (
            PeopleListed("", [Present(f"p{each}", False, "", "") for each in range(11)]),
            ["* 11 people here", "*   p0, p1, p2, p3, p4, p5, p6, p7, p8, p9", "*   p10"],
        ),
        (
            PersonShown("bob", True, "lunch", ["Lobby", "dev"]),
            ["* bob is a guest, in #Lobby, #dev with you; away: lunch"],
        ),
        (
            PersonShown("bob", False, "", [], "~5f"),
            ["* bob is registered, in no room with you; address: ~5f"],
        ),
        (LastSeen("bob", True, NOON), ["* bob is here"]),
        (LastSeen("bob", False, NOON), ["* bob was last here 2026-11-20 12:10"]),
        (LastSeen("bob", False, 0), ["* it is not known when bob was here"]),
        (
            RestraintsListed("lobby", "Lobby", []),
            ["* nobody is banned from #Lobby, or mute there"],
        ),
        (
            RestraintsListed(
                "lobby",
                "Lobby",
                [
                    restraint(),
                    restraint(MUTE, until=NOON + HOUR, why="spam"),
                    restraint(mask="~5f"),
                    restraint(name="~5f", mask="~5f"),
                ],
            ),
            [
                "* 3 bans and 1 mute in #Lobby",
                "*   ban of Bob for ever (by ann, 2026-11-20 12:10)",
                "*   mute of Bob until 2026-11-20 13:10 (by ann, 2026-11-20 12:10): spam",
                "*   ban of Bob (~5f) for ever (by ann, 2026-11-20 12:10)",
                "*   ban of ~5f for ever (by ann, 2026-11-20 12:10)",
            ],
        ),
        (
            CommandsListed([("nick", "NAME", "be called NAME", "anyone"), ("rooms", "", "x", "y")]),
            [
                "* /nick NAME                 be called NAME",
                "* /rooms                     x",
                f"* {TALK}",
            ],
        ),
        (Notice(["one", "two"], "code"), ["* one", "* two"]),
        (Refusal(Refused(NO_PERSON, nick="rob")), ["! nobody here is called rob"]),
    ],
)
def test_lines(happening: Happening, lines: list[str]) -> None:
    """Each is the same for those in one room and for those in several."""
    for withRoom in (False, True):
        written = TextForm(time.gmtime, withRoom).encode([happening]).decode()
        assert written == "".join(f"{line}\n" for line in lines)
