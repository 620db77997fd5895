"""
Tests for L{tsservices.client.chat.text_view}, its sentences, and the view of programs.
"""

from __future__ import annotations

import json
import time

import pytest

from tests.client.chat.test_pure import event
from tests.support.client_world import World
from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.json_view import JSONView
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.ports import LineOrigin
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.text_view import TextView, searchedFor
from tsservices.client.chat.ui.colours import Span, Styler

#: Friday 20 November 2026, 12:10:05 UTC.
NOON = 1_795_176_605 * 10**9

DAY = 86_400 * 10**9


class Shown:
    """A view and what it shows."""

    def __init__(self, marked: bool = True) -> None:
        self.town = ClientState()
        self.town.nick = "ann"
        self.town.rooms["lobby"] = ClientRoom("lobby", 0)
        self.lines: list[str] = []
        self.spans: list[list[Span]] = []
        self.alerts: list[str] = []
        self.asked: list[str] = []
        self.view = TextView(self.town, self._show, self.asked.append, time.gmtime, marked)

    def _show(self, line: list[Span], alert: bool) -> None:
        self.lines.append(Styler(0).paint(line))
        self.spans.append(line)
        if alert:
            self.alerts.append(self.lines[-1])

    def said(self, how: LineOrigin = LineOrigin.NOW, **fields: object) -> None:
        whole = {"room": "lobby", "seq": 1, "time": NOON, "kind": "message", "nick": "bob"}
        said = event("said", **{**whole, "text": "hello", "account": None, **fields})
        self.view.said(self.town.room(said), said, how)


