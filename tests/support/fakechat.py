"""
A chat server in memory, to whose connections anything may happen, and a view that
remembers what it is shown.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field

from tsservices.chat.names import fold
from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import LineOrigin
from tsservices.client.chat.state import ClientRoom

COMMANDS = [
    {"name": "join", "usage": "ROOM", "meaning": "enter a room", "permission": "named"},
    {"name": "msg", "usage": "NAME|#ROOM TEXT", "meaning": "tell", "permission": "named"},
    {"name": "ack", "usage": "on|off", "meaning": "be told", "permission": "anyone"},
    {"name": "login", "usage": "[NAME] [PASSWORD]", "meaning": "log in", "permission": "anyone"},
    {"name": "read", "usage": "[ROOM] SEQ", "meaning": "have read", "permission": "named"},
]


@dataclass(eq=False)
class Room:
    """A room of the server."""

    name: str
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    first: int = 1
    members: list[FakeSession] = field(default_factory=list)


class FakeChat:
    """The server."""

    def __init__(self, modern: bool = True) -> None:
        self.rooms: dict[str, Room] = {}
        self.sessions: dict[str, FakeSession] = {}
        self.tokens: dict[str, FakeSession] = {}
        self.modern = modern
        self.muted: set[str] = set()
        self.passwords: dict[str, str] = {}
        self._count = 0

    def say(self, room: str, nick: str, text: str, kind: str = "message") -> None:
        there = self.rooms.setdefault(room, Room(room))
        there.lines.append((nick, kind, text))
        for each in there.members:
            each.tell(self.line(there, len(there.lines)))

    def line(self, room: Room, seq: int, **more: object) -> dict[str, object]:
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
        self._count += 1
        self.tokens = {key: each for key, each in self.tokens.items() if each is not session}
        self.tokens[f"t{self._count}"] = session
        return f"t{self._count}"


class FakeSession:
    """One connection, as the server sees it."""

    def __init__(self, chat: FakeChat) -> None:
        self.came: deque[str] = deque()
        self.told: deque[bytes] = deque([b"* welcome", b"* say your name"])
        self.ended = False
        self.cut = False
        self._chat = chat
        self.nick = ""
        self._rooms: list[Room] = []
        self._asking = ""

    def tell(self, event: dict[str, object]) -> None:
        self.told.append(json.dumps(event).encode())

    def serve(self, most: int = 1_000_000) -> None:
        while self.came and most and not self.ended:
            most -= 1
            self._do(self.came.popleft())
        if self.cut and not self.came:
            self.end()

    def end(self) -> None:
        self.ended = True
        self.came.clear()
        for room in self._rooms:
            room.members.remove(self)
        self._rooms = []
        if self._chat.sessions.get(fold(self.nick)) is self:
            del self._chat.sessions[fold(self.nick)]

    def refuse(self, code: str) -> None:
        self.tell({"type": "refused", "code": code, "text": f"no: {code}"})

    def _do(self, line: str) -> None:
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
        if room not in self._rooms or room is None:
            self.refuse("not-in-room")
        elif self.nick in self._chat.muted:
            self.refuse("muted")
        else:
            self._chat.say(room.name, self.nick, text, kind)
            seq = len(room.lines)
            self.tell({"type": "stored", "room": room.name, "first": seq, "last": seq})

    def _format(self, rest: str) -> None:
        self.tell({"type": "format", "version": 1})

    def _ack(self, rest: str) -> None:
        self.tell({"type": "notice", "lines": [f"ack is {rest}"]})

    def _echo(self, rest: str) -> None:
        self.tell({"type": "notice", "lines": [f"echo is {rest}"]})

    def _help(self, rest: str) -> None:
        if self._chat.modern:
            self.tell({"type": "commands", "commands": COMMANDS})
        else:
            self.tell({"type": "notice", "lines": ["/join ROOM    enter a room", "and so on"]})

    def _enter(self, nick: str) -> None:
        self.nick = nick
        self._chat.sessions[fold(nick)] = self

    def _nick(self, rest: str) -> None:
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
        self._asking = rest
        self.tell({"type": "prompt", "text": f"password of {rest}"})

    def _resume(self, rest: str) -> None:
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
        name, _, number = rest.rpartition(" ")
        room = next((each for each in self._rooms if each.name == name), None)
        if room is None:
            self.refuse("not-in-room")
        else:
            self._replay(room, int(number) + 1)

    def _history(self, rest: str) -> None:
        self._replay(self._rooms[-1], max(1, len(self._rooms[-1].lines) - int(rest) + 1))

    def _who(self, rest: str) -> None:
        room = self._chat.rooms[rest]
        people = [
            {"nick": each.nick, "guest": True, "away": "", "rank": "member"}
            for each in room.members
        ]
        self.tell({"type": "people", "room": rest, "people": people})

    def _me(self, rest: str) -> None:
        self._say(self._rooms[-1] if self._rooms else None, rest, "me")

    def _msg(self, rest: str) -> None:
        name, _, text = rest.partition(" ")
        self._say(self._chat.rooms.get(name[1:]), text.strip())

    def _read(self, rest: str) -> None:
        name, _, number = rest.rpartition(" ")
        self.tell({"type": "read", "room": name, "seq": int(number)})

    def _part(self, rest: str) -> None:
        room = self._chat.rooms[rest]
        self._rooms.remove(room)
        room.members.remove(self)
        self.tell({"type": "roomLeft", "room": rest})

    def _quit(self, rest: str) -> None:
        self.end()


class RecordingView:
    """Remembers what it is shown."""

    def __init__(self) -> None:
        self.shown: dict[str, list[int]] = {}
        self.gone: dict[str, list[int]] = {}
        self.texts: list[str] = []
        self.lines: list[tuple[str, str, str]] = []

    def raw(self, event: ServerEvent) -> None:
        pass

    def told(self, event: ServerEvent) -> None:
        self.texts.append(f"{event.type} {event.text('code')}".strip())

    def said(self, room: ClientRoom | None, event: ServerEvent, how: LineOrigin) -> None:
        self.lines.append((how.value, event.text("nick"), event.text("text")))
        if how in (LineOrigin.NOW, LineOrigin.MISSED):
            self.shown.setdefault(event.text("room"), []).append(event.number("seq"))

    def replayed(self, event: ServerEvent) -> None:
        self.texts.append(event.type)

    def missing(self, room: ClientRoom, first: int, last: int) -> None:
        self.gone.setdefault(room.name, []).extend(range(first, last + 1))

    def endOfLines(self, how: LineOrigin, more: bool) -> None:
        self.texts.append(f"end of {how.value}{', more' if more else ''}")

    def unread(self) -> None:
        self.texts.append("new")
        self.lines.append(("new", "", ""))

    def note(self, text: str) -> None:
        self.texts.append(f"* {text}")

    def complain(self, text: str) -> None:
        self.texts.append(f"! {text}")

    def waits(self, item: OutgoingLine) -> None:
        self.texts.append(f"waits {item.shown}")

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        self.texts.append(f"{'not' if sure else 'perhaps not'} sent {item.shown}")

    def asked(self, text: str) -> None:
        self.texts.append(f"asked {text}")

    def connection(self, what: str, reason: str = "", missed: int = 0) -> None:
        self.texts.append(f"{what} {missed}" if what == "resumed" else what)
