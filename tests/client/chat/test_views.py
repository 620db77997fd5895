"""Tests for L{tsservices.client.chat.text_view} and L{tsservices.client.chat.json_view}."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.compatibility.files import read
from tests.support.client_world import ClientWorld, content
from tsservices.client.chat.colours import Span, Styler
from tsservices.client.chat.events import (
    Content,
    ReplayHead,
    RoomLine,
    SearchHead,
    SecretWanted,
    decode,
)
from tsservices.client.chat.json_view import JSONView
from tsservices.client.chat.login import LoginOptions
from tsservices.client.chat.ports import ConnectionChange, LineOrigin
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.text_view import TextView, searchWords

#: Friday 20 November 2026, 12:10:05 UTC.
NOON = 1_795_176_605 * 10**9

DAY = 86_400 * 10**9

#: What the line frontend writes in JSON, and for people in several rooms or in one.
FORMS = read("notifications.json")


class Shown:
    def __init__(self, marked: bool = True) -> None:
        self.state = ClientState()
        self.state.nick = "ann"
        self.state.rooms["lobby"] = ClientRoom("Lobby", 0)
        self.lines: list[str] = []
        self.spans: list[list[Span]] = []
        self.alerts: list[str] = []
        self.asked: list[str] = []
        self.view = TextView(self.state, self._show, self.asked.append, time.gmtime, marked)

    def _show(self, line: list[Span], alert: bool) -> None:
        self.lines.append(Styler(0).paint(line))
        self.spans.append(line)
        if alert:
            self.alerts.append(self.lines[-1])

    def hear(self, origin: LineOrigin = LineOrigin.NOW, **fields: object) -> None:
        whole = {"room": "Lobby", "seq": 1, "time": NOON, "kind": "message", "nick": "bob"}
        line = content("said", **{**whole, "text": "hello", "account": None, **fields})
        assert isinstance(line, RoomLine)
        room = self.state.rooms.get(line.message.room)
        self.view.roomLine(room, line.message, origin)

    def receive(self, *objects: Content) -> None:
        remaining = 0
        origin = LineOrigin.NOW
        for received in objects:
            if isinstance(received, RoomLine):
                self.view.roomLine(self.state.rooms["lobby"], received.message, origin)
                remaining -= 1
                if remaining == 0:
                    self.view.linesEnd(origin)
            elif isinstance(received, ReplayHead | SearchHead):
                found = isinstance(received, SearchHead)
                origin = LineOrigin.FOUND if found else LineOrigin.BEFORE
                remaining = received.count
                self.view.linesBegin(received)
            else:
                self.view.notify(received)


class TestLikeLineFrontend:
    @pytest.mark.parametrize("form", ["text", "text of one room"])
    def test_everyNotification(self, form: str) -> None:
        for objects, text in zip(FORMS["json"], FORMS[form], strict=False):
            shown = Shown()
            if form == "text":
                shown.state.rooms["den"] = ClientRoom("Den", 0)
            events = [decode(line.encode()) for line in objects.splitlines()]
            contents = [event.content for event in events if event is not None]
            shown.receive(*[item for item in contents if item is not None])
            assert shown.lines == _forClient(text), objects
            assert len(contents) == objects.count("\n")

    def test_tested(self) -> None:
        kinds = {json.loads(line)["type"] for text in FORMS["json"] for line in text.splitlines()}
        assert len(kinds) > 25


def _forClient(text: str) -> list[str]:
    # The client has no day before its first line.
    date = r"\* \w+day \d+ \w+ \d+"
    return [line for line in text.splitlines() if not re.fullmatch(date, line)]


class TestLines:
    def test_authorOfDeletedLine(self) -> None:
        shown = Shown()
        line = content("said", seq=7, nick="eve", time=NOON, room="Lobby")
        assert isinstance(line, RoomLine)
        shown.state.rooms["lobby"].noteAuthor(line.message)
        for text in ("7", "8", "²"):
            shown.hear(kind="delete", text=text)
        assert shown.lines == [
            "* bob deleted line 7 (said by eve at 12:10:05)",
            "* bob deleted line 8",
            "* bob deleted line ²",
        ]

    def test_rooms(self) -> None:
        shown = Shown()
        shown.hear(room="Den")
        shown.state.rooms["attic"] = ClientRoom("attic", 0)
        shown.hear()
        assert shown.lines == ["[12:10:05] #Den <bob> hello", "[12:10:05] #Lobby <bob> hello"]

    def test_changeOfDay(self) -> None:
        shown = Shown()
        shown.hear()
        shown.hear(time=NOON + DAY)
        head = content("replay", room="Lobby", lines=2, missing=[1, 4], until=6)
        assert isinstance(head, ReplayHead)
        shown.view.linesBegin(head)
        shown.hear(LineOrigin.BEFORE)
        shown.hear(LineOrigin.BEFORE, time=NOON + DAY)
        shown.view.linesEnd(LineOrigin.BEFORE)
        shown.hear(time=NOON + DAY)
        assert shown.lines == [
            "[12:10:05] <bob> hello",
            "* Saturday 21 November 2026",
            "[12:10:05] <bob> hello",
            "--- #Lobby: 2 lines from before ---",
            "--- lines 1 to 4 are no longer kept ---",
            "| * Friday 20 November 2026",
            "| [12:10:05] <bob> hello",
            "| * Saturday 21 November 2026",
            "| [12:10:05] <bob> hello",
            "--- now ---",
            "[12:10:05] <bob> hello",
        ]

    def test_mentionAlerts(self) -> None:
        shown = Shown()
        shown.hear(text="ANN: look")
        shown.hear(LineOrigin.MISSED, text="ann?")
        shown.hear(LineOrigin.BEFORE, text="ann?")
        shown.hear(nick="ann", text="ann here")
        assert shown.alerts == ["[12:10:05] <bob> ANN: look", "[12:10:05] <bob> ann?"]
        assert ("mention", "ANN: look") in shown.spans[0]
        assert ("own", "ann") in shown.spans[-1]

    def test_guestsAreMarked(self) -> None:
        shown = Shown()
        shown.hear()
        shown.state.accounts = True
        shown.hear()
        shown.hear(account="bob")
        plain = Shown(marked=False)
        plain.state.accounts = True
        plain.hear()
        assert [line[11:] for line in shown.lines] == ["<bob> hello", "<~bob> hello", "<bob> hello"]
        assert plain.lines == ["[12:10:05] <~bob> hello"]

    def test_searchedWordsAreSetOff(self) -> None:
        shown = Shown()
        shown.view.searched = searchWords('#den from:bob since:2d "tea time" brew*')
        assert shown.view.searched == ["tea", "time", "brew"]
        shown.hear(LineOrigin.FOUND, text="brewing Tea")
        assert shown.lines[-1] == "| [12:10:05] #Lobby 1 <bob> brewing Tea"
        assert ("found", "Tea") in shown.spans[-1]

    def test_privateMessageAlertsItsReceiver(self) -> None:
        shown = Shown()
        for nick, to in (("bob", "ann"), ("ann", "bob")):
            private = content("whispered", nick=nick, to=to, kind="me", text="nods", time=NOON)
            shown.view.notify(private)
        assert shown.lines == ["[12:10:05] * <bob -> ann> nods", "[12:10:05] * <ann -> bob> nods"]
        assert shown.alerts == shown.lines[:1]

    def test_painted(self) -> None:
        shown = Shown()
        shown.hear(nick="b\x1b[2Jb", text="\x1b]0;title\x07")
        painted = Styler(256).paint(shown.spans[0])
        assert "\x1b]" not in painted
        assert "\x1b[2J" not in painted
        assert "\x07" not in painted


class TestOwnWords:
    def test_styles(self) -> None:
        shown = Shown()
        shown.receive(
            content("invited", room="den", by="bob"),
            content("refused", code="x", text="no"),
            SecretWanted("password"),
        )
        shown.view.unreadBegins()
        assert shown.spans == [
            [("event", "* bob has invited you to #den: /join #den")],
            [("refusal", "! no")],
            [("mark", "--- new ---")],
        ]
        assert shown.alerts == shown.lines[:1]

    def test_firstConnectionIsNotShown(self) -> None:
        shown = Shown()
        shown.view.connectionChanged(ConnectionChange.CONNECTED)
        shown.view.connectionChanged(ConnectionChange.LOST, "closed")
        for missed in (0, 1, 2):
            shown.view.connectionChanged(ConnectionChange.RESUMED, missed=missed)
        assert shown.lines == [
            "* connection lost, trying again (closed)",
            "* back: nothing was said meanwhile",
            "* back: 1 line was said meanwhile",
            "* back: 2 lines were said meanwhile",
        ]

    def test_expired(self) -> None:
        shown = Shown()
        shown.view.linesExpired(shown.state.rooms["lobby"], 1, 4)
        assert shown.lines == ["--- #Lobby: lines 1 to 4 are no longer kept ---"]


def test_severalLines() -> None:
    shown = Shown()
    shown.hear(text="ann: a\n[12:10:05] <cat> b")
    line = "[12:10:05] <bob> "
    assert shown.lines == [f"{line}ann: a", f"{line}[12:10:05] <cat> b"]
    assert shown.alerts == shown.lines[:1]


def test_programs() -> None:
    """Unknown objects too, but not the answers to the client's own syncs."""
    written: list[str] = []
    came: list[str] = []
    options = LoginOptions("ann", rooms=["lobby"])
    world = ClientWorld(options=options, view=JSONView(written.append))
    world.connect()
    world.serverSends("isNew", text="x")
    connection = world.connection
    while connection is not None and (connection.toServer or connection.toClient):
        connection.serve(1)
        came += [line.decode() for line in connection.toClient if line.startswith(b"{")]
        world.deliver()
    world.cut(0)
    own = [line for line in written if '"client"' in line]
    assert [json.loads(line)["event"] for line in own] == ["connected", "lost"]
    objects = [line for line in written if line not in own]
    assert objects[0] == '{"type": "isNew", "text": "x"}'
    # Neither what the client asks by itself, nor what others could take its place by.
    hidden = [line for line in came if "ack is on" in line or '"type":"token"' in line]
    assert any("token" in line for line in hidden)
    assert objects[1:] == [line for line in came if line not in hidden]
