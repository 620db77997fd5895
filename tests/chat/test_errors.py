"""Tests for L{tsservices.chat.errors}."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import tsservices
from tsservices.chat import errors as errors
from tsservices.chat.errors import NICK_TAKEN, NO_PERSON, STOPPING, ChatError, ErrorCode

#: All rows of the table, by the names of their constants.
REASONS = {name: item for name, item in vars(errors).items() if isinstance(item, ErrorCode)}


def raised() -> Iterator[tuple[str, str, frozenset[str]]]:
    package = Path(tsservices.__file__).parent
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "ChatError"
                and node.args
                and isinstance(node.args[0], ast.Name)
                and node.args[0].id in REASONS
            ):
                facts = frozenset(item.arg or "" for item in node.keywords)
                yield f"{path.relative_to(package)}:{node.lineno}", node.args[0].id, facts


def wanted(reason: ErrorCode) -> frozenset[str]:
    return frozenset(field for _, field, _, _ in string.Formatter().parse(reason.template) if field)


def test_raised() -> None:
    """Each code is, and always with the facts of its template."""
    names = set()
    for place, name, facts in raised():
        assert facts == wanted(REASONS[name]), place
        names.add(name)
    assert names == set(REASONS)


def test_namesDiffer() -> None:
    codes = [item.name for item in REASONS.values()]
    assert len(set(codes)) == len(codes)
    assert all(set(code) <= set(string.ascii_lowercase + "-8") for code in codes)


@pytest.mark.parametrize("name", REASONS)
def test_templatesAreNoSentences(name: str) -> None:
    words = REASONS[name].template
    assert words[0] in string.ascii_lowercase + "{"
    assert words[-1] != "."
    facts = dict.fromkeys(wanted(REASONS[name]), "{0}%s")
    assert str(ChatError(REASONS[name], **facts)).isprintable()


def test_equality() -> None:
    assert ChatError(NICK_TAKEN, nick="ann") == ChatError(NICK_TAKEN, nick="ann")
    assert ChatError(NICK_TAKEN, nick="ann") != ChatError(NICK_TAKEN, nick="bob")
    assert ChatError(NICK_TAKEN, nick="ann") != ChatError(NO_PERSON, nick="ann")
    assert ChatError(STOPPING) != STOPPING
