"""
Tests for L{tsservices.doors.jsonform}.
"""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.chatsamples import NOON, entered, replay, said
from tsservices.chat.events import ME
from tsservices.chat.happenings import (
    Absent,
    AwayChanged,
    Entered,
    Gone,
    Happening,
    Joined,
    Left,
    Notice,
    PeopleListed,
    PersonShown,
    Refusal,
    Renamed,
    RoomLeft,
    RoomsListed,
    Stored,
    Topic,
    Whispered,
)
from tsservices.chat.refusals import NO_PERSON, Refused
from tsservices.doors import jsonform
from tsservices.doors.jsonform import FORMAT, JSONForm


def objects(*happenings: Happening) -> list[dict[str, Any]]:
    """
    @param happenings: what happened.
    @return: what programs read of it.
    """
    lines = JSONForm().encode(happenings).decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


class JSONFormTests(SynchronousTestCase):
    """
    Tests for L{JSONForm}.
    """

    def test_everything(self) -> None:
        """
        Every happening can be written.
        """
        self.assertEqual(set(jsonform._WRITE), set(get_args(Happening)))

    def test_format(self) -> None:
        """
        The first object tells the version.
        """
        self.assertEqual(FORMAT, b'{"type":"format","version":1}\n')

    def test_bytes(self) -> None:
        """
        A line is one object without a space that is not needed, and with characters as
        they are.
        """
        self.assertEqual(
            JSONForm().encode([said('你"好')]).decode(),
            '{"type":"said","room":"Lobby","seq":17,"id":"4f-5-2","time":1795176600000000000,'
            '"kind":"message","nick":"ann","account":null,"text":"你\\"好"}\n',
        )
        self.assertEqual(
            JSONForm().encode([Entered("é")]), '{"type":"entered","nick":"é"}\n'.encode()
        )

    def test_said(self) -> None:
        """
        Each line is an object with its own number, id, and time, those that stand in
        L{Said <tsservices.chat.happenings.Said>}.
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
        """
        Whatever is in a text, it is one line, and comes back as it was.
        """
        (found,) = objects(said(text, nick=nick, account=account))
        self.assertEqual((found["text"], found["nick"], found["account"]), (text, nick, account))

    def test_replay(self) -> None:
        """
        Lines said before are announced, and are as they were but for their mark.
        """
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
        """
        Who enters learns about the room; the replay follows if it is there.
        """
        expected = {
            "type": "roomEntered",
            "room": "Lobby",
            "nick": "ann",
            "topic": {"text": "tea", "by": "bob", "time": NOON},
            "nicks": ["bob", "ann"],
            "present": 2,
            "joinedSeq": 17,
        }
        self.assertEqual(objects(entered("bob", "ann", topic="tea")), [expected])
        before = replay(said("a"))
        self.assertEqual(
            objects(entered("bob", "ann", before=before)),
            [{**expected, "topic": None}, *objects(before)],
        )

    def test_others(self) -> None:
        """
        All others are one object each.
        """
        for happening, expected in (
            (Joined("lobby", "Lobby", "bob"), {"type": "joined", "room": "Lobby", "nick": "bob"}),
            (
                Left("lobby", "Lobby", "bob", "tea"),
                {"type": "left", "room": "Lobby", "nick": "bob", "why": "tea"},
            ),
            (Gone("bob", ""), {"type": "gone", "nick": "bob", "why": ""}),
            (Renamed("bob", "rob"), {"type": "renamed", "nick": "bob", "to": "rob"}),
            (AwayChanged("bob", ""), {"type": "away", "nick": "bob", "text": ""}),
            (
                Whispered("ann", "ann", "bob", "me", "psst", NOON),
                {
                    "type": "whispered",
                    "nick": "ann",
                    "to": "bob",
                    "kind": "me",
                    "text": "psst",
                    "time": NOON,
                },
            ),
            (Absent("bob", "tea"), {"type": "absent", "nick": "bob", "text": "tea"}),
            (Entered("ann"), {"type": "entered", "nick": "ann"}),
            (RoomLeft("lobby", "Lobby"), {"type": "roomLeft", "room": "Lobby"}),
            (
                Topic("lobby", "Lobby", "tea", "bob", NOON),
                {"type": "topic", "room": "Lobby", "text": "tea", "by": "bob", "time": NOON},
            ),
            (
                Stored("lobby", "Lobby", 9, 11),
                {"type": "stored", "room": "Lobby", "first": 9, "last": 11},
            ),
            (
                RoomsListed([("Lobby", 2, "tea")]),
                {"type": "rooms", "rooms": [{"room": "Lobby", "present": 2, "topic": "tea"}]},
            ),
            (
                PeopleListed("Lobby", [("bob", "tea")]),
                {"type": "people", "room": "Lobby", "people": [{"nick": "bob", "away": "tea"}]},
            ),
            (
                PersonShown("bob", True, "", ["Lobby"]),
                {"type": "person", "nick": "bob", "guest": True, "away": "", "rooms": ["Lobby"]},
            ),
            (Notice(["one", "two"]), {"type": "notice", "lines": ["one", "two"]}),
            (
                Refusal(Refused(NO_PERSON, nick="rob")),
                {"type": "refused", "code": "no-person", "text": "nobody here is called rob"},
            ),
        ):
            self.assertEqual(objects(happening), [expected])

    def test_documented(self) -> None:
        """
        The module tells of every type and field that is written.
        """
        assert jsonform.__doc__ is not None
        words = set(re.findall(r"\w+", jsonform.__doc__))
        written = objects(said("a"), entered("ann", topic="tea", before=replay(said("b"))))
        for each in written:
            self.assertLessEqual({each["type"], *each}, words)
