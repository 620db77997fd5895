"""
Tests for L{tsservices.doors.textform}.
"""

from __future__ import annotations

import time
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from tests.chatsamples import DAY, NOON, entered, replay, said
from tsservices.chat.events import ME, NOTICE, TOPIC
from tsservices.chat.happenings import (
    Absent,
    AwayChanged,
    Entered,
    Gone,
    Happening,
    Joined,
    Left,
    Notice,
    PeopleListed,
    PersonShown,
    Refusal,
    Renamed,
    RoomLeft,
    RoomsListed,
    Stored,
    Topic,
    Whispered,
)
from tsservices.chat.refusals import NO_PERSON, Refused
from tsservices.doors.textform import TextForm
from tsservices.stamps import NANOSECONDS

HOUR = 3600 * NANOSECONDS


class TextFormTests(SynchronousTestCase):
    """
    Tests for L{TextForm}.
    """

    def setUp(self) -> None:
        """
        The server stands where it is always UTC.
        """
        self.form = TextForm(time.gmtime, False)
        self.rooms = TextForm(time.gmtime, True)

    def assertLines(self, happening: Happening, *lines: str) -> None:
        """
        @param happening: what happened.
        @param lines: what is written of it, with and without rooms.
        """
        for form in (self.form, self.rooms):
            written = form.encode([happening]).decode()
            self.assertEqual(written, "".join(f"{line}\n" for line in lines))

    def assertPlain(self, happening: Happening, *lines: str) -> None:
        """
        @param happening: what happened.
        @param lines: what is written of it to who is in one room.
        """
        written = self.form.encode([happening]).decode()
        self.assertEqual(written.splitlines(), list(lines))

    def assertSaid(self, happening: Happening, without: str, withRoom: str) -> None:
        """
        @param happening: what happened.
        @param without: what is written of it to who is in one room.
        @param withRoom: to who is in several.
        """
        self.assertEqual(self.form.encode([happening]).decode(), without)
        self.assertEqual(self.rooms.encode([happening]).decode(), withRoom)

    def test_everything(self) -> None:
        """
        Every happening can be written.
        """
        self.assertEqual(set(TextForm._WRITE), set(get_args(Happening)))

    def test_said(self) -> None:
        """
        Each line has time and name, and its room for those who are in several.
        """
        self.assertSaid(
            said("hello", "你好"),
            "[12:10:00] <ann> hello\n[12:10:00] <ann> 你好\n",
            "[12:10:00] #Lobby <ann> hello\n[12:10:00] #Lobby <ann> 你好\n",
        )

    def test_kinds(self) -> None:
        """
        Each kind has its own form.
        """
        self.assertSaid(
            said("waves", kind=ME), "[12:10:00] * ann waves\n", "[12:10:00] #Lobby * ann waves\n"
        )
        self.assertSaid(
            said("hm", kind=NOTICE), "[12:10:00] -ann- hm\n", "[12:10:00] #Lobby -ann- hm\n"
        )
        changed = "[12:10:00] * ann changed the topic of #Lobby to: tea"
        self.assertLines(said("tea", kind=TOPIC), changed)
        self.assertLines(said("", kind=TOPIC), "[12:10:00] * ann removed the topic of #Lobby")

    def test_several(self) -> None:
        """
        What happens together is written in order.
        """
        happenings: list[Happening] = [
            said("a"),
            Joined("lobby", "Lobby", "bob"),
            said("b", nick="bob"),
        ]
        self.assertEqual(
            self.form.encode(happenings).decode(),
            "[12:10:00] <ann> a\n* bob joined #Lobby\n[12:10:00] <bob> b\n",
        )
        self.assertEqual(self.form.encode([]), b"")

    def test_clock(self) -> None:
        """
        The time of day is asked for once a second.
        """
        asked: list[float] = []

        def localtime(seconds: float) -> time.struct_time:
            """
            @param seconds: since 1970.
            @return: the time in UTC.
            """
            asked.append(seconds)
            return time.gmtime(seconds)

        form = TextForm(localtime, False)
        later = NOON + NANOSECONDS - 1
        form.encode([said("a"), said("b", time=later), said("c", "d", time=NOON + 1)])
        self.assertEqual(len(asked), 1)
        written = form.encode([said("e", time=later + 1)])
        self.assertEqual(written, b"[12:10:01] <ann> e\n")
        self.assertEqual(len(asked), 2)

    def test_newDay(self) -> None:
        """
        The first line of a day comes after its date.
        """
        evening, night = NOON + DAY // 2 - 11 * 60 * NANOSECONDS, NOON + DAY // 2
        self.assertPlain(said("a", time=evening), "[23:59:00] <ann> a")
        self.assertPlain(
            said("b", "c", time=night, previous=evening),
            "* Saturday 21 November 2026",
            "[00:10:00] <ann> b",
            "[00:10:00] <ann> c",
        )
        self.assertPlain(said("d", time=night, previous=night - 1), "[00:10:00] <ann> d")

    def test_newDayIsLocal(self) -> None:
        """
        It is the day where the server stands.
        """
        form = TextForm(lambda seconds: time.gmtime(seconds + 12 * 3600), False)
        written = form.encode([said("a", time=NOON, previous=NOON - HOUR)])
        self.assertEqual(written, b"* Saturday 21 November 2026\n[00:10:00] <ann> a\n")

    def test_newDayForEveryone(self) -> None:
        """
        Whoever is written the first line of a day gets the date, whoever is not does
        not, in whatever order that is asked for and however often.
        """
        first = said("a", time=NOON + DAY)
        second = said("b", nick="bob", time=NOON + DAY + 1, previous=NOON + DAY)
        for _ in range(2):
            self.assertEqual(self.form.encode([second]), b"[12:10:00] <bob> b\n")
            self.assertEqual(
                self.form.encode([first, second]),
                b"* Saturday 21 November 2026\n[12:10:00] <ann> a\n[12:10:00] <bob> b\n",
            )
            self.assertEqual(
                self.form.encode([first]), b"* Saturday 21 November 2026\n[12:10:00] <ann> a\n"
            )

    def test_firstLine(self) -> None:
        """
        The first line of a room comes without a date.
        """
        self.assertPlain(said("a", first=1, previous=0), "[12:10:00] <ann> a")

    def test_since(self) -> None:
        """
        The later part of what one person said has no date of its own.
        """
        later = said("a", "b", time=NOON + DAY).since(18)
        self.assertPlain(later, "[12:10:00] <ann> b")
        self.assertEqual((later.previous, later.time), (NOON + DAY, NOON + DAY + 1))

    def test_replay(self) -> None:
        """
        Lines said before are marked, and each day has its date.
        """
        before = replay(
            said("a", "b", first=14, time=NOON),
            said("c", first=16, time=NOON + HOUR, previous=0),
            said("tea", first=17, time=NOON + DAY, kind=TOPIC),
        )
        self.assertPlain(
            before,
            "--- #Lobby: 4 lines from before ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] <ann> a",
            "| [12:10:00] <ann> b",
            "| [13:10:00] <ann> c",
            "| * Saturday 21 November 2026",
            "| [12:10:00] * ann changed the topic of #Lobby to: tea",
            "--- now ---",
        )
        self.assertIn(b"| [12:10:00] #Lobby <ann> b\n", self.rooms.encode([before]))

    def test_missing(self) -> None:
        """
        Lines that are not kept any more are told of.
        """
        self.assertPlain(
            replay(said("a"), missing=(1, 16)),
            "--- #Lobby: 1 line from before ---",
            "--- lines 1 to 16 are no longer kept ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] <ann> a",
            "--- now ---",
        )
        self.assertLines(
            replay(missing=(3, 3)),
            "--- #Lobby: nothing from before ---",
            "--- line 3 is no longer kept ---",
        )
        self.assertLines(replay(), "--- #Lobby: nothing from before ---")

    def test_comingAndGoing(self) -> None:
        """
        People come, go, are away, and change their names.
        """
        self.assertLines(Joined("lobby", "Lobby", "bob"), "* bob joined #Lobby")
        self.assertLines(Left("lobby", "Lobby", "bob", ""), "* bob left #Lobby")
        self.assertLines(Left("lobby", "Lobby", "bob", "tea"), "* bob left #Lobby (tea)")
        self.assertLines(Gone("bob", ""), "* bob is gone")
        self.assertLines(Gone("bob", "lunch"), "* bob is gone (lunch)")
        self.assertLines(Renamed("bob", "rob"), "* bob is now called rob")
        self.assertLines(AwayChanged("bob", "lunch"), "* bob is away: lunch")
        self.assertLines(AwayChanged("bob", ""), "* bob is back")

    def test_whispered(self) -> None:
        """
        Both read from whom and to whom it is, whichever kind; who is away is told of
        by itself.
        """
        for kind, line in (
            ("message", "[12:10:00] <ann -> bob> psst"),
            ("me", "[12:10:00] * ann -> bob psst"),
            ("notice", "[12:10:00] -ann -> bob- psst"),
        ):
            self.assertLines(Whispered("ann", "ann", "bob", kind, "psst", NOON), line)
        self.assertLines(Absent("bob", "lunch"), "* bob is away: lunch")

    def test_entered(self) -> None:
        """
        Who enters learns who else is there, and nothing of a topic and lines that
        there are not.
        """
        self.assertLines(Entered("ann"), "* you are ann")
        self.assertLines(entered("ann"), "* you are in #Lobby, alone")
        self.assertLines(
            entered("ann", before=replay()),
            "* you are in #Lobby, alone",
        )
        self.assertLines(entered("bob", "ann"), "* you are in #Lobby with 1 other: bob")
        self.assertLines(
            entered("bob", "ann", "carl"), "* you are in #Lobby with 2 others: bob, carl"
        )
        self.assertLines(
            entered("bob", "carl", present=15),
            "* you are in #Lobby with 14 others: bob, carl, ... and 12 more: /who lists all",
        )
        self.assertLines(RoomLeft("lobby", "Lobby"), "* you left #Lobby")

    def test_enteredWithHistory(self) -> None:
        """
        The topic and the last lines follow.
        """
        self.assertPlain(
            entered("ann", topic="tea", before=replay(said("a"))),
            "* you are in #Lobby, alone",
            "* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)",
            "--- #Lobby: 1 line from before ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] <ann> a",
            "--- now ---",
        )

    def test_topic(self) -> None:
        """
        A topic, or none.
        """
        self.assertLines(
            Topic("lobby", "Lobby", "tea", "bob", NOON),
            "* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)",
        )
        self.assertLines(Topic("lobby", "Lobby", "", "", 0), "* #Lobby has no topic")

    def test_stored(self) -> None:
        """
        Each line of one's own that is kept has a line.
        """
        self.assertLines(Stored("lobby", "Lobby", 17, 17), "* stored Lobby 17")
        self.assertLines(
            Stored("lobby", "Lobby", 9, 11),
            "* stored Lobby 9",
            "* stored Lobby 10",
            "* stored Lobby 11",
        )

    def test_rooms(self) -> None:
        """
        Rooms are counted and listed.
        """
        self.assertLines(RoomsListed([]), "* 0 rooms")
        self.assertLines(
            RoomsListed([("Lobby", 2, "tea"), ("dev", 1, "")]),
            "* 2 rooms",
            "*   #Lobby, 2 people: tea",
            "*   #dev, 1 person",
        )

    def test_people(self) -> None:
        """
        People are counted and listed, some on each line.
        """
        self.assertLines(
            PeopleListed("Lobby", [("ann", ""), ("bob", "lunch")]),
            "* 2 people in #Lobby",
            "*   ann, bob (away: lunch)",
        )
        self.assertLines(
            PeopleListed("", [(f"p{number}", "") for number in range(11)]),
            "* 11 people here",
            "*   p0, p1, p2, p3, p4, p5, p6, p7, p8, p9",
            "*   p10",
        )

    def test_person(self) -> None:
        """
        Somebody is shown in one line.
        """
        self.assertLines(
            PersonShown("bob", True, "lunch", ["Lobby", "dev"]),
            "* bob is a guest, in #Lobby, #dev with you; away: lunch",
        )
        self.assertLines(
            PersonShown("bob", False, "", []), "* bob is registered, in no room with you"
        )

    def test_words(self) -> None:
        """
        The server's own words, and why something is not done.
        """
        self.assertLines(Notice(["one", "two"]), "* one", "* two")
        self.assertLines(Refusal(Refused(NO_PERSON, nick="rob")), "! nobody here is called rob")
