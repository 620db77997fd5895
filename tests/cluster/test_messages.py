"""Tests for L{tsservices.cluster.messages}."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.test_operations import OPERATIONS
from tsservices.chat.operations import SCHEMA, Operation, Quit, Say
from tsservices.cluster.messages import (
    Message,
    UnsupportedVersion,
    assemble,
    decode,
    encode,
    encodeOperation,
    overhead,
)

#: Halves of surrogate pairs too, also both halves in a row.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))

HELLO = Message("a", "i", 17, [Say("s", "r", "message", ("a", "b")), Quit("s", "")])


def changed(**fields: object) -> bytes:
    message = {**json.loads(encode(HELLO)), **fields}
    return json.dumps({key: value for key, value in message.items() if value is not None}).encode()


def test_compactJson() -> None:
    assert (
        encode(Message("a", "i", 17, [Say("s", "r", "message", ("ä", "b"))]))
        == (
            '{"v":2,"node":"a","inc":"i","n":17,"events":[["Say","s","r","message",["ä","b"],""]]}'
        ).encode()
    )
    assert decode(encode(Message("a", "i", 1, []))) == Message("a", "i", 1, [])


@given(st.lists(OPERATIONS, max_size=5), st.integers(1, 2**63))
def test_roundTrip(events: list[Operation], n: int) -> None:
    message = Message("a-node", "its beginning", n, events)
    assert decode(encode(message)) == message


@given(ANY_TEXT)
def test_anyText(text: str) -> None:
    for item in (text, f"\ud83d{text}\ude00", "\ud83d\ude00", "\x00\x7f\u2028"):
        message = Message("a", "i", 1, [Say("s", "r", "message", (item,)), Quit("s", item)])
        assert decode(encode(message)) == message


@given(st.lists(OPERATIONS, max_size=5), st.integers(1, 2**63))
def test_overheadIsEnough(events: list[Operation], n: int) -> None:
    parts = [encodeOperation(event) for event in events]
    most = overhead("node", "inc") + sum(len(part) + 1 for part in parts)
    assert len(assemble("node", "inc", n, parts)) <= most


def test_newerVersion() -> None:
    for version in (SCHEMA + 1, 10**30):
        with pytest.raises(UnsupportedVersion, match="is known here"):
            decode(changed(v=version, whatever="else"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        changed(v=0),
        changed(v=None),
        changed(v="2"),
        changed(v=True),
        changed(v=1.0),
        changed(n=0),
        changed(n=-1),
        changed(n="1"),
        changed(n=True),
        changed(n=None),
        changed(node=1),
        changed(node=""),
        changed(inc=""),
        changed(inc=["i"]),
        changed(events={}),
        changed(events=[1]),
        changed(events=[["Sing"]]),
        changed(more=1),
        changed() + b" ",
        changed() + changed(),
    ],
)
def test_garbage(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(data)
