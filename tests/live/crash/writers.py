"""Clients of the server to be killed that write, as a seed says."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random

from tests.live.crash.listeners import ROOMS, ChatClient, Listener
from tests.live.crash.loop import closeAll
from tests.live.crash.oracle import Life
from tests.live.crash.wire import Message, Notice, Stored, parse
from tests.live.support.server import Address

#: Lines that some writers send at once.
BURST = 20

#: Lines that one writer sends at most in one life.
LINES_EACH = 3000

#: Parts of texts: a parser must take none of them for anything but text.
WORDS = (
    *("hello", "早上好", "naïve", "e\u0301", "👍🏽", '"quoted"', "back\\slash", "\\u0000"),
    *("'; DROP TABLE lines; --", "<b>&amp;</b>", "%s {0} $1", "| --- now ---"),
    *("[12:00:00] <ann> not me", "* stored lobby 1", "x" * 300),
)


@dataclass(frozen=True)
class Habits:
    json: bool
    acks: bool
    echoes: bool
    burst: bool


class Writer(ChatClient):
    """Somebody who writes; no two texts of all writers are equal."""

    def __init__(self, address: Address, name: str, random: Random, habits: Habits) -> None:
        super().__init__(address, name, random, 2, habits.json, habits.echoes)
        acks, burst = habits.acks, habits.burst
        self.written: list[Message] = []
        self._stored: list[tuple[Message, int]] = []
        self._waiting: dict[str, deque[Message]] = {room: deque() for room in ROOMS}
        self._violations: list[str] = []
        self._acks = acks
        self._burst = burst
        self.pauses = (0.02, 0.15) if burst else (0.0, 0.005) if acks else (0.002, 0.03)
        if acks:
            self._send("/ack on")
        if habits.echoes:
            self._send("/echo on")

    def report(self, life: Life) -> None:
        super().report(life)
        life.written[self.name] = self.written
        life.acknowledged += self._stored
        life.violations += self._violations

    def receiveLine(self, line: bytes) -> None:
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
            self._violations.append(f"{self.name} received {stored}, but waits for nothing")

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
        message = Message(room, kind, self.nick, text)
        self.written.append(message)
        if self._acks:
            self._waiting[room].append(message)


def connectClients(address: Address, life: int, random: Random) -> list[ChatClient]:
    clients: list[ChatClient] = []
    try:
        for number in range(6):
            # The first two are in all rooms; the last stays in one, so its lines name no room.
            rooms, moves = len(ROOMS) if number < 2 else 1, 2 <= number < 5
            name = f"r{number}-{life}"
            clients.append(Listener(address, name, random, rooms, number % 2 == 0, moves))
        for number in range(8):
            habits = Habits(
                json=number % 3 == 0,
                acks=number % 2 == 0,
                echoes=number % 4 == 3 or number == 2,
                burst=number % 4 < 2,
            )
            clients.append(Writer(address, f"w{number}-{life}", random, habits))
    except BaseException:
        closeAll(clients)
        raise
    return clients
