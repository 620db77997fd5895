"""
Tests for L{tsservices.frontends.formats.json}.
"""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.chat_samples import NOON, entered, replay, said
from tsservices.chat.errors import NO_PERSON, ChatError
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    CommandList,
    ErrorReply,
    Inbox,
    Invited,
    LeftRoom,
    LoggedIn,
    MarkedRead,
    Member,
    MemberList,
    MessageStored,
    NickChanged,
    Notice,
    Notification,
    PrivateMessage,
    RestrictionList,
    Resumed,
    ResumeToken,
    RoomList,
    SearchResults,
    SeenReply,
    Topic,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
    WhoisReply,
)
from tsservices.chat.operations import BAN, DELETED, ME
from tsservices.chat.records import Restriction, StoredPrivateMessage
from tsservices.frontends.formats import json as jsonform
from tsservices.frontends.formats.json import FIELDS, FORMAT, JSONFormatter, prompt

#: What is one object each, and that object.
OTHERS: tuple[tuple[Notification, dict[str, Any]], ...] = (
    (
        UserJoined("lobby", "Lobby", "bob", None),
        {"type": "joined", "room": "Lobby", "nick": "bob", "account": None},
    ),
    (
        UserLeft("lobby", "Lobby", "bob", "tea"),
        {"type": "left", "room": "Lobby", "nick": "bob", "why": "tea"},
    ),
    (UserQuit("bob", ""), {"type": "gone", "nick": "bob", "why": ""}),
    (NickChanged("bob", "rob"), {"type": "renamed", "nick": "bob", "to": "rob"}),
    (AwayChanged("bob", ""), {"type": "away", "nick": "bob", "text": ""}),
    (AccountChanged("Bob", "bob"), {"type": "account", "nick": "Bob", "account": "bob"}),
    (
        PrivateMessage("Ann", "ann", "ann", "bob", "me", "psst", NOON, "4f-1-0"),
        {
            "type": "whispered",
            "nick": "Ann",
            "account": "ann",
            "to": "bob",
            "kind": "me",
            "text": "psst",
            "time": NOON,
            "id": "4f-1-0",
        },
    ),
    (AwayReply("bob", "tea"), {"type": "absent", "nick": "bob", "text": "tea"}),
    (Welcome("Ann", "ann"), {"type": "entered", "nick": "Ann", "account": "ann"}),
    (ResumeToken("5f"), {"type": "token", "token": "5f"}),
    (
        Resumed("Ann", "ann", [("Lobby", 17)]),
        {
            "type": "resumed",
            "nick": "Ann",
            "account": "ann",
            "rooms": [{"room": "Lobby", "last": 17}],
        },
    ),
    (
        LoggedIn("Ann", "ann", 3),
        {"type": "loggedIn", "nick": "Ann", "account": "ann", "unread": 3},
    ),
    (Invited("lobby", "Lobby", "Bob", "bob"), {"type": "invited", "room": "Lobby", "by": "Bob"}),
    (MarkedRead("lobby", "Lobby", 12), {"type": "read", "room": "Lobby", "seq": 12}),
    (LeftRoom("lobby", "Lobby"), {"type": "roomLeft", "room": "Lobby"}),
    (
        Inbox(
            [StoredPrivateMessage("4f-1-0", NOON, "ann", "bob", "Ann", "Bob", "me", "x")],
            "Ann",
            True,
        ),
        {
            "type": "inbox",
            "letters": [
                {
                    "id": "4f-1-0",
                    "time": NOON,
                    "nick": "Ann",
                    "to": "Bob",
                    "kind": "me",
                    "text": "x",
                }
            ],
            "with": "Ann",
            "more": True,
        },
    ),
    (
        Topic("lobby", "Lobby", "tea", "bob", NOON),
        {"type": "topic", "room": "Lobby", "text": "tea", "by": "bob", "time": NOON},
    ),
    (
        MessageStored("lobby", "Lobby", 9, 11),
        {"type": "stored", "room": "Lobby", "first": 9, "last": 11},
    ),
    (
        RoomList([("Lobby", 2, "tea")]),
        {"type": "rooms", "rooms": [{"room": "Lobby", "present": 2, "topic": "tea"}]},
    ),
    (
        MemberList("Lobby", [Member("bob", True, "tea", "member")]),
        {
            "type": "people",
            "room": "Lobby",
            "people": [{"nick": "bob", "guest": True, "away": "tea", "rank": "member"}],
        },
    ),
    (
        WhoisReply("bob", True, "", ["Lobby"], "~5f"),
        {
            "type": "person",
            "nick": "bob",
            "guest": True,
            "away": "",
            "rooms": ["Lobby"],
            "cloak": "~5f",
        },
    ),
    (SeenReply("bob", False, NOON), {"type": "seen", "nick": "bob", "here": False, "time": NOON}),
    (
        RestrictionList(
            "lobby", "Lobby", [Restriction("lobby", BAN, "bob", "Bob", "ann", NOON, 0, "spam")]
        ),
        {
            "type": "restraints",
            "room": "Lobby",
            "restraints": [
                {
                    "kind": "ban",
                    "name": "Bob",
                    "mask": "bob",
                    "by": "ann",
                    "time": NOON,
                    "until": 0,
                    "why": "spam",
                }
            ],
        },
    ),
    (
        CommandList([("nick", "NAME", "be called NAME", "anyone")]),
        {
            "type": "commands",
            "commands": [
                {
                    "name": "nick",
                    "usage": "NAME",
                    "meaning": "be called NAME",
                    "permission": "anyone",
                }
            ],
        },
    ),
    (
        Notice(["one", "two"], "registered"),
        {"type": "notice", "lines": ["one", "two"], "code": "registered"},
    ),
    (
        ErrorReply(ChatError(NO_PERSON, nick="rob")),
        {"type": "refused", "code": "no-person", "text": "nobody here is called rob"},
    ),
)


