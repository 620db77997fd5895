"""Random users on several nodes, and nodes that start and stop at random."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tests.model.operations import LIMITS, OPERATORS, RandomUsers, opening, randomAction
from tests.support.chat import NOON
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.handlers.nodes import DETACHED_SECONDS, reattachments, sessionOf, shutdownOf
from tsservices.chat.operations import NodeDown, NodeUp, Operation
from tsservices.chat.serialization import asRow, fromRow
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.timestamps import NANOSECONDS

NODES = ("a", "b", "c")

#: Nanoseconds after which detached sessions are forgotten.
FORGOTTEN = int(DETACHED_SECONDS + 1) * NANOSECONDS


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


def applyRemotely(
    state: ChatState, operations: Sequence[Operation], position: int, stamp: int
) -> Batch:
    batch = Batch("log", position, stamp)
    for operation in operations:
        ident = operation.session
        session = sessionOf(state, ident, nodeOf(ident)) if ident else Session("", None)
        apply(state, fromRow(asRow(operation)), session, batch)
    batch.freeze()
    return batch


def durableChanges(batch: Batch) -> object:
    return (
        batch.durable,
        repr(batch.messages),
        repr(batch.roomRecords),
        {key: repr(item) for key, item in batch.records.items()},
        batch.privateMessages,
        batch.erasedInboxes,
        batch.deletions,
        batch.audits,
    )


class RandomCluster:
    """
    A cluster as seen by one node to which all users are connected.

    On such a node a session holds more than on the others, which know it only from the stream.
    """

    def __init__(self, random: Random) -> None:
        self.users = RandomUsers()
        self._random = random
        self._delayed: list[Operation] = []
        self._count = 0
        self.position = 0
        self.stamp = NOON

    @property
    def state(self) -> ChatState:
        return self.users.chat.state

    def apply(self, operations: Sequence[Operation]) -> Batch:
        self.position += 1
        batch = Batch("log", self.position, self.stamp)
        people = self.users.chat.sessions
        for operation in operations:
            session = people[operation.session] if operation.session else Session("", None)
            if session.ident:
                session.node = nodeOf(session.ident)
            apply(self.state, operation, session, batch)
        batch.freeze()
        batch.deliver()
        return batch

    def opening(self) -> list[Operation]:
        return [*(nodeUp(item, f"{item}0") for item in NODES), *opening(self.users)]

    def operations(self) -> list[Operation]:
        random = self._random
        step = random.choice((0, 1, NANOSECONDS, 60 * NANOSECONDS, 900 * NANOSECONDS))
        self.stamp += FORGOTTEN if random.random() < 0.01 else step
        found: list[Operation] = []
        for _ in range(random.randrange(6)):
            operation = self.users.operation(randomAction(random))
            (self._delayed if random.random() < 0.2 else found).append(operation)
        if random.random() < 0.5:
            found += self._delayed
            self._delayed = []
        if random.random() < 0.3:
            found += self._nodeOperations()
        return found

    def _nodeOperations(self) -> list[Operation]:
        random, state = self._random, self.state
        name = random.choice(NODES)
        node = state.nodes.get(name)
        self._count += 1
        if node is None:
            operations: list[Operation] = [
                nodeUp(name, f"{name}{self._count}", random.randrange(1, 5))
            ]
            back = reattachments(state, name)
            return operations + [item for item in back if random.random() < 0.9]
        if random.random() < 0.2:
            old = random.choice((*node.previousIncarnations, node.incarnation))
            return [nodeUp(name, random.choice((old, f"{name}{self._count}")))]
        if random.random() < 0.1:
            return [shutdownOf(node)]
        seen = node.position - (random.random() < 0.1)
        return [NodeDown("", name, node.incarnation, seen)]
