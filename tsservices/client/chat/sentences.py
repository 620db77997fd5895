"""
What happens, in sentences for people; lines of rooms are not among it.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from tsservices.chat.names import ROOM_SIGN
from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.state import CommandInfo
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import parenthesized, people, plural

#: Names on one line of a list of people.
PEOPLE_IN_A_LINE = 10

FOR_EVER = "for ever"


class Sentences:
    """Writes events as the text form of the server does."""

    def __init__(self, time: LocalTime) -> None:
        self._time = time

    def of(self, event: ServerEvent) -> list[str]:
        """What it says; nothing for what is not for people, or not known here."""
        write = self._WRITE.get(event.type)
        return write(self, event) if write is not None else []

    def when(self, nanoseconds: int) -> str:
        """
        Day and minute.

        @param nanoseconds: since 1970, UTC.
        """
        return self._time.minute(nanoseconds // NANOSECONDS)

    def _joined(self, event: ServerEvent) -> list[str]:
        return [f"{event.text('nick')} joined {_room(event)}"]

    def _left(self, event: ServerEvent) -> list[str]:
        return [f"{event.text('nick')} left {_room(event)}{parenthesized(event.text('why'))}"]

    def _gone(self, event: ServerEvent) -> list[str]:
        return [f"{event.text('nick')} is gone{parenthesized(event.text('why'))}"]

    def _renamed(self, event: ServerEvent) -> list[str]:
        return [f"{event.text('nick')} is now called {event.text('to')}"]

    def _away(self, event: ServerEvent) -> list[str]:
        text = event.text("text")
        return [f"{event.text('nick')} is {f'away: {text}' if text else 'back'}"]

    def _account(self, event: ServerEvent) -> list[str]:
        account = event.text("account")
        who = f"logged in as {account}" if account else "a guest"
        return [f"{event.text('nick')} is {who}"]

    def _entered(self, event: ServerEvent) -> list[str]:
        return [f"you are {event.text('nick')}"]

    def _loggedIn(self, event: ServerEvent) -> list[str]:
        unread = event.number("unread")
        written = [f"logged in as {event.text('account')}"]
        if unread:
            written.append(f"{plural(unread, 'private message')} came meanwhile: /inbox")
        return written

    def _roomEntered(self, event: ServerEvent) -> list[str]:
        company = ", alone"
        others = event.number("present") - 1
        if others > 0:
            named = [nick for nick in event.texts("nicks") if nick != event.text("nick")]
            if others > len(named):
                named.append(f"... and {others - len(named)} more: /who lists all")
            company = f" with {plural(others, 'other')}: {', '.join(named)}"
        private = ", a private room" if event.truth("private") else ""
        written = [f"you are in {_room(event)}{private}{company}"]
        for topic in event.each("topic"):
            written += self._topicOf(_room(event), topic)
        return written

    def _roomLeft(self, event: ServerEvent) -> list[str]:
        return [f"you left {_room(event)}"]

    def _topic(self, event: ServerEvent) -> list[str]:
        return self._topicOf(_room(event), event)

    def _topicOf(self, room: str, topic: ServerEvent) -> list[str]:
        text = topic.text("text")
        if not text:
            return [f"{room} has no topic"]
        when = self.when(topic.number("time"))
        return [f"topic of {room}: {text} (set by {topic.text('by')}, {when})"]

    def _rooms(self, event: ServerEvent) -> list[str]:
        rooms = event.each("rooms")
        written = [plural(len(rooms), "room")]
        for each in rooms:
            topic = each.text("topic")
            about = f": {topic}" if topic else ""
            written.append(f"  {_room(each)}, {people(each.number('present'))}{about}")
        return written

    def _people(self, event: ServerEvent) -> list[str]:
        found = event.each("people")
        where = f"in {_room(event)}" if event.text("room") else "here"
        names = [_person(each) for each in found]
        written = [f"{people(len(names))} {where}"]
        for begin in range(0, len(names), PEOPLE_IN_A_LINE):
            written.append(f"  {', '.join(names[begin : begin + PEOPLE_IN_A_LINE])}")
        return written

    def _personShown(self, event: ServerEvent) -> list[str]:
        who = "a guest" if event.truth("guest") else "registered"
        rooms = ", ".join(ROOM_SIGN + name for name in event.texts("rooms"))
        where = f"in {rooms} with you" if rooms else "in no room with you"
        away, cloak = event.text("away"), event.text("cloak")
        written = f"{event.text('nick')} is {who}, {where}"
        written += f"; away: {away}" if away else ""
        return [written + (f"; ~{cloak.removeprefix('~')}" if cloak else "")]

    def _seen(self, event: ServerEvent) -> list[str]:
        nick, time = event.text("nick"), event.number("time")
        if event.truth("here"):
            return [f"{nick} is here"]
        return [f"{nick} was here {self.when(time)}" if time else f"{nick} was never seen here"]

    def _inbox(self, event: ServerEvent) -> list[str]:
        letters, other = event.each("letters"), event.text("with")
        between = f" with {other}" if other else ""
        written = [f"{plural(len(letters), 'private message')}{between}"]
        for each in letters:
            names = f"<{each.text('nick')} -> {each.text('to')}>"
            written.append(f"  [{self.when(each.number('time'))}] {names} {each.text('text')}")
        if event.truth("more"):
            written.append("  /inbox + shows older ones")
        return written

    def _restraints(self, event: ServerEvent) -> list[str]:
        found = event.each("restraints")
        written = [f"{plural(len(found), 'ban or mute')} in {_room(event)}"]
        if len(found) > 1:
            written = [f"{len(found)} bans and mutes in {_room(event)}"]
        for each in found:
            until = each.number("until")
            ends = f"until {self.when(until)}" if until else FOR_EVER
            who = f"{each.text('kind')} of {each.text('name')} ({each.text('mask')})"
            written.append(f"  {who} by {each.text('by')}, {ends}{parenthesized(each.text('why'))}")
        return written

    def _invited(self, event: ServerEvent) -> list[str]:
        name = event.text("room")
        return [f"{event.text('by')} invites you to {_room(event)}: /join {name}"]

    def _commands(self, event: ServerEvent) -> list[str]:
        rows = [
            CommandInfo(each.text("name"), each.text("usage"), each.text("meaning"))
            for each in event.each("commands")
        ]
        written = [f"{f'/{row.name} {row.usage}'.rstrip():<26} {row.meaning}" for row in rows]
        written.append("anything else is said in the room you are in; // begins a line with /")
        return written

    def _notice(self, event: ServerEvent) -> list[str]:
        return event.texts("lines")

    def _refused(self, event: ServerEvent) -> list[str]:
        return [event.text("text") or event.text("code")]

    _WRITE: ClassVar[dict[str, Callable[[Sentences, ServerEvent], list[str]]]] = {
        "joined": _joined,
        "left": _left,
        "gone": _gone,
        "renamed": _renamed,
        "away": _away,
        "absent": _away,
        "account": _account,
        "entered": _entered,
        "loggedIn": _loggedIn,
        "roomEntered": _roomEntered,
        "roomLeft": _roomLeft,
        "topic": _topic,
        "rooms": _rooms,
        "people": _people,
        "person": _personShown,
        "seen": _seen,
        "inbox": _inbox,
        "restraints": _restraints,
        "invited": _invited,
        "commands": _commands,
        "notice": _notice,
        "refused": _refused,
    }


def _room(event: ServerEvent) -> str:
    return ROOM_SIGN + event.text("room")


def _person(event: ServerEvent) -> str:
    notes = []
    if event.text("rank") not in ("", "member"):
        notes.append(event.text("rank"))
    if event.truth("guest"):
        notes.append("guest")
    if event.text("away"):
        notes.append(f"away: {event.text('away')}")
    return event.text("nick") + (f" ({', '.join(notes)})" if notes else "")
