"""Tests for L{tsservices.frontends.formats.sentences}."""

from __future__ import annotations

import time
from typing import get_args

import pytest

from tests.support.chat_samples import DAY, NOON, joinedRoom
from tsservices.chat import notifications
from tsservices.chat.errors import NO_PERSON, ChatError
from tsservices.chat.operations import BAN, ME, MESSAGE, MUTE, NOTICE
from tsservices.chat.records import AccountToken, Restriction, StoredPrivateMessage
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.sentences import SENTENCES, TALK
from tsservices.frontends.formats.text import TextFormatter

HOUR = 3600 * NANOSECONDS

TOKEN = AccountToken("i", "ann", "bot", "bot", "talk", "d", NOON)

#: What everybody reads who joins a private room.
PRIVATE = ["* you are in #Lobby, alone", "* #Lobby is by invitation only"]


def whispered(kind: str) -> notifications.PrivateMessage:
    return notifications.PrivateMessage("ann", "ann", None, "bob", kind, "psst", NOON)


def stored(when: int, kind: str) -> StoredPrivateMessage:
    return StoredPrivateMessage("4f-1-0", when, "ann", "bob", "Ann", "Bob", kind, "psst")


def joined(rank: str) -> notifications.JoinedRoom:
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
        (notifications.UserJoined("lobby", "Lobby", "bob", "bob"), ["* bob joined #Lobby"]),
        (notifications.UserJoined("lobby", "Lobby", "bob", None), ["* bob (guest) joined #Lobby"]),
        (notifications.UserLeft("lobby", "Lobby", "bob", ""), ["* bob left #Lobby"]),
        (notifications.UserLeft("lobby", "Lobby", "bob", "tea"), ["* bob left #Lobby (tea)"]),
        (notifications.UserQuit("bob", ""), ["* bob is gone"]),
        (notifications.UserQuit("bob", "lunch"), ["* bob is gone (lunch)"]),
        (notifications.NickChanged("bob", "rob"), ["* bob is now called rob"]),
        (notifications.AwayChanged("bob", "lunch"), ["* bob is away: lunch"]),
        (notifications.AwayChanged("bob", ""), ["* bob is back"]),
        (notifications.AwayReply("bob", "lunch"), ["* bob is away: lunch"]),
        (notifications.Welcome("ann"), ["* you are ann"]),
        (notifications.LoggedIn("Ann", "ann", 0), ["* you are Ann, logged in"]),
        (
            notifications.LoggedIn("Ann", "ann", 1),
            ["* you are Ann, logged in; 1 private message for you: /inbox"],
        ),
        (
            notifications.LoggedIn("Ann", "ann", 0, 0, "bot", "read"),
            ["* you are Ann, logged in by the token bot (read)"],
        ),
        (
            notifications.NewToken("bot", "talk", "tst_x_y"),
            ["* the token bot (talk), which is not shown again:", "*   tst_x_y"],
        ),
        (notifications.TokenList([]), ["* you have 0 tokens"]),
        (
            notifications.TokenList([(TOKEN, 0), (TOKEN.usedAt(NOON, "~5f"), 2)]),
            [
                "* you have 2 tokens",
                "*   bot (talk), made 2026-11-20 12:10, not used yet",
                "*   bot (talk), made 2026-11-20 12:10,"
                " last used in the hour from 2026-11-20 12:00, by ~5f; 2 connections now",
            ],
        ),
        (notifications.AccountChanged("ann", "ann"), ["* ann is logged in"]),
        (notifications.AccountChanged("ann", None), ["* ann is a guest again"]),
        (
            notifications.Resumed("ann", None, [("Lobby", 17), ("dev", 0)]),
            [
                "* you are ann, as before",
                "* you are in #Lobby, where the last line is 17",
                "* you are in #dev, where the last line is 0",
            ],
        ),
        (
            notifications.Invited("dev", "Dev", "bob", "bob"),
            ["* bob has invited you to #Dev: /join #Dev"],
        ),
        (notifications.LeftRoom("lobby", "Lobby"), ["* you left #Lobby"]),
        (notifications.ResumeToken("0123secret"), []),
        (notifications.MarkedRead("lobby", "Lobby", 17), ["* you have read #Lobby up to line 17"]),
        (
            notifications.Topic("lobby", "Lobby", "tea", "bob", NOON),
            ["* topic of #Lobby: tea (set by bob, 2026-11-20 12:10)"],
        ),
        (notifications.Topic("lobby", "Lobby", "", "", 0), ["* #Lobby has no topic"]),
        (notifications.RoomModes("lobby", "Lobby", "", "", 0), ["* #Lobby has no modes"]),
        (
            notifications.RoomModes("lobby", "Lobby", "klnz", "tea", 7),
            [
                "* modes of #Lobby: +klnz",
                "*   k: whoever joins has to name the key (tea)",
                "*   l: only so many people may be in it (7)",
                "*   n: only members speak",
                "*   z: not known here",
            ],
        ),
        (notifications.MessageStored("lobby", "Lobby", 17, 17), ["* stored Lobby 17"]),
        (
            notifications.MessageStored("lobby", "Lobby", 9, 10),
            ["* stored Lobby 9", "* stored Lobby 10"],
        ),
        (notifications.RoomList([]), ["* 0 rooms"]),
        (
            notifications.RoomList([("Lobby", 2, "tea"), ("dev", 1, "")]),
            ["* 2 rooms", "*   #Lobby, 2 people: tea", "*   #dev, 1 person"],
        ),
        (
            notifications.MemberList(
                "Lobby",
                [
                    notifications.Member("ann", False, "", "founder"),
                    notifications.Member("bob", True, "lunch", "member"),
                    notifications.Member("eve", False, "", "member"),
                ],
            ),
            ["* 3 people in #Lobby", "*   ann (founder), bob (guest, away: lunch), eve"],
        ),
        (
            notifications.MemberList(
                "", [notifications.Member(f"p{item}", False, "", "") for item in range(11)]
            ),
            ["* 11 people here", "*   p0, p1, p2, p3, p4, p5, p6, p7, p8, p9", "*   p10"],
        ),
        (
            notifications.WhoisReply("bob", True, "lunch", ["Lobby", "dev"]),
            ["* bob is a guest, in #Lobby, #dev with you; away: lunch"],
        ),
        (
            notifications.WhoisReply("bob", False, "", [], "~5f"),
            ["* bob is registered, in no room with you; address: ~5f"],
        ),
        (notifications.SeenReply("bob", True, NOON), ["* bob is here"]),
        (notifications.SeenReply("bob", False, NOON), ["* bob was last here 2026-11-20 12:10"]),
        (notifications.SeenReply("bob", False, 0), ["* it is not known when bob was here"]),
        (
            notifications.RestrictionList("lobby", "Lobby", []),
            ["* nobody is banned from #Lobby, or mute there"],
        ),
        (
            notifications.RestrictionList(
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
            notifications.CommandList(
                [("nick", "NAME", "be called NAME", "anyone"), ("rooms", "", "x", "y")]
            ),
            [
                "* /nick NAME                 be called NAME",
                "* /rooms                     x",
                f"* {TALK}",
            ],
        ),
        (notifications.Notice(["one", "two"], "code"), ["* one", "* two"]),
        (
            notifications.ErrorReply(ChatError(NO_PERSON, nick="rob")),
            ["! nobody here is called rob"],
        ),
        (whispered(MESSAGE), ["[12:10:00] <ann -> bob> psst"]),
        (whispered(ME), ["[12:10:00] * <ann -> bob> psst"]),
        (whispered(NOTICE), ["[12:10:00] -ann -> bob- psst"]),
        (
            notifications.Inbox([stored(NOON, MESSAGE), stored(NOON + DAY, ME)], "", True),
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
            notifications.Inbox([stored(NOON, MESSAGE)], "Bob", False),
            [
                "--- 1 private message with Bob ---",
                "| * Friday 20 November 2026",
                "| [12:10:00] <Ann -> Bob> psst",
                "--- now ---",
            ],
        ),
        (notifications.Inbox([], "", False), ["* there are no private messages"]),
        (notifications.Inbox([], "Bob", False), ["* there are no private messages with Bob"]),
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
def test_oneRoomAndSeveral(
    happening: notifications.Notification, lines: list[str], withRoom: bool
) -> None:
    written = TextFormatter(time.gmtime, withRoom).encode([happening]).decode()
    assert written == "".join(f"{line}\n" for line in lines)


def test_allNotifications() -> None:
    messages = {
        notifications.RoomMessages,
        notifications.HistoryReplay,
        notifications.SearchResults,
    }
    assert set(SENTENCES) == {*get_args(notifications.Notification)} - messages
