"""Tests for L{tsservices.frontends.formats.json}."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from tests.compatibility import current
from tests.support.chat_samples import NOON, joinedRoom, replay, roomMessages
from tsservices.chat import notifications
from tsservices.chat.operations import DELETED, ME
from tsservices.chat.records import AccountToken
from tsservices.frontends.formats import json as jsonform
from tsservices.frontends.formats.json import FIELDS, FORMAT, JSONFormatter, prompt


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


def test_epochs() -> None:
    restored = notifications.HistoryRestored("lobby", "Lobby", "4f", 500, 480, None, 461)
    assert JSONFormatter().encode([restored]) == (
        b'{"type":"restored","room":"Lobby","epoch":"4f","seq":500,"last":480,"common":null,'
        b'"first":461,"sure":true}\n'
    )
    resumed = notifications.Resumed("Ann", "ann", [("Lobby", 17)], "4f")
    items = objects(notifications.Welcome("Ann", None, "4f"), resumed)
    assert [item["epoch"] for item in items] == ["4f", "4f"]


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


def test_moduleDocumentsAllFields() -> None:
    assert jsonform.__doc__ is not None
    words = set(re.findall(r"\w+", jsonform.__doc__))
    samples: list[notifications.Notification] = [
        *current.samples(),
        notifications.HistoryRestored("lobby", "Lobby", "4f", 500, 480, None, 461),
        notifications.Welcome("Ann", None, "4f"),
        notifications.LoggedIn("Ann", "ann", 0, 0, "bot", "read"),
        notifications.NewToken("bot", "talk", "tst_x_y"),
        notifications.TokenList(
            [(AccountToken("i", "ann", "bot", "bot", "talk", "d", 1, 2, "~5f"), 1)]
        ),
        notifications.PassingMessage(
            "ann",
            None,
            "s1",
            "s1",
            "lobby",
            "Lobby",
            "",
            "",
            NOON,
            "4f-1",
            "message",
            "x",
            "operator",
        ),
        # These are nothing to programs that do not speak IRC.
        notifications.PassingMessage("ann", None, "s1", "s1", "", "", "bob", "+x", NOON, "4f-2"),
        notifications.RealnameChanged("ann", None, "s1", "Ann"),
        notifications.UserInvited("lobby", "Lobby", "ann", None, "s1", "bob"),
        notifications.PresenceChanged("ann", "Ann", True),
        notifications.TimeMarked("#lobby", NOON),
        notifications.Posted("lobby", "Lobby", 17, 1, NOON, "4f-5-2"),
        notifications.OperatorMessage("ann", "ann", "s1", "hello"),
        notifications.PrivateDeleted("ann", "ann", "s1", "s1", "bob", "4f-1-w1"),
        notifications.StandingChanged("lobby", "Lobby", "ann", "founder", True, "+ov"),
        notifications.RoomModes("lobby", "Lobby", "kln", "tea", 7),
        notifications.MemberList("lobby", [notifications.Member("ann", True, "", "member", True)]),
    ]
    assert {type(sample) for sample in samples} == set(get_args(notifications.Notification))
    for found in objects(*samples):
        assert {found["type"], *found} <= words
        for value in found.values():
            for inner in value if isinstance(value, list) else [value]:
                assert (set(inner) if isinstance(inner, dict) else set()) <= words
