"""
What holds on every node of a cluster, wherever it was done: accounts, bans, and that a name belongs
to one user.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random

from tests.live.cluster.link import Answer, ConnectionEnded, JsonConnection, JsonObject
from tests.live.cluster.nodes import Node

#: Seconds within which a quiet cluster answers.
ASKED_SECONDS = 20.0

#: Users on each node who want the same name at once.
RIVALS = 2


class CrossNodeChecks:
    """Tries all of it, with new names each time."""

    def __init__(self, nodes: list[Node], random: Random) -> None:
        self._nodes = nodes
        self._random = random
        self._round = 0
        self.tries = 0
        self._complaints: list[str] = []

    async def run(self) -> list[str]:
        self._round += 1
        self._complaints = []
        for description in (self._before, self._names, self._accounts):
            with self._trying(description.__name__):
                await description()
        return self._complaints

    @contextmanager
    def _trying(self, description: str) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, ConnectionEnded, OSError) as reason:
            self._complaints.append(f"{description}: {reason!r}")

    def _expect(self, right: bool, description: str, answer: Answer) -> None:
        self.tries += 1
        if not right:
            self._complaints.append(f"{description}: {answer.objects}")

    async def _before(self) -> None:
        past = self._round - 1
        if not past:
            return
        for node in self._nodes:
            async with guest(node) as link:
                account, password = _account(past)
                answer = await link.request(f"/login {account} {password}", seconds=ASKED_SECONDS)
                self._expect(
                    _has(answer, "loggedIn"), f"/login {account} on node {node.name}", answer
                )
            await self._banned(node, past)

    async def _banned(self, node: Node, which: int) -> None:
        async with guest(node) as link:
            await link.request(f"/nick v-{which}-{node.name}-{self._round}", seconds=ASKED_SECONDS)
            answer = await link.request(f"/join court-{which}", seconds=ASKED_SECONDS)
            right = answer.codes() == ["banned"]
            self._expect(right, f"/join of court-{which} on node {node.name}", answer)

    async def _names(self) -> None:
        # Many want the same name on all nodes at once, and one gets it.
        links = [await _connect(node) for node in self._nodes for _ in range(RIVALS)]
        name = f"rival-{self._round}"
        try:
            answers = [link.send(f"/nick {name}") for link in links]
            for answer in answers:
                await answer.finished(ASKED_SECONDS)
            won = [answer for answer in answers if _has(answer, "entered")]
            lost = [answer for answer in answers if answer.codes() == ["nick-taken"]]
            combined = Answer([item for answer in answers for item in answer.objects])
            right = (len(won), len(lost)) == (1, len(links) - 1)
            self._expect(right, f"{name} went to {len(won)}, not to {len(lost)}", combined)
        finally:
            for link in links:
                await link.close()

    async def _accounts(self) -> None:
        # An account of one node bans somebody of another one, and both hold on all nodes.
        own, *others = self._random.sample(self._nodes, len(self._nodes))
        other = (others or [own])[0]
        name, password = _account(self._round)
        court, victim = f"court-{self._round}", f"victim-{self._round}"
        async with guest(own) as founder, guest(other) as banned:
            await founder.request(f"/nick {name}", seconds=ASKED_SECONDS)
            answer = await founder.request(f"/register {password}", seconds=ASKED_SECONDS)
            self._expect(_noticed(answer, "registered"), f"/register {name}", answer)
            answer = await founder.request(f"/join {court}", seconds=ASKED_SECONDS)
            self._expect(not answer.codes(), f"/join of {court}", answer)
            answer = await banned.request(
                f"/nick {victim}", f"/join {court}", seconds=ASKED_SECONDS
            )
            self._expect(_has(answer, "roomEntered"), f"{victim} enters {court}", answer)
            left = asyncio.Event()

            def onObject(
                received: JsonObject, answer: Answer | None, left: asyncio.Event = left
            ) -> None:
                if received["type"] == "roomLeft":
                    left.set()

            banned.onObject = onObject
            answer = await founder.request(f"/ban {victim}", seconds=ASKED_SECONDS)
            self._expect(not answer.codes(), f"/ban of {victim} on node {own.name}", answer)
            await asyncio.wait_for(left.wait(), ASKED_SECONDS)
        for node in self._nodes:
            await self._banned(node, self._round)
            async with guest(node) as link:
                answer = await link.request(f"/login {name} {password}", seconds=ASKED_SECONDS)
                self._expect(_has(answer, "loggedIn"), f"/login {name} on node {node.name}", answer)


@asynccontextmanager
async def guest(node: Node) -> AsyncIterator[JsonConnection]:
    link = await _connect(node)
    try:
        yield link
    finally:
        await link.close()


async def _connect(node: Node) -> JsonConnection:
    address = node.address
    if address is None:
        raise ConnectionError(f"the chat of node {node.name} is not open")
    return await JsonConnection.open(address)


def _account(which: int) -> tuple[str, str]:
    return f"owner-{which}", f"secret of {which}, and only its"


def _has(answer: Answer, kind: str) -> bool:
    return any(item["type"] == kind for item in answer.objects)


def _noticed(answer: Answer, code: str) -> bool:
    return any(item["type"] == "notice" and item["code"] == code for item in answer.objects)
