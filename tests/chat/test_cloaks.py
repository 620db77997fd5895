"""Tests for the masks of L{tsservices.chat.cloaks}."""

from __future__ import annotations

import time

import pytest

from tsservices.chat.cloaks import (
    MASK_LENGTH,
    maskOf,
    matches,
    matchesEverybody,
    parseMask,
    singleTarget,
)
from tsservices.chat.errors import ChatError


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("Bob", "bob!*@*"),
        ("bob!", "bob!*@*"),
        ("@guest", "*!*@guest"),
        ("user@*.account", "*!user@*.account"),
        ("b***b!x@", "b*b!x@*"),
        ("bob.account", "*!*@bob.account"),
        ("~k3v9", "*!*@~k3v9"),
        ("*!*@~k3v9", "*!*@~k3v9"),
        ("\uff22OB\uff01*", "bob!*@*"),
        ("Łódź*", "łódź*!*@*"),
    ],
)
def test_fullMasks(text: str, mask: str) -> None:
    assert parseMask(text) == mask
    assert parseMask(mask) == mask


@pytest.mark.parametrize("text", ["", "a b", "a\x00", "a\u202e", "a\u3000b", "x" * 101])
def test_noMasks(text: str) -> None:
    with pytest.raises(ChatError):
        parseMask(text)


@pytest.mark.parametrize(
    ("mask", "target"),
    [
        ("*!*@bob.account", "bob"),
        ("*!us?r@bob.account", "bob"),
        ("*!other@bob.account", ""),
        ("b!*@bob.account", ""),
        ("*!*@b*.account", ""),
        ("*!*@~k3v9", "~k3v9"),
        ("*!*@guest", ""),
    ],
)
def test_masksOfOne(mask: str, target: str) -> None:
    assert singleTarget(mask) == target


@pytest.mark.parametrize("key", ["bob", "~k3v9", "b*!*@guest"])
def test_maskOf(key: str) -> None:
    assert (singleTarget(maskOf(key)) or maskOf(key)) == key


@pytest.mark.parametrize(
    ("mask", "nick", "account", "expected"),
    [
        ("b?b!*@*", "bob", None, True),
        ("b?b!*@*", "boob", None, False),
        ("b*b!*@*", "boob", "x", True),
        ("*!*@b*.account", "x", "bob", True),
        ("*!*@b*.account", "x", None, False),
        ("x!*@gu??t", "x", None, True),
        ("[a-z]!*@*", "b", None, False),
        ("a*b*c!user@*", "a-b-b-c", None, True),
        ("a*b*c!user@*", "a-c-b", None, False),
        ("*a!root@*", "a", None, False),
    ],
)
def test_matches(mask: str, nick: str, account: str | None, expected: bool) -> None:
    assert matches(mask, nick, account) is expected


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("*!*@guest", True),
        ("??*!*@g*", True),
        ("*!*@*.account", True),
        ("*!other@*", False),
        ("???!*@*", False),
        ("*-*!*@*", False),
    ],
)
def test_matchesEverybody(mask: str, expected: bool) -> None:
    assert matchesEverybody(mask) is expected


def test_noMaskTakesLong() -> None:
    mask = parseMask("*a" * (MASK_LENGTH // 2 - 3) + "b")
    began = time.process_time()
    for _ in range(100):
        assert not matches(mask, "a" * 32, "a" * 32)
    assert time.process_time() - began < 1
