"""
People on several nodes, and what becomes of the nodes, at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.model.operations import LIMITS, OPERATORS, World, anyWish, opening
from tests.support.chat import NOON
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.nodes import DETACHED_SECONDS, reattachments, sessionOf, shutdownOf
from tsservices.chat.operations import NodeDown, NodeUp, Operation
from tsservices.chat.serialization import asRow, fromRow
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.timestamps import NANOSECONDS

#: Their names.
NODES = ("a", "b", "c")

#: After this nobody who was cut off is remembered.
LONG = int(DETACHED_SECONDS + 1) * NANOSECONDS


def nodeUp(
    node: str, incarnation: str, founded: int = 3, operators: tuple[str, ...] = OPERATORS
) -> NodeUp:
    return NodeUp(
        "",
        node,
        incarnation,
        LIMITS.roomsEach,
        LIMITS.maxRooms,
        LIMITS.maxAccounts,
        founded,
        founded,
        operators,
    )


def nodeOf(ident: str) -> str:
    return NODES[int(ident[1:].partition(".")[0]) % len(NODES)]


def remote(state: ChatState, events: Sequence[Operation], position: int, stamp: int) -> Batch:
    batch = Batch("log", position, stamp)
    for event in events:
        ident = event.session
        session = sessionOf(state, ident, nodeOf(ident)) if ident else Session("", None)
        apply(state, fromRow(asRow(event)), session, batch)
    batch.freeze()
    return batch


def outcome(batch: Batch) -> object:
    return (
        batch.durable,
        repr(batch.messages),
        repr(batch.roomRecords),
        {key: repr(each) for key, each in batch.records.items()},
        batch.privateMessages,
        batch.erasedInboxes,
        batch.deletions,
        batch.audits,
    )


class Life:
    """
    A node that has everybody's own session: whatever these remember, as those of a node's
    own people do.
    """

    def __init__(self, chance: Random) -> None:
        self.world = World()
        self._chance = chance
        self._late: list[Operation] = []
        self._count = 0
        self.position = 0
        self.stamp = NOON

    @property
    def state(self) -> ChatState:
        return self.world.sessions.state

    def apply(self, events: Sequence[Operation]) -> Batch:
        self.position += 1
        batch = Batch("log", self.position, self.stamp)
        people = self.world.sessions.people
        for event in events:
            session = people[event.session] if event.session else Session("", None)
            if session.ident:
                session.node = nodeOf(session.ident)
            apply(self.state, event, session, batch)
        batch.freeze()
        batch.deliver()
        return batch

    def begin(self) -> list[Operation]:
        return [*(nodeUp(each, f"{each}0") for each in NODES), *opening(self.world)]

    def events(self) -> list[Operation]:
        chance = self._chance
        step = chance.choice((0, 1, NANOSECONDS, 60 * NANOSECONDS, 900 * NANOSECONDS))
        self.stamp += LONG if chance.random() < 0.01 else step
        found: list[Operation] = []
        for _ in range(chance.randrange(6)):
            event = self.world.event(anyWish(chance))
            (self._late if chance.random() < 0.2 else found).append(event)
        if chance.random() < 0.5:
            found += self._late
            self._late = []
        if chance.random() < 0.3:
            found += self._ofNodes()
        return found

    def _ofNodes(self) -> list[Operation]:
        chance, state = self._chance, self.state
        name = chance.choice(NODES)
        node = state.nodes.get(name)
        self._count += 1
        if node is None:
            events: list[Operation] = [nodeUp(name, f"{name}{self._count}", chance.randrange(1, 5))]
            back = reattachments(state, name)
            return events + [each for each in back if chance.random() < 0.9]
        if chance.random() < 0.2:
            old = chance.choice((*node.previousIncarnations, node.incarnation))
            return [nodeUp(name, chance.choice((old, f"{name}{self._count}")))]
        if chance.random() < 0.1:
            return [shutdownOf(node)]
        seen = node.position - (chance.random() < 0.1)
        return [NodeDown("", name, node.incarnation, seen)]
