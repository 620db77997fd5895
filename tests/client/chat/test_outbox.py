"""Tests for L{tsservices.client.chat.outbox}."""

from __future__ import annotations

import pytest

from tests.client.chat.test_state import message
from tsservices.client.chat.commands import SECRET_COMMANDS
from tsservices.client.chat.outbox import Outbox, OutgoingLine, parseTyped
from tsservices.frontends.slash.commands import COMMANDS


def parsed(typed: str) -> OutgoingLine:
    item = parseTyped(typed)
    assert item is not None
    return item


@pytest.mark.parametrize(
    ("typed", "word", "kind", "body", "room"),
    [
        ("hi", "", "message", "hi", ""),
        ("//hi", "", "message", "/hi", ""),
        ("/me waves", "me", "me", "waves", ""),
        ("/msg #Den x y", "msg", "message", "x y", "den"),
        ("/msg bob hi", "msg", "", "", ""),
        ("/Me", "me", "", "", ""),
        (" /x", "", "message", "/x", ""),
        ("/msg\xa0#den\u3000hi", "msg", "message", "hi", "den"),
        ("/me\u2003waves", "me", "me", "waves", ""),
        ("/ x", "", "", "", ""),
        ("\ufeffhi \ufeffann", "", "message", "hi ann", ""),
    ],
)
def test_parsed(typed: str, word: str, kind: str, body: str, room: str) -> None:
    item = parsed(typed)
    assert (item.word, item.kind, item.body, item.room) == (word, kind, body, room)


def test_empty() -> None:
    assert parseTyped("  ") is None


def test_passwordsAreHidden() -> None:
    assert parsed("/LOGIN ann swordfish").shown == "/login ..."


def test_secretCommandsAreTheServers() -> None:
    assert {row.name for row in COMMANDS.values() if row.secret is not None} == SECRET_COMMANDS


def test_order() -> None:
    """When a line comes back, earlier ones of its room are lost."""
    outbox = Outbox()
    for text, room in (("a", "lobby"), ("b", "den"), ("c", "lobby")):
        item = parsed(text)
        item.room, item.nick = room, "ann"
        outbox.sent.append(item)
    assert outbox.settleByMessage(message(1, "ann", "lobby", "z")) == []
    assert outbox.settleByMessage(message(1, "bob", "lobby", "c")) == []
    refused = outbox.settleByMessage(message(2, "ANN", "Lobby", "c"))
    assert [item.body for item in refused] == ["a"]
    assert [item.body for item in outbox.sent if item is not None] == ["b"]
