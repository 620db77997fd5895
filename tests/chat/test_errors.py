"""
Tests for L{tsservices.chat.errors}.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import tsservices
from tsservices.chat import errors as refusals
from tsservices.chat.errors import NICK_TAKEN, NO_PERSON, STOPPING, ChatError, ErrorCode

#: All rows of the table, by the names of their constants.
REASONS = {name: each for name, each in vars(refusals).items() if isinstance(each, ErrorCode)}


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
                facts = frozenset(each.arg or "" for each in node.keywords)
                yield f"{path.relative_to(package)}:{node.lineno}", node.args[0].id, facts


#: What L{raised} finds.
RAISED = tuple(raised())


def wanted(reason: ErrorCode) -> frozenset[str]:
    return frozenset(field for _, field, _, _ in string.Formatter().parse(reason.template) if field)


@pytest.mark.parametrize(
    ("name", "facts"), [each[1:] for each in RAISED], ids=[each[0] for each in RAISED]
)
def test_facts(name: str, facts: frozenset[str]) -> None:
    """
    Wherever a refusal is made, it is given the facts that its words speak of, and no
    others.
    """
    assert facts == wanted(REASONS[name])


def test_allAreRaised() -> None:
    """No row of the table is there for nothing."""
    assert {name for _, name, _ in RAISED} == set(REASONS)


def test_codes() -> None:
    """Programs can tell them apart."""
    codes = [each.name for each in REASONS.values()]
    assert len(set(codes)) == len(codes)
    assert all(set(code) <= set(string.ascii_lowercase + "-8") for code in codes)


@pytest.mark.parametrize("name", REASONS)
def test_words(name: str) -> None:
    """Words begin small and have no end of a sentence: they stand after a sign."""
    words = REASONS[name].template
    assert words[0] in string.ascii_lowercase + "{"
    assert words[-1] != "."
    facts = dict.fromkeys(wanted(REASONS[name]), "{0}%s")
    assert str(ChatError(REASONS[name], **facts)).isprintable()


def test_equal() -> None:
    """Refusals are the same when reason and facts are."""
    assert ChatError(NICK_TAKEN, nick="ann") == ChatError(NICK_TAKEN, nick="ann")
    assert ChatError(NICK_TAKEN, nick="ann") != ChatError(NICK_TAKEN, nick="bob")
    assert ChatError(NICK_TAKEN, nick="ann") != ChatError(NO_PERSON, nick="ann")
    assert ChatError(STOPPING) != STOPPING