class TestLines:
    """Lines of rooms."""

    def test_kinds(self) -> None:
        """Each kind is written in its own way, like the text form."""
        shown = Shown()
        for kind, text in [
            ("message", "hello"),
            ("me", "waves"),
            ("notice", "hm"),
            ("topic", "tea"),
            ("topic", ""),
            ("kick", "eve rude"),
            ("ban", "eve 2h rude"),
            ("mute", "eve forever"),
            ("unban", "eve"),
            ("op", "eve"),
            ("private", ""),
            ("delete", "7"),
            ("deleted", ""),
        ]:
            shown.said(kind=kind, text=text)
        assert [each.removeprefix("[12:10:05] ") for each in shown.lines] == [
            "<bob> hello",
            "* bob waves",
            "-bob- hm",
            "* bob changed the topic of #lobby to: tea",
            "* bob removed the topic of #lobby",
            "* bob kicked eve from #lobby: rude",
            "* bob banned eve from #lobby for 2 hours: rude",
            "* bob muted eve in #lobby for ever",
            "* bob unbanned eve from #lobby",
            "* bob made eve an operator of #lobby",
            "* bob made #lobby by invitation only",
            "* bob deleted line 7 of #lobby",
            "<bob> (deleted)",
        ]

    def test_deleted(self) -> None:
        """Whose line was deleted is told if it is known."""
        shown = Shown()
        said = event("said", seq=7, nick="eve", time=NOON, room="lobby")
        shown.town.rooms["lobby"].spoke(said)
        shown.said(kind="delete", text="7")
        assert shown.lines == ["[12:10:05] * bob deleted what eve said in #lobby at 12:10:05"]

    def test_rooms(self) -> None:
        """The room is shown when there are several, or when it is another one."""
        shown = Shown()
        shown.said(room="den")
        shown.town.rooms["attic"] = ClientRoom("attic", 0)
        shown.said()
        assert shown.lines == ["[12:10:05] #den <bob> hello", "[12:10:05] #lobby <bob> hello"]

    def test_days(self) -> None:
        """A change of day gets a line; what was said before tells each day."""
        shown = Shown()
        shown.said()
        shown.said(time=NOON + DAY)
        shown.view.replayed(event("replay", room="lobby", lines=2, missing=[1, 4], until=6))
        shown.said(LineOrigin.BEFORE)
        shown.said(LineOrigin.BEFORE, time=NOON + DAY)
        shown.view.endOfLines(LineOrigin.BEFORE, False)
        shown.said(time=NOON + DAY)
        assert shown.lines == [
            "[12:10:05] <bob> hello",
            "* Saturday 21 November 2026",
            "[12:10:05] <bob> hello",
            "--- #lobby: 2 lines from before ---",
            "--- lines 1 to 4 are no longer kept ---",
            "| * Friday 20 November 2026",
            "| [12:10:05] <bob> hello",
            "| * Saturday 21 November 2026",
            "| [12:10:05] <bob> hello",
            "--- now ---",
            "[12:10:05] <bob> hello",
        ]

    def test_mention(self) -> None:
        """Who calls one is heard; old calls and one's own are not."""
        shown = Shown()
        shown.said(text="ANN: look")
        shown.said(LineOrigin.MISSED, text="ann?")
        shown.said(LineOrigin.BEFORE, text="ann?")
        shown.said(nick="ann", text="ann here")
        assert shown.alerts == ["[12:10:05] <bob> ANN: look", "[12:10:05] <bob> ann?"]
        assert ("mention", "ANN: look") in shown.spans[0]
        assert ("own", "ann") in shown.spans[-1]

    def test_guests(self) -> None:
        """Guests are marked where there are accounts, on screens."""
        shown = Shown()
        shown.said()
        shown.town.accounts = True
        shown.said()
        shown.said(account="bob")
        plain = Shown(marked=False)
        plain.town.accounts = True
        plain.said()
        assert [each[11:] for each in shown.lines] == ["<bob> hello", "<~bob> hello", "<bob> hello"]
        assert plain.lines == ["[12:10:05] <bob> hello"]

    def test_found(self) -> None:
        """What was searched for has its day, its room and its words; older ones are offered."""
        shown = Shown()
        shown.view.searched = searchedFor('#den from:bob since:2d "tea time" brew*')
        assert shown.view.searched == ["tea", "time", "brew"]
        shown.view.replayed(event("found", lines=1, more=True))
        shown.said(LineOrigin.FOUND, text="brewing Tea")
        shown.view.endOfLines(LineOrigin.FOUND, True)
        shown.view.endOfLines(LineOrigin.FOUND, False)
        assert shown.lines == [
            "--- found: 1 line ---",
            "[2026-11-20 12:10] #lobby <bob> brewing Tea",
            "--- /search shows older ones ---",
            "--- that is all ---",
        ]
        assert ("found", "Tea") in shown.spans[1]

    def test_whispered(self) -> None:
        """What is said to one person calls for attention, but not with who says it."""
        shown = Shown()
        for nick, to in (("bob", "ann"), ("ann", "bob")):
            shown.view.told(
                event("whispered", nick=nick, to=to, kind="message", text="psst", time=NOON)
            )
        assert shown.lines == ["[12:10:05] <bob -> ann> psst", "[12:10:05] <ann -> bob> psst"]
        assert shown.alerts == shown.lines[:1]

    def test_painted(self) -> None:
        """What strangers write can't paint."""
        shown = Shown()
        shown.said(nick="b\x1b[2Jb", text="\x1b]0;title\x07")
        painted = Styler(256).paint(shown.spans[0])
        assert "\x1b]" not in painted
        assert "\x1b[2J" not in painted
        assert "\x07" not in painted


