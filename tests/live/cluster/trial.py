"""
Users on all nodes of a cluster write while faults happen; after each fault the cluster becomes
quiet, and everything is checked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import Any

from tests.live.cluster.clients import ROOMS, Member, Writer, stored
from tests.live.cluster.faults import Faults
from tests.live.cluster.link import ConnectionEnded, JsonConnection
from tests.live.cluster.nats import BrokerServers
from tests.live.cluster.nodes import Cluster, Node
from tests.live.cluster.oracle import Oracle
from tests.live.cluster.records import Burst, History, Line, parseLine
from tests.live.cluster.world import CrossNodeChecks, guest

#: Seconds after a fault within which all nodes are open and all users are back.
OPEN_SECONDS = 60.0

#: Seconds within which all writers have their answers, or have given up.
FATE_SECONDS = 95.0

#: Seconds within which all nodes list the same users.
AGREE_SECONDS = 20.0

#: Seconds for an answer while other nodes are dead; then it is asked again.
SEE_SECONDS = 3.0

#: Seconds for reading a history.
READ_SECONDS = 60.0


class Violated(AssertionError):
    """A check failed.  The argument says what was seen where."""


class Trial:
    def __init__(
        self,
        cluster: Cluster,
        broker: BrokerServers | None,
        seed: int,
        report: Callable[[str], object] = lambda text: None,
        only: Sequence[str] = (),
    ) -> None:
        random = Random(seed)
        self._cluster = cluster
        self._nodes = cluster.nodes
        self._random = random
        self._report = report
        self.oracle = Oracle()
        self.faults = Faults(
            cluster, broker, random, self._people, self._present, self._seen, report, only
        )
        self.crossChecks = CrossNodeChecks(cluster.nodes, random)
        self.faultCount = 0
        self._writers = [
            Writer(f"w{which}-{node.name}", node, self._nodes, Random(random.random()))
            for node in self._nodes
            for which in range(2)
        ]
        readers = [
            Member(f"r{which}-{node.name}", node, self._nodes, Random(random.random()))
            for node in self._nodes
            for which in range(2)
        ]
        self._members: list[Member] = [*self._writers, *readers]
        self._probes: dict[str, int] = {}
        self._seers = 0

    async def run(self, faults: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        tasks = [asyncio.create_task(member.run()) for member in self._members]
        try:
            await self._round(asyncio.sleep(0.0))
            while self.faultCount < faults and time.monotonic() < deadline:
                self.faultCount += 1
                await self._round(self.faults.strike())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _round(self, fault: Coroutine[Any, Any, None]) -> None:
        for writer in self._writers:
            writer.writing = True
        await asyncio.sleep(self._random.uniform(0.5, 3.0))
        await fault
        await asyncio.sleep(self._random.uniform(0.2, 2.0))
        begun = time.monotonic()
        complaints = await self._becomeQuiet()
        quiet = time.monotonic() - begun
        if all(node.address for node in self._nodes):
            complaints += await self._checkAll()
        complaints += self.faults.complaints
        complaints += self._cluster.troubles()
        for member in self._members:
            complaints += member.complaints
        if complaints:
            raise Violated("\n".join(complaints))
        tally = self.oracle.tally
        self._report(
            f"  quiet after {quiet:.1f} s; {tally.lines} lines kept, {tally.acknowledged} of"
            f" {tally.written} acknowledged, {tally.refused} bursts refused, {tally.unknown}"
            f" unsure, {tally.lost} lost"
        )

    def _people(self, node: Node) -> set[str]:
        return {member.nick for member in self._members if member.present and member.node is node}

    def _present(self) -> set[str]:
        return {member.nick for member in self._members if member.present}

    async def _seen(self, node: Node) -> set[str] | None:
        self._seers += 1
        try:
            async with guest(node) as link:
                await link.request(f"/nick seer-{self._seers}", seconds=SEE_SECONDS)
                return {nick for room in ROOMS for nick in await _who(link, room, SEE_SECONDS)}
        except (TimeoutError, ConnectionEnded, OSError):
            return None

    async def _becomeQuiet(self) -> list[str]:
        for writer in self._writers:
            writer.writing = False

        def pending() -> list[Burst]:
            bursts = [burst for writer in self._writers for burst in writer.bursts]
            return [burst for burst in bursts if not (burst.settled or burst.lost)]

        def isOpenOrEnded(node: Node) -> bool:
            return node.address is not None or not node.isRunning

        complaints: list[str] = []
        for node in self._nodes:
            await _waitFor(partial(isOpenOrEnded, node), OPEN_SECONDS)
            if node.address is None:
                complaints.append(
                    f"node {node.name} is not open within {OPEN_SECONDS} s,"
                    f" it {'runs' if node.isRunning else 'has ended'}:\n{node.output()}"
                )
        if complaints:
            return complaints
        if not await _waitFor(lambda: not pending(), FATE_SECONDS):
            complaints += [f"still under way: {burst}" for burst in pending()]
        if not await _waitFor(
            lambda: all(member.present for member in self._members), OPEN_SECONDS
        ):
            missing = [
                f"{entry.name} at {entry.node.name}" for entry in self._members if not entry.present
            ]
            complaints.append(f"not back in their rooms within {OPEN_SECONDS} s: {missing}")
        return complaints

    async def _checkAll(self) -> list[str]:
        try:
            async with AsyncExitStack() as stack:
                links: dict[str, JsonConnection] = {}
                for node in self._nodes:
                    link = await stack.enter_async_context(guest(node))
                    links[node.name] = link
                    count = self._probes[node.name] = self._probes.get(node.name, 0) + 1
                    await link.request("/ack on", f"/nick probe-{node.name}-{count}")
                    for room in ROOMS:
                        await link.request(f"/join {room}")
                marks = await self._sendMarks(links)
                complaints = await self._checkMembers(links)
                histories: dict[str, History] = {}
                ends = {room: seq for burst in marks for room, seq in burst.stored}
                for name, link in links.items():
                    histories[name] = {
                        room: await history(link, room, ends.get(room, 0)) for room in ROOMS
                    }
        except (TimeoutError, ConnectionEnded, OSError) as reason:
            return [f"a quiet cluster does not answer: {reason!r}"]
        bursts = [burst for writer in self._writers for burst in writer.takeBursts()]
        heard = {member.name: member.take() for member in self._members}
        complaints += self.oracle.check(histories, [*bursts, *marks], heard)
        return complaints + await self.crossChecks.run()

    async def _sendMarks(self, links: dict[str, JsonConnection]) -> list[Burst]:
        # All users wait for a last line: then they have received all lines before it.
        name = self._random.choice(list(links))
        marks: list[Burst] = []
        for room in ROOMS:
            text = f"mark {room} {self._probes[name]} of {name}"
            burst = Burst(f"probe-{name}", self._probes[name], [text], time.monotonic())
            answer = await links[name].request(f"/msg #{room} {text}")
            burst.stored += stored(answer.objects)
            burst.refused += answer.codes()
            burst.settled, burst.repliedAt = True, time.monotonic()
            marks.append(burst)
            for _, seq in burst.stored:
                await _waitFor(partial(self._haveReceived, room, seq), AGREE_SECONDS)
        return marks

    def _haveReceived(self, room: str, seq: int) -> bool:
        return all(member.contiguousUpTo.get(room, 0) >= seq for member in self._members)

    async def _checkMembers(self, links: dict[str, JsonConnection]) -> list[str]:
        deadline = time.monotonic() + AGREE_SECONDS
        while True:
            complaints = []
            expected = sorted(member.nick for member in self._members)
            for name, link in links.items():
                for room in ROOMS:
                    found = await _who(link, room, READ_SECONDS)
                    found = sorted(nick for nick in found if not nick.startswith("probe-"))
                    if found != expected:
                        complaints.append(
                            f"node {name} tells of {found} in {room}, there are {expected}"
                        )
            if not complaints or time.monotonic() > deadline:
                return complaints
            await asyncio.sleep(0.5)


async def _who(link: JsonConnection, room: str, seconds: float) -> list[str]:
    answer = await link.request(f"/who {room}", seconds=seconds)
    pages = [item["people"] for item in answer.objects if item["type"] == "people"]
    return [person["nick"] for page in pages for person in page]


async def history(link: JsonConnection, room: str, end: int) -> list[Line]:
    deadline = time.monotonic() + AGREE_SECONDS
    while True:
        answer = await link.request(f"/since {room} 0", seconds=READ_SECONDS)
        items = [item for item in answer.objects if item["type"] == "said" and item.get("replay")]
        if len(items) >= end or time.monotonic() > deadline:
            return [parseLine(item) for item in items]
        await asyncio.sleep(0.25)


async def _waitFor(question: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True
