"""Tests for L{tsservices.client.chat.events}."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.client_world import content
from tsservices.chat.notifications import (
    CommandList,
    ErrorReply,
    HistoryReplay,
    JoinedRoom,
    MemberList,
    Notice,
    Posted,
    PresenceChanged,
    RealnameChanged,
    ResumeToken,
    RoomMessages,
    SearchResults,
    TimeMarked,
    UserInvited,
    UserJoined,
)
from tsservices.client.chat.events import (
    _CONTENTS,
    Content,
    Fields,
    ReplayHead,
    RoomLine,
    clean,
    decode,
)

#: Names of fields that are read.
NAMES = st.sampled_from(
    ["account", "lines", "missing", "nick", "nicks", "people", "read", "room", "rooms", "seq"]
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(NAMES, values, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("line", [b"", b"* hello", b"{", b"{}", b'{"type":7}', b"[]", b"{" * 10**5])
def test_noObject(line: bytes) -> None:
    assert decode(line) is None


@given(st.binary(max_size=40))
def test_anyBytes(data: bytes) -> None:
    for line in (data, b'{"type":' + data + b"}"):
        event = decode(line)
        assert event is None or event.raw


@given(st.sampled_from(sorted(_CONTENTS)), st.dictionaries(NAMES, JSON))
def test_anyFieldsAreHarmless(type: str, values: dict[str, object]) -> None:
    for value in _texts(content(type, **values)):
        assert clean(value) == value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    names = [field.name for field in fields(value)] if is_dataclass(value) else []
    return [text for name in names for text in _texts(getattr(value, name))]


def test_everyNotificationHasAType() -> None:
    found = {type(content(name)) for name in _CONTENTS}
    several = {RoomMessages, HistoryReplay, SearchResults}
    # The JSON form has none for them.
    others = {RealnameChanged, PresenceChanged, TimeMarked, UserInvited, Posted}
    assert found == {*get_args(Content)} - several - others


def test_unknownTypesAndFields() -> None:
    event = decode(b'{"type":"isNew","text":"x"}')
    assert event is not None
    assert event.content is None
    joined = content("joined", room="Den", nick="bob", mood="good")
    assert isinstance(joined, UserJoined)
    assert (joined.room, joined.roomName, joined.nick, joined.account) == (
        "den",
        "Den",
        "bob",
        None,
    )


@given(st.none() | st.text() | st.lists(st.text() | st.none()))
def test_wrongTypes(value: object) -> None:
    values = Fields({"x": value})
    assert values.number("x") == 0
    assert values.optionalNumber("x") is None
    assert values.numberPair("x") is None
    assert not values.flag("x")
    assert values.objects("x") == []


@pytest.mark.parametrize(
    ("value", "number"), [(7, 7), (-1, -1), (True, 0), (2**63, 0), (-(2**64), 0), (1.5, 0)]
)
def test_numbers(value: object, number: int) -> None:
    """A boolean is no number, nor is what would overflow a clock."""
    assert Fields({"x": value}).number("x") == number


def test_noControlCharacters() -> None:
    line = content("said", text="a\x1b]0;x\x07\r\nb\tc\u202e")
    assert isinstance(line, RoomLine)
    assert line.message.texts == ("a\\x1b]0;x\\x07\\x0d\\nb    c\\u202e",)
    notice = content("notice", lines=["\x9b1m", 7])
    assert isinstance(notice, Notice)
    assert notice.lines == ["\\x9b1m"]


@pytest.mark.parametrize(("sent", "token"), [("a-b", "a-b"), ("a\n/quit", ""), ("", ""), (7, "")])
def test_tokenIsOneWord(sent: object, token: str) -> None:
    read = content("token", token=sent)
    assert isinstance(read, ResumeToken)
    assert read.token == token


def test_error() -> None:
    """Also an error of a later server, with braces in its text."""
    error = content("refused", code="is-new", text="not {that}")
    assert isinstance(error, ErrorReply)
    assert (error.error.code.name, str(error.error)) == ("is-new", "not {that}")
    error = content("refused", code="is-new")
    assert isinstance(error, ErrorReply)
    assert str(error.error) == "is-new"


def test_lists() -> None:
    joined = content("roomEntered", room="Den", nicks=["ann", 7, "bob"], topic=None, read=None)
    assert isinstance(joined, JoinedRoom)
    assert (joined.room, joined.nicks, joined.read) == ("den", ["ann", "bob"], None)
    replay = content("replay", room="Den", lines=2, missing=[3, 5])
    assert replay == ReplayHead("den", "Den", 2, (3, 5))
    people = content("people", people=[{"nick": "cid"}, 7])
    assert isinstance(people, MemberList)
    assert [member.nick for member in people.members] == ["cid"]
    listed = content("commands", commands=[{"name": "me", "usage": "TEXT"}, {"usage": "x"}])
    assert isinstance(listed, CommandList)
    assert listed.commands == [("me", "TEXT", "", "")]


def test_raw() -> None:
    line = json.dumps({"type": "gone", "nick": "Zoë"}, ensure_ascii=False)
    event = decode(line.encode())
    assert event is not None
    assert event.raw == line
