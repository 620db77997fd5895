"""
What is to hold on every node of a cluster, wherever it was done: accounts, bans, and that
a name belongs to one person.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random

from tests.live.cluster.link import Answer, ConnectionEnded, JsonConnection, JsonObject
from tests.live.cluster.nodes import Node

#: Within this a quiet cluster has answered.
ASKED_SECONDS = 20.0

#: On each node, of those who want the same name at once.
RIVALS = 2


class CrossNodeChecks:
    """Tries it, again and again."""

    def __init__(self, nodes: list[Node], random: Random) -> None:
        self._nodes = nodes
        self._random = random
        self._round = 0
        self.tries = 0
        self._complaints: list[str] = []

    async def run(self) -> list[str]:
        self._round += 1
        self._complaints = []
        for what in (self._before, self._names, self._accounts):
            with self._trying(what.__name__):
                await what()
        return self._complaints

    @contextmanager
    def _trying(self, what: str) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, ConnectionEnded, OSError) as reason:
            self._complaints.append(f"{what}: {reason!r}")

    def _expect(self, right: bool, what: str, answer: Answer) -> None:
        self.tries += 1
        if not right:
            self._complaints.append(f"{what}: {answer.objects}")

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
        """Many want the same name on all nodes at once, and one gets it."""
        links = [await _connect(node) for node in self._nodes for _ in range(RIVALS)]
        name = f"rival-{self._round}"
        try:
            answers = [link.send(f"/nick {name}") for link in links]
            for answer in answers:
                await answer.whole(ASKED_SECONDS)
            won = [answer for answer in answers if _has(answer, "entered")]
            lost = [answer for answer in answers if answer.codes() == ["nick-taken"]]
            both = Answer([each for answer in answers for each in answer.objects])
            right = (len(won), len(lost)) == (1, len(links) - 1)
            self._expect(right, f"{name} went to {len(won)}, not to {len(lost)}", both)
        finally:
            for link in links:
                await link.close()

    async def _accounts(self) -> None:
        """Somebody registers on one node, keeps order in a room there, and is known on all."""
        here, *others = self._random.sample(self._nodes, len(self._nodes))
        there = (others or [here])[0]
        name, password = _account(self._round)
        court, victim = f"court-{self._round}", f"victim-{self._round}"
        async with guest(here) as founder, guest(there) as banned:
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

            def hear(told: JsonObject, answer: Answer | None, left: asyncio.Event = left) -> None:
                if told["type"] == "roomLeft":
                    left.set()

            banned.onObject = hear
            answer = await founder.request(f"/ban {victim}", seconds=ASKED_SECONDS)
            self._expect(not answer.codes(), f"/ban of {victim} on node {here.name}", answer)
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
    return any(each["type"] == kind for each in answer.objects)


def _noticed(answer: Answer, code: str) -> bool:
    return any(each["type"] == "notice" and each["code"] == code for each in answer.objects)