class TestSentences:
    """All else."""

    @pytest.mark.parametrize(
        ("told", "lines"),
        [
            (event("joined", room="lobby", nick="bob"), ["* bob joined #lobby"]),
            (event("left", room="lobby", nick="bob", why="tea"), ["* bob left #lobby (tea)"]),
            (event("gone", nick="bob", why=""), ["* bob is gone"]),
            (event("renamed", nick="bob", to="rob"), ["* bob is now called rob"]),
            (event("away", nick="bob", text=""), ["* bob is back"]),
            (event("absent", nick="bob", text="tea"), ["* bob is away: tea"]),
            (event("account", nick="bob", account=None), ["* bob is a guest"]),
            (
                event("loggedIn", nick="ann", account="ann", unread=2),
                ["* logged in as ann", "* 2 private messages came meanwhile: /inbox"],
            ),
            (
                event(
                    "roomEntered",
                    room="den",
                    nick="ann",
                    nicks=["ann", "bob"],
                    present=4,
                    topic={"text": "tea", "by": "bob", "time": NOON},
                    private=True,
                ),
                [
                    "* you are in #den, a private room with 3 others: bob, ... and 2 more: "
                    "/who lists all",
                    "* topic of #den: tea (set by bob, 2026-11-20 12:10)",
                ],
            ),
            (event("roomLeft", room="den"), ["* you left #den"]),
            (event("topic", room="den", text=""), ["* #den has no topic"]),
            (
                event("rooms", rooms=[{"room": "den", "present": 1, "topic": "tea"}]),
                ["* 1 room", "*   #den, 1 person: tea"],
            ),
            (
                event(
                    "people",
                    room="den",
                    people=[
                        {"nick": "ann", "guest": False, "away": "", "rank": "founder"},
                        {"nick": "bob", "guest": True, "away": "tea", "rank": "member"},
                    ],
                ),
                ["* 2 people in #den", "*   ann (founder), bob (guest, away: tea)"],
            ),
            (
                event("person", nick="bob", guest=True, away="", rooms=["den"], cloak="abc"),
                ["* bob is a guest, in #den with you; ~abc"],
            ),
            (event("seen", nick="bob", here=True, time=0), ["* bob is here"]),
            (event("seen", nick="bob", time=NOON), ["* bob was here 2026-11-20 12:10"]),
            (event("seen", nick="bob", time=0), ["* bob was never seen here"]),
            (
                event(
                    "inbox",
                    letters=[{"time": NOON, "nick": "bob", "to": "ann", "text": "psst"}],
                    more=True,
                    **{"with": "bob"},
                ),
                [
                    "* 1 private message with bob",
                    "*   [2026-11-20 12:10] <bob -> ann> psst",
                    "*   /inbox + shows older ones",
                ],
            ),
            (
                event(
                    "restraints",
                    room="den",
                    restraints=[
                        {"kind": "ban", "name": "eve", "mask": "eve", "by": "ann", "until": 0}
                    ],
                ),
                ["* 1 ban or mute in #den", "*   ban of eve (eve) by ann, for ever"],
            ),
            (event("invited", room="den", by="bob"), ["* bob invites you to #den: /join den"]),
            (
                event("commands", commands=[{"name": "me", "usage": "TEXT", "meaning": "act"}]),
                [
                    f"* {'/me TEXT':<26} act",
                    "* anything else is said in the room you are in; // begins a line with /",
                ],
            ),
            (event("notice", lines=["a", "b"]), ["* a", "* b"]),
            (event("refused", code="x", text="no"), ["! no"]),
            (event("refused", code="x"), ["! x"]),
            (event("something-new", text="x"), []),
        ],
        ids=lambda value: value.type if isinstance(value, ServerEvent) else "",
    )
    def test_told(self, told: ServerEvent, lines: list[str]) -> None:
        """Each event has its sentences."""
        shown = Shown()
        shown.view.told(told)
        assert shown.lines == lines

    def test_connection(self) -> None:
        """A loss and a return are told, the first connection is not."""
        shown = Shown()
        shown.view.connection("connected")
        shown.view.connection("lost", "closed")
        for missed in (0, 1, 2):
            shown.view.connection("resumed", missed=missed)
        assert shown.lines == [
            "* connection lost, trying again (closed)",
            "* back: nothing was said meanwhile",
            "* back: 1 line was said meanwhile",
            "* back: 2 lines were said meanwhile",
        ]


class TestPrograms:
    def test_unchanged(self) -> None:
        """
        Every object is written as it came, but for the answers to the client's own
        fences; the client adds objects of its own.
        """
        written: list[str] = []
        came: list[str] = []
        town = ClientState()
        world = World(
            wish=LoginOptions("ann", rooms=["lobby"]), view=JSONView(written.append), town=town
        )
        world.connect()
        while world.session is not None and (world.session.came or world.session.told):
            world.session.serve(1)
            came += [each.decode() for each in world.session.told if each.startswith(b"{")]
            world.deliver()
        world.cut(0)
        own = [each for each in written if '"client"' in each]
        assert [json.loads(each)["event"] for each in own] == ["connected", "note", "lost"]
        assert [each for each in written if each not in own] == [
            each for each in came if "ack is on" not in each
        ]
