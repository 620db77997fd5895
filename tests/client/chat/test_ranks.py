"""Tests for L{tsservices.client.chat.ranks}."""

from __future__ import annotations

import pytest

from tests.support.client_world import content
from tsservices.client.chat.events import RoomLine
from tsservices.client.chat.ranks import RoomRanks


def note(ranks: RoomRanks, kind: str, text: str) -> None:
    line = content("said", room="tea", seq=1, kind=kind, nick="x", text=text)
    assert isinstance(line, RoomLine)
    ranks.note(line.message)


@pytest.mark.parametrize(
    ("kind", "text", "signs"),
    [
        ("op", "ann", "@@+"),
        # Founders stay founders.
        ("deop", "eve", " @+"),
        ("mode", "-k+v-v key ann CARL", "+@ "),
        ("mode", "+lo 5 carl", " @@"),
        ("mode", "-lo carl", " @+"),
        ("mode", "+ov", " @+"),
        ("mode", "", " @+"),
        ("message", "+o ann", " @+"),
    ],
)
def test_lines(kind: str, text: str, signs: str) -> None:
    ranks = RoomRanks()
    ranks.set("eve", "founder", False)
    ranks.set("carl", "member", True)
    note(ranks, kind, text)
    assert [ranks.sign(name) or " " for name in ("ann", "eve", "carl")] == list(signs)
