"""
What happens, written for people.  Pure.

A line begins with what it is:

  - C{[12:10:05] <ann> hello}: said in a room, or with C{<ann -> bob>} to one person;
    C{* ann waves} and C{-ann- hello} after the time are the other kinds;
  - C{* }: something has happened, or was asked for: the server's own words;
  - C{! }: something is not done;
  - C{| }: was said before, between two lines that begin with C{---}.

Nothing that came from people stands at the beginning of a line, and all of it has been
made visible before.  What people do in words has the time before its star, and what the
server tells of them has none, or has it behind: C{* ann kicked bob} is a kick, and so is
C{| * [12:10:05] ann kicked bob} among what was said before, but C{[12:10:05] * ann kicked
bob} is only what ann says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    HistoryReplay,
    Inbox,
    JoinedRoom,
    Notification,
    PrivateMessage,
    RoomMessages,
    SearchResults,
)
from tsservices.chat.operations import DELETED, ME, MESSAGE, NOTICE
from tsservices.chat.permissions import FOUNDER, OPERATOR, SERVER
from tsservices.chat.records import StoredPrivateMessage
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats import sentences as textlists
from tsservices.frontends.formats import sentences as textpeople
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import actionText, expiredText, plural

_BEFORE = "| "

_NOW = "--- now ---\n"

#: What stands before and after the name of who says a line of each kind.
_AROUND = {MESSAGE: ("<", "> "), ME: ("* ", " "), NOTICE: ("-", "- ")}

#: What stands before and after the names of who says something to whom: no name begins like that,
#: so nobody can do this to all in a room.
_AROUND_BOTH = {MESSAGE: ("<", "> "), ME: ("* <", "> "), NOTICE: ("-", "- ")}

#: What those are who may do more in a room than others.
_RANKS = {
    OPERATOR: "an operator of",
    FOUNDER: "the founder of",
    SERVER: "an operator of this server in",
}


class TextFormatter:
    """
    Lines for people.  It remembers nothing of what it has written, so it may be asked
    for the same again, and in any order.
    """

    def __init__(self, localtime: Callable[[float], time.struct_time], withRoom: bool) -> None:
        """
        @param localtime: gives the local time of seconds since 1970, as
            C{time.localtime} does.
        """
        self._time = LocalTime(localtime)
        self._withRoom = withRoom
        others = textpeople.PEOPLE_WRITE | textlists.LISTS_WRITE
        self._write: dict[type[Notification], Callable[[Any], str]] = {
            **{kind: partial(write, self._time) for kind, write in others.items()},
            RoomMessages: self._said,
            HistoryReplay: self._replay,
            JoinedRoom: self._roomEntered,
            PrivateMessage: self._whispered,
            SearchResults: self._found,
            Inbox: self._inbox,
        }

    def encode(self, happenings: Sequence[Notification]) -> bytes:
        """Lines in UTF-8."""
        write = self._write
        if len(happenings) == 1:
            # What a batch asks for: each happening by itself.
            happening = happenings[0]
            return write[type(happening)](happening).encode("utf-8", "replace")
        lines = [write[type(each)](each) for each in happenings]
        return "".join(lines).encode("utf-8", "replace")

    def _said(self, said: RoomMessages) -> str:
        moment = self._time.moment
        now = moment(said.time // NANOSECONDS)
        around = _AROUND.get(said.kind)
        if around is None:
            lines = self._unsaid(said, now.clock)
        else:
            # The hot path: a line costs no more than its part of one join.
            where = f"{ROOM_SIGN}{said.roomName} " if self._withRoom else ""
            start = f"[{now.clock}] {where}{around[0]}{said.nick}{around[1]}"
            joint = "\n" + start
            lines = f"{start}{joint.join(said.texts)}\n"
        if said.previous and moment(said.previous // NANOSECONDS).date != now.date:
            return f"* {now.date}\n{lines}"
        return lines

    def _unsaid(self, said: RoomMessages, clock: str) -> str:
        if said.kind == DELETED:
            return "".join(self._before(said, clock, "", False))
        return "".join(f"* {deed}\n" for deed in actionText(said, self._withRoom))

    def _before(self, said: RoomMessages, clock: str, mark: str, numbered: bool) -> Iterable[str]:
        room = f"{ROOM_SIGN}{said.roomName} "
        where = room if self._withRoom or numbered else ""
        deleted = said.kind == DELETED
        around = _AROUND[MESSAGE] if deleted else _AROUND.get(said.kind)
        if around is None:
            texts = [f"{deed}\n" for deed in actionText(said, self._withRoom and not numbered)]
            start = f"{mark}* [{clock}] {room if numbered else ''}"
            name = ""
        else:
            texts = ["(deleted)\n" if deleted else f"{text}\n" for text in said.texts]
            start = f"{mark}[{clock}] {where}"
            name = f"{around[0]}{said.nick}{around[1]}"
        if not numbered:
            return [f"{start}{name}{text}" for text in texts]
        return [f"{start}{number} {name}{text}" for number, text in enumerate(texts, said.first)]

    def page(self, said: Iterable[RoomMessages], before: int) -> str:
        """They, each day after its date."""
        day = self._time.moment(before // NANOSECONDS).date if before else ""
        return "".join(self._dated(said, "", False, day))

    def _dated(
        self, said: Iterable[RoomMessages], mark: str, numbered: bool, day: str
    ) -> list[str]:
        written: list[str] = []
        for each in said:
            moment = self._time.moment(each.time // NANOSECONDS)
            if moment.date != day:
                day = moment.date
                written.append(f"{mark}* {day}\n")
            written += self._before(each, moment.clock, mark, numbered)
        return written

    def _replay(self, replay: HistoryReplay) -> str:
        count = _count(replay.messages)
        what = plural(count, "line") if count else "nothing"
        written = [f"--- {ROOM_SIGN}{replay.roomName}: {what} from before ---\n"]
        if replay.missing is not None:
            written.append(f"--- {expiredText(*replay.missing)} ---\n")
        written += self._dated(replay.messages, _BEFORE, False, "")
        if count:
            written.append(_NOW)
        return "".join(written)

    def _found(self, found: SearchResults) -> str:
        if not found.messages:
            return "* nothing was found\n"
        more = "; /search shows older ones" if found.more else ""
        head = f"--- {plural(_count(found.messages), 'line')} found{more} ---\n"
        return "".join([head, *self._dated(found.messages, _BEFORE, True, ""), _NOW])

    def _inbox(self, inbox: Inbox) -> str:
        other = f" with {inbox.other}" if inbox.other else ""
        if not inbox.messages:
            return f"* there are no private messages{other}\n"
        more = "; /inbox + shows older ones" if inbox.more else ""
        written = [f"--- {plural(len(inbox.messages), 'private message')}{other}{more} ---\n"]
        day = ""
        for letter in inbox.messages:
            moment = self._time.moment(letter.time // NANOSECONDS)
            if moment.date != day:
                day = moment.date
                written.append(f"{_BEFORE}* {day}\n")
            written.append(f"{_BEFORE}{_private(letter, moment.clock)}")
        return "".join([*written, _NOW])

    def _whispered(self, whispered: PrivateMessage) -> str:
        return _private(whispered, self._time.moment(whispered.time // NANOSECONDS).clock)

    def _roomEntered(self, entered: JoinedRoom) -> str:
        room = f"{ROOM_SIGN}{entered.roomName}"
        company = ", alone"
        if others := entered.memberCount - 1:
            named = [nick for nick in entered.nicks if nick != entered.nick]
            more = others - len(named)
            if more:
                named.append(f"... and {more} more: /who lists all")
            company = f" with {plural(others, 'other')}: {', '.join(named)}"
        written = f"* you are in {room}{company}\n"
        if entered.private:
            written += f"* {room} is by invitation only\n"
        if entered.rank in _RANKS:
            written += f"* you are {_RANKS[entered.rank]} {room}\n"
        if entered.topic.text:
            written += textlists.topic(self._time, entered.topic)
        replay = entered.replay
        if replay is not None and (replay.messages or replay.missing):
            written += self._replay(replay)
        shown = 0 if replay is None else _count(replay.messages)
        if entered.read is not None and (new := entered.joinedSeq - entered.read) > shown:
            asked = f"/since {room} {entered.read}"
            written += f"* {plural(new, 'line')} you have not read: {asked} shows all\n"
        return written


def _count(said: Iterable[RoomMessages]) -> int:
    return sum(len(each.texts) for each in said)


def _private(letter: PrivateMessage | StoredPrivateMessage, clock: str) -> str:
    before, after = _AROUND_BOTH.get(letter.kind, _AROUND_BOTH[MESSAGE])
    return f"[{clock}] {before}{letter.nick} -> {letter.to}{after}{letter.text}\n"
