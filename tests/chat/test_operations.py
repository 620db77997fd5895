"""Tests for L{tsservices.chat.operations} and L{tsservices.chat.serialization}."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsservices.chat.apply import HANDLERS
from tsservices.chat.operations import (
    DeleteMessage,
    Join,
    Login,
    NodeDown,
    NodeUp,
    Operation,
    Quit,
    ReattachSession,
    Say,
    SetModes,
    SetPassword,
)
from tsservices.chat.serialization import asRow, fromRow

#: Any operation that has a handler.
OPERATIONS = st.one_of(
    [st.builds(kind) for kind in {**dict.fromkeys(HANDLERS), NodeUp: 0, ReattachSession: 0}]
)

HELLO = ["Say", "s", "r", "message", ["a", "b"], "+x"]


@given(OPERATIONS)
def test_jsonRoundTrip(operation: Operation) -> None:
    again = fromRow(json.loads(json.dumps(asRow(operation))))
    assert again == operation
    # Lists have none.
    assert hash(tuple(asRow(again))) == hash(tuple(asRow(operation)))


def test_rowOfFields() -> None:
    assert asRow(Say("s", "r", "message", ("a", "b"), "+x"))[:4] == HELLO[:4]
    assert asRow(NodeDown("", "a", "i", 17)) == ["NodeGone", "", "a", "i", 17]
    assert fromRow(list(HELLO)) == Say("s", "r", "message", ("a", "b"), "+x")
    assert fromRow(HELLO[:-1], 1) == Say("s", "r", "message", ("a", "b"))


def test_readingChangesNoRow() -> None:
    row = asRow(Say("s", "r", "message", ("a", "b")))
    assert fromRow(row) == fromRow(row)


def test_typesOfValues() -> None:
    assert fromRow(["Delete", "s", "r", 1, None], 1) == DeleteMessage("s", "r", 1, None)
    assert fromRow(["Delete", "s", "r", 1, "ann"], 1) == DeleteMessage("s", "r", 1, "ann")
    # A room of the first version has its rules.
    assert fromRow(["Join", "s", "R", "r"], 1) == Join("s", "R", "r", "", "n")
    modes = SetModes("s", "r", (("+k", "x", ""), ("-v", "Bob", "bob")))
    row = ["SetModes", "s", "r", [["+k", "x", ""], ["-v", "Bob", "bob"]]]
    assert fromRow(row) == modes
    for wrong in (["SetModes", "s", "r", [["+k", "x"]]], ["SetModes", "s", "r", ["+n"]]):
        with pytest.raises(ValueError, match="is no"):
            fromRow(wrong)
    with pytest.raises(ValueError, match="fields of SetModes"):
        fromRow(["SetModes", "s", "r", []], 1)
    kick = DeleteMessage("s", "r", 1, "ann", "kick", "bob", 7, "i", "w")
    assert fromRow(["Delete", "s", "r", 1, "ann", "kick", "bob", 7, "i", "w"]) == kick
    # What the first version has not yet had.
    assert fromRow(["Login", "s", "ann", 7, "~c", "t"], 1) == Login("s", "ann", 7, "~c", "t", "")
    assert fromRow(["SetPassword", "s", "ann", 7, "v"], 1) == SetPassword("s", "ann", 7, "v")
    with pytest.raises(ValueError, match="fields of NewToken"):
        fromRow(["NewToken", "s", "bot", "bot", "read", "i", "d"], 1)
    with pytest.raises(ValueError, match="fields of Delete"):
        fromRow(["Delete", "s", "r", True, None], 1)
    with pytest.raises(ValueError, match="fields of SetPrivate"):
        fromRow(["SetPrivate", "s", "r", 1])


@pytest.mark.parametrize(
    "row",
    [
        [],
        None,
        {"Quit": 1},
        "Quit",
        ["Sing", "s"],
        [1, "s"],
        [["Quit"], "s", ""],
        ["Event", "s"],
        ["Quit", "s"],
        ["Quit", "s", "", ""],
        ["Quit", "s", None],
        ["Quit", "s", 1],
        ["Quit", "s", 1.5],
        [*HELLO[:4], "ab"],
        [*HELLO[:4], ["a", 1]],
        [*HELLO[:4], ["a", ["b"]]],
        [*HELLO[:4], None],
        [*HELLO[:4], {"a": "b"}],
        ["Return", *("s", "a", "a", None, 0, "c", "t", "", 1), [["r", "R"]], ""],
        ["Return", *("s", "a", "a", None, 0, "c", "t", "", 1), [["r", "R", "1"]], ""],
        ["Return", *("s", "a", "a", None, 0, "c", "t", "", 1), ["rR1"], ""],
    ],
)
def test_unknownRows(row: Any) -> None:
    with pytest.raises(ValueError, match=r"know|fields|no event|is no|not all"):
        fromRow(row)


def test_roomsAreTuples() -> None:
    row = ["Return", *("s", "a", "a", None, 0, "c", "t", "", 1), [["r", "R", 1], ["q", "Q", 2]], ""]
    operation = fromRow(row)
    assert isinstance(operation, ReattachSession)
    assert operation.rooms == (("r", "R", 1), ("q", "Q", 2))
    assert fromRow(asRow(Quit("s", ""))) == Quit("s", "")
