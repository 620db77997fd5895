"""Tests for L{tsservices.frontends.formats.sentences}."""

from __future__ import annotations

import time
from typing import get_args

import pytest

from tests.support.chat_samples import DAY, NOON, joinedRoom
from tsservices.chat.errors import NO_PERSON, ChatError
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    CommandList,
    ErrorReply,
    HistoryReplay,
    Inbox,
    Invited,
    JoinedRoom,
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
    RoomMessages,
    SearchResults,
    SeenReply,
    Topic,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
    WhoisReply,
)
from tsservices.chat.operations import BAN, ME, MESSAGE, MUTE, NOTICE
from tsservices.chat.records import Restriction, StoredPrivateMessage
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.sentences import SENTENCES, TALK
from tsservices.frontends.formats.text import TextFormatter

HOUR = 3600 * NANOSECONDS

#: What everybody reads who joins a private room.
PRIVATE = ["* you are in #Lobby, alone", "* #Lobby is by invitation only"]


def whispered(kind: str) -> PrivateMessage:
    return PrivateMessage("ann", "ann", None, "bob", kind, "psst", NOON)


def stored(when: int, kind: str) -> StoredPrivateMessage:
    return StoredPrivateMessage("4f-1-0", when, "ann", "bob", "Ann", "Bob", kind, "psst")


def joined(rank: str) -> JoinedRoom:
    room = joinedRoom("ann")
    room.rank, room.private = rank, True
    return room


def restriction(
    kind: str = BAN, name: str = "Bob", mask: str = "bob", until: int = 0, why: str = ""
) -> Restriction:
    return Restriction("lobby", kind, mask, name, "ann", NOON, until, why)