def objects(*happenings: Notification) -> list[dict[str, Any]]:
    lines = JSONFormatter().encode(happenings).decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


class JSONFormTests(SynchronousTestCase):
    def test_everything(self) -> None:
        """Every happening can be written."""
        self.assertEqual({*jsonform._WRITE, *FIELDS}, set(get_args(Notification)))

    def test_format(self) -> None:
        """The first object tells the version."""
        self.assertEqual(FORMAT, b'{"type":"format","version":1}\n')

    def test_bytes(self) -> None:
        """
        A line is one object without a space that is not needed, and with characters as
        they are.
        """
        self.assertEqual(
            JSONFormatter().encode([said('你"好')]).decode(),
            '{"type":"said","room":"Lobby","seq":17,"id":"4f-5-2","time":1795176600000000000,'
            '"kind":"message","nick":"ann","account":null,"text":"你\\"好"}\n',
        )
        self.assertEqual(
            JSONFormatter().encode([Welcome("é")]),
            '{"type":"entered","nick":"é","account":null}\n'.encode(),
        )

    def test_said(self) -> None:
        """
        Each line is an object with its own number, id, and time, those that stand in
        L{Said <tsservices.chat.notifications.Said>}.
        """
        lines = said("a", "b", kind=ME, account="ann")
        first, second = objects(lines)
        self.assertEqual(
            second,
            {
                "type": "said",
                "room": "Lobby",
                "seq": lines.last,
                "id": lines.ident(1),
                "time": NOON + 1,
                "kind": "me",
                "nick": "ann",
                "account": "ann",
                "text": "b",
            },
        )
        self.assertEqual(first, {**second, "seq": 17, "id": "4f-5-2", "time": NOON, "text": "a"})
        self.assertEqual(objects(lines.since(18)), [second])

    @given(st.text(), st.text(), st.text())
    def test_anyText(self, text: str, nick: str, account: str) -> None:
        """Whatever is in a text, it is one line, and comes back as it was."""
        (found,) = objects(said(text, nick=nick, account=account))
        self.assertEqual((found["text"], found["nick"], found["account"]), (text, nick, account))

    def test_replay(self) -> None:
        """Lines said before are announced, and are as they were but for their mark."""
        lines = said("a", "b", first=16), said("c", first=18)
        head, *rest = objects(replay(*lines, missing=(1, 15)))
        self.assertEqual(
            head,
            {"type": "replay", "room": "Lobby", "lines": 3, "missing": [1, 15], "until": 17},
        )
        self.assertEqual(rest, [{**each, "replay": True} for each in objects(*lines)])
        self.assertEqual(
            objects(replay()),
            [{"type": "replay", "room": "Lobby", "lines": 0, "missing": None, "until": 17}],
        )

    def test_roomEntered(self) -> None:
        """Who enters learns about the room; the replay follows if it is there."""
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
        self.assertEqual(objects(entered("bob", "ann", topic="tea")), [expected])
        before = replay(said("a"))
        self.assertEqual(
            objects(entered("bob", "ann", before=before)),
            [{**expected, "topic": None}, *objects(before)],
        )

    def test_roomEnteredWithRights(self) -> None:
        """So it is with what the reader may do there."""
        happening = entered("ann")
        happening.rank, happening.private, happening.read = "operator", True, 12
        (found,) = objects(happening)
        self.assertEqual(
            [found[each] for each in ("rank", "private", "read")], ["operator", True, 12]
        )

    def test_found(self) -> None:
        """Lines that were searched for are announced, and are as they were but for their mark."""
        lines = said("a", "b", first=16), said("", first=18, kind=DELETED)
        head, *rest = objects(SearchResults(list(lines), True))
        self.assertEqual(head, {"type": "found", "lines": 3, "more": True})
        self.assertEqual(rest, [{**each, "found": True} for each in objects(*lines)])
        self.assertEqual(
            objects(SearchResults([], False)), [{"type": "found", "lines": 0, "more": False}]
        )

    def test_prompt(self) -> None:
        """A secret is asked for."""
        self.assertEqual(
            json.loads(prompt('new "password"')), {"type": "prompt", "text": 'new "password"'}
        )

    def test_others(self) -> None:
        """All others are one object each."""
        for happening, expected in OTHERS:
            self.assertEqual(objects(happening), [expected])

    def test_allOthers(self) -> None:
        """All of them are tested here."""
        self.assertEqual({type(happening) for happening, _ in OTHERS}, set(FIELDS))

    def test_documented(self) -> None:
        """The module tells of every type and field that is written."""
        assert jsonform.__doc__ is not None
        words = set(re.findall(r"\w+", jsonform.__doc__))
        written = objects(
            said("a"),
            entered("ann", topic="tea", before=replay(said("b"))),
            SearchResults([said("a")], False),
            *(happening for happening, _ in OTHERS),
        )
        for each in written:
            self.assertLessEqual({each["type"], *each}, words)
            for value in each.values():
                for inner in value if isinstance(value, list) else [value]:
                    self.assertLessEqual(set(inner) if isinstance(inner, dict) else set(), words)
