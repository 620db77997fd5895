"""
People in a chat that is going to be killed, who listen and move about.  What they do
comes from a seed; what they were told they write down.
"""

from __future__ import annotations

import contextlib
from random import Random

from tests.live.crash.oracle import Life, Transcript
from tests.live.crash.wire import Notice, parse
from tests.live.support.server import Address

#: Where they are.
ROOMS = ("lobby", "garden", "küche", "room-4_2")

#: Bytes that may wait for a server that does not read; then nothing more is written.
UNSENT = 65_536


class ChatClient:
    """
    One client.  Its socket does not block; a loop outside tells it when to read, to
    send and to act.
    """

    def __init__(
        self, address: Address, name: str, random: Random, rooms: int, json: bool, complete: bool
    ) -> None:
        self.socket = address.connect()
        self.socket.setblocking(False)
        self.name = self.nick = name
        self.transcript = Transcript(name, complete)
        self.due = 0.0
        self.pauses = (0.02, 0.3)
        self.ended = False
        self._random = random
        self._received = b""
        self._unsent = bytearray()
        self._renames = 0
        self._rooms: list[str] = []
        self._current = ""
        self._send(f"/nick {name}")
        if json:
            self._send("/format json")
        for room in random.sample(ROOMS, rooms):
            self._join(room)

    @property
    def unsent(self) -> bool:
        return bool(self._unsent)

    def act(self, now: float) -> None:
        if now >= self.due:
            self.due = now + self._random.uniform(*self.pauses)
            if len(self._unsent) < UNSENT:
                self._act()

    def receive(self) -> None:
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = not data
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._receiveLine(line)

    def flush(self) -> None:
        # One that is gone is seen by who reads.
        with contextlib.suppress(OSError):
            del self._unsent[: self.socket.send(self._unsent)]

    def report(self, life: Life) -> None:
        life.transcripts.append(self.transcript)

    def _receiveLine(self, line: bytes) -> None:
        self.transcript.events += [each for each in parse(line) if not isinstance(each, Notice)]

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
            # Said, so that there is no doubt where the next lines go.
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
        self._unsent += line.encode() + b"\n"


class Listener(ChatClient):
    """Only listens."""

    def __init__(
        self, address: Address, name: str, random: Random, rooms: int, json: bool, moves: bool
    ) -> None:
        super().__init__(address, name, random, rooms, json, complete=True)
        self.moves = moves

    def _act(self) -> None:
        if self.moves:
            super()._act()


def closeAll(people: list[ChatClient]) -> None:
    for person in people:
        person.socket.close()
