"""
A server of the chat's WebSocket that does as the test wants: the page alone is tested with it.
Knows the form of what goes over the wire, and no rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

#: When the first line of a room was said: nanoseconds since 1970.
BEGIN = 1_795_176_605_000_000_000

#: Between two lines.
STEP = 60_000_000_000

EPOCH = "e1"

#: Private messages of one answer.
LETTERS = 20

_TEXT = "the kettle is on and the green tea from the hills is nearly ready for everybody"

WORDS = tuple(_TEXT.split())

NICKS = ("bob", "carla", "Δημήτρης", "eve", "فاطمة")


def line(room: str, seq: int, nick: str = "", text: str = "", **more: Any) -> dict[str, Any]:
    """An object C{said}; without a text one of a length that its number says."""
    words = [WORDS[(seq + offset) % len(WORDS)] for offset in range(1 + seq * 7 % 40)]
    return {
        "type": "said",
        "room": room,
        "seq": seq,
        "id": f"{EPOCH}-{seq}-0",
        "time": BEGIN + seq * STEP,
        "kind": "message",
        "nick": nick or NICKS[seq // 3 % len(NICKS)],
        "account": None,
        "text": text or f"{seq} {' '.join(words)}",
        **more,
    }


class ScriptedChat:
    """
    Serves rooms with so many lines.

    @ivar asked: each request that came.
    @ivar answers: what is done for a request in place of what is done here.
    """

    def __init__(self, last: dict[str, int] | None = None) -> None:
        self.last = {"lobby": 50} if last is None else last
        self.said: dict[tuple[str, int], dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Callable[[dict[str, Any]], bool]] = {}
        self.sockets: list[WebSocketRoute] = []
        self.silent = self.refusing = False
        self.account: str | None = None
        self.token = 0
        self.epoch = EPOCH
        self.name = "Test"
        self.inside: list[str] = []
        self.letters: list[dict[str, Any]] = []

    def attach(self, page: Page) -> None:
        page.route_web_socket("**/ws", self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        if self.refusing:
            socket.close(code=1001)
            return
        self.sockets.append(socket)
        socket.on_message(lambda text: self._take(json.loads(text)))
        commands = [
            {"name": "me", "usage": "TEXT", "meaning": "do something, in words", "permission": ""},
            {"name": "msg", "usage": "NAME TEXT", "meaning": "tell one person", "permission": ""},
            {"name": "mode", "usage": "[+nt-k ...]", "meaning": "the modes", "permission": ""},
        ]
        self.send(
            {"type": "format", "version": 1},
            {
                "type": "server",
                "name": self.name,
                "account": self.account,
                "limits": {"message": 4096, "lines": 50},
                "commands": commands,
            },
        )
        if self.account:
            self._enter(self.account)

    def send(self, *objects: dict[str, Any]) -> None:
        """In one frame."""
        self.sockets[-1].send("".join(f"{json.dumps(one)}\n" for one in objects))

    def lose(self, code: int = 1001) -> None:
        """Close the connection from this side."""
        self.sockets.pop().close(code=code)

    def say(self, nick: str, text: str, room: str = "lobby", **more: Any) -> int:
        """@return: its number."""
        seq = self.unseen(nick, text, room, **more)
        self.send(self.lineOf(room, seq))
        return seq

    def unseen(self, nick: str, text: str, room: str = "lobby", **more: Any) -> int:
        """Say something that is not sent."""
        self.last[room] = seq = self.last[room] + 1
        self.said[room, seq] = line(room, seq, nick, text, **more)
        return seq

    def lineOf(self, room: str, seq: int) -> dict[str, Any]:
        return self.said.get((room, seq)) or line(room, seq)

    def _take(self, request: dict[str, Any]) -> None:
        self.asked.append(request)
        if self.silent:
            return
        kind = request["do"]
        if kind in self.answers:
            if not self.answers[kind](request):
                return
        elif (answer := getattr(self, f"_{kind}", None)) is not None:
            answer(request)
        self.done(request)

    def done(self, request: dict[str, Any]) -> None:
        if "id" in request:
            self.send({"type": "done", "id": request["id"]})

    def refuse(self, request: dict[str, Any], code: str, text: str) -> bool:
        self.send({"type": "refused", "id": request["id"], "code": code, "text": text})
        return False

    def requests(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.asked if one["do"] == kind]

    def _enter(self, request: dict[str, Any] | str) -> None:
        self.nick = request if isinstance(request, str) else request["nick"]
        self.inside = []
        self.token += 1
        self.send(
            {"type": "entered", "nick": self.nick, "account": self.account, "epoch": self.epoch},
            {"type": "token", "token": f"t{self.token}"},
        )

    def _resume(self, request: dict[str, Any]) -> None:
        rooms = [{"room": room, "last": self.last[room]} for room in self.inside]
        self.send(
            {
                "type": "resumed",
                "nick": self.nick,
                "account": self.account,
                "rooms": rooms,
                "epoch": self.epoch,
            }
        )

    def _join(self, request: dict[str, Any]) -> None:
        room = request["room"]
        last = self.last.setdefault(room, 0)
        self.inside.append(room)
        self._replay(room, range(max(1, last - 19), last + 1), last, self.roomEntered(room))

    def roomEntered(self, room: str) -> dict[str, Any]:
        return {
            "type": "roomEntered",
            "room": room,
            "nick": self.nick,
            "topic": {
                "text": f"all about {room}, https://example.org/",
                "by": "bob",
                "time": BEGIN,
            },
            "nicks": [self.nick, *NICKS],
            "present": len(NICKS) + 1,
            "joinedSeq": self.last[room],
            "rank": "member",
            "private": False,
            "read": None,
            "epoch": self.epoch,
            "modes": "nt",
            "key": "",
            "limit": 0,
        }

    def _history(self, request: dict[str, Any]) -> None:
        before = min(request.get("before") or 10**9, self.last[request["room"]] + 1)
        first = max(1, before - request["count"])
        self._replay(request["room"], range(first, before), before - 1)

    def _around(self, request: dict[str, Any]) -> None:
        seq, half = request["seq"], request["count"] // 2
        last = min(self.last[request["room"]], seq + half)
        self._replay(request["room"], range(max(1, seq - half), last + 1), last)

    def _since(self, request: dict[str, Any]) -> None:
        last = self.last[request["room"]]
        self._replay(request["room"], range(request["seq"] + 1, last + 1), last)

    def _replay(self, room: str, numbers: Sequence[int], until: int, *before: Any) -> None:
        head = {"type": "replay", "room": room, "lines": len(numbers), "missing": None}
        lines = [{**self.lineOf(room, seq), "replay": True} for seq in numbers]
        self.send(*before, {**head, "until": until, "epoch": self.epoch}, *lines)

    def _people(self, request: dict[str, Any]) -> None:
        ranks = {"bob": "founder", "eve": "operator"}
        people = [
            {"nick": nick, "guest": nick != "bob", "away": "", "rank": ranks.get(nick, "member")}
            for nick in (self.nick, *NICKS)
        ]
        self.send({"type": "people", "room": request["room"], "people": people})

    def _rooms(self, request: dict[str, Any]) -> None:
        rooms = [{"room": room, "present": 3, "topic": f"all about {room}"} for room in self.last]
        self.send({"type": "rooms", "rooms": rooms})

    def _say(self, request: dict[str, Any]) -> None:
        for text in request["text"].split("\n"):
            self.say(self.nick, text, request["room"], account=self.account)

    def _search(self, request: dict[str, Any]) -> None:
        room = "lobby"
        found = [
            seq
            for seq in range(1, self.last[room] + 1)
            if "kettle" in self.lineOf(room, seq)["text"]
        ]
        lines = [{**self.lineOf(room, seq), "found": True} for seq in found[:20]]
        self.send({"type": "found", "lines": len(lines), "more": len(found) > 20}, *lines)

    def _whisper(self, request: dict[str, Any]) -> None:
        self.send(self.whispered(self.nick, request["nick"], request["text"]))

    def _inbox(self, request: dict[str, Any]) -> None:
        idents = [one["id"] for one in self.letters]
        end = idents.index(request["before"]) if request["before"] else len(idents)
        first = max(0, end - LETTERS)
        self.send(
            {
                "type": "inbox",
                "letters": self.letters[first:end],
                "with": request["with"],
                "more": first > 0,
            }
        )

    def whispered(self, nick: str, to: str, text: str, ident: str = "") -> dict[str, Any]:
        return {
            "type": "whispered",
            "nick": nick,
            "account": None,
            "to": to,
            "kind": "message",
            "text": text,
            "time": BEGIN,
            "id": ident,
        }
