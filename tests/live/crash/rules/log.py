"""
What one client of a chat asks for and is told, where order is kept in rooms.  Pure.

A client asks for one act after the other, each with a question behind it whose answer
says that the act is over: what is told between two such answers belongs to one act.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from tests.live.crash.rules.actions import Act

#: The question behind each act.
FENCE = "/echo on"

#: Its answer.
FENCED = ["echo is on"]

#: Codes of refusals that are about no act.
FAREWELLS = frozenset({"stopping"})


class Line(NamedTuple):
    """A numbered line of a room."""

    room: str
    seq: int
    kind: str
    nick: str
    text: str
    ident: str
    time: int


class Heard(NamedTuple):
    """That somebody was told a line."""

    line: Line
    live: bool
    again: bool
    lasting: bool


class Entry(NamedTuple):
    """That somebody has entered a room."""

    room: str
    nick: str
    lasting: bool
    seq: int
    private: bool
    rank: str
    read: int | None


class Login(NamedTuple):
    """That somebody has logged in who was in a room."""

    room: str
    seq: int


class Diary:
    """All that one client asked for and was told in one life of the server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.acts: list[Act] = []
        self.heard: list[Heard] = []
        # In one list: who logs in, leaves and comes back may do so between two lines of the room.
        self.arrivals: list[Entry | Login] = []
        self.rooms: dict[str, int] = {}
        self.whispers: list[dict[str, Any]] = []
        self.reads: list[tuple[str, int]] = []
        self.lasting = False
        self.unread = -1
        self.strange: list[str] = []
        self._next = 0

    @property
    def outstanding(self) -> list[Act]:
        return self.acts[self._next :]

    def feed(self, told: dict[str, Any]) -> None:
        match told["type"]:
            case "said":
                self._said(told)
            case "roomEntered":
                self._entered(told)
            case "roomLeft":
                self.rooms.pop(told["room"], None)
            case "whispered":
                self.whispers.append(told)
            case "read":
                self.reads.append((told["room"], told["seq"]))
            case "loggedIn":
                self.lasting, self.unread = True, told["unread"]
                self.arrivals += itertools.starmap(Login, self.rooms.items())
            case "refused" if told["code"] in FAREWELLS:
                pass
            case "notice" if told["lines"] == FENCED:
                self._current(told).settled = True
                self._next += 1
            case "refused" | "notice" | "inbox" | "found" | "replay" | "restraints":
                self._answer(told)

    def _current(self, told: dict[str, Any]) -> Act:
        if self._next < len(self.acts):
            return self.acts[self._next]
        self.strange.append(f"{self.name} was told {told}, and has asked for nothing")
        return Act("nothing")

    def _said(self, told: dict[str, Any]) -> None:
        live = not told.get("replay") and not told.get("found")
        names = ("room", "seq", "kind", "nick", "text", "id", "time")
        line = Line(*[told[name] for name in names])
        self.heard.append(Heard(line, live, bool(told.get("replay")), self.lasting))
        if live:
            last = self.rooms.get(line.room)
            if last is None or line.seq != last + 1:
                self.strange.append(f"{self.name} was told {line} after {last}")
            self.rooms[line.room] = line.seq

    def _entered(self, told: dict[str, Any]) -> None:
        room, seq = told["room"], told["joinedSeq"]
        self.rooms[room] = seq
        self.arrivals.append(
            Entry(
                room,
                told["nick"],
                self.lasting,
                seq,
                told["private"],
                told["rank"],
                told["read"],
            )
        )

    def _answer(self, told: dict[str, Any]) -> None:
        act = self._current(told)
        match told["type"]:
            case "refused":
                act.refused = told["code"]
            case "notice":
                act.codes.append(told["code"])
                act.after = self.rooms.get(act.room, 0)
                if told["code"] == "registered":
                    self.lasting = True
                    self.arrivals += itertools.starmap(Login, self.rooms.items())
                elif told["code"] == "loggedOut":
                    self.lasting = False
            case "inbox":
                act.letters += told["letters"]
            case "found" | "replay":
                act.lines += told["lines"]
            case "restraints" if told["room"] == act.room:
                for each in told["restraints"]:
                    ever = act.restraints.get(each["name"], False)
                    act.restraints[each["name"]] = ever or not each["until"]
