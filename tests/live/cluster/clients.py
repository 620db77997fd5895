"""
Users of a cluster whose nodes come and go: they come back by themselves, and record what they
receive.
"""

from __future__ import annotations

import asyncio
import time
from random import Random

from tests.live.cluster.link import Answer, ConnectionEnded, JsonConnection, JsonObject
from tests.live.cluster.nodes import Node
from tests.live.cluster.records import (
    Burst,
    ConnectionLost,
    Delivered,
    Event,
    Joined,
    Left,
    Replayed,
    parseLine,
)

#: All users are in these.
ROOMS = ("lobby", "garden")

#: The code of the notice that the fate of a line is not known.
UNKNOWN = "unknown"

#: Seconds for an answer: more than any may take.
PATIENCE_SECONDS = 90.0

#: Seconds between two attempts to connect.
RETRY_SECONDS = 0.2

#: How likely somebody who is elsewhere goes home, before each action.
GO_HOME_CHANCE = 0.02

#: Lines of one burst, at most.
MAX_BURST = 5

#: Texts that are hard to store or to encode.
WORDS = ("hello", "早上好", "e\u0301", "👍🏽", '"quoted"', "\\u0000", "<b>&amp;</b>", "x" * 300)


class Member:
    """A user who listens, in every room."""

    def __init__(self, name: str, home: Node, nodes: list[Node], random: Random) -> None:
        self.name = self.nick = name
        self.home = self.node = home
        self.present = False
        self.events: list[Event] = []
        self.complaints: list[str] = []
        self.connectionNumber = 0
        self._nodes = nodes
        self._random = random
        self._token = ""
        self.contiguousUpTo: dict[str, int] = {}
        self._joining: set[str] = set()
        self._catchingUp: set[str] = set()
        self._gap = False
        self._replay: Replayed | None = None
        self.connection: JsonConnection | None = None

    async def run(self) -> None:
        while True:
            try:
                await self._enterChat()
                await self._remain()
            except (ConnectionEnded, OSError, TimeoutError):
                pass
            finally:
                self._disconnected()
            await asyncio.sleep(RETRY_SECONDS)

    def _disconnected(self) -> None:
        if self.connection is None:
            return
        self.connection.listening.cancel()
        self.connection = None
        self.present = False
        self.events.append(ConnectionLost())
        # Some resume at another node, by the token of the connection that was lost.
        reachable = [node for node in self._nodes if node.address and not node.frozen]
        roams = self._random.random() < 0.3 and reachable
        self.node = self._random.choice(reachable) if roams else self.home

    async def _enterChat(self) -> None:
        while (address := self.node.address) is None:
            self.node = self.home
            await asyncio.sleep(RETRY_SECONDS)
        connection = await JsonConnection.open(address, self._objectReceived)
        self.connection = connection
        self.connectionNumber += 1
        entered = False
        if self._token:
            answer = await connection.request(f"/resume {self._token}", seconds=PATIENCE_SECONDS)
            entered = any(item["type"] == "resumed" for item in answer.objects)
        while not entered:
            answer = await connection.request(f"/nick {self.nick}", seconds=PATIENCE_SECONDS)
            entered = any(item["type"] == "entered" for item in answer.objects)
            if "nick-taken" in answer.codes():
                # The session at the dead node still has it.
                self.nick = f"{self.name}-{self.connectionNumber}-{self._random.randrange(1000)}"
            elif not entered:
                await asyncio.sleep(RETRY_SECONDS)
        await connection.request("/ack on", seconds=PATIENCE_SECONDS)
        for room in ROOMS:
            await self._enter(connection, room)
        self.present = True

    async def _enter(self, connection: JsonConnection, room: str) -> None:
        while True:
            answer = await connection.request(f"/join {room}", seconds=PATIENCE_SECONDS)
            if not answer.codes():
                break
            await asyncio.sleep(RETRY_SECONDS)
        await self._catchUp(connection, room)
        self._joining.discard(room)

    async def _catchUp(self, connection: JsonConnection, room: str) -> None:
        self._catchingUp.add(room)
        since = f"/since {room} {self.contiguousUpTo.setdefault(room, 0)}"
        await connection.request(since, seconds=PATIENCE_SECONDS)
        self._catchingUp.discard(room)

    async def _remain(self) -> None:
        connection = self.connection
        assert connection is not None
        while not connection.listening.done():
            if self._gap:
                self._gap = False
                for room in ROOMS:
                    await self._catchUp(connection, room)
            if (
                self.node is not self.home
                and self.home.address
                and self._random.random() < GO_HOME_CHANCE
            ):
                # Users are to be at every node.
                await connection.close()
                break
            await self._act(connection)

    async def _act(self, connection: JsonConnection) -> None:
        await asyncio.wait([connection.listening], timeout=RETRY_SECONDS)

    def _objectReceived(self, received: JsonObject, answer: Answer | None) -> None:
        match received["type"]:
            case "said":
                self._messageReceived(received)
            case "roomEntered":
                self._joining.add(received["room"])
                self.events.append(Joined(received["room"], received["joinedSeq"]))
            case "roomLeft":
                self.events.append(Left(received["room"]))
            case "replay":
                room = received["room"]
                asked = room in self._catchingUp or room in self._joining
                self._joining.discard(room)
                missing = None if received["missing"] is None else tuple(received["missing"])
                replay = Replayed(room, [], missing, received["until"], asked)
                self._replay = replay
                self.events.append(replay)
                self._gap = self._gap or (missing is not None and not asked)
            case "token":
                self._token = received["token"]
            case "entered" | "resumed":
                self.nick = received["nick"]
            case "renamed" if received["nick"] == self.nick:
                self.nick = received["to"]

    def _messageReceived(self, received: JsonObject) -> None:
        line = parseLine(received)
        if received.get("replay"):
            replay = self._replay
            if replay is None or replay.room != line.room:
                self.complaints.append(f"{self.name} was sent {line} again, out of place")
                return
            replay.lines.append(line)
        else:
            self.events.append(Delivered(line))
        if line.seq == self.contiguousUpTo.get(line.room, 0) + 1:
            self.contiguousUpTo[line.room] = line.seq

    def take(self) -> list[Event]:
        heard, self.events = self.events, []
        return heard


