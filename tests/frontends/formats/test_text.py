"""Tests for L{tsservices.frontends.formats.text}: the lines of rooms."""

from __future__ import annotations

import re
import time
from typing import get_args

import pytest

from tests.support.chat_samples import DAY, NOON, joinedRoom, replay, roomMessages
from tsservices.chat.notifications import (
    Notification,
    PrivateMessage,
    RoomMessages,
    SearchResults,
    UnreadLines,
    UserJoined,
    UserLeft,
)
from tsservices.chat.operations import (
    BAN,
    DELETE,
    DELETED,
    KICK,
    ME,
    MESSAGE,
    MUTE,
    NOTICE,
    OPERATOR,
    PRIVATE,
    TOPIC,
)
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.text import TextFormatter

HOUR = 3600 * NANOSECONDS

#: For those in one room, and for those in several.
PLAIN, WITH_ROOM = TextFormatter(time.gmtime, False), TextFormatter(time.gmtime, True)

FORMATTERS = (PLAIN, WITH_ROOM)


def lines(happening: Notification, formatter: TextFormatter = PLAIN) -> list[str]:
    return formatter.encode([happening]).decode().splitlines()


def test_everything() -> None:
    assert set(PLAIN._write) == set(get_args(Notification))


@pytest.mark.parametrize(
    ("message", "plain", "withRoom"),
    [
        (
            roomMessages("hello", "你好"),
            ["[12:10:00] <ann> hello", "[12:10:00] <ann> 你好"],
            ["[12:10:00] #Lobby <ann> hello", "[12:10:00] #Lobby <ann> 你好"],
        ),
        (
            roomMessages("waves", kind=ME),
            ["[12:10:00] * ann waves"],
            ["[12:10:00] #Lobby * ann waves"],
        ),
        (roomMessages("hm", kind=NOTICE), ["[12:10:00] -ann- hm"], ["[12:10:00] #Lobby -ann- hm"]),
        (
            roomMessages("", kind=DELETED),
            ["[12:10:00] <ann> (deleted)"],
            ["[12:10:00] #Lobby <ann> (deleted)"],
        ),
        (
            roomMessages("bob spam", kind=KICK),
            ["* ann kicked bob: spam"],
            ["* ann kicked bob from #Lobby: spam"],
        ),
        (
            roomMessages("tea", kind=TOPIC),
            ["* ann changed the topic of #Lobby to: tea"],
            ["* ann changed the topic of #Lobby to: tea"],
        ),
        (
            roomMessages("", kind=TOPIC),
            ["* ann removed the topic of #Lobby"],
            ["* ann removed the topic of #Lobby"],
        ),
    ],
)
def test_kinds(message: RoomMessages, plain: list[str], withRoom: list[str]) -> None:
    assert lines(message) == plain
    assert lines(message, WITH_ROOM) == withRoom


def test_noForgery() -> None:
    """No text in any kind of line looks like a line of the server, or like another kind of line."""
    genuine: set[str] = set()
    for kind, text in (
        (TOPIC, "tea"),
        (KICK, "bob spam"),
        (BAN, "bob 2h spam"),
        (MUTE, "bob forever"),
        (OPERATOR, "bob"),
        (PRIVATE, ""),
        (DELETE, "17"),
    ):
        for formatter in FORMATTERS:
            action = roomMessages(text, kind=kind)
            for happening in (action, replay(action), SearchResults([action], False)):
                genuine.update(lines(happening, formatter))
    texts = {re.sub(r"^(\| )?\* (\[.*?\] )?(#Lobby 17 )?(ann )?", "", line) for line in genuine}
    dates = {line for line in genuine if line.startswith(("---", "| * Fri"))}
    for kind in (MESSAGE, ME, NOTICE):
        for text in texts | genuine:
            forgery = roomMessages(text, kind=kind)
            for formatter in FORMATTERS:
                for happening in (forgery, replay(forgery), SearchResults([forgery], False)):
                    assert not (genuine - dates).intersection(lines(happening, formatter))
    for kind in (MESSAGE, ME, NOTICE):
        (private,) = lines(PrivateMessage("ann", "ann", None, "bob", kind, "x", NOON))
        for other in (MESSAGE, ME, NOTICE):
            for text in ("-> bob x", "-> bob> x", "<ann -> bob> x", "x"):
                assert lines(roomMessages(text, kind=other)) != [private]


