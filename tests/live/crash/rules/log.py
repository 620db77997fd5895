"""
What one client of a chat asks for and is told, where order is kept in rooms.  Pure.

A client asks for one act after the other, each with a question behind it whose answer
says that the act is over: what is told between two such answers belongs to one act.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from tests.live.crash.rules.actions import Action

#: The question behind each act.
FENCE = "/echo on"

#: Its answer.
FENCE_ANSWER = ["echo is on"]

#: Codes of refusals that are about no act.
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
    """That somebody was told a line."""

    line: Line
    live: bool
    replayed: bool
    loggedIn: bool


class Entry(NamedTuple):
    """That somebody has entered a room."""

    room: str
    nick: str
    loggedIn: bool
    seq: int
    private: bool
    rank: str
    read: int | None


class Login(NamedTuple):
    """That somebody has logged in who was in a room."""

    room: str
    seq: int


class ClientLog:
    """All that one client asked for and was told in one life of the server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.actions: list[Action] = []
        self.received: list[Received] = []
        # In one list: who logs in, leaves and comes back may do so between two lines of the room.
        self.arrivals: list[Entry | Login] = []
        self.rooms: dict[str, int] = {}
        self.privateMessages: list[dict[str, Any]] = []
        self.readMarkers: list[tuple[str, int]] = []
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
        self.violations.append(f"{self.name} was told {event}, and has asked for nothing")
        return Action("nothing")

    def _receiveLine(self, event: dict[str, Any]) -> None:
        live = not event.get("replay") and not event.get("found")
        names = ("room", "seq", "kind", "nick", "text", "id", "time")
        line = Line(*[event[name] for name in names])
        self.received.append(Received(line, live, bool(event.get("replay")), self.loggedIn))
        if live:
            last = self.rooms.get(line.room)
            if last is None or line.seq != last + 1:
                self.violations.append(f"{self.name} was told {line} after {last}")
            self.rooms[line.room] = line.seq

    def _receiveEntry(self, event: dict[str, Any]) -> None:
        room, seq = event["room"], event["joinedSeq"]
        self.rooms[room] = seq
        self.arrivals.append(
            Entry(
                room,
                event["nick"],
                self.loggedIn,
                seq,
                event["private"],
                event["rank"],
                event["read"],
            )
        )

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
                for each in event["restraints"]:
                    ever = action.restrictions.get(each["name"], False)
                    action.restrictions[each["name"]] = ever or not each["until"]
