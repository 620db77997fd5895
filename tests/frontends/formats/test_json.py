"""Tests for L{tsservices.frontends.formats.json}."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chat_samples import NOON, joinedRoom, replay, roomMessages
from tsservices.chat import notifications
from tsservices.chat.errors import NO_PERSON, ChatError
from tsservices.chat.operations import BAN, DELETED, ME
from tsservices.chat.records import Restriction, StoredPrivateMessage
from tsservices.frontends.formats import json as jsonform
from tsservices.frontends.formats.json import FIELDS, FORMAT, JSONFormatter, prompt

#: The notifications that are one object.
SINGLE: tuple[tuple[notifications.Notification, str], ...] = (
    (
        notifications.UserJoined("lobby", "Lobby", "bob", None),
        '{"type":"joined","room":"Lobby","nick":"bob","account":null}',
    ),
    (
        notifications.UserLeft("lobby", "Lobby", "bob", "tea"),
        '{"type":"left","room":"Lobby","nick":"bob","why":"tea"}',
    ),
    (notifications.UserQuit("bob", ""), '{"type":"gone","nick":"bob","why":""}'),
    (notifications.NickChanged("bob", "rob"), '{"type":"renamed","nick":"bob","to":"rob"}'),
    (notifications.AwayChanged("bob", ""), '{"type":"away","nick":"bob","text":""}'),
    (notifications.AccountChanged("Bob", "bob"), '{"type":"account","nick":"Bob","account":"bob"}'),
    (
        notifications.PrivateMessage("Ann", "ann", "ann", "bob", "me", "psst", NOON, "4f-1-0"),
        '{"type":"whispered","nick":"Ann","account":"ann","to":"bob","kind":"me","text":"psst",'
        '"time":1795176600000000000,"id":"4f-1-0"}',
    ),
    (notifications.AwayReply("bob", "tea"), '{"type":"absent","nick":"bob","text":"tea"}'),
    (notifications.Welcome("Ann", "ann"), '{"type":"entered","nick":"Ann","account":"ann"}'),
    (notifications.ResumeToken("5f"), '{"type":"token","token":"5f"}'),
    (
        notifications.Resumed("Ann", "ann", [("Lobby", 17)]),
        '{"type":"resumed","nick":"Ann","account":"ann","rooms":[{"room":"Lobby","last":17}]}',
    ),
    (
        notifications.LoggedIn("Ann", "ann", 3),
        '{"type":"loggedIn","nick":"Ann","account":"ann","unread":3}',
    ),
    (
        notifications.Invited("lobby", "Lobby", "Bob", "bob"),
        '{"type":"invited","room":"Lobby","by":"Bob"}',
    ),
    (notifications.MarkedRead("lobby", "Lobby", 12), '{"type":"read","room":"Lobby","seq":12}'),
    (notifications.LeftRoom("lobby", "Lobby"), '{"type":"roomLeft","room":"Lobby"}'),
    (
        notifications.Inbox(
            [StoredPrivateMessage("4f-1-0", NOON, "ann", "bob", "Ann", "Bob", "me", "x")],
            "Ann",
            True,
        ),
        '{"type":"inbox","letters":[{"id":"4f-1-0","time":1795176600000000000,"nick":"Ann",'
        '"to":"Bob","kind":"me","text":"x"}],"with":"Ann","more":true}',
    ),
    (
        notifications.Topic("lobby", "Lobby", "tea", "bob", NOON),
        '{"type":"topic","room":"Lobby","text":"tea","by":"bob","time":1795176600000000000}',
    ),
    (
        notifications.MessageStored("lobby", "Lobby", 9, 11),
        '{"type":"stored","room":"Lobby","first":9,"last":11}',
    ),
    (
        notifications.RoomList([("Lobby", 2, "tea")]),
        '{"type":"rooms","rooms":[{"room":"Lobby","present":2,"topic":"tea"}]}',
    ),
    (
        notifications.MemberList("Lobby", [notifications.Member("bob", True, "tea", "member")]),
        '{"type":"people","room":"Lobby","people":[{"nick":"bob","guest":true,"away":"tea",'
        '"rank":"member"}]}',
    ),
    (
        notifications.WhoisReply("bob", True, "", ["Lobby"], "~5f"),
        '{"type":"person","nick":"bob","guest":true,"away":"","rooms":["Lobby"],"cloak":"~5f"}',
    ),
    (
        notifications.SeenReply("bob", False, NOON),
        '{"type":"seen","nick":"bob","here":false,"time":1795176600000000000}',
    ),
    (
        notifications.RestrictionList(
            "lobby", "Lobby", [Restriction("lobby", BAN, "bob", "Bob", "ann", NOON, 0, "spam")]
        ),
        '{"type":"restraints","room":"Lobby","restraints":[{"kind":"ban","name":"Bob",'
        '"mask":"bob","by":"ann","time":1795176600000000000,"until":0,"why":"spam"}]}',
    ),
    (
        notifications.CommandList([("nick", "NAME", "be called NAME", "anyone")]),
        '{"type":"commands","commands":[{"name":"nick","usage":"NAME",'
        '"meaning":"be called NAME","permission":"anyone"}]}',
    ),
    (
        notifications.Notice(["one", "two"], "registered"),
        '{"type":"notice","lines":["one","two"],"code":"registered"}',
    ),
    (
        notifications.ErrorReply(ChatError(NO_PERSON, nick="rob")),
        '{"type":"refused","code":"no-person","text":"nobody here is called rob"}',
    ),
)


def objects(*happenings: notifications.Notification) -> list[dict[str, Any]]:
    lines = JSONFormatter().encode(happenings).decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def test_everything() -> None:
    assert {*jsonform._WRITE_SEVERAL, *FIELDS} == set(get_args(notifications.Notification))


def test_format() -> None:
    assert FORMAT == b'{"type":"format","version":1}\n'


def test_compactJSON() -> None:
    assert (
        JSONFormatter().encode([roomMessages('你"好')]).decode()
        == '{"type":"said","room":"Lobby","seq":17,"id":"4f-5-2","time":1795176600000000000,'
        '"kind":"message","nick":"ann","account":null,"text":"你\\"好"}\n'
    )
    assert (
        JSONFormatter().encode([notifications.Welcome("é")])
        == '{"type":"entered","nick":"é","account":null}\n'.encode()
    )


def test_severalMessages() -> None:
    lines = roomMessages("a", "b", kind=ME, account="ann")
    first, second = objects(lines)
    assert second == {
        "type": "said",
        "room": "Lobby",
        "seq": lines.last,
        "id": lines.ident(1),
        "time": NOON + 1,
        "kind": "me",
        "nick": "ann",
        "account": "ann",
        "text": "b",
    }
    assert first == {**second, "seq": 17, "id": "4f-5-2", "time": NOON, "text": "a"}
    assert objects(lines.since(18)) == [second]


@given(st.text(), st.text(), st.text())
def test_anyText(text: str, nick: str, account: str) -> None:
    (found,) = objects(roomMessages(text, nick=nick, account=account))
    assert (found["text"], found["nick"], found["account"]) == (text, nick, account)


def test_replay() -> None:
    lines = roomMessages("a", "b", first=16), roomMessages("c", first=18)
    head, *lineObjects = objects(replay(*lines, missing=(1, 15)))
    assert head == {"type": "replay", "room": "Lobby", "lines": 3, "missing": [1, 15], "until": 17}
    assert lineObjects == [{**line, "replay": True} for line in objects(*lines)]
    assert objects(replay()) == [
        {"type": "replay", "room": "Lobby", "lines": 0, "missing": None, "until": 17}
    ]


def test_joinedRoom() -> None:
    expected = {
        "type": "roomEntered",
        "room": "Lobby",
        "nick": "ann",
        "topic": {"text": "tea", "by": "bob", "time": NOON},
        "nicks": ["bob", "ann"],
        "present": 2,
        "joinedSeq": 17,
        "rank": "",
        "private": False,
        "read": None,
    }
    assert objects(joinedRoom("bob", "ann", topic="tea")) == [expected]
    before = replay(roomMessages("a"))
    assert objects(joinedRoom("bob", "ann", before=before)) == [
        {**expected, "topic": None},
        *objects(before),
    ]


def test_joinedRoomWithRights() -> None:
    joined = joinedRoom("ann")
    joined.rank, joined.private, joined.read = "operator", True, 12
    (found,) = objects(joined)
    assert [found[name] for name in ("rank", "private", "read")] == ["operator", True, 12]


def test_searchResults() -> None:
    lines = roomMessages("a", "b", first=16), roomMessages("", first=18, kind=DELETED)
    head, *lineObjects = objects(notifications.SearchResults(list(lines), True))
    assert head == {"type": "found", "lines": 3, "more": True}
    assert lineObjects == [{**line, "found": True} for line in objects(*lines)]
    assert objects(notifications.SearchResults([], False)) == [
        {"type": "found", "lines": 0, "more": False}
    ]


def test_prompt() -> None:
    assert json.loads(prompt('new "password"')) == {"type": "prompt", "text": 'new "password"'}


@pytest.mark.parametrize(("notification", "expected"), SINGLE)
def test_single(notification: notifications.Notification, expected: str) -> None:
    assert JSONFormatter().encode([notification]).decode() == f"{expected}\n"


def test_allSingle() -> None:
    assert {type(happening) for happening, _ in SINGLE} == set(FIELDS)


def test_moduleDocumentsAllFields() -> None:
    assert jsonform.__doc__ is not None
    words = set(re.findall(r"\w+", jsonform.__doc__))
    written = objects(
        roomMessages("a"),
        joinedRoom("ann", topic="tea", before=replay(roomMessages("b"))),
        notifications.SearchResults([roomMessages("a")], False),
        *(happening for happening, _ in SINGLE),
    )
    for found in written:
        assert {found["type"], *found} <= words
        for value in found.values():
            for inner in value if isinstance(value, list) else [value]:
                assert (set(inner) if isinstance(inner, dict) else set()) <= words
