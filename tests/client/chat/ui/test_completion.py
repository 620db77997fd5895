"""Tests for L{tsservices.client.chat.ui.completion}."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.chat.test_state import message
from tsservices.client.chat.state import ClientRoom, ClientState, CommandInfo
from tsservices.client.chat.ui.completion import completions


@pytest.fixture
def state() -> ClientState:
    state = ClientState()
    state.nick = "ann"
    for name, nicks in (("lobby", ["ann", "bob", "Bert"]), ("den", ["bill"])):
        room = state.rooms[name] = ClientRoom(name, 0)
        for nick in nicks:
            room.addMember(nick)
    state.rooms["lobby"].noteAuthor(message(1, "Bert"))
    state.selectRoom("lobby")
    state.roomNames = {"attic": "Attic"}
    state.commands = [
        CommandInfo("join", "ROOM", ""),
        CommandInfo("msg", "NAME|#ROOM TEXT", ""),
        CommandInfo("me", "TEXT", ""),
        CommandInfo("ack", "on|off", ""),
        CommandInfo("delete", "SEQ|[NAME] last", ""),
        CommandInfo("search", "[#ROOM|#*] [from:NAME] WORDS", ""),
    ]
    return state


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
        ("/delete l", 1, ["last "]),
        ("/delete b", 1, ["Bert ", "bob ", "bill "]),
        ("/delete bob l", 1, ["last "]),
        ("/me pokes bo", 2, ["bob "]),
        ("hello\nb", 1, ["Bert: ", "bob: ", "bill: "]),
        ("hello all\n/m", 2, ["/msg ", "/me "]),
        ("/me sits\nand b", 1, ["Bert ", "bob ", "bill "]),
        ("(b", 1, ["Bert", "bob", "bill"]),
        ('ask "@bo', 2, ["bob"]),
        ("/me pokes (bo", 2, ["bob"]),
        ("in (#d", 2, ["#den"]),
        ("ask (", 1, []),
        ("see http://x/b", 10, []),
        ("//b", 3, []),
        ("/nope x", 1, []),
    ],
)
def test_offered(state: ClientState, before: str, length: int, found: list[str]) -> None:
    assert completions(before, state) == (length, found)


@given(st.text(max_size=20))
def test_anything(before: str) -> None:
    length, found = completions(before, ClientState())
    assert length <= len(before)
    assert all(item.strip() for item in found)
