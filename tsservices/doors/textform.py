"""
What happens, written for people.  Pure.

A line begins with what it is:

  - C{[12:10:05] <ann> hello}: said in a room, or with C{<ann -> bob>} to one person;
    C{* ann waves} and C{-ann- hello} after the time are the other kinds;
  - C{* }: something has happened, or was asked for;
  - C{! }: something is not done;
  - C{| }: was said before, between two lines that begin with C{---}.

Nothing that came from people stands at the beginning of a line, and all of it has been
made visible before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from tsservices.chat.events import ME, MESSAGE, NOTICE, TOPIC
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
    Replay,
    RoomEntered,
    RoomLeft,
    RoomsListed,
    Said,
    Stored,
    Topic,
    Whispered,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.doors.localtime import LocalTime
from tsservices.doors.phrases import counted, noLongerKept, people, reason
from tsservices.stamps import NANOSECONDS

PEOPLE_IN_A_LINE = 10
"""
Names on one line of a list of people.
"""

_REPLAYED = "| "

_AROUND = {MESSAGE: ("<", "> "), ME: ("* ", " "), NOTICE: ("-", "- ")}
"""
What stands before and after the name of who says a line of each kind.
"""


class TextForm:
    """
    Lines for people.  It remembers nothing of what it has written, so it may be asked
    for the same again, and in any order.
    """

    def __init__(self, localtime: Callable[[float], time.struct_time], withRoom: bool) -> None:
        """
        @param localtime: gives the local time of seconds since 1970, as
            C{time.localtime} does.
        @param withRoom: whether what is said shows its room.
        """
        self._time = LocalTime(localtime)
        self._withRoom = withRoom

    def encode(self, happenings: Sequence[Happening]) -> bytes:
        """
        @param happenings: what happened, in order.
        @return: lines in UTF-8.
        """
        write = self._WRITE
        lines = [write[type(each)](self, each) for each in happenings]
        return "".join(lines).encode("utf-8", "replace")

    def _said(self, said: Said) -> str:
        """
        @param said: lines that are said now.
        @return: they, after the new day if it begins with them.
        """
        moment = self._time.moment
        now = moment(said.time // NANOSECONDS)
        lines = self._lines(said, now.clock, "")
        if said.previous and moment(said.previous // NANOSECONDS).date != now.date:
            return f"* {now.date}\n{lines}"
        return lines

    def _lines(self, said: Said, clock: str, mark: str) -> str:
        """
        @param said: lines, said now or before.
        @param clock: when.
        @param mark: what each begins with.
        @return: they.
        """
        if said.kind == TOPIC:
            room = f"{ROOM_SIGN}{said.roomName}"
            topic = f" to: {said.texts[0]}" if said.texts[0] else ""
            did = "changed" if topic else "removed"
            return f"{mark}[{clock}] * {said.nick} {did} the topic of {room}{topic}\n"
        before, after = _AROUND[said.kind]
        where = f"{ROOM_SIGN}{said.roomName} " if self._withRoom else ""
        start = f"{mark}[{clock}] {where}{before}{said.nick}{after}"
        # The hot path: a line costs no more than its part of one join.
        joint = "\n" + start
        return f"{start}{joint.join(said.texts)}\n"

    def _replay(self, replay: Replay) -> str:
        """
        @param replay: lines that were said before.
        @return: they, marked, each day with its date.
        """
        count = sum(len(each.texts) for each in replay.said)
        what = counted(count, "line") if count else "nothing"
        written = [f"--- {ROOM_SIGN}{replay.roomName}: {what} from before ---\n"]
        if replay.missing is not None:
            written.append(f"--- {noLongerKept(*replay.missing)} ---\n")
        day = ""
        for said in replay.said:
            moment = self._time.moment(said.time // NANOSECONDS)
            if moment.date != day:
                day = moment.date
                written.append(f"{_REPLAYED}* {day}\n")
            written.append(self._lines(said, moment.clock, _REPLAYED))
        if count:
            written.append("--- now ---\n")
        return "".join(written)

    def _joined(self, joined: Joined) -> str:
        """
        @param joined: somebody entered a room.
        @return: a line.
        """
        return f"* {joined.nick} joined {ROOM_SIGN}{joined.roomName}\n"

    def _left(self, left: Left) -> str:
        """
        @param left: somebody left a room.
        @return: a line.
        """
        return f"* {left.nick} left {ROOM_SIGN}{left.roomName}{reason(left.why)}\n"

    def _gone(self, gone: Gone) -> str:
        """
        @param gone: somebody left altogether.
        @return: a line.
        """
        return f"* {gone.nick} is gone{reason(gone.why)}\n"

    def _renamed(self, renamed: Renamed) -> str:
        """
        @param renamed: somebody is called something else.
        @return: a line.
        """
        return f"* {renamed.nick} is now called {renamed.to}\n"

    def _away(self, away: AwayChanged | Absent) -> str:
        """
        @param away: somebody is away, or back.
        @return: a line.
        """
        return f"* {away.nick} is {f'away: {away.text}' if away.text else 'back'}\n"

    def _whispered(self, whispered: Whispered) -> str:
        """
        @param whispered: something said to one person.
        @return: a line.
        """
        clock = self._time.moment(whispered.time // NANOSECONDS).clock
        before, after = _AROUND[whispered.kind]
        names = f"{whispered.nick} -> {whispered.to}"
        return f"[{clock}] {before}{names}{after}{whispered.text}\n"

    def _entered(self, entered: Entered) -> str:
        """
        @param entered: the reader is in.
        @return: a line.
        """
        return f"* you are {entered.nick}\n"

    def _roomEntered(self, entered: RoomEntered) -> str:
        """
        @param entered: the reader is in a room.
        @return: who else is, what it is about, and what was said last.
        """
        company = ", alone"
        if others := entered.present - 1:
            named = [nick for nick in entered.nicks if nick != entered.nick]
            more = others - len(named)
            if more:
                named.append(f"... and {more} more: /who lists all")
            company = f" with {counted(others, 'other')}: {', '.join(named)}"
        written = f"* you are in {ROOM_SIGN}{entered.roomName}{company}\n"
        if entered.topic.text:
            written += self._topic(entered.topic)
        if entered.replay is not None and (entered.replay.said or entered.replay.missing):
            written += self._replay(entered.replay)
        return written

    def _roomLeft(self, left: RoomLeft) -> str:
        """
        @param left: the reader has left a room.
        @return: a line.
        """
        return f"* you left {ROOM_SIGN}{left.roomName}\n"

    def _topic(self, topic: Topic) -> str:
        """
        @param topic: what a room is about.
        @return: a line.
        """
        room = f"{ROOM_SIGN}{topic.roomName}"
        if not topic.text:
            return f"* {room} has no topic\n"
        when = self._time.minute(topic.time // NANOSECONDS)
        return f"* topic of {room}: {topic.text} (set by {topic.by}, {when})\n"

    def _stored(self, stored: Stored) -> str:
        """
        @param stored: lines of the reader are kept.
        @return: a line for each, so that a program can count on one number.
        """
        numbers = range(stored.first, stored.last + 1)
        return "".join(f"* stored {stored.roomName} {number}\n" for number in numbers)

    def _rooms(self, listed: RoomsListed) -> str:
        """
        @param listed: the rooms.
        @return: a line for each, after their number.
        """
        written = [f"* {counted(len(listed.rooms), 'room')}\n"]
        for name, present, topic in listed.rooms:
            about = f": {topic}" if topic else ""
            written.append(f"*   {ROOM_SIGN}{name}, {people(present)}{about}\n")
        return "".join(written)

    def _peopleListed(self, listed: PeopleListed) -> str:
        """
        @param listed: who is somewhere.
        @return: some names on each line, after their number.
        """
        where = f"in {ROOM_SIGN}{listed.roomName}" if listed.roomName else "here"
        names = [f"{nick} (away: {away})" if away else nick for nick, away in listed.people]
        written = [f"* {people(len(names))} {where}\n"]
        for begin in range(0, len(names), PEOPLE_IN_A_LINE):
            written.append(f"*   {', '.join(names[begin : begin + PEOPLE_IN_A_LINE])}\n")
        return "".join(written)

    def _person(self, shown: PersonShown) -> str:
        """
        @param shown: what there is to know of somebody.
        @return: a line.
        """
        who = "a guest" if shown.guest else "registered"
        rooms = ", ".join(f"{ROOM_SIGN}{name}" for name in shown.rooms)
        where = f"in {rooms} with you" if rooms else "in no room with you"
        away = f"; away: {shown.away}" if shown.away else ""
        return f"* {shown.nick} is {who}, {where}{away}\n"

    def _notice(self, notice: Notice) -> str:
        """
        @param notice: words of the server.
        @return: they.
        """
        return "".join(f"* {line}\n" for line in notice.lines)

    def _refusal(self, refusal: Refusal) -> str:
        """
        @param refusal: what is not done.
        @return: a line that says why.
        """
        return f"! {refusal.why}\n"

    _WRITE: ClassVar[dict[type[Happening], Callable[[TextForm, Any], str]]] = {
        Said: _said,
        Replay: _replay,
        Joined: _joined,
        Left: _left,
        Gone: _gone,
        Renamed: _renamed,
        AwayChanged: _away,
        Whispered: _whispered,
        Absent: _away,
        Entered: _entered,
        RoomEntered: _roomEntered,
        RoomLeft: _roomLeft,
        Topic: _topic,
        Stored: _stored,
        RoomsListed: _rooms,
        PeopleListed: _peopleListed,
        PersonShown: _person,
        Notice: _notice,
        Refusal: _refusal,
    }
