"""
One room as the client sees it: who is there, and which of its lines were shown.  Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tsservices.chat.names import fold
from tsservices.client.chat.wire import Event

REMEMBERED = 1000
"""
Lines of which it is remembered who said them, for when one is deleted.
"""


@dataclass(slots=True)
class Person:
    """
    Somebody in a room.

    @ivar nick: what they are called.
    @ivar guest: the name belongs to nobody; L{None}: not known.
    @ivar away: why they are away.
    """

    nick: str
    guest: bool | None = None
    away: str = ""


class RoomView:
    """
    A room in which one is, or was before the connection was lost.

    A line is new when its number is higher than that of the last one shown.  While
    lines are being caught up with (L{catching}) those that run ahead are held back, so
    that what is shown is in order, without a gap and without a repeat.

    @ivar name: of the room.
    @ivar last: the number of the last line that was shown.
    @ivar people: who is there, by folded name; who spoke last is last.
    @ivar read: the number of the last line that was read, if the server knows it.
    @ivar unread: lines since one turned away from the room.
    @ivar present: one is in the room, as far as is known.
    @ivar catching: whether lines are being caught up with.
    @ivar authors: who said the lines, by number.
    """

    def __init__(self, name: str, last: int) -> None:
        """
        @param name: of the room.
        @param last: the number of its last line.
        """
        self.name = name
        self.last = last
        self.people: OrderedDict[str, Person] = OrderedDict()
        self.read: int | None = None
        self.unread = 0
        self.present = True
        self.catching = False
        self.authors: OrderedDict[int, tuple[str, int]] = OrderedDict()
        self._held: dict[int, Event] = {}

    def take(self, said: Event) -> list[Event]:
        """
        @param said: a line that was said now, or while one was away.
        @return: the lines that are to be shown now.
        """
        seq = said.number("seq")
        if seq <= self.last:
            return []
        if self.catching and seq > self.last + 1:
            self._held[seq] = said
            return []
        self.last = seq
        ready = [said]
        while (following := self._held.pop(self.last + 1, None)) is not None:
            self.last += 1
            ready.append(following)
        return ready

    def skip(self, last: int) -> list[Event]:
        """
        Lines are no longer kept: go on after them.

        @param last: the number of the last of them.
        @return: the lines that are to be shown now.
        """
        self.last = max(self.last, last)
        ready = []
        while (following := self._held.pop(self.last + 1, None)) is not None:
            self.last += 1
            ready.append(following)
        return ready

    def catchUp(self) -> None:
        """
        From now on lines may come twice, and in another order.
        """
        self.catching = True

    def caughtUp(self) -> list[Event]:
        """
        All that was missed has come.

        @return: the lines that are still held back: those between are not for this
            person.
        """
        self.catching = False
        held = [self._held[seq] for seq in sorted(self._held) if seq > self.last]
        self._held.clear()
        if held:
            self.last = held[-1].number("seq")
        return held

    def restart(self, last: int) -> None:
        """
        The room is another one than before: it has fewer lines than were shown.

        @param last: the number of its last line.
        """
        self.last = 0 if self.catching else last
        self._held.clear()
        self.authors.clear()

    def spoke(self, said: Event) -> None:
        """
        @param said: a line that is shown.
        """
        nick = said.text("nick")
        self.authors[said.number("seq")] = nick, said.number("time")
        if len(self.authors) > REMEMBERED:
            self.authors.popitem(last=False)
        key = fold(nick)
        if key in self.people:
            self.people[key].guest = said.text("account") == ""
            self.people.move_to_end(key)

    def enter(self, nick: str, guest: bool | None = None, away: str = "") -> None:
        """
        @param nick: who is there.
        @param guest: whether the name belongs to nobody, if that is known.
        @param away: why they are away.
        """
        key = fold(nick)
        known = self.people.get(key)
        if known is None:
            self.people[key] = Person(nick, guest, away)
            # Who has not spoken comes after all who have.
            self.people.move_to_end(key, last=False)
        else:
            known.nick, known.away = nick, away
            known.guest = known.guest if guest is None else guest

    def leave(self, nick: str) -> None:
        """
        @param nick: who is not there any more.
        """
        self.people.pop(fold(nick), None)

    def rename(self, nick: str, to: str) -> None:
        """
        @param nick: who is called something else.
        @param to: the new name.
        """
        if fold(nick) in self.people:
            keep = OrderedDict[str, Person]()
            for key, person in self.people.items():
                if key == fold(nick):
                    person.nick = to
                    keep[fold(to)] = person
                else:
                    keep[key] = person
            self.people = keep

    def nicks(self) -> list[str]:
        """
        @return: those who are there, who spoke last first.
        """
        return [person.nick for person in reversed(self.people.values())]