def test_severalLines() -> None:
    """Each line of a message shows whose it is."""
    message = roomMessages("a\n[12:10:05] <bob> b", kind=MESSAGE)
    assert lines(message) == ["[12:10:00] <ann> a", "[12:10:00] <ann> [12:10:05] <bob> b"]
    found = lines(SearchResults([message], False))
    assert [line.startswith("| [12:10:00] #Lobby 17 <ann> ") for line in found[2:4]] == [True, True]
    private = PrivateMessage("ann", "ann", None, "bob", MESSAGE, "a\nb", NOON)
    assert [line[11:] for line in lines(private)] == ["<ann -> bob> a", "<ann -> bob> b"]


def test_severalNotifications() -> None:
    happenings: list[Notification] = [
        roomMessages("a"),
        UserJoined("lobby", "Lobby", "bob", "bob"),
        roomMessages("b", nick="bob"),
    ]
    written = b"[12:10:00] <ann> a\n* bob joined #Lobby\n[12:10:00] <bob> b\n"
    assert PLAIN.encode(happenings) == written
    assert PLAIN.encode([]) == b""


def test_localtimeOncePerSecond() -> None:
    asked: list[float] = []

    def localtime(seconds: float) -> time.struct_time:
        asked.append(seconds)
        return time.gmtime(seconds)

    formatter = TextFormatter(localtime, False)
    later = NOON + NANOSECONDS - 1
    formatter.encode(
        [roomMessages("a"), roomMessages("b", time=later), roomMessages("c", "d", time=NOON + 1)]
    )
    assert len(asked) == 1
    assert lines(roomMessages("e", time=later + 1), formatter) == ["[12:10:01] <ann> e"]
    assert len(asked) == 2


class TestDates:
    def test_newDay(self) -> None:
        evening, night = NOON + DAY // 2 - 11 * 60 * NANOSECONDS, NOON + DAY // 2
        assert lines(roomMessages("a", time=evening)) == ["[23:59:00] <ann> a"]
        assert lines(roomMessages("b", "c", time=night, previous=evening)) == [
            "* Saturday 21 November 2026",
            "[00:10:00] <ann> b",
            "[00:10:00] <ann> c",
        ]
        assert lines(roomMessages("d", time=night, previous=night - 1)) == ["[00:10:00] <ann> d"]

    def test_action(self) -> None:
        assert lines(roomMessages("bob spam", kind=KICK, time=NOON + DAY)) == [
            "* Saturday 21 November 2026",
            "* ann kicked bob: spam",
        ]

    def test_dayIsLocal(self) -> None:
        formatter = TextFormatter(lambda seconds: time.gmtime(seconds + 12 * 3600), False)
        assert lines(roomMessages("a", time=NOON, previous=NOON - HOUR), formatter) == [
            "* Saturday 21 November 2026",
            "[00:10:00] <ann> a",
        ]

    def test_anyOrderOfReaders(self) -> None:
        first = roomMessages("a", time=NOON + DAY)
        second = roomMessages("b", nick="bob", time=NOON + DAY + 1, previous=NOON + DAY)
        dated = b"* Saturday 21 November 2026\n[12:10:00] <ann> a\n"
        for _ in range(2):
            assert PLAIN.encode([second]) == b"[12:10:00] <bob> b\n"
            assert PLAIN.encode([first, second]) == dated + b"[12:10:00] <bob> b\n"
            assert PLAIN.encode([first]) == dated

    def test_firstLineOfRoom(self) -> None:
        assert lines(roomMessages("a", first=1, previous=0)) == ["[12:10:00] <ann> a"]

    def test_laterPartOfMessages(self) -> None:
        later = roomMessages("a", "b", time=NOON + DAY).since(18)
        assert lines(later) == ["[12:10:00] <ann> b"]
        assert (later.previous, later.time) == (NOON + DAY, NOON + DAY + 1)


