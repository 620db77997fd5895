"""
Tests for L{tsservices.frontends.formats.text}.
"""

from __future__ import annotations

import re
import time
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from tests.support.chat_samples import DAY, NOON, entered, replay, said
from tsservices.chat.notifications import (
    Inbox,
    Notification,
    PrivateMessage,
    SearchResults,
    UserJoined,
)
from tsservices.chat.operations import (
    BAN,
    DELETE,
    DELETED,
    KICK,
    ME,
    MESSAGE,
    MUTE,
    NOTICE,
    OPERATOR,
    PRIVATE,
    TOPIC,
)
from tsservices.chat.records import StoredPrivateMessage
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.text import TextFormatter

HOUR = 3600 * NANOSECONDS


class TextFormTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.form = TextFormatter(time.gmtime, False)
        self.rooms = TextFormatter(time.gmtime, True)

    def assertLines(self, happening: Notification, *lines: str) -> None:
        for form in (self.form, self.rooms):
            written = form.encode([happening]).decode()
            self.assertEqual(written, "".join(f"{line}\n" for line in lines))

    def assertPlain(self, happening: Notification, *lines: str) -> None:
        written = self.form.encode([happening]).decode()
        self.assertEqual(written.splitlines(), list(lines))

    def assertSaid(self, happening: Notification, without: str, withRoom: str) -> None:
        self.assertEqual(self.form.encode([happening]).decode(), without)
        self.assertEqual(self.rooms.encode([happening]).decode(), withRoom)

    def test_everything(self) -> None:
        """Every happening can be written."""
        self.assertEqual(set(self.form._write), set(get_args(Notification)))

    def test_said(self) -> None:
        """Each line has time and name, and its room for those who are in several."""
        self.assertSaid(
            said("hello", "你好"),
            "[12:10:00] <ann> hello\n[12:10:00] <ann> 你好\n",
            "[12:10:00] #Lobby <ann> hello\n[12:10:00] #Lobby <ann> 你好\n",
        )

    def test_kinds(self) -> None:
        """Each kind has its own form."""
        self.assertSaid(
            said("waves", kind=ME), "[12:10:00] * ann waves\n", "[12:10:00] #Lobby * ann waves\n"
        )
        self.assertSaid(
            said("hm", kind=NOTICE), "[12:10:00] -ann- hm\n", "[12:10:00] #Lobby -ann- hm\n"
        )
        self.assertSaid(
            said("", kind=DELETED),
            "[12:10:00] <ann> (deleted)\n",
            "[12:10:00] #Lobby <ann> (deleted)\n",
        )

    def test_deeds(self) -> None:
        """
        What was done begins with the server's sign, and has its room for those who are
        in several.
        """
        self.assertLines(said("tea", kind=TOPIC), "* ann changed the topic of #Lobby to: tea")
        self.assertLines(said("", kind=TOPIC), "* ann removed the topic of #Lobby")
        self.assertSaid(
            said("bob spam", kind=KICK),
            "* ann kicked bob: spam\n",
            "* ann kicked bob from #Lobby: spam\n",
        )
        self.assertPlain(
            said("bob spam", kind=KICK, time=NOON + DAY),
            "* Saturday 21 November 2026",
            "* ann kicked bob: spam",
        )

    def test_noForgery(self) -> None:
        """
        Nothing that somebody says, in any kind of line, looks like what the server says,
        now or later, and what is said in a room not like what is said to one.
        """
        real: set[str] = set()
        for kind, text in (
            (TOPIC, "tea"),
            (KICK, "bob spam"),
            (BAN, "bob 2h spam"),
            (MUTE, "bob forever"),
            (OPERATOR, "bob"),
            (PRIVATE, ""),
            (DELETE, "17"),
        ):
            for form in (self.form, self.rooms):
                real.update(_lines(form, said(text, kind=kind)))
                real.update(_lines(form, replay(said(text, kind=kind))))
                real.update(_lines(form, SearchResults([said(text, kind=kind)], False)))
        words = {re.sub(r"^(\| )?\* (\[.*?\] )?(#Lobby 17 )?(ann )?", "", line) for line in real}
        for kind in (MESSAGE, ME, NOTICE):
            for word in words | real:
                for form in (self.form, self.rooms):
                    line = said(word, kind=kind)
                    forged = {*_lines(form, line), *_lines(form, replay(line))}
                    forged.update(_lines(form, SearchResults([line], False)))
                    self.assertEqual(
                        {each for each in forged & real if not each.startswith(("---", "| * Fri"))},
                        set(),
                    )
        for kind in (MESSAGE, ME, NOTICE):
            (private,) = _lines(
                self.form, PrivateMessage("ann", "ann", None, "bob", kind, "x", NOON)
            )
            for other in (MESSAGE, ME, NOTICE):
                for text in ("-> bob x", "-> bob> x", "<ann -> bob> x", "x"):
                    self.assertNotEqual(_lines(self.form, said(text, kind=other)), [private])

    def test_several(self) -> None:
        """What happens together is written in order."""
        happenings: list[Notification] = [
            said("a"),
            UserJoined("lobby", "Lobby", "bob", "bob"),
            said("b", nick="bob"),
        ]
        self.assertEqual(
            self.form.encode(happenings).decode(),
            "[12:10:00] <ann> a\n* bob joined #Lobby\n[12:10:00] <bob> b\n",
        )
        self.assertEqual(self.form.encode([]), b"")

    def test_clock(self) -> None:
        """The time of day is asked for once a second."""
        asked: list[float] = []

        def localtime(seconds: float) -> time.struct_time:
            asked.append(seconds)
            return time.gmtime(seconds)

        form = TextFormatter(localtime, False)
        later = NOON + NANOSECONDS - 1
        form.encode([said("a"), said("b", time=later), said("c", "d", time=NOON + 1)])
        self.assertEqual(len(asked), 1)
        written = form.encode([said("e", time=later + 1)])
        self.assertEqual(written, b"[12:10:01] <ann> e\n")
        self.assertEqual(len(asked), 2)

    def test_newDay(self) -> None:
        """The first line of a day comes after its date."""
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
        """It is the day where the server stands."""
        form = TextFormatter(lambda seconds: time.gmtime(seconds + 12 * 3600), False)
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
        """The first line of a room comes without a date."""
        self.assertPlain(said("a", first=1, previous=0), "[12:10:00] <ann> a")

    def test_since(self) -> None:
        """The later part of what one person said has no date of its own."""
        later = said("a", "b", time=NOON + DAY).since(18)
        self.assertPlain(later, "[12:10:00] <ann> b")
        self.assertEqual((later.previous, later.time), (NOON + DAY, NOON + DAY + 1))

    def test_replay(self) -> None:
        """Lines said before are marked, and each day has its date."""
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
            "| * [12:10:00] ann changed the topic of #Lobby to: tea",
            "--- now ---",
        )
        self.assertIn(b"| [12:10:00] #Lobby <ann> b\n", self.rooms.encode([before]))

    def test_missing(self) -> None:
        """Lines that are not kept any more are told of."""
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

    def test_whispered(self) -> None:
        """Both read from whom and to whom it is, whichever kind."""
        for kind, line in (
            ("message", "[12:10:00] <ann -> bob> psst"),
            ("me", "[12:10:00] * <ann -> bob> psst"),
            ("notice", "[12:10:00] -ann -> bob- psst"),
        ):
            self.assertLines(PrivateMessage("ann", "ann", None, "bob", kind, "psst", NOON), line)

    def test_entered(self) -> None:
        """
        Who enters learns who else is there, and nothing of a topic and lines that
        there are not.
        """
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

    def test_enteredWithHistory(self) -> None:
        """The topic and the last lines follow."""
        self.assertPlain(
            entered("ann", topic="tea", before=replay(said("a"))),
            "* you are in #Lobby, alone",
            "* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)",
            "--- #Lobby: 1 line from before ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] <ann> a",
            "--- now ---",
        )

    def test_enteredWithRights(self) -> None:
        """Who may do more than others is told so, and how closed the room is."""
        for rank, words in (
            ("operator", "an operator of #Lobby"),
            ("founder", "the founder of #Lobby"),
            ("server", "an operator of this server in #Lobby"),
        ):
            happening = entered("ann")
            happening.rank, happening.private = rank, True
            self.assertLines(
                happening,
                "* you are in #Lobby, alone",
                "* #Lobby is by invitation only",
                f"* you are {words}",
            )
        happening = entered("ann")
        happening.rank = "member"
        self.assertLines(happening, "* you are in #Lobby, alone")

    def test_unread(self) -> None:
        """Who has read some is told of the rest, if that is more than what is shown."""
        happening = entered("ann", before=replay(said("a")))
        happening.read = 16
        self.assertEqual(_lines(self.form, happening)[-1], "--- now ---")
        happening.read = 15
        self.assertEqual(
            _lines(self.form, happening)[-1],
            "* 2 lines you have not read: /since #Lobby 15 shows all",
        )
        happening = entered("ann")
        happening.read = 16
        self.assertEqual(
            _lines(self.form, happening)[-1],
            "* 1 line you have not read: /since #Lobby 16 shows all",
        )

    def test_found(self) -> None:
        """Lines that were searched for show their room and number, for C{/since}."""
        self.assertLines(
            SearchResults(
                [
                    said("a", "b", first=14),
                    said("bob 2h", first=16, kind=BAN),
                    said("", first=17, kind=DELETED, time=NOON + DAY),
                ],
                True,
            ),
            "--- 4 lines found; /search shows older ones ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] #Lobby 14 <ann> a",
            "| [12:10:00] #Lobby 15 <ann> b",
            "| * [12:10:00] #Lobby 16 ann banned bob for 2 hours",
            "| * Saturday 21 November 2026",
            "| [12:10:00] #Lobby 17 <ann> (deleted)",
            "--- now ---",
        )
        self.assertEqual(
            _lines(self.form, SearchResults([said("a")], False))[0],
            "--- 1 line found ---",
        )
        self.assertLines(SearchResults([], False), "* nothing was found")

    def test_inbox(self) -> None:
        """Private messages of before have their day."""
        letters = [
            StoredPrivateMessage("4f-1-0", NOON, "ann", "bob", "Ann", "Bob", MESSAGE, "psst"),
            StoredPrivateMessage("4f-1-1", NOON + DAY, "bob", "ann", "Bob", "Ann", ME, "nods"),
        ]
        self.assertLines(
            Inbox(letters, "", True),
            "--- 2 private messages; /inbox + shows older ones ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] <Ann -> Bob> psst",
            "| * Saturday 21 November 2026",
            "| [12:10:00] * <Bob -> Ann> nods",
            "--- now ---",
        )
        self.assertEqual(
            _lines(self.form, Inbox(letters[:1], "Bob", False))[0],
            "--- 1 private message with Bob ---",
        )
        self.assertLines(Inbox([], "", False), "* there are no private messages")
        self.assertLines(Inbox([], "Bob", False), "* there are no private messages with Bob")


def _lines(form: TextFormatter, happening: Notification) -> list[str]:
    return form.encode([happening]).decode().splitlines()