@pytest.mark.parametrize(
    ("happening", "lines"),
    [
        (UserJoined("lobby", "Lobby", "bob", "bob"), ["* bob joined #Lobby"]),
        (UserJoined("lobby", "Lobby", "bob", None), ["* bob (guest) joined #Lobby"]),
        (UserLeft("lobby", "Lobby", "bob", ""), ["* bob left #Lobby"]),
        (UserLeft("lobby", "Lobby", "bob", "tea"), ["* bob left #Lobby (tea)"]),
        (UserQuit("bob", ""), ["* bob is gone"]),
        (UserQuit("bob", "lunch"), ["* bob is gone (lunch)"]),
        (NickChanged("bob", "rob"), ["* bob is now called rob"]),
        (AwayChanged("bob", "lunch"), ["* bob is away: lunch"]),
        (AwayChanged("bob", ""), ["* bob is back"]),
        (AwayReply("bob", "lunch"), ["* bob is away: lunch"]),
        (Welcome("ann"), ["* you are ann"]),
        (LoggedIn("Ann", "ann", 0), ["* you are Ann, logged in"]),
        (
            LoggedIn("Ann", "ann", 1),
            ["* you are Ann, logged in; 1 private message for you: /inbox"],
        ),
        (AccountChanged("ann", "ann"), ["* ann is logged in"]),
        (AccountChanged("ann", None), ["* ann is a guest again"]),
        (
            Resumed("ann", None, [("Lobby", 17), ("dev", 0)]),
            [
                "* you are ann, as before",
                "* you are in #Lobby, where the last line is 17",
                "* you are in #dev, where the last line is 0",
            ],
        ),
        (Invited("dev", "Dev", "bob", "bob"), ["* bob has invited you to #Dev: /join #Dev"]),
        (LeftRoom("lobby", "Lobby"), ["* you left #Lobby"]),
        (ResumeToken("0123secret"), []),
        (MarkedRead("lobby", "Lobby", 17), ["* you have read #Lobby up to line 17"]),
        (
            Topic("lobby", "Lobby", "tea", "bob", NOON),
            ["* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)"],
        ),
        (Topic("lobby", "Lobby", "", "", 0), ["* #Lobby has no topic"]),
        (MessageStored("lobby", "Lobby", 17, 17), ["* stored Lobby 17"]),
        (MessageStored("lobby", "Lobby", 9, 10), ["* stored Lobby 9", "* stored Lobby 10"]),
        (RoomList([]), ["* 0 rooms"]),
        (
            RoomList([("Lobby", 2, "tea"), ("dev", 1, "")]),
            ["* 2 rooms", "*   #Lobby, 2 people: tea", "*   #dev, 1 person"],
        ),
        (
            MemberList(
                "Lobby",
                [
                    Member("ann", False, "", "founder"),
                    Member("bob", True, "lunch", "member"),
                    Member("eve", False, "", "member"),
                ],
            ),
            ["* 3 people in #Lobby", "*   ann (founder), bob (guest, away: lunch), eve"],
        ),
        (
            MemberList("", [Member(f"p{item}", False, "", "") for item in range(11)]),
            ["* 11 people here", "*   p0, p1, p2, p3, p4, p5, p6, p7, p8, p9", "*   p10"],
        ),
        (
            WhoisReply("bob", True, "lunch", ["Lobby", "dev"]),
            ["* bob is a guest, in #Lobby, #dev with you; away: lunch"],
        ),
        (
            WhoisReply("bob", False, "", [], "~5f"),
            ["* bob is registered, in no room with you; address: ~5f"],
        ),
        (SeenReply("bob", True, NOON), ["* bob is here"]),
        (SeenReply("bob", False, NOON), ["* bob was last here 2026-11-20 12:10"]),
        (SeenReply("bob", False, 0), ["* it is not known when bob was here"]),
        (RestrictionList("lobby", "Lobby", []), ["* nobody is banned from #Lobby, or mute there"]),
        (
            RestrictionList(
                "lobby",
                "Lobby",
                [
                    restriction(),
                    restriction(MUTE, until=NOON + HOUR, why="spam"),
                    restriction(mask="~5f"),
                    restriction(name="~5f", mask="~5f"),
                ],
            ),
            [
                "* 3 bans and 1 mute in #Lobby",
                "*   ban of Bob for ever (by ann, 2026-11-20 12:10)",
                "*   mute of Bob until 2026-11-20 13:10 (by ann, 2026-11-20 12:10): spam",
                "*   ban of Bob (~5f) for ever (by ann, 2026-11-20 12:10)",
                "*   ban of ~5f for ever (by ann, 2026-11-20 12:10)",
            ],
        ),
        (
            CommandList([("nick", "NAME", "be called NAME", "anyone"), ("rooms", "", "x", "y")]),
            [
                "* /nick NAME                 be called NAME",
                "* /rooms                     x",
                f"* {TALK}",
            ],
        ),
        (Notice(["one", "two"], "code"), ["* one", "* two"]),
        (ErrorReply(ChatError(NO_PERSON, nick="rob")), ["! nobody here is called rob"]),
        (whispered(MESSAGE), ["[12:10:00] <ann -> bob> psst"]),
        (whispered(ME), ["[12:10:00] * <ann -> bob> psst"]),
        (whispered(NOTICE), ["[12:10:00] -ann -> bob- psst"]),
        (
            Inbox([stored(NOON, MESSAGE), stored(NOON + DAY, ME)], "", True),
            [
                "--- 2 private messages; /inbox + shows older ones ---",
                "| * Friday 20 November 2026",
                "| [12:10:00] <Ann -> Bob> psst",
                "| * Saturday 21 November 2026",
                "| [12:10:00] * <Ann -> Bob> psst",
                "--- now ---",
            ],
        ),
        (
            Inbox([stored(NOON, MESSAGE)], "Bob", False),
            [
                "--- 1 private message with Bob ---",
                "| * Friday 20 November 2026",
                "| [12:10:00] <Ann -> Bob> psst",
                "--- now ---",
            ],
        ),
        (Inbox([], "", False), ["* there are no private messages"]),
        (Inbox([], "Bob", False), ["* there are no private messages with Bob"]),
        (joinedRoom("ann"), ["* you are in #Lobby, alone"]),
        (joined("member"), PRIVATE),
        (joined("operator"), [*PRIVATE, "* you are an operator of #Lobby"]),
        (joined("founder"), [*PRIVATE, "* you are the founder of #Lobby"]),
        (joined("server"), [*PRIVATE, "* you are an operator of this server in #Lobby"]),
        (
            joinedRoom("ann", topic="tea"),
            ["* you are in #Lobby, alone", "* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)"],
        ),
        (joinedRoom("bob", "ann"), ["* you are in #Lobby with 1 other: bob"]),
        (joinedRoom("bob", "ann", "carl"), ["* you are in #Lobby with 2 others: bob, carl"]),
        (
            joinedRoom("bob", "carl", present=15),
            ["* you are in #Lobby with 14 others: bob, carl, ... and 12 more: /who lists all"],
        ),
    ],
)
@pytest.mark.parametrize("withRoom", [False, True])
def test_oneRoomAndSeveral(happening: Notification, lines: list[str], withRoom: bool) -> None:
    written = TextFormatter(time.gmtime, withRoom).encode([happening]).decode()
    assert written == "".join(f"{line}\n" for line in lines)


def test_allNotifications() -> None:
    messages = {RoomMessages, HistoryReplay, SearchResults}
    assert set(SENTENCES) == {*get_args(Notification)} - messages
