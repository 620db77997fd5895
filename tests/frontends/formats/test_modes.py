"""Tests for L{tsservices.frontends.formats.modes}."""

from __future__ import annotations

import pytest

from tsservices.frontends.formats.modes import parseModes


@pytest.mark.parametrize(
    ("typed", "changes", "listsBans"),
    [
        ("", [], False),
        ("nt", ["+n", "+t"], False),
        ("+n-t+m", ["+n", "-t", "+m"], False),
        ("+ov-l ann bob", ["+o ann", "+v bob", "-l"], False),
        ("+kl key 5", ["+k key", "+l 5"], False),
        ("-k", ["-k"], False),
        ("-kn key", ["-k key", "-n"], False),
        ("+o", ["+o"], False),
        ("b", [], True),
        ("+nb", ["+n"], True),
        ("+bb a", ["+b a"], True),
        ("+o ann -v bob", ["+o ann", "-v bob"], False),
        ("+n what -t", ["+n", "-t"], False),
        ("+?", ["+?"], False),
    ],
)
def test_parseModes(typed: str, changes: list[str], listsBans: bool) -> None:
    request = parseModes(typed.split())
    shown = [f"{'-+'[item.on]}{item.letter} {item.argument}".rstrip() for item in request.changes]
    assert (shown, request.listsBans) == (changes, listsBans)