class Writer(Member):
    """A user who writes, too."""

    def __init__(self, name: str, home: Node, nodes: list[Node], random: Random) -> None:
        super().__init__(name, home, nodes, random)
        self.writing = False
        self.bursts: list[Burst] = []
        self._written = 0

    def texts(self, count: int) -> list[str]:
        found = []
        for _ in range(count):
            self._written += 1
            word = self._random.choice(WORDS)
            found.append(f"{self.name}.{self.connectionNumber}:{self._written} {word}")
        return found

    async def _act(self, connection: JsonConnection) -> None:
        await asyncio.sleep(self._random.uniform(0.02, 0.3))
        if not self.writing:
            await super()._act(connection)
            return
        await self.write(connection, self._random.randint(1, MAX_BURST))

    async def write(self, connection: JsonConnection, count: int) -> None:
        texts = self.texts(count)
        room = self._random.choice(ROOMS)
        form = self._random.choice(("{}", "/me {}", f"/msg #{room} {{}}"))
        burst = Burst(self.name, self.connectionNumber, texts, time.monotonic())
        self.bursts.append(burst)
        answer = connection.send(*map(form.format, texts))
        try:
            await answer.finished(PATIENCE_SECONDS)
            burst.settled = True
        except ConnectionEnded:
            burst.lost = True
            raise
        finally:
            burst.stored += stored(answer.objects)
            burst.refused += answer.codes()
            burst.unknown = burst.unknown or any(map(isUnknown, answer.objects))

    def _objectReceived(self, received: JsonObject, answer: Answer | None) -> None:
        super()._objectReceived(received, answer)
        if answer is not None and self.bursts and not self.bursts[-1].repliedAt:
            burst = self.bursts[-1]
            if not burst.settled and (
                received["type"] in ("stored", "refused") or isUnknown(received)
            ):
                burst.repliedAt = time.monotonic()

    def takeBursts(self) -> list[Burst]:
        bursts, self.bursts = self.bursts, []
        return bursts


def isUnknown(received: JsonObject) -> bool:
    return (received["type"], received.get("code")) == ("notice", UNKNOWN)


def stored(received: list[JsonObject]) -> list[tuple[str, int]]:
    return [
        (entry["room"], seq)
        for entry in received
        if entry["type"] == "stored"
        for seq in range(entry["first"], entry["last"] + 1)
    ]
