"""
Pieces of the sentences in which people are told things.  Pure.

What was done to a room, or to people in it, in sentences.  Pure.

Who comes and goes, and what people are called, written for people.  Pure.

What was asked for, written for people: lists, and single answers.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import (
    AccountChanged,
    AwayChanged,
    AwayReply,
    CommandList,
    ErrorReply,
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
    RestrictionList,
    Resumed,
    ResumeToken,
    RoomList,
    RoomMessages,
    SeenReply,
    Topic,
    UserJoined,
    UserLeft,
    UserQuit,
    Welcome,
    WhoisReply,
)
from tsservices.chat.operations import (
    BAN,
    DELETE,
    KICK,
    MUTE,
    NO_OPERATOR,
    OPERATOR,
    PRIVATE,
    PUBLIC,
    TOPIC,
    UNBAN,
    UNMUTE,
)
from tsservices.chat.permissions import MEMBER
from tsservices.chat.records import Restriction
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime


def plural(number: int, noun: str) -> str:
    """Both together."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def people(number: int) -> str:
    """That, in words."""
    return "1 person" if number == 1 else f"{number} people"


def parenthesized(why: str) -> str:
    """The same as the end of a line."""
    return f" ({why})" if why else ""


def expiredText(first: int, last: int) -> str:
    """That these lines are gone."""
    if first == last:
        return f"line {first} is no longer kept"
    return f"lines {first} to {last} are no longer kept"


_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}

_DURATION = re.compile(f"([0-9]+)([{''.join(_UNITS)}])")


def actionText(said: RoomMessages, withRoom: bool) -> list[str]:
    """A sentence for each."""
    write = _WRITE.get(said.kind, _unknown)
    return [write(said, text, withRoom) for text in said.texts]


