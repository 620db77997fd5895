"""
Who comes and goes, and what people are called, written for people.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.answers import Entered, Invited, LoggedIn, MarkedRead, Resumed, RoomLeft, Token
from tsservices.chat.happenings import (
    Absent,
    AccountChanged,
    AwayChanged,
    Gone,
    Happening,
    Joined,
    Left,
    Renamed,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.doors.localtime import LocalTime
from tsservices.doors.phrases import counted, reason


def _joined(times: LocalTime, joined: Joined) -> str:
    """
    @param times: not looked at.
    @param joined: somebody entered a room.
    @return: a line.
    """
    guest = " (guest)" if joined.account is None else ""
    return f"* {joined.nick}{guest} joined {ROOM_SIGN}{joined.roomName}\n"


def _left(times: LocalTime, left: Left) -> str:
    """
    @param times: not looked at.
    @param left: somebody left a room.
    @return: a line.
    """
    return f"* {left.nick} left {ROOM_SIGN}{left.roomName}{reason(left.why)}\n"


def _gone(times: LocalTime, gone: Gone) -> str:
    """
    @param times: not looked at.
    @param gone: somebody left altogether.
    @return: a line.
    """
    return f"* {gone.nick} is gone{reason(gone.why)}\n"


def _renamed(times: LocalTime, renamed: Renamed) -> str:
    """
    @param times: not looked at.
    @param renamed: somebody is called something else.
    @return: a line.
    """
    return f"* {renamed.nick} is now called {renamed.to}\n"


def _away(times: LocalTime, away: AwayChanged | Absent) -> str:
    """
    @param times: not looked at.
    @param away: somebody is away, or back.
    @return: a line.
    """
    return f"* {away.nick} is {f'away: {away.text}' if away.text else 'back'}\n"


def _entered(times: LocalTime, entered: Entered) -> str:
    """
    @param times: not looked at.
    @param entered: the reader is in.
    @return: a line.
    """
    return f"* you are {entered.nick}\n"


def _loggedIn(times: LocalTime, loggedIn: LoggedIn) -> str:
    """
    @param times: not looked at.
    @param loggedIn: the reader has an account.
    @return: a line.
    """
    unread = loggedIn.unread
    letters = f"; {counted(unread, 'private message')} for you: /inbox" if unread else ""
    return f"* you are {loggedIn.nick}, logged in{letters}\n"


def _accountChanged(times: LocalTime, changed: AccountChanged) -> str:
    """
    @param times: not looked at.
    @param changed: somebody's name belongs to them now, or does not any more.
    @return: a line.
    """
    now = "a guest again" if changed.account is None else "logged in"
    return f"* {changed.nick} is {now}\n"


def _resumed(times: LocalTime, resumed: Resumed) -> str:
    """
    @param times: not looked at.
    @param resumed: the reader goes on where another connection was.
    @return: a line for all, and one for each room.
    """
    written = [f"* you are {resumed.nick}, as before\n"]
    for name, last in resumed.rooms:
        written.append(f"* you are in {ROOM_SIGN}{name}, where the last line is {last}\n")
    return "".join(written)


def _invited(times: LocalTime, invited: Invited) -> str:
    """
    @param times: not looked at.
    @param invited: the reader may enter a private room.
    @return: a line.
    """
    room = f"{ROOM_SIGN}{invited.roomName}"
    return f"* {invited.by} has invited you to {room}: /join {room}\n"


def _roomLeft(times: LocalTime, left: RoomLeft) -> str:
    """
    @param times: not looked at.
    @param left: the reader has left a room.
    @return: a line.
    """
    return f"* you left {ROOM_SIGN}{left.roomName}\n"


def _markedRead(times: LocalTime, marked: MarkedRead) -> str:
    """
    @param times: not used.
    @param marked: how far the reader has read.
    @return: a line.
    """
    return f"* you have read {ROOM_SIGN}{marked.roomName} up to line {marked.seq}\n"


def _nothing(times: LocalTime, happening: Token) -> str:
    """
    @param times: not looked at.
    @param happening: what only programs want to know: a secret that should not stay on a
        screen.
    @return: nothing.
    """
    return ""


WRITE: dict[type[Happening], Callable[[LocalTime, Any], str]] = {
    Joined: _joined,
    Left: _left,
    Gone: _gone,
    Renamed: _renamed,
    AwayChanged: _away,
    Absent: _away,
    Entered: _entered,
    LoggedIn: _loggedIn,
    AccountChanged: _accountChanged,
    Resumed: _resumed,
    Invited: _invited,
    RoomLeft: _roomLeft,
    Token: _nothing,
    MarkedRead: _markedRead,
}
"""
What each of these is written by.
"""
