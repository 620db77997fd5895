"""
People in a cluster whose nodes come and go: they come back by themselves, and write down
what they were told.
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

#: Where all of them are.
ROOMS = ("lobby", "garden")

#: The code of the notice by which somebody is told that the fate of a line is not known.
UNKNOWN = "unknown"

#: So long somebody waits for an answer: more than any is to take.
PATIENCE_SECONDS = 90.0

#: Between two attempts to connect.
RETRY_SECONDS = 0.2

#: How often whoever is elsewhere goes home, before each thing they do.
GO_HOME_CHANCE = 0.02

#: Lines that one writes at once at most.
MAX_BURST = 5

#: What they speak of.
WORDS = ("hello", "早上好", "e\u0301", "👍🏽", '"quoted"', "\\u0000", "<b>&amp;</b>", "x" * 300)


class Member:
    """Somebody who listens, in every room."""

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
        # Some go on elsewhere, by the token of the connection that was lost.
        others = [each for each in self._nodes if each.address and not each.frozen]
        roams = self._random.random() < 0.3 and others
        self.node = self._random.choice(others) if roams else self.home

    async def _enterChat(self) -> None:
        while (address := self.node.address) is None:
            self.node = self.home
            await asyncio.sleep(RETRY_SECONDS)
        link = await JsonConnection.open(address, self._objectReceived)
        self.connection = link
        self.connectionNumber += 1
        entered = False
        if self._token:
            answer = await link.request(f"/resume {self._token}", seconds=PATIENCE_SECONDS)
            entered = any(each["type"] == "resumed" for each in answer.objects)
        while not entered:
            answer = await link.request(f"/nick {self.nick}", seconds=PATIENCE_SECONDS)
            entered = any(each["type"] == "entered" for each in answer.objects)
            if "nick-taken" in answer.codes():
                # Whoever is still taken to be there elsewhere has it.
                self.nick = f"{self.name}-{self.connectionNumber}-{self._random.randrange(1000)}"
            elif not entered:
                await asyncio.sleep(RETRY_SECONDS)
        await link.request("/ack on", seconds=PATIENCE_SECONDS)
        for room in ROOMS:
            await self._enter(link, room)
        self.present = True

    async def _enter(self, link: JsonConnection, room: str) -> None:
        while True:
            answer = await link.request(f"/join {room}", seconds=PATIENCE_SECONDS)
            if not answer.codes():
                break
            await asyncio.sleep(RETRY_SECONDS)
        await self._catchUp(link, room)
        self._joining.discard(room)

    async def _catchUp(self, link: JsonConnection, room: str) -> None:
        self._catchingUp.add(room)
        since = f"/since {room} {self.contiguousUpTo.setdefault(room, 0)}"
        await link.request(since, seconds=PATIENCE_SECONDS)
        self._catchingUp.discard(room)

    async def _remain(self) -> None:
        link = self.connection
        assert link is not None
        while not link.listening.done():
            if self._gap:
                self._gap = False
                for room in ROOMS:
                    await self._catchUp(link, room)
            if (
                self.node is not self.home
                and self.home.address
                and self._random.random() < GO_HOME_CHANCE
            ):
                # Others are to find somebody at each node.
                await link.close()
                break
            await self._act(link)

    async def _act(self, link: JsonConnection) -> None:
        await asyncio.wait([link.listening], timeout=RETRY_SECONDS)

    def _objectReceived(self, told: JsonObject, answer: Answer | None) -> None:
        match told["type"]:
            case "said":
                self._messageReceived(told)
            case "roomEntered":
                self._joining.add(told["room"])
                self.events.append(Joined(told["room"], told["joinedSeq"]))
            case "roomLeft":
                self.events.append(Left(told["room"]))
            case "replay":
                room = told["room"]
                asked = room in self._catchingUp or room in self._joining
                self._joining.discard(room)
                missing = None if told["missing"] is None else tuple(told["missing"])
                again = Replayed(room, [], missing, told["until"], asked)
                self._replay = again
                self.events.append(again)
                self._gap = self._gap or (missing is not None and not asked)
            case "token":
                self._token = told["token"]
            case "entered" | "resumed":
                self.nick = told["nick"]
            case "renamed" if told["nick"] == self.nick:
                self.nick = told["to"]

    def _messageReceived(self, told: JsonObject) -> None:
        said = parseLine(told)
        if told.get("replay"):
            again = self._replay
            if again is None or again.room != said.room:
                self.complaints.append(f"{self.name} was told again {said}, out of place")
                return
            again.lines.append(said)
        else:
            self.events.append(Delivered(said))
        if said.seq == self.contiguousUpTo.get(said.room, 0) + 1:
            self.contiguousUpTo[said.room] = said.seq

    def take(self) -> list[Event]:
        heard, self.events = self.events, []
        return heard


class Writer(Member):
    """Somebody who writes, too."""

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

    async def _act(self, link: JsonConnection) -> None:
        await asyncio.sleep(self._random.uniform(0.02, 0.3))
        if not self.writing:
            await super()._act(link)
            return
        await self.write(link, self._random.randint(1, MAX_BURST))

    async def write(self, link: JsonConnection, count: int) -> None:
        texts = self.texts(count)
        room = self._random.choice(ROOMS)
        form = self._random.choice(("{}", "/me {}", f"/msg #{room} {{}}"))
        burst = Burst(self.name, self.connectionNumber, texts, time.monotonic())
        self.bursts.append(burst)
        answer = link.send(*map(form.format, texts))
        try:
            await answer.whole(PATIENCE_SECONDS)
            burst.settled = True
        except ConnectionEnded:
            burst.lost = True
            raise
        finally:
            burst.stored += stored(answer.objects)
            burst.refused += answer.codes()
            burst.unknown = burst.unknown or any(map(isUnknown, answer.objects))

    def _objectReceived(self, told: JsonObject, answer: Answer | None) -> None:
        super()._objectReceived(told, answer)
        if answer is not None and self.bursts and not self.bursts[-1].repliedAt:
            burst = self.bursts[-1]
            if not burst.settled and (told["type"] in ("stored", "refused") or isUnknown(told)):
                burst.repliedAt = time.monotonic()

    def takeBursts(self) -> list[Burst]:
        bursts, self.bursts = self.bursts, []
        return bursts


def isUnknown(told: JsonObject) -> bool:
    return (told["type"], told.get("code")) == ("notice", UNKNOWN)


def stored(told: list[JsonObject]) -> list[tuple[str, int]]:
    return [
        (each["room"], seq)
        for each in told
        if each["type"] == "stored"
        for seq in range(each["first"], each["last"] + 1)
    ]
