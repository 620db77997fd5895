"""
What was asked for, written for people: lists, and single answers.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tsservices.chat.answers import (
    CommandsListed,
    LastSeen,
    Notice,
    PeopleListed,
    PersonShown,
    Present,
    Refusal,
    RestraintsListed,
    RoomsListed,
    Stored,
)
from tsservices.chat.events import BAN
from tsservices.chat.happenings import Happening, Topic
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.ranks import MEMBER
from tsservices.chat.records import Restraint
from tsservices.doors.localtime import LocalTime
from tsservices.doors.phrases import counted, people
from tsservices.stamps import NANOSECONDS

PEOPLE_IN_A_LINE = 10
"""
Names on one line of a list of people.
"""

SYNOPSIS_WIDTH = 26
"""
Characters of a command before what it does.
"""

TALK = "anything else is said in the room you are in; // begins a line with /"
"""
What stands below the list of commands.
"""


def topic(times: LocalTime, topic: Topic) -> str:
    """
    @param times: reads times.
    @param topic: what a room is about.
    @return: a line.
    """
    room = f"{ROOM_SIGN}{topic.roomName}"
    if not topic.text:
        return f"* {room} has no topic\n"
    when = times.minute(topic.time // NANOSECONDS)
    return f"* topic of {room}: {topic.text} (set by {topic.by}, {when})\n"


def _stored(times: LocalTime, stored: Stored) -> str:
    """
    @param times: not looked at.
    @param stored: lines of the reader are kept.
    @return: a line for each, so that a program can count on one number.
    """
    numbers = range(stored.first, stored.last + 1)
    return "".join(f"* stored {stored.roomName} {number}\n" for number in numbers)


def _rooms(times: LocalTime, listed: RoomsListed) -> str:
    """
    @param times: not looked at.
    @param listed: the rooms.
    @return: a line for each, after their number.
    """
    written = [f"* {counted(len(listed.rooms), 'room')}\n"]
    for name, present, about in listed.rooms:
        written.append(f"*   {ROOM_SIGN}{name}, {people(present)}{f': {about}' if about else ''}\n")
    return "".join(written)


def _people(times: LocalTime, listed: PeopleListed) -> str:
    """
    @param times: not looked at.
    @param listed: who is somewhere.
    @return: some names on each line, after their number.
    """
    where = f"in {ROOM_SIGN}{listed.roomName}" if listed.roomName else "here"
    names = [_present(each) for each in listed.people]
    written = [f"* {people(len(names))} {where}\n"]
    for begin in range(0, len(names), PEOPLE_IN_A_LINE):
        written.append(f"*   {', '.join(names[begin : begin + PEOPLE_IN_A_LINE])}\n")
    return "".join(written)


def _present(present: Present) -> str:
    """
    @param present: somebody.
    @return: their name, and what there is to say of them.
    """
    marks = []
    if present.guest:
        marks.append("guest")
    if present.rank not in ("", MEMBER):
        marks.append(present.rank)
    if present.away:
        marks.append(f"away: {present.away}")
    return f"{present.nick} ({', '.join(marks)})" if marks else present.nick


def _person(times: LocalTime, shown: PersonShown) -> str:
    """
    @param times: not looked at.
    @param shown: what there is to know of somebody.
    @return: a line.
    """
    who = "a guest" if shown.guest else "registered"
    rooms = ", ".join(f"{ROOM_SIGN}{name}" for name in shown.rooms)
    where = f"in {rooms} with you" if rooms else "in no room with you"
    address = f"; address: {shown.cloak}" if shown.cloak else ""
    away = f"; away: {shown.away}" if shown.away else ""
    return f"* {shown.nick} is {who}, {where}{address}{away}\n"


def _seen(times: LocalTime, seen: LastSeen) -> str:
    """
    @param times: reads times.
    @param seen: when somebody was here.
    @return: a line.
    """
    if seen.here:
        return f"* {seen.nick} is here\n"
    if not seen.time:
        return f"* it is not known when {seen.nick} was here\n"
    return f"* {seen.nick} was last here {times.minute(seen.time // NANOSECONDS)}\n"


def _restraints(times: LocalTime, listed: RestraintsListed) -> str:
    """
    @param times: reads times.
    @param listed: who may not enter a room, or not speak in it.
    @return: a line for each, after their number.
    """
    room = f"{ROOM_SIGN}{listed.roomName}"
    if not listed.restraints:
        return f"* nobody is banned from {room}, or mute there\n"
    bans = sum(each.kind == BAN for each in listed.restraints)
    mutes = len(listed.restraints) - bans
    counts = [counted(number, what) for number, what in ((bans, "ban"), (mutes, "mute")) if number]
    written = [f"* {' and '.join(counts)} in {room}\n"]
    written += [f"*   {_restraint(times, each)}\n" for each in listed.restraints]
    return "".join(written)


def _restraint(times: LocalTime, restraint: Restraint) -> str:
    """
    @param times: reads times.
    @param restraint: that somebody may not do something.
    @return: a line.
    """
    name, mask, until = restraint.name, restraint.mask, restraint.until
    who = name if mask in (name, fold(name)) else f"{name} ({mask})"
    end = f"until {times.minute(until // NANOSECONDS)}" if until else "for ever"
    since = times.minute(restraint.time // NANOSECONDS)
    why = f": {restraint.why}" if restraint.why else ""
    return f"{restraint.kind} of {who} {end} (by {restraint.by}, {since}){why}"


def _commands(times: LocalTime, listed: CommandsListed) -> str:
    """
    @param times: not looked at.
    @param listed: what can be asked for.
    @return: a line for each, and one on what is no command.
    """
    written = []
    for name, usage, meaning, _ in listed.commands:
        synopsis = f"/{name} {usage}".rstrip()
        written.append(f"* {synopsis:<{SYNOPSIS_WIDTH}} {meaning}\n")
    return "".join([*written, f"* {TALK}\n"])


def _notice(times: LocalTime, notice: Notice) -> str:
    """
    @param times: not looked at.
    @param notice: words of the server.
    @return: they.
    """
    return "".join(f"* {line}\n" for line in notice.lines)


def _refusal(times: LocalTime, refusal: Refusal) -> str:
    """
    @param times: not looked at.
    @param refusal: what is not done.
    @return: a line that says why.
    """
    return f"! {refusal.why}\n"


WRITE: dict[type[Happening], Callable[[LocalTime, Any], str]] = {
    Topic: topic,
    Stored: _stored,
    RoomsListed: _rooms,
    PeopleListed: _people,
    PersonShown: _person,
    LastSeen: _seen,
    RestraintsListed: _restraints,
    CommandsListed: _commands,
    Notice: _notice,
    Refusal: _refusal,
}
"""
What each of these is written by.
"""
