"""
People in a cluster whose nodes come and go: they come back by themselves, and write down
what they were told.
"""

from __future__ import annotations

import asyncio
import time
from random import Random

from tests.live.cluster.link import Answer, ConnectionEnded, JsonConnection, Told
from tests.live.cluster.nodes import Node
from tests.live.cluster.records import (
    Burst,
    ConnectionLost,
    Delivered,
    Entered,
    Event,
    Left,
    Replayed,
    line,
)

#: Where all of them are.
ROOMS = ("lobby", "garden")

#: The code of the notice by which somebody is told that the fate of a line is not known.
UNSURE = "unknown"

#: So long somebody waits for an answer: more than any is to take.
PATIENCE_SECONDS = 90.0

#: Between two attempts to connect.
RETRY_SECONDS = 0.2

#: How often whoever is elsewhere goes home, before each thing they do.
HOMING = 0.02

#: Lines that one writes at once at most.
BURST = 5

#: What they speak of.
WORDS = ("hello", "早上好", "e\u0301", "👍🏽", '"quoted"', "\\u0000", "<b>&amp;</b>", "x" * 300)


class Member:
    """Somebody who listens, in every room."""

    def __init__(self, name: str, home: Node, nodes: list[Node], random: Random) -> None:
        self.name = self.nick = name
        self.home = self.node = home
        self.present = False
        self.heard: list[Event] = []
        self.complaints: list[str] = []
        self.connection = 0
        self._nodes = nodes
        self._random = random
        self._token = ""
        self.upTo: dict[str, int] = {}
        self._entering: set[str] = set()
        self._asking: set[str] = set()
        self._gap = False
        self._again: Replayed | None = None
        self.link: JsonConnection | None = None

    async def run(self) -> None:
        while True:
            try:
                await self._come()
                await self._stay()
            except (ConnectionEnded, OSError, TimeoutError):
                pass
            finally:
                self._gone()
            await asyncio.sleep(RETRY_SECONDS)

    def _gone(self) -> None:
        if self.link is None:
            return
        self.link.ended.cancel()
        self.link = None
        self.present = False
        self.heard.append(ConnectionLost())
        # Some go on elsewhere, by the token of the connection that was lost.
        others = [each for each in self._nodes if each.address and not each.frozen]
        roams = self._random.random() < 0.3 and others
        self.node = self._random.choice(others) if roams else self.home

    async def _come(self) -> None:
        while (address := self.node.address) is None:
            self.node = self.home
            await asyncio.sleep(RETRY_SECONDS)
        link = await JsonConnection.make(address, self._hear)
        self.link = link
        self.connection += 1
        entered = False
        if self._token:
            answer = await link.asked(f"/resume {self._token}", seconds=PATIENCE_SECONDS)
            entered = any(each["type"] == "resumed" for each in answer.told)
        while not entered:
            answer = await link.asked(f"/nick {self.nick}", seconds=PATIENCE_SECONDS)
            entered = any(each["type"] == "entered" for each in answer.told)
            if "nick-taken" in answer.codes():
                # Whoever is still taken to be there elsewhere has it.
                self.nick = f"{self.name}-{self.connection}-{self._random.randrange(1000)}"
            elif not entered:
                await asyncio.sleep(RETRY_SECONDS)
        await link.asked("/ack on", seconds=PATIENCE_SECONDS)
        for room in ROOMS:
            await self._enter(link, room)
        self.present = True

    async def _enter(self, link: JsonConnection, room: str) -> None:
        while True:
            answer = await link.asked(f"/join {room}", seconds=PATIENCE_SECONDS)
            if not answer.codes():
                break
            await asyncio.sleep(RETRY_SECONDS)
        await self._catchUp(link, room)
        self._entering.discard(room)

    async def _catchUp(self, link: JsonConnection, room: str) -> None:
        self._asking.add(room)
        since = f"/since {room} {self.upTo.setdefault(room, 0)}"
        await link.asked(since, seconds=PATIENCE_SECONDS)
        self._asking.discard(room)

    async def _stay(self) -> None:
        link = self.link
        assert link is not None
        while not link.ended.done():
            if self._gap:
                self._gap = False
                for room in ROOMS:
                    await self._catchUp(link, room)
            if self.node is not self.home and self.home.address and self._random.random() < HOMING:
                # Others are to find somebody at each node.
                await link.close()
                break
            await self._act(link)

    async def _act(self, link: JsonConnection) -> None:
        await asyncio.wait([link.ended], timeout=RETRY_SECONDS)

    def _hear(self, told: Told, answer: Answer | None) -> None:
        match told["type"]:
            case "said":
                self._said(told)
            case "roomEntered":
                self._entering.add(told["room"])
                self.heard.append(Entered(told["room"], told["joinedSeq"]))
            case "roomLeft":
                self.heard.append(Left(told["room"]))
            case "replay":
                room = told["room"]
                asked = room in self._asking or room in self._entering
                self._entering.discard(room)
                missing = None if told["missing"] is None else tuple(told["missing"])
                again = Replayed(room, [], missing, told["until"], asked)
                self._again = again
                self.heard.append(again)
                self._gap = self._gap or (missing is not None and not asked)
            case "token":
                self._token = told["token"]
            case "entered" | "resumed":
                self.nick = told["nick"]
            case "renamed" if told["nick"] == self.nick:
                self.nick = told["to"]

    def _said(self, told: Told) -> None:
        said = line(told)
        if told.get("replay"):
            again = self._again
            if again is None or again.room != said.room:
                self.complaints.append(f"{self.name} was told again {said}, out of place")
                return
            again.lines.append(said)
        else:
            self.heard.append(Delivered(said))
        if said.seq == self.upTo.get(said.room, 0) + 1:
            self.upTo[said.room] = said.seq

    def take(self) -> list[Event]:
        heard, self.heard = self.heard, []
        return heard


