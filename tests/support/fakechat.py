"""
A chat server in memory, to whose connections anything may happen, and a view that
remembers what it is shown.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field

from tsservices.chat.names import fold
from tsservices.client.chat.events import Event
from tsservices.client.chat.outbox import Item
from tsservices.client.chat.ports import How
from tsservices.client.chat.state import RoomView

COMMANDS = [
    {"name": "join", "usage": "ROOM", "meaning": "enter a room", "permission": "named"},
    {"name": "msg", "usage": "NAME|#ROOM TEXT", "meaning": "tell", "permission": "named"},
    {"name": "ack", "usage": "on|off", "meaning": "be told", "permission": "anyone"},
    {"name": "login", "usage": "[NAME] [PASSWORD]", "meaning": "log in", "permission": "anyone"},
    {"name": "read", "usage": "[ROOM] SEQ", "meaning": "have read", "permission": "named"},
]


@dataclass(eq=False)
class Room:
    """
    A room of the server.

    @ivar lines: who said what, as what.
    @ivar first: the number of the first line that is still kept.
    @ivar members: who is there.
    """

    name: str
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    first: int = 1
    members: list[FakeSession] = field(default_factory=list)


class FakeChat:
    """
    The server.

    @ivar rooms: by name.
    @ivar sessions: those that have a name, by name.
    @ivar tokens: who may be gone on for.
    @ivar modern: there are tokens and accounts.
    @ivar muted: names of those whose lines are refused.
    @ivar passwords: of accounts.
    """

    def __init__(self, modern: bool = True) -> None:
        """
        @param modern: there are tokens and accounts.
        """
        self.rooms: dict[str, Room] = {}
        self.sessions: dict[str, FakeSession] = {}
        self.tokens: dict[str, FakeSession] = {}
        self.modern = modern
        self.muted: set[str] = set()
        self.passwords: dict[str, str] = {}
        self._count = 0

    def say(self, room: str, nick: str, text: str, kind: str = "message") -> None:
        """
        @param room: where.
        @param nick: who.
        @param text: what.
        @param kind: as what.
        """
        there = self.rooms.setdefault(room, Room(room))
        there.lines.append((nick, kind, text))
        for each in there.members:
            each.tell(self.line(there, len(there.lines)))

    def line(self, room: Room, seq: int, **more: object) -> dict[str, object]:
        """
        @param room: which.
        @param seq: the number of one of its lines.
        @param more: fields.
        @return: the line as an object.
        """
        nick, kind, text = room.lines[seq - 1]
        return {
            "type": "said",
            "room": room.name,
            "seq": seq,
            "id": f"x-{seq}",
            "time": 1_795_000_000_000_000_000 + seq,
            "kind": kind,
            "nick": nick,
            "account": None,
            "text": text,
            **more,
        }

    def token(self, session: FakeSession) -> str:
        """
        @param session: who gets it.
        @return: a new token.
        """
        self._count += 1
        self.tokens = {key: each for key, each in self.tokens.items() if each is not session}
        self.tokens[f"t{self._count}"] = session
        return f"t{self._count}"


class FakeSession:
    """
    One connection, as the server sees it.

    @ivar came: lines that were sent to the server and not looked at yet.
    @ivar told: lines on the way to the client.
    @ivar ended: there will be no more.
    @ivar cut: the client is gone.
    @ivar nick: the name.
    """

    def __init__(self, chat: FakeChat) -> None:
        """
        @param chat: the server.
        """
        self.came: deque[str] = deque()
        self.told: deque[bytes] = deque([b"* welcome", b"* say your name"])
        self.ended = False
        self.cut = False
        self._chat = chat
        self.nick = ""
        self._rooms: list[Room] = []
        self._asking = ""

    def tell(self, event: dict[str, object]) -> None:
        """
        @param event: for the client.
        """
        self.told.append(json.dumps(event).encode())

    def serve(self, most: int = 1_000_000) -> None:
        """
        @param most: how many lines to look at.
        """
        while self.came and most and not self.ended:
            most -= 1
            self._do(self.came.popleft())
        if self.cut and not self.came:
            self.end()

    def end(self) -> None:
        """
        The connection has ended.
        """
        self.ended = True
        self.came.clear()
        for room in self._rooms:
            room.members.remove(self)
        self._rooms = []
        if self._chat.sessions.get(fold(self.nick)) is self:
            del self._chat.sessions[fold(self.nick)]

    def refuse(self, code: str) -> None:
        """
        @param code: why.
        """
        self.tell({"type": "refused", "code": code, "text": f"no: {code}"})

    def _do(self, line: str) -> None:
        """
        @param line: from the client.
        """
        if self._asking:
            name, self._asking = self._asking, ""
            if self._chat.passwords.get(name) == line:
                self._enter(name)
                self.tell({"type": "loggedIn", "nick": name, "account": name, "unread": 2})
            else:
                self.refuse("wrong-password")
            return
        if not line.startswith("/") or line.startswith("//"):
            self._say(self._rooms[-1] if self._rooms else None, line.removeprefix("/"))
            return
        word, _, rest = line[1:].partition(" ")
        act = getattr(self, f"_{word}", None)
        if act is None:
            self.refuse("no-command")
        else:
            act(rest.strip())

    def _say(self, room: Room | None, text: str, kind: str = "message") -> None:
        """
        @param room: where.
        @param text: what.
        @param kind: as what.
        """
        if room not in self._rooms or room is None:
            self.refuse("not-in-room")
        elif self.nick in self._chat.muted:
            self.refuse("muted")
        else:
            self._chat.say(room.name, self.nick, text, kind)
            seq = len(room.lines)
            self.tell({"type": "stored", "room": room.name, "first": seq, "last": seq})

    def _format(self, rest: str) -> None:
        """
        @param rest: the name of the form.
        """
        self.tell({"type": "format", "version": 1})

    def _ack(self, rest: str) -> None:
        """
        @param rest: on.
        """
        self.tell({"type": "notice", "lines": [f"ack is {rest}"]})

    def _echo(self, rest: str) -> None:
        """
        @param rest: on.
        """
        self.tell({"type": "notice", "lines": [f"echo is {rest}"]})

    def _help(self, rest: str) -> None:
        """
        @param rest: nothing.
        """
        if self._chat.modern:
            self.tell({"type": "commands", "commands": COMMANDS})
        else:
            self.tell({"type": "notice", "lines": ["/join ROOM    enter a room", "and so on"]})

    def _enter(self, nick: str) -> None:
        """
        @param nick: to be called.
        """
        self.nick = nick
        self._chat.sessions[fold(nick)] = self

    def _nick(self, rest: str) -> None:
        """
        @param rest: a name.
        """
        if self._chat.sessions.get(fold(rest), self) is not self:
            self.refuse("nick-taken")
        elif self.nick:
            del self._chat.sessions[fold(self.nick)]
            old = self.nick
            self._enter(rest)
            self.tell({"type": "renamed", "nick": old, "to": rest})
        else:
            self._enter(rest)
            self.tell({"type": "entered", "nick": rest, "account": None})
            if self._chat.modern:
                self.tell({"type": "token", "token": self._chat.token(self)})

    def _login(self, rest: str) -> None:
        """
        @param rest: a name.
        """
        self._asking = rest
        self.tell({"type": "prompt", "text": f"password of {rest}"})

    def _resume(self, rest: str) -> None:
        """
        @param rest: a token.
        """
        old = self._chat.tokens.pop(rest, None)
        if old is None or old.ended:
            self.refuse("nothing-to-resume")
            return
        nick, rooms = old.nick, list(old._rooms)
        old.refuse("taken-over")
        old.end()
        self._enter(nick)
        for room in rooms:
            room.members.append(self)
            self._rooms.append(room)
        listed = [{"room": room.name, "last": len(room.lines)} for room in rooms]
        self.tell({"type": "resumed", "nick": nick, "account": None, "rooms": listed})
        self.tell({"type": "token", "token": self._chat.token(self)})

    def _join(self, rest: str) -> None:
        """
        @param rest: the name of a room.
        """
        room = self._chat.rooms.setdefault(rest, Room(rest))
        if room in self._rooms:
            self._rooms.remove(room)
            self._rooms.append(room)
            self.tell({"type": "notice", "lines": [f"you talk in #{rest}"]})
            return
        last = len(room.lines)
        self.tell(
            {
                "type": "roomEntered",
                "room": rest,
                "nick": self.nick,
                "topic": None,
                "nicks": [*(each.nick for each in room.members), self.nick],
                "present": len(room.members) + 1,
                "joinedSeq": last,
                "read": None,
            }
        )
        self._replay(room, max(last - 2, 1))
        room.members.append(self)
        self._rooms.append(room)

    def _replay(self, room: Room, first: int) -> None:
        """
        @param room: whose lines.
        @param first: the number of the first.
        """
        start, last = max(first, room.first), len(room.lines)
        if first > last:
            return
        self.tell(
            {
                "type": "replay",
                "room": room.name,
                "lines": last - start + 1,
                "missing": [first, start - 1] if start > first else None,
                "until": last,
            }
        )
        for seq in range(start, last + 1):
            self.tell(self._chat.line(room, seq, replay=True))

    def _since(self, rest: str) -> None:
        """
        @param rest: a room and a number.
        """
        name, _, number = rest.rpartition(" ")
        room = next((each for each in self._rooms if each.name == name), None)
        if room is None:
            self.refuse("not-in-room")
        else:
            self._replay(room, int(number) + 1)

    def _history(self, rest: str) -> None:
        """
        @param rest: how many lines.
        """
        self._replay(self._rooms[-1], max(1, len(self._rooms[-1].lines) - int(rest) + 1))

    def _who(self, rest: str) -> None:
        """
        @param rest: a room.
        """
        room = self._chat.rooms[rest]
        people = [
            {"nick": each.nick, "guest": True, "away": "", "rank": "member"}
            for each in room.members
        ]
        self.tell({"type": "people", "room": rest, "people": people})

    def _me(self, rest: str) -> None:
        """
        @param rest: what is done.
        """
        self._say(self._rooms[-1] if self._rooms else None, rest, "me")

    def _msg(self, rest: str) -> None:
        """
        @param rest: a room with its sign, and what to say.
        """
        name, _, text = rest.partition(" ")
        self._say(self._chat.rooms.get(name[1:]), text.strip())

    def _read(self, rest: str) -> None:
        """
        @param rest: a room and a number.
        """
        name, _, number = rest.rpartition(" ")
        self.tell({"type": "read", "room": name, "seq": int(number)})

    def _part(self, rest: str) -> None:
        """
        @param rest: a room.
        """
        room = self._chat.rooms[rest]
        self._rooms.remove(room)
        room.members.remove(self)
        self.tell({"type": "roomLeft", "room": rest})

    def _quit(self, rest: str) -> None:
        """
        @param rest: why.
        """
        self.end()


class RecordingView:
    """
    Remembers what it is shown.

    @ivar shown: numbers of lines that were shown for the first time, by room.
    @ivar gone: numbers of lines that are no longer kept, by room.
    @ivar texts: all else, in words.
    @ivar lines: all lines, with why they were shown.
    """

    def __init__(self) -> None:
        """
        Begin with nothing.
        """
        self.shown: dict[str, list[int]] = {}
        self.gone: dict[str, list[int]] = {}
        self.texts: list[str] = []
        self.lines: list[tuple[str, str, str]] = []

    def raw(self, event: Event) -> None:
        """
        @param event: not looked at.
        """

    def told(self, event: Event) -> None:
        """
        @param event: kept by its type.
        """
        self.texts.append(f"{event.type} {event.text('code')}".strip())

    def said(self, room: RoomView | None, event: Event, how: How) -> None:
        """
        @param room: where.
        @param event: a line.
        @param how: why.
        """
        self.lines.append((how.value, event.text("nick"), event.text("text")))
        if how in (How.NOW, How.MISSED):
            self.shown.setdefault(event.text("room"), []).append(event.number("seq"))

    def replayed(self, event: Event) -> None:
        """
        @param event: kept by its type.
        """
        self.texts.append(event.type)

    def missing(self, room: RoomView, first: int, last: int) -> None:
        """
        @param room: where.
        @param first: number.
        @param last: number.
        """
        self.gone.setdefault(room.name, []).extend(range(first, last + 1))

    def endOfLines(self, how: How, more: bool) -> None:
        """
        @param how: kept.
        @param more: kept.
        """
        self.texts.append(f"end of {how.value}{', more' if more else ''}")

    def unread(self) -> None:
        """
        Kept.
        """
        self.texts.append("new")
        self.lines.append(("new", "", ""))

    def note(self, text: str) -> None:
        """
        @param text: kept.
        """
        self.texts.append(f"* {text}")

    def complain(self, text: str) -> None:
        """
        @param text: kept.
        """
        self.texts.append(f"! {text}")

    def waits(self, item: Item) -> None:
        """
        @param item: kept.
        """
        self.texts.append(f"waits {item.shown}")

    def notSent(self, item: Item, sure: bool) -> None:
        """
        @param item: kept.
        @param sure: kept.
        """
        self.texts.append(f"{'not' if sure else 'perhaps not'} sent {item.shown}")

    def asked(self, text: str) -> None:
        """
        @param text: kept.
        """
        self.texts.append(f"asked {text}")

    def connection(self, what: str, reason: str = "", missed: int = 0) -> None:
        """
        @param what: kept.
        @param reason: not looked at.
        @param missed: kept.
        """
        self.texts.append(f"{what} {missed}" if what == "resumed" else what)