class TestBefore:
    def test_replay(self) -> None:
        before = replay(
            roomMessages("a", "b", first=14, time=NOON),
            roomMessages("c", first=16, time=NOON + HOUR, previous=0),
            roomMessages("tea", first=17, time=NOON + DAY, kind=TOPIC),
        )
        assert lines(before) == [
            "--- #Lobby: 4 lines from before ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] <ann> a",
            "| [12:10:00] <ann> b",
            "| [13:10:00] <ann> c",
            "| * Saturday 21 November 2026",
            "| * [12:10:00] ann changed the topic of #Lobby to: tea",
            "--- now ---",
        ]
        assert "| [12:10:00] #Lobby <ann> b" in lines(before, WITH_ROOM)
        before.numbered = True
        assert lines(before, WITH_ROOM) == lines(before)
        assert lines(before)[3::3] == [
            "| [12:10:00] #Lobby 15 <ann> b",
            "| * [12:10:00] #Lobby 17 ann changed the topic of #Lobby to: tea",
        ]

    def test_missing(self) -> None:
        assert lines(replay(roomMessages("a"), missing=(1, 16)))[:3] == [
            "--- #Lobby: 1 line from before ---",
            "--- lines 1 to 16 are no longer kept ---",
            "| * Friday 20 November 2026",
        ]
        assert lines(replay(missing=(3, 3))) == [
            "--- #Lobby: nothing from before ---",
            "--- line 3 is no longer kept ---",
        ]
        assert lines(replay()) == ["--- #Lobby: nothing from before ---"]

    @pytest.mark.parametrize("formatter", FORMATTERS)
    def test_searchResults(self, formatter: TextFormatter) -> None:
        messages = [
            roomMessages("a", "b", first=14),
            roomMessages("bob 2h", first=16, kind=BAN),
            roomMessages("", first=17, kind=DELETED, time=NOON + DAY),
        ]
        assert lines(SearchResults(messages, True), formatter) == [
            "--- 4 lines found; /search shows older ones ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] #Lobby 14 <ann> a",
            "| [12:10:00] #Lobby 15 <ann> b",
            "| * [12:10:00] #Lobby 16 ann banned bob for 2 hours",
            "| * Saturday 21 November 2026",
            "| [12:10:00] #Lobby 17 <ann> (deleted)",
            "--- now ---",
        ]
        head, *_ = lines(SearchResults([roomMessages("a")], False), formatter)
        assert head == "--- 1 line found ---"
        assert lines(SearchResults([], False), formatter) == ["* nothing was found"]


class TestJoinedRoom:
    def test_replay(self) -> None:
        assert lines(joinedRoom("ann", topic="tea", before=replay(roomMessages("a")))) == [
            "* you are in #Lobby, alone",
            "* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)",
            "--- #Lobby: 1 line from before ---",
            "| * Friday 20 November 2026",
            "| [12:10:00] <ann> a",
            "--- now ---",
        ]
        assert lines(joinedRoom("ann", before=replay())) == ["* you are in #Lobby, alone"]

    def test_whoIsKickedLeavesOnce(self) -> None:
        assert lines(UserLeft("lobby", "Lobby", "bob", "", announced=True)) == []

    @pytest.mark.parametrize(
        ("count", "more", "line"),
        [
            (1, False, "* 1 line you have not read: /since #Lobby 15 shows all"),
            (30, False, "* 30 lines you have not read: /since #Lobby 15 shows all"),
            (1000, True, "* more than 1000 lines you have not read: /since #Lobby 15 shows all"),
        ],
    )
    def test_unreadLines(self, count: int, more: bool, line: str) -> None:
        assert lines(UnreadLines("lobby", "Lobby", count, more, 15)) == [line]