class Writer(Member):
    """Somebody who writes, too."""

    def __init__(self, name: str, home: Node, nodes: list[Node], random: Random) -> None:
        super().__init__(name, home, nodes, random)
        self.writing = False
        self.bursts: list[Burst] = []
        self._count = 0

    def texts(self, count: int) -> list[str]:
        found = []
        for _ in range(count):
            self._count += 1
            word = self._random.choice(WORDS)
            found.append(f"{self.name}.{self.connection}:{self._count} {word}")
        return found

    async def _act(self, link: JsonConnection) -> None:
        await asyncio.sleep(self._random.uniform(0.02, 0.3))
        if not self.writing:
            await super()._act(link)
            return
        await self.write(link, self._random.randint(1, BURST))

    async def write(self, link: JsonConnection, count: int) -> None:
        texts = self.texts(count)
        room = self._random.choice(ROOMS)
        form = self._random.choice(("{}", "/me {}", f"/msg #{room} {{}}"))
        burst = Burst(self.name, self.connection, texts, time.monotonic())
        self.bursts.append(burst)
        answer = link.ask(*map(form.format, texts))
        try:
            await answer.whole(PATIENCE_SECONDS)
            burst.settled = True
        except ConnectionEnded:
            burst.lost = True
            raise
        finally:
            burst.stored += stored(answer.told)
            burst.refused += answer.codes()
            burst.unsure = burst.unsure or any(map(isUnsure, answer.told))

    def _hear(self, told: Told, answer: Answer | None) -> None:
        super()._hear(told, answer)
        if answer is not None and self.bursts and not self.bursts[-1].told:
            burst = self.bursts[-1]
            if not burst.settled and (told["type"] in ("stored", "refused") or isUnsure(told)):
                burst.told = time.monotonic()

    def takeBursts(self) -> list[Burst]:
        bursts, self.bursts = self.bursts, []
        return bursts


def isUnsure(told: Told) -> bool:
    return (told["type"], told.get("code")) == ("notice", UNSURE)


def stored(told: list[Told]) -> list[tuple[str, int]]:
    return [
        (each["room"], seq)
        for each in told
        if each["type"] == "stored"
        for seq in range(each["first"], each["last"] + 1)
    ]
