"""
Faults of the nodes of a cluster and of its broker, one after the other and sometimes two at once.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any

from tests.live.cluster.nats import BrokerServers
from tests.live.cluster.nodes import Cluster, Node

#: Seconds within which the other nodes have removed a dead one.
REMOVED_SECONDS = 12.0

#: Seconds that it may take longer when the broker is hit as well.
FAILOVER_SECONDS = 8.0

#: Seconds within which they have, when the node has said goodbye.
GOODBYE_SECONDS = 3.0

#: How likely a node is killed again while it starts.
KILL_AGAIN_CHANCE = 0.25

#: How likely two faults happen at once.
SECOND_FAULT_CHANCE = 0.25


class Faults:
    """
    Makes one fault after the other, and ends it.

    @ivar waits: seconds until a dead node was removed, for each time that was measured.
    """

    def __init__(
        self,
        cluster: Cluster,
        broker: BrokerServers | None,
        random: Random,
        people: Callable[[Node], set[str]],
        present: Callable[[], set[str]],
        seen: Callable[[Node], Awaitable[set[str] | None]],
        report: Callable[[str], object],
        only: Sequence[str] = (),
    ) -> None:
        self._only = only
        self._cluster = cluster
        self._broker = broker
        self._random = random
        self._people = people
        self._present = present
        self._seen = seen
        self._report = report
        self._brokerHitAt = -1000.0
        self._nodesHitAt: dict[str, float] = {}
        self.complaints: list[str] = []
        self.waits: list[float] = []

    async def strike(self) -> None:
        random = self._random
        kinds = [self._killNode, self._killNode, self._freezeNode, self._flicker, self._stopNode]
        if self._broker is not None:
            kinds += [self._killBroker, self._killBroker, self._freezeBroker]
            kinds += [self._killAllBrokers, self._withoutBroker]
        if self._only:
            kinds = [kind for kind in kinds if kind.__name__.strip("_") in self._only]
        first = random.choice(kinds)
        node, *others = random.sample(self._cluster.nodes, len(self._cluster.nodes))
        under: list[Coroutine[Any, Any, None]] = [first(node)]
        if random.random() < SECOND_FAULT_CHANCE and (others or self._broker is not None):
            # One thing can go wrong with each node, and with the broker, at a time.
            more = [fault for fault in kinds if not (_hitsBroker(first) and _hitsBroker(fault))]
            if not others:
                more = [fault for fault in more if _hitsBroker(first) or _hitsBroker(fault)]
            if more:
                under.append(self._delayed(random.choice(more), (others or [node])[0]))
        await asyncio.gather(*under)

    async def _delayed(
        self, fault: Callable[[Node], Coroutine[Any, Any, None]], node: Node
    ) -> None:
        await asyncio.sleep(self._random.uniform(0.0, 2.0))
        await fault(node)

    async def _killNode(self, node: Node) -> None:
        long = self._random.random() < 0.4 and len(self._cluster.nodes) > 1
        pause = self._random.uniform(0.0, 5.0)
        self._report(f"kill -9 of node {node.name}, back after {'long' if long else pause}")
        people = self._people(node)
        node.kill()
        self._nodesHitAt[node.name] = time.monotonic()
        if long:
            await self._waitUntilRemoved(node, people)
        else:
            await asyncio.sleep(pause)
        node.start()
        self._nodesHitAt[node.name] = time.monotonic()
        if self._random.random() < KILL_AGAIN_CHANCE:
            await asyncio.sleep(self._random.uniform(0.0, 2.0))
            self._report(f"kill -9 of node {node.name} again")
            node.restart()

    async def _stopNode(self, node: Node) -> None:
        pause = self._random.uniform(0.0, 2.0)
        self._report(f"SIGTERM of node {node.name}, back after {pause:.1f} s")
        people = self._people(node)
        hit = self._brokerHitAt
        self._nodesHitAt[node.name] = time.monotonic()
        try:
            await asyncio.to_thread(node.stop)
        except (AssertionError, subprocess.TimeoutExpired) as reason:
            self.complaints.append(f"the end of node {node.name}: {reason}")
            node.kill()
        if hit == self._brokerHitAt and time.monotonic() - hit > FAILOVER_SECONDS:
            # It has said so itself.
            await self._waitUntilRemoved(node, people, GOODBYE_SECONDS)
        await asyncio.sleep(pause)
        node.start()
        self._nodesHitAt[node.name] = time.monotonic()

    async def _waitUntilRemoved(
        self, dead: Node, people: set[str], seconds: float = REMOVED_SECONDS
    ) -> None:
        # Wait until no other node lists a user of a node that is dead.
        begun = time.monotonic()
        waiting = {node.name: node for node in self._cluster.nodes if node is not dead}
        missed: set[str] = set()
        while waiting:
            for name, node in list(waiting.items()):
                hit = self._nodesHitAt.get(name, begun) > begun
                if hit or node.frozen or node.address is None:
                    # It has to find out anew who is silent.
                    del waiting[name]
                    continue
                asked = time.monotonic() - begun
                seen = await self._seen(node)
                bound = seconds
                if self._brokerHitAt > begun:
                    bound += self._brokerHitAt - begun + FAILOVER_SECONDS
                # Some have gone on elsewhere meanwhile.
                left = (seen or set()) & (people - self._present())
                if left:
                    missed.add(name)
                if seen is not None and not left:
                    del waiting[name]
                    if bound == REMOVED_SECONDS and name in missed:
                        self.waits.append(asked)
                elif asked > bound:
                    del waiting[name]
                    observed = "does not say who is there" if seen is None else f"tells of {left}"
                    self.complaints.append(
                        f"node {name} {observed}, {asked:.1f} s after the death of node {dead.name}"
                    )
            await asyncio.sleep(0.25)

    async def _freezeNode(self, node: Node) -> None:
        pause = self._random.uniform(1.0, 15.0)
        self._report(f"SIGSTOP of node {node.name} for {pause:.1f} s")
        node.freeze()
        await asyncio.sleep(pause)
        node.thaw()
        self._nodesHitAt[node.name] = time.monotonic()

    async def _flicker(self, node: Node) -> None:
        pause = self._random.uniform(2.0, 8.0)
        self._report(f"node {node.name} is slow for {pause:.1f} s")
        end = time.monotonic() + pause
        while time.monotonic() < end:
            node.freeze()
            await asyncio.sleep(self._random.uniform(0.05, 0.4))
            node.thaw()
            await asyncio.sleep(self._random.uniform(0.01, 0.2))
            self._nodesHitAt[node.name] = time.monotonic()

    async def _killBroker(self, node: Node) -> None:
        broker, which = await self._server()
        pause = self._random.uniform(0.2, 8.0)
        self._report(f"kill -9 of engine server {which}, back after {pause:.1f} s")
        broker.kill(which)
        await asyncio.sleep(pause)
        await asyncio.to_thread(broker.start, which)
        self._brokerHitAt = time.monotonic()

    async def _freezeBroker(self, node: Node) -> None:
        broker, which = await self._server()
        pause = self._random.uniform(1.0, 10.0)
        self._report(f"SIGSTOP of engine server {which} for {pause:.1f} s")
        broker.freeze(which)
        await asyncio.sleep(pause)
        broker.thaw(which)
        self._brokerHitAt = time.monotonic()

    async def _killAllBrokers(self, node: Node) -> None:
        await self._without(self._random.uniform(0.5, 5.0))

    async def _withoutBroker(self, node: Node) -> None:
        # Longer than a line waits.
        await self._without(self._random.uniform(30.0, 40.0))

    async def _without(self, pause: float) -> None:
        broker = self._broker
        assert broker is not None
        self._report(f"kill -9 of all engine servers, back after {pause:.1f} s")
        self._brokerHitAt = time.monotonic() + pause
        for which in range(broker.count):
            broker.kill(which)
        await asyncio.sleep(pause)
        for which in range(broker.count):
            await asyncio.to_thread(broker.start, which)
        self._brokerHitAt = time.monotonic()

    async def _server(self) -> tuple[BrokerServers, int]:
        broker = self._broker
        assert broker is not None
        self._brokerHitAt = time.monotonic()
        leader = None
        if self._random.random() < 0.7:
            leader = await asyncio.to_thread(broker.leader)
        return broker, self._random.randrange(broker.count) if leader is None else leader


def _hitsBroker(fault: Callable[[Node], Coroutine[Any, Any, None]]) -> bool:
    return fault.__name__.endswith("Engine")


def longest(waits: Sequence[float]) -> float:
    return round(max(waits, default=0.0), 1)
