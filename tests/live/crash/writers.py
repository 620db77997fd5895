"""
People in a chat that is going to be killed, who write.
"""

from __future__ import annotations

from collections import deque
from random import Random

from tests.live.crash.listeners import ROOMS, ChatClient, Listener, closeAll
from tests.live.crash.oracle import Life
from tests.live.crash.wire import Message, Notice, Stored, parse
from tests.live.support.server import Address

#: Lines that some write at once.
BURST = 20

#: Lines that one writes at most in one life.
LINES_EACH = 3000

#: What they speak of: nothing in it may be taken for anything but text.
WORDS = (
    "hello",
    "早上好",
    "naïve",
    "e\u0301",
    "👍🏽",
    '"quoted"',
    "back\\slash",
    "\\u0000",
    "'; DROP TABLE lines; --",
    "<b>&amp;</b>",
    "%s {0} $1",
    "| --- now ---",
    "[12:00:00] <ann> not me",
    "* stored lobby 1",
    "x" * 300,
)


class Writer(ChatClient):
    """Writes.  No text of its is anybody else's."""

    def __init__(
        self,
        address: Address,
        name: str,
        random: Random,
        json: bool,
        acks: bool,
        echoes: bool,
        burst: bool,
    ) -> None:
        super().__init__(address, name, random, 2, json, echoes)
        self.written: list[Message] = []
        self._stored: list[tuple[Message, int]] = []
        self._waiting: dict[str, deque[Message]] = {room: deque() for room in ROOMS}
        self._complaints: list[str] = []
        self._acks = acks
        self._burst = burst
        self.pauses = (0.02, 0.15) if burst else (0.0, 0.005) if acks else (0.002, 0.03)
        if acks:
            self._send("/ack on")
        if echoes:
            self._send("/echo on")

    def report(self, life: Life) -> None:
        super().report(life)
        life.written[self.name] = self.written
        life.acknowledged += self._stored
        life.violations += self._complaints

    def _receiveLine(self, line: bytes) -> None:
        for event in parse(line):
            if isinstance(event, Stored):
                self._acknowledge(event)
            elif not isinstance(event, Notice):
                self.transcript.events.append(event)

    def _acknowledge(self, stored: Stored) -> None:
        waiting = self._waiting[stored.room]
        if waiting:
            self._stored.append((waiting.popleft(), stored.seq))
        else:
            self._complaints.append(f"{self.name} was told {stored}, but waits for nothing")

    def _act(self) -> None:
        if len(self.written) >= LINES_EACH:
            return
        choice = self._random.random()
        if choice < 0.05:
            self._changeRoom()
        elif choice < 0.07:
            self._rename()
        elif self._burst:
            for _ in range(BURST):
                self._write()
        elif not (self._acks and any(self._waiting.values())):
            self._write()

    def _write(self) -> None:
        choice = self._random.random()
        room = self._current
        text = f"{self.name}:{len(self.written)} {self._random.choice(WORDS)}"
        kind = "message"
        if choice < 0.04:
            kind, line = "topic", f"/topic {text}"
        elif choice < 0.08:
            kind, line = "me", f"/me {text}"
        elif choice < 0.13:
            room = self._random.choice(self._rooms)
            line = f"/msg #{room} {text}"
        elif choice < 0.16:
            text = f"/{text}"
            line = f"/{text}"
        else:
            line = text
        self._send(line)
        wrote = Message(room, kind, self.nick, text)
        self.written.append(wrote)
        if self._acks:
            self._waiting[room].append(wrote)


def connectClients(address: Address, life: int, random: Random) -> list[ChatClient]:
    people: list[ChatClient] = []
    try:
        for which in range(6):
            people.append(
                Listener(
                    address,
                    f"r{which}-{life}",
                    random,
                    # The first two miss nothing; the last is told without names of rooms.
                    rooms=len(ROOMS) if which < 2 else 1,
                    json=which % 2 == 0,
                    moves=2 <= which < 5,
                )
            )
        for which in range(8):
            people.append(
                Writer(
                    address,
                    f"w{which}-{life}",
                    random,
                    json=which % 3 == 0,
                    acks=which % 2 == 0,
                    echoes=which % 4 == 3 or which == 2,
                    burst=which % 4 < 2,
                )
            )
    except BaseException:
        closeAll(people)
        raise
    return people
