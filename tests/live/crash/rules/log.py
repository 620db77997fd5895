"""
What one client asks for and receives.  Pure.

Behind each action the client sends a command whose answer is known, the fence.  What comes between
two such answers belongs to one action.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from tests.live.crash.rules.actions import Action

#: The command behind each action.
FENCE = "/echo on"

#: Its answer.
FENCE_ANSWER = ["echo is on"]

#: Codes of errors that answer no action.
STOP_ERRORS = frozenset({"stopping"})


class Line(NamedTuple):
    """A numbered line of a room."""

    room: str
    seq: int
    kind: str
    nick: str
    text: str
    ident: str
    time: int


class Received(NamedTuple):
    """A line that a client received."""

    line: Line
    live: bool
    replayed: bool
    loggedIn: bool


class Entry(NamedTuple):
    """Somebody has joined a room."""

    room: str
    nick: str
    loggedIn: bool
    seq: int
    private: bool
    rank: str
    read: int | None


class Login(NamedTuple):
    """Somebody who is in a room has logged in."""

    room: str
    seq: int


class ClientLog:
    """All that one client asked for and received in one life of the server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.actions: list[Action] = []
        self.received: list[Received] = []
        # In one list: a login, a part and a join may all come between two lines of the room.
        self.arrivals: list[Entry | Login] = []
        self.rooms: dict[str, int] = {}
        self.privateMessages: list[dict[str, Any]] = []
        self.readMarkers: list[tuple[str, int]] = []
        self.tokens: list[str] = []
        self.loggedIn = False
        self.unread = -1
        self.violations: list[str] = []
        self._next = 0

    @property
    def outstanding(self) -> list[Action]:
        return self.actions[self._next :]

    def receive(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "said":
                self._receiveLine(event)
            case "roomEntered":
                self._receiveEntry(event)
            case "roomLeft":
                self.rooms.pop(event["room"], None)
            case "whispered":
                self.privateMessages.append(event)
            case "read":
                self.readMarkers.append((event["room"], event["seq"]))
            case "loggedIn":
                self.loggedIn, self.unread = True, event["unread"]
                self.arrivals += itertools.starmap(Login, self.rooms.items())
            case "accountToken":
                self.tokens.append(event["name"])
                self._current(event).token = event["token"]
            case "refused" if event["code"] in STOP_ERRORS:
                pass
            case "notice" if event["lines"] == FENCE_ANSWER:
                self._current(event).answered = True
                self._next += 1
            case "refused" | "notice" | "inbox" | "found" | "replay" | "restraints":
                self._receiveAnswer(event)

    def _current(self, event: dict[str, Any]) -> Action:
        if self._next < len(self.actions):
            return self.actions[self._next]
        self.violations.append(f"{self.name} received {event}, and has asked for nothing")
        return Action("nothing")

    def _receiveLine(self, event: dict[str, Any]) -> None:
        live = not event.get("replay") and not event.get("found")
        names = ("room", "seq", "kind", "nick", "text", "id", "time")
        line = Line(*[event[name] for name in names])
        self.received.append(Received(line, live, bool(event.get("replay")), self.loggedIn))
        if live:
            last = self.rooms.get(line.room)
            if last is None or line.seq != last + 1:
                self.violations.append(f"{self.name} received {line} after {last}")
            self.rooms[line.room] = line.seq

    def _receiveEntry(self, event: dict[str, Any]) -> None:
        room, seq = event["room"], event["joinedSeq"]
        self.rooms[room] = seq
        private, rank, read = event["private"], event["rank"], event["read"]
        entry = Entry(room, event["nick"], self.loggedIn, seq, private, rank, read)
        self.arrivals.append(entry)

    def _receiveAnswer(self, event: dict[str, Any]) -> None:
        action = self._current(event)
        match event["type"]:
            case "refused":
                action.error = event["code"]
            case "notice":
                action.codes.append(event["code"])
                action.after = self.rooms.get(action.room, 0)
                if event["code"] == "registered":
                    self.loggedIn = True
                    self.arrivals += itertools.starmap(Login, self.rooms.items())
                elif event["code"] == "loggedOut":
                    self.loggedIn = False
            case "inbox":
                action.privateMessages += event["letters"]
            case "found" | "replay":
                action.lines += event["lines"]
            case "restraints" if event["room"] == action.room:
                for row in event["restraints"]:
                    permanent = action.restrictions.get(row["name"], False)
                    action.restrictions[row["name"]] = permanent or not row["until"]