def durationText(duration: str) -> str:
    """The same in words."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        return "for ever"
    return f"for {plural(int(found[1]), _UNITS[found[2]])}"


def _room(said: RoomMessages) -> str:
    return f"{ROOM_SIGN}{said.roomName}"


def _because(why: str) -> str:
    return f": {why}" if why else ""


def _toSomebody(
    before: str, after: str, preposition: str
) -> Callable[[RoomMessages, str, bool], str]:

    def write(said: RoomMessages, text: str, withRoom: bool) -> str:
        name, _, why = text.partition(" ")
        where = f" {preposition} {_room(said)}" if withRoom else ""
        return f"{said.nick} {before} {name}{after}{where}{_because(why)}"

    return write


def _forSomeTime(done: str, preposition: str) -> Callable[[RoomMessages, str, bool], str]:

    def write(said: RoomMessages, text: str, withRoom: bool) -> str:
        name, _, rest = text.partition(" ")
        duration, _, why = rest.partition(" ")
        where = f" {preposition} {_room(said)}" if withRoom else ""
        return f"{said.nick} {done} {name}{where} {durationText(duration)}{_because(why)}"

    return write


def _toRoom(words: str) -> Callable[[RoomMessages, str, bool], str]:
    return lambda said, text, withRoom: f"{_room(said)} is {words} now ({said.nick})"


def _topic(said: RoomMessages, text: str, withRoom: bool) -> str:
    did = "changed" if text else "removed"
    return f"{said.nick} {did} the topic of {_room(said)}{f' to: {text}' if text else ''}"


def _deleted(said: RoomMessages, text: str, withRoom: bool) -> str:
    return f"{said.nick} deleted line {text}{f' of {_room(said)}' if withRoom else ''}"


def _unknown(said: RoomMessages, text: str, withRoom: bool) -> str:
    where = f" in {_room(said)}" if withRoom else ""
    return f"{said.nick} did {said.kind}{where}{_because(text)}"


#: What each kind of line is written by that no person has said.
_WRITE: dict[str, Callable[[RoomMessages, str, bool], str]] = {
    TOPIC: _topic,
    KICK: _toSomebody("kicked", "", "from"),
    BAN: _forSomeTime("banned", "from"),
    UNBAN: _toSomebody("unbanned", "", "from"),
    MUTE: _forSomeTime("muted", "in"),
    UNMUTE: _toSomebody("unmuted", "", "in"),
    OPERATOR: _toSomebody("made", " an operator", "of"),
    NO_OPERATOR: _toSomebody("made", " a plain member", "of"),
    PRIVATE: _toRoom("by invitation only"),
    PUBLIC: _toRoom("open to everybody"),
    DELETE: _deleted,
}


def _joined(times: LocalTime, joined: UserJoined) -> str:
    guest = " (guest)" if joined.account is None else ""
    return f"* {joined.nick}{guest} joined {ROOM_SIGN}{joined.roomName}\n"


def _left(times: LocalTime, left: UserLeft) -> str:
    return f"* {left.nick} left {ROOM_SIGN}{left.roomName}{parenthesized(left.reason)}\n"


def _gone(times: LocalTime, gone: UserQuit) -> str:
    return f"* {gone.nick} is gone{parenthesized(gone.reason)}\n"


def _renamed(times: LocalTime, renamed: NickChanged) -> str:
    return f"* {renamed.nick} is now called {renamed.to}\n"


def _away(times: LocalTime, away: AwayChanged | AwayReply) -> str:
    return f"* {away.nick} is {f'away: {away.text}' if away.text else 'back'}\n"


def _entered(times: LocalTime, entered: Welcome) -> str:
    return f"* you are {entered.nick}\n"


def _loggedIn(times: LocalTime, loggedIn: LoggedIn) -> str:
    unread = loggedIn.unread
    letters = f"; {plural(unread, 'private message')} for you: /inbox" if unread else ""
    return f"* you are {loggedIn.nick}, logged in{letters}\n"


def _accountChanged(times: LocalTime, changed: AccountChanged) -> str:
    now = "a guest again" if changed.account is None else "logged in"
    return f"* {changed.nick} is {now}\n"


def _resumed(times: LocalTime, resumed: Resumed) -> str:
    written = [f"* you are {resumed.nick}, as before\n"]
    for name, last in resumed.rooms:
        written.append(f"* you are in {ROOM_SIGN}{name}, where the last line is {last}\n")
    return "".join(written)


def _invited(times: LocalTime, invited: Invited) -> str:
    room = f"{ROOM_SIGN}{invited.roomName}"
    return f"* {invited.by} has invited you to {room}: /join {room}\n"


def _roomLeft(times: LocalTime, left: LeftRoom) -> str:
    return f"* you left {ROOM_SIGN}{left.roomName}\n"


def _markedRead(times: LocalTime, marked: MarkedRead) -> str:
    return f"* you have read {ROOM_SIGN}{marked.roomName} up to line {marked.seq}\n"


def _nothing(times: LocalTime, happening: ResumeToken) -> str:
    return ""


#: What each of these is written by.
PEOPLE_WRITE: dict[type[Notification], Callable[[LocalTime, Any], str]] = {
    UserJoined: _joined,
    UserLeft: _left,
    UserQuit: _gone,
    NickChanged: _renamed,
    AwayChanged: _away,
    AwayReply: _away,
    Welcome: _entered,
    LoggedIn: _loggedIn,
    AccountChanged: _accountChanged,
    Resumed: _resumed,
    Invited: _invited,
    LeftRoom: _roomLeft,
    ResumeToken: _nothing,
    MarkedRead: _markedRead,
}


#: Names on one line of a list of people.
PEOPLE_IN_A_LINE = 10

#: Characters of a command before what it does.
SYNOPSIS_WIDTH = 26

#: What stands below the list of commands.
TALK = "anything else is said in the room you are in; // begins a line with /"


def topic(times: LocalTime, topic: Topic) -> str:
    """A line."""
    room = f"{ROOM_SIGN}{topic.roomName}"
    if not topic.text:
        return f"* {room} has no topic\n"
    when = times.minute(topic.time // NANOSECONDS)
    return f"* topic of {room}: {topic.text} (set by {topic.by}, {when})\n"


def _stored(times: LocalTime, stored: MessageStored) -> str:
    numbers = range(stored.first, stored.last + 1)
    return "".join(f"* stored {stored.roomName} {number}\n" for number in numbers)


def _rooms(times: LocalTime, listed: RoomList) -> str:
    written = [f"* {plural(len(listed.rooms), 'room')}\n"]
    for name, present, about in listed.rooms:
        written.append(f"*   {ROOM_SIGN}{name}, {people(present)}{f': {about}' if about else ''}\n")
    return "".join(written)


def _people(times: LocalTime, listed: MemberList) -> str:
    where = f"in {ROOM_SIGN}{listed.roomName}" if listed.roomName else "here"
    names = [_present(each) for each in listed.members]
    written = [f"* {people(len(names))} {where}\n"]
    for begin in range(0, len(names), PEOPLE_IN_A_LINE):
        written.append(f"*   {', '.join(names[begin : begin + PEOPLE_IN_A_LINE])}\n")
    return "".join(written)


def _present(present: Member) -> str:
    marks = []
    if present.guest:
        marks.append("guest")
    if present.rank not in ("", MEMBER):
        marks.append(present.rank)
    if present.away:
        marks.append(f"away: {present.away}")
    return f"{present.nick} ({', '.join(marks)})" if marks else present.nick


def _person(times: LocalTime, shown: WhoisReply) -> str:
    who = "a guest" if shown.guest else "registered"
    rooms = ", ".join(f"{ROOM_SIGN}{name}" for name in shown.rooms)
    where = f"in {rooms} with you" if rooms else "in no room with you"
    address = f"; address: {shown.cloak}" if shown.cloak else ""
    away = f"; away: {shown.away}" if shown.away else ""
    return f"* {shown.nick} is {who}, {where}{address}{away}\n"


def _seen(times: LocalTime, seen: SeenReply) -> str:
    if seen.online:
        return f"* {seen.nick} is here\n"
    if not seen.time:
        return f"* it is not known when {seen.nick} was here\n"
    return f"* {seen.nick} was last here {times.minute(seen.time // NANOSECONDS)}\n"


def _restraints(times: LocalTime, listed: RestrictionList) -> str:
    room = f"{ROOM_SIGN}{listed.roomName}"
    if not listed.restrictions:
        return f"* nobody is banned from {room}, or mute there\n"
    bans = sum(each.kind == BAN for each in listed.restrictions)
    mutes = len(listed.restrictions) - bans
    counts = [plural(number, what) for number, what in ((bans, "ban"), (mutes, "mute")) if number]
    written = [f"* {' and '.join(counts)} in {room}\n"]
    written += [f"*   {_restraint(times, each)}\n" for each in listed.restrictions]
    return "".join(written)


def _restraint(times: LocalTime, restraint: Restriction) -> str:
    name, mask, until = restraint.name, restraint.mask, restraint.until
    who = name if mask in (name, fold(name)) else f"{name} ({mask})"
    end = f"until {times.minute(until // NANOSECONDS)}" if until else "for ever"
    since = times.minute(restraint.time // NANOSECONDS)
    why = f": {restraint.reason}" if restraint.reason else ""
    return f"{restraint.kind} of {who} {end} (by {restraint.by}, {since}){why}"


def _commands(times: LocalTime, listed: CommandList) -> str:
    written = []
    for name, usage, meaning, _ in listed.commands:
        synopsis = f"/{name} {usage}".rstrip()
        written.append(f"* {synopsis:<{SYNOPSIS_WIDTH}} {meaning}\n")
    return "".join([*written, f"* {TALK}\n"])


def _notice(times: LocalTime, notice: Notice) -> str:
    return "".join(f"* {line}\n" for line in notice.lines)


def _refusal(times: LocalTime, refusal: ErrorReply) -> str:
    return f"! {refusal.error}\n"


#: What each of these is written by.
LISTS_WRITE: dict[type[Notification], Callable[[LocalTime, Any], str]] = {
    Topic: topic,
    MessageStored: _stored,
    RoomList: _rooms,
    MemberList: _people,
    WhoisReply: _person,
    SeenReply: _seen,
    RestrictionList: _restraints,
    CommandList: _commands,
    Notice: _notice,
    ErrorReply: _refusal,
}
