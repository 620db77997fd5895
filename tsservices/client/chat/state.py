"""
One room as the client sees it: who is there, and which of its lines were shown.  Pure.

All that the client knows of the chat: itself, its rooms, what can be asked for.  Pure.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.client.chat.events import ServerEvent

#: Lines of which it is remembered who said them, for when one is deleted.
REMEMBERED = 1000


@dataclass(slots=True)
class RoomMember:
    """
    Somebody in a room.

    @ivar nick: what they are called.
    @ivar guest: the name belongs to nobody; L{None}: not known.
    @ivar away: why they are away.
    """

    nick: str
    guest: bool | None = None
    away: str = ""


class ClientRoom:
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
        self.name = name
        self.last = last
        self.people: OrderedDict[str, RoomMember] = OrderedDict()
        self.read: int | None = None
        self.unread = 0
        self.present = True
        self.catching = False
        self.authors: OrderedDict[int, tuple[str, int]] = OrderedDict()
        self._held: dict[int, ServerEvent] = {}

    def take(self, said: ServerEvent) -> list[ServerEvent]:
        """The lines that are to be shown now."""
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

    def skip(self, last: int) -> list[ServerEvent]:
        """Lines are no longer kept: go on after them."""
        self.last = max(self.last, last)
        ready = []
        while (following := self._held.pop(self.last + 1, None)) is not None:
            self.last += 1
            ready.append(following)
        return ready

    def catchUp(self) -> None:
        """From now on lines may come twice, and in another order."""
        self.catching = True

    def caughtUp(self) -> list[ServerEvent]:
        """All that was missed has come."""
        self.catching = False
        held = [self._held[seq] for seq in sorted(self._held) if seq > self.last]
        self._held.clear()
        if held:
            self.last = held[-1].number("seq")
        return held

    def restart(self, last: int) -> None:
        """The room is another one than before: it has fewer lines than were shown."""
        self.last = 0 if self.catching else last
        self._held.clear()
        self.authors.clear()

    def spoke(self, said: ServerEvent) -> None:
        nick = said.text("nick")
        self.authors[said.number("seq")] = nick, said.number("time")
        if len(self.authors) > REMEMBERED:
            self.authors.popitem(last=False)
        key = fold(nick)
        if key in self.people:
            self.people[key].guest = said.text("account") == ""
            self.people.move_to_end(key)

    def enter(self, nick: str, guest: bool | None = None, away: str = "") -> None:
        key = fold(nick)
        known = self.people.get(key)
        if known is None:
            self.people[key] = RoomMember(nick, guest, away)
            # Who has not spoken comes after all who have.
            self.people.move_to_end(key, last=False)
        else:
            known.nick, known.away = nick, away
            known.guest = known.guest if guest is None else guest

    def leave(self, nick: str) -> None:
        self.people.pop(fold(nick), None)

    def rename(self, nick: str, to: str) -> None:
        if fold(nick) in self.people:
            keep = OrderedDict[str, RoomMember]()
            for key, person in self.people.items():
                if key == fold(nick):
                    person.nick = to
                    keep[fold(to)] = person
                else:
                    keep[key] = person
            self.people = keep

    def nicks(self) -> list[str]:
        """Those who are there, who spoke last first."""
        return [person.nick for person in reversed(self.people.values())]


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """
    One command of the server, or of this client.

    @ivar name: its word.
    @ivar usage: what follows the word.
    @ivar meaning: what it does.
    """

    name: str
    usage: str
    meaning: str


#: Commands that the client knows by itself.
OWN_COMMANDS = (
    CommandInfo("resend", "", "say again what was not sent"),
    CommandInfo("quit", "[WHY]", "leave"),
)

#: A command in the words of a server that writes them for people.
_HELP = re.compile(r"/(\w+)(?: (\S.*?))? {2,}(\S.*)")


def roomKey(name: str) -> str:
    """What is the same for all forms of the name."""
    return fold(name.removeprefix(ROOM_SIGN))


class ClientState:
    """
    What is known.

    @ivar nick: one's own name; nothing before one is in.
    @ivar account: one's own account; nothing for guests.
    @ivar rooms: by folded name, in the order in which they were entered.
    @ivar current: the folded name of the room where lines go.
    @ivar commands: what can be asked for.
    @ivar accounts: whether the server knows accounts at all.
    @ivar known: names of rooms that were heard of.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self.nick = ""
        self.account = ""
        self.rooms: dict[str, ClientRoom] = {}
        self.current = ""
        self.commands: list[CommandInfo] = list(OWN_COMMANDS)
        self.accounts = False
        self.known: dict[str, str] = {}

    def isSelf(self, nick: str) -> bool:
        """Whether that is oneself."""
        return bool(self.nick) and fold(nick) == fold(self.nick)

    def room(self, event: ServerEvent) -> ClientRoom | None:
        """The room, if one is in it."""
        return self.rooms.get(roomKey(event.text("room")))

    def selectRoom(self, key: str) -> None:
        if self.current in self.rooms:
            self.rooms[self.current].unread = 0
        self.current = key
        if key in self.rooms:
            self.rooms[key].unread = 0

    def apply(self, event: ServerEvent) -> None:
        """Keep what an event says of people and rooms; lines are not its business."""
        learn = self._LEARN.get(event.type)
        if learn is not None:
            learn(self, event)

    def learnHelp(self, event: ServerEvent) -> None:
        rows = [_HELP.fullmatch(line) for line in event.texts("lines")]
        self._offer([CommandInfo(row[1], row[2] or "", row[3]) for row in rows if row is not None])

    def _commands(self, event: ServerEvent) -> None:
        self._offer(
            [
                CommandInfo(row.text("name"), row.text("usage"), row.text("meaning"))
                for row in event.each("commands")
                if row.text("name")
            ]
        )

    def _offer(self, listed: list[CommandInfo]) -> None:
        names = {row.name for row in listed}
        self.commands = [*listed, *(row for row in OWN_COMMANDS if row.name not in names)]
        self.accounts = "login" in names

    def _entered(self, event: ServerEvent) -> None:
        self.nick = event.text("nick")
        self.account = event.text("account")

    def _account(self, event: ServerEvent) -> None:
        nick = event.text("nick")
        guest = event.text("account") == ""
        if self.isSelf(nick):
            self.account = event.text("account")
        for room in self.rooms.values():
            person = room.people.get(fold(nick))
            if person is not None:
                person.guest = guest

    def _renamed(self, event: ServerEvent) -> None:
        nick, to = event.text("nick"), event.text("to")
        if self.isSelf(nick):
            self.nick = to
        for room in self.rooms.values():
            room.rename(nick, to)

    def _away(self, event: ServerEvent) -> None:
        for room in self.rooms.values():
            person = room.people.get(fold(event.text("nick")))
            if person is not None:
                person.away = event.text("text")

    def _gone(self, event: ServerEvent) -> None:
        for room in self.rooms.values():
            room.leave(event.text("nick"))

    def _joined(self, event: ServerEvent) -> None:
        room = self.room(event)
        if room is not None:
            guest = event.text("account") == "" if "account" in event.fields else None
            room.enter(event.text("nick"), guest)

    def _left(self, event: ServerEvent) -> None:
        room = self.room(event)
        if room is not None:
            room.leave(event.text("nick"))

    def _people(self, event: ServerEvent) -> None:
        room = self.room(event)
        if room is not None:
            for each in event.each("people"):
                guest = each.truth("guest") if "guest" in each.fields else None
                room.enter(each.text("nick"), guest, each.text("away"))

    def _rooms(self, event: ServerEvent) -> None:
        for each in event.each("rooms"):
            name = each.text("room")
            self.known[roomKey(name)] = name

    def _roomEntered(self, event: ServerEvent) -> None:
        name = event.text("room")
        key = roomKey(name)
        last = event.number("joinedSeq")
        room = self.rooms.get(key)
        if room is None:
            room = self.rooms[key] = ClientRoom(name, last)
        elif last < room.last:
            room.restart(last)
        self.known[key] = name
        if event.text("nick"):
            self.nick = event.text("nick")
        room.present = True
        room.read = event.perhaps("read")
        room.people.clear()
        for nick in event.texts("nicks"):
            room.enter(nick)

    def _roomLeft(self, event: ServerEvent) -> None:
        self.forget(roomKey(event.text("room")))

    def forget(self, key: str) -> None:
        self.rooms.pop(key, None)
        if self.current == key:
            self.current = ""
            self.selectRoom(next(reversed(self.rooms), ""))

    #: What is done with the events that say something of people or rooms, by their types.
    _LEARN: ClassVar[dict[str, Callable[[ClientState, ServerEvent], None]]] = {
        "commands": _commands,
        "entered": _entered,
        "resumed": _entered,
        "loggedIn": _entered,
        "account": _account,
        "renamed": _renamed,
        "away": _away,
        "gone": _gone,
        "joined": _joined,
        "left": _left,
        "people": _people,
        "rooms": _rooms,
        "roomEntered": _roomEntered,
        "roomLeft": _roomLeft,
    }
