"""Clients of the server to be killed that listen and move between rooms, as a seed says."""

from __future__ import annotations

from random import Random

from tests.live.crash.loop import Client
from tests.live.crash.oracle import Life, Transcript
from tests.live.crash.wire import Notice, parse
from tests.live.support.server import Address

#: Where they are.
ROOMS = ("lobby", "garden", "küche", "room-4_2")

#: Bytes that may wait for a server that does not read; then nothing more is written.
UNSENT = 65_536


class ChatClient(Client):
    """Somebody who listens, moves between rooms and keeps a transcript."""

    def __init__(
        self, address: Address, name: str, random: Random, rooms: int, json: bool, complete: bool
    ) -> None:
        super().__init__(name, address.connect())
        self.nick = name
        self.transcript = Transcript(name, complete)
        self.pauses = (0.02, 0.3)
        self._random = random
        self._renames = 0
        self._rooms: list[str] = []
        self._current = ""
        self._send(f"/nick {name}")
        if json:
            self._send("/format json")
        for room in random.sample(ROOMS, rooms):
            self._join(room)

    def act(self, now: float) -> None:
        if now >= self.due:
            self.due = now + self._random.uniform(*self.pauses)
            if len(self.unsent) < UNSENT:
                self._act()

    def receiveLine(self, line: bytes) -> None:
        self.transcript.events += [event for event in parse(line) if not isinstance(event, Notice)]

    def report(self, life: Life) -> None:
        life.transcripts.append(self.transcript)

    def _act(self) -> None:
        choice = self._random.random()
        if choice < 0.3:
            self._changeRoom()
        elif choice < 0.4:
            self._rename()
        elif choice < 0.7:
            self._join(self._random.choice(self._rooms))
            self._send(f"/history {self._random.randint(1, 200)}")
        else:
            self._send(self._random.choice(("/who", "/rooms", "/topic")))

    def _changeRoom(self) -> None:
        room = self._random.choice(ROOMS)
        if room in self._rooms and len(self._rooms) > 1:
            self._send(f"/part #{room} see you")
            self._rooms.remove(room)
            # Joining again makes it the current room, where the next lines go.
            self._join(self._rooms[-1])
        else:
            self._join(room)

    def _join(self, room: str) -> None:
        self._send(f"/join {room}")
        self._current = room
        if room not in self._rooms:
            self._rooms.append(room)

    def _rename(self) -> None:
        self._renames += 1
        self.nick = f"{self.name}-{self._renames}"
        self._send(f"/nick {self.nick}")

    def _send(self, line: str) -> None:
        self.unsent += line.encode() + b"\n"


class Listener(ChatClient):
    def __init__(
        self, address: Address, name: str, random: Random, rooms: int, json: bool, moves: bool
    ) -> None:
        super().__init__(address, name, random, rooms, json, complete=True)
        self._moves = moves

    def _act(self) -> None:
        if self._moves:
            super()._act()
