"""Tests for L{tsservices.client.chat.colours}."""

from __future__ import annotations

import pytest

from tsservices.client.chat import colours
from tsservices.client.chat.colours import Styler, depth, highlighted, marked


@pytest.mark.parametrize("number", colours.PALETTE)
def test_readableOnWhiteAndBlack(number: int) -> None:
    steps = (0, 95, 135, 175, 215, 255)
    cube = number - 16
    channels = [steps[cube // 36], steps[cube // 6 % 6], steps[cube % 6]]
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (item / 255 for item in channels)
    ]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (light + 0.05) >= 3
    assert (light + 0.05) / 0.05 >= 3


def test_nameKeepsItsColour() -> None:
    styler = Styler(256)
    assert styler.nick("Ann") == styler.nick("\uff41\uff4e\uff4e") == "38;5;163"
    assert len({styler.nick(f"n{number}") for number in range(200)}) == len(colours.PALETTE)


def test_colourDepth() -> None:
    assert depth({"TERM": "xterm-256color"}) == 256
    assert depth({"TERM": "xterm"}) == 8
    assert depth({"TERM": "xterm", "COLORTERM": "truecolor"}) == 256
    assert depth({"TERM": "xterm-256color", "NO_COLOR": "1"}) == 0
    assert depth({"TERM": "dumb"}) == depth({}) == 0
    assert Styler(0).paint([("nick ann", "ann"), ("", "x")]) == "annx"
    assert "\x1b[3" in Styler(8).paint([("nick ann", "ann")])


def test_foundOtherwise() -> None:
    assert highlighted("do Łodzi i Łódź, kiedyś", ["lodz"]) == [
        ("", "do Łodzi i "),
        ("found", "Łódź,"),
        ("", " kiedyś"),
    ]
    # One of them in the very spelling does not hide the other.
    assert highlighted("lodz, Łódź", ["lodz"]) == [
        ("found", "lodz"),
        ("", ", "),
        ("found", "Łódź"),
    ]


def test_marked() -> None:
    assert marked("hi ann and bob", [(3, 6), (11, 14)], "mention") == [
        ("", "hi "),
        ("mention", "ann"),
        ("", " and "),
        ("mention", "bob"),
    ]
    assert marked("hi", [], "mention") == [("", "hi")]


def test_highlighted() -> None:
    assert highlighted("Build the builder", ["build", "builder"]) == [
        ("found", "Build"),
        ("", " the "),
        ("found", "builder"),
    ]
