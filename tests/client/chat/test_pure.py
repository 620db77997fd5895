"""
Tests for the pure parts of the chat's client: wire, rooms, colours, completion, history.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.client.chat.events import LONGEST, Lines, LineTooLong, ServerEvent, decode
from tsservices.client.chat.outbox import Outbox, read
from tsservices.client.chat.state import ClientRoom, ClientState, CommandInfo
from tsservices.client.chat.ui import colours
from tsservices.client.chat.ui.colours import Styler, depth, highlighted, mentions
from tsservices.client.chat.ui.completion import completions
from tsservices.client.chat.ui.history import HISTORY_FILE, KEPT, InputHistory, keepable


def event(type: str, **fields: object) -> ServerEvent:
    return ServerEvent(type, {"type": type, **fields})


def line(seq: int, nick: str = "bob", room: str = "lobby", text: str = "hi") -> ServerEvent:
    return event("said", seq=seq, nick=nick, room=room, text=text, kind="message", account=None)


class TestWire:
    @given(st.lists(st.binary(max_size=6), max_size=8), st.lists(st.integers(0, 50), max_size=5))
    def test_lines(self, parts: list[bytes], cuts: list[int]) -> None:
        """However the network cuts it, the lines are the same."""
        data = b"\n".join(parts)
        whole = Lines().feed(data)
        lines, found, start = Lines(), [], 0
        for end in [*sorted(cuts), len(data)]:
            found += lines.feed(data[start:end])
            start = max(start, end)
        assert found == whole
        assert whole == [each.removesuffix(b"\r") for each in data.split(b"\n")[:-1]]

    def test_unbounded(self) -> None:
        """A line that does not end is no line."""
        lines = Lines()
        lines.feed(b"x" * LONGEST)
        with pytest.raises(LineTooLong):
            lines.feed(b"x")

    @given(st.binary(max_size=40))
    def test_anything(self, data: bytes) -> None:
        """Whatever a server sends is an object with a type, or nothing."""
        for each in (data, b'{"type":' + data + b"}"):
            found = decode(each)
            assert found is None or isinstance(found.type, str)

    @given(st.dictionaries(st.just("x"), st.none() | st.text() | st.lists(st.text() | st.none())))
    def test_fields(self, fields: dict[str, object]) -> None:
        """Fields of the wrong kind read as empty."""
        found = decode(json.dumps({"type": "said", **fields}).encode())
        assert found is not None
        assert found.number("x") == 0
        assert found.perhaps("x") is None
        assert found.span("x") is None
        assert not found.truth("x")
        assert found.each("x") == []
        assert all(isinstance(each, str) for each in found.texts("x"))
        assert "\n" not in found.text("x")

    def test_harmless(self) -> None:
        """Nothing that a terminal would obey comes out, and no second line."""
        found = event("said", text="a\x1b]0;x\x07\r\nb\tc\u202e", lines=["\x9b1m"])
        assert found.text("text") == "a\\x1b]0;x\\x07\\x0d\\nb    c\\u202e"
        assert found.texts("lines") == ["\\x9b1m"]

    def test_secret(self) -> None:
        """A secret is given back as it is, unless it would be more than one word."""
        assert event("token", token="a-b").secret("token") == "a-b"
        assert event("token", token="a\n/quit").secret("token") == ""
        assert event("token", token="").secret("token") == ""

    def test_numbers(self) -> None:
        """Truth is no number."""
        assert event("x", seq=True).number("seq") == 0
        assert event("x", missing=[3, 5]).span("missing") == (3, 5)


class TestRoom:
    def test_once(self) -> None:
        """What was shown is not shown again; what is left out by the server is no gap."""
        room = ClientRoom("lobby", 3)
        assert room.take(line(3)) == []
        assert [each.number("seq") for each in room.take(line(6))] == [6]
        assert room.take(line(5)) == []

    def test_catching(self) -> None:
        """While lines are caught up with, they are put in order."""
        room = ClientRoom("lobby", 3)
        room.catchUp()
        assert room.take(line(6)) == []
        assert room.take(line(5)) == []
        assert [each.number("seq") for each in room.take(line(4))] == [4, 5, 6]
        assert room.take(line(9)) == []
        assert [each.number("seq") for each in room.caughtUp()] == [9]
        assert room.take(line(9)) == []

    def test_missing(self) -> None:
        """Lines that are gone are stepped over."""
        room = ClientRoom("lobby", 0)
        room.catchUp()
        room.take(line(4))
        assert [each.number("seq") for each in room.skip(3)] == [4]

    def test_speakers(self) -> None:
        """Who spoke last comes first; names that change keep their place."""
        room = ClientRoom("lobby", 0)
        for nick in ("ann", "bob", "cid"):
            room.enter(nick)
        room.spoke(line(1, "bob"))
        room.spoke(line(2, "ann"))
        assert room.nicks() == ["ann", "bob", "cid"]
        room.rename("bob", "rob")
        room.leave("ANN")
        assert room.nicks() == ["rob", "cid"]


class TestTown:
    def test_events(self) -> None:
        """People come, go, and change."""
        town = ClientState()
        town.apply(event("entered", nick="ann", account=None))
        town.apply(
            event("roomEntered", room="lobby", nick="ann", nicks=["ann", "bob"], joinedSeq=7)
        )
        room = town.rooms["lobby"]
        assert (room.last, sorted(room.people)) == (7, ["ann", "bob"])
        town.apply(event("joined", room="lobby", nick="cid", account="cid"))
        town.apply(event("account", nick="bob", account="bob"))
        town.apply(event("away", nick="bob", text="lunch"))
        assert [(each.guest, each.away) for each in room.people.values()] == [
            (False, ""),
            (False, "lunch"),
            (None, ""),
        ]
        town.apply(event("renamed", nick="ann", to="Anna"))
        assert town.isSelf("anna")
        town.apply(event("left", room="lobby", nick="bob"))
        town.apply(event("gone", nick="cid"))
        assert room.nicks() == ["Anna"]
        town.selectRoom("lobby")
        town.apply(event("roomLeft", room="LOBBY"))
        assert (town.rooms, town.current) == ({}, "")

    def test_unknown(self) -> None:
        """Events of other types, and of nothing known, do no harm."""
        town = ClientState()
        for type in ("isMe", "learn", "turn", "room", "left", "people", "__init__", "joined"):
            town.apply(event(type, room="nowhere", nick="x"))
        assert town.rooms == {}


class TestOutbox:
    def test_read(self) -> None:
        """What is typed is a line or a command."""
        found = {}
        for typed in (
            "hi",
            "//hi",
            "/me waves",
            "/msg #Den x y",
            "/msg bob hi",
            "/Me",
            " /x",
            "  ",
        ):
            item = read(typed)
            found[typed] = item and (item.word, item.kind, item.body, item.room)
        assert found == {
            "hi": ("", "message", "hi", ""),
            "//hi": ("", "message", "/hi", ""),
            "/me waves": ("me", "me", "waves", ""),
            "/msg #Den x y": ("msg", "message", "x y", "den"),
            "/msg bob hi": ("msg", "", "", ""),
            "/Me": ("me", "", "", ""),
            " /x": ("", "message", "/x", ""),
            "  ": None,
        }

    def test_order(self) -> None:
        """When a line comes back, those of the same room that were sent before it will not."""
        outbox = Outbox()
        for text, room in (("a", "lobby"), ("b", "den"), ("c", "lobby")):
            item = read(text)
            assert item is not None
            item.room, item.nick = room, "ann"
            outbox.sent.append(item)
        assert outbox.came(line(1, "ann", "lobby", "z")) == []
        assert outbox.came(line(1, "bob", "lobby", "c")) == []
        assert [item.body for item in outbox.came(line(2, "ANN", "Lobby", "c"))] == ["a"]
        assert [item.body for item in outbox.sent if item is not None] == ["b"]

    def test_hidden(self) -> None:
        """Passwords are not shown with what was not done."""
        item = read("/LOGIN ann swordfish")
        assert item is not None
        assert item.shown == "/login ..."


class TestColours:
    @pytest.mark.parametrize("number", colours.PALETTE)
    def test_readable(self, number: int) -> None:
        """Every colour can be read on white and on black."""
        steps = (0, 95, 135, 175, 215, 255)
        cube = number - 16
        channels = [steps[cube // 36], steps[cube // 6 % 6], steps[cube % 6]]
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in (each / 255 for each in channels)
        ]
        light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (light + 0.05) >= 3
        assert (light + 0.05) / 0.05 >= 3

    def test_stable(self) -> None:
        """A name has the same colour in all its forms, and for ever."""
        painter = Styler(256)
        assert painter.nick("Ann") == painter.nick("\uff41\uff4e\uff4e") == "38;5;163"
        assert len({painter.nick(f"n{number}") for number in range(200)}) == len(colours.PALETTE)

    def test_depth(self) -> None:
        """There are no colours where nobody wants them."""
        assert depth({"TERM": "xterm-256color"}) == 256
        assert depth({"TERM": "xterm"}) == 8
        assert depth({"TERM": "xterm", "COLORTERM": "truecolor"}) == 256
        assert depth({"TERM": "xterm-256color", "NO_COLOR": "1"}) == 0
        assert depth({"TERM": "dumb"}) == depth({}) == 0
        assert Styler(0).paint([("nick ann", "ann"), ("", "x")]) == "annx"
        assert "\x1b[3" in Styler(8).paint([("nick ann", "ann")])

    def test_mentions(self) -> None:
        """A name is mentioned where it stands alone."""
        assert mentions("Ann: hi", "ann")
        assert mentions("hi, ann!", "ann")
        assert not mentions("annex", "ann")
        assert not mentions("ann-b", "ann")
        assert not mentions("anything", "")
        assert mentions("a(b", "a")
        assert not mentions("x", "(")

    def test_highlighted(self) -> None:
        """The words that were searched for are set off, the longest first."""
        assert highlighted("Build the builder", ["build", "builder"]) == [
            ("found", "Build"),
            ("", " the "),
            ("found", "builder"),
        ]


class TestCompletion:
    @pytest.fixture
    def town(self) -> ClientState:
        town = ClientState()
        town.nick = "ann"
        for name, nicks in (("lobby", ["ann", "bob", "Bert"]), ("den", ["bill"])):
            room = town.rooms[name] = ClientRoom(name, 0)
            for nick in nicks:
                room.enter(nick)
        town.rooms["lobby"].spoke(line(1, "Bert"))
        town.selectRoom("lobby")
        town.known = {"attic": "Attic"}
        town.commands = [
            CommandInfo("join", "ROOM", ""),
            CommandInfo("msg", "NAME|#ROOM TEXT", ""),
            CommandInfo("me", "TEXT", ""),
            CommandInfo("ack", "on|off", ""),
            CommandInfo("search", "[#ROOM|#*] [from:NAME] WORDS", ""),
        ]
        return town

    @pytest.mark.parametrize(
        ("before", "length", "found"),
        [
            ("b", 1, ["Bert: ", "bob: ", "bill: "]),
            ("hi B", 1, ["Bert ", "bob ", "bill "]),
            ("an", 2, []),
            ("#", 1, ["#lobby ", "#den ", "#Attic "]),
            ("/m", 2, ["/msg ", "/me "]),
            ("/join at", 2, ["Attic "]),
            ("/join #l", 2, ["#lobby "]),
            ("/msg b", 1, ["Bert ", "bob ", "bill "]),
            ("/msg #d", 2, ["#den "]),
            ("/ack o", 1, ["on ", "off "]),
            ("/search from:bo", 7, ["from:bob "]),
            ("/me pokes bo", 2, ["bob "]),
            ("//b", 3, []),
            ("/nope x", 1, []),
        ],
    )
    def test_offered(self, town: ClientState, before: str, length: int, found: list[str]) -> None:
        """What Tab offers, best first."""
        assert completions(before, town) == (length, found)

    @given(st.text(max_size=20))
    def test_anything(self, before: str) -> None:
        """Whatever stands there does no harm."""
        length, found = completions(before, ClientState())
        assert length <= len(before)
        assert all(each.strip() for each in found)


class TestHistory:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Iterator[Path]:
        mask = os.umask(0)
        yield tmp_path / "state"
        os.umask(mask)

    def test_kept(self, folder: Path) -> None:
        """Lines are there the next time, for their owner only."""
        history = InputHistory(str(folder))
        assert history.load() == []
        assert history.keep("hello")
        assert history.keep("你好")
        assert InputHistory(str(folder)).load() == ["hello", "你好"]
        assert stat.S_IMODE((folder / HISTORY_FILE).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    @pytest.mark.parametrize(
        "typed", ["/login ann pw", "/REGISTER pw", " /passwd a b", "//login x", "/reset ann"]
    )
    def test_secrets(self, folder: Path, typed: str) -> None:
        """What may hold a password is never written down."""
        assert not keepable(typed)
        InputHistory(str(folder)).keep(typed)
        assert not folder.exists()
        assert keepable("/login")
        assert keepable("login is /login")

    def test_bounded(self, folder: Path) -> None:
        """The file does not grow for ever."""
        folder.mkdir()
        path = folder / HISTORY_FILE
        path.write_text("".join(f"line {number}\n" for number in range(2 * KEPT + 1)))
        assert InputHistory(str(folder)).load()[-1] == f"line {2 * KEPT}"
        assert path.read_text().count("\n") == KEPT

    def test_unwritable(self) -> None:
        """Without a folder there is no history, and nothing else is lost."""
        history = InputHistory("/dev/null/x")
        assert history.keep("hello")
        assert history.load() == []
