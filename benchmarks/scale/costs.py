"""
The measured costs for the model: memory and processor time for users, lines, joins and quits.

All users are on other nodes, so nothing is delivered: only the cost of the state is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.common.machine import described, machine
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.operations import Enter, Join, Operation, Quit, Say
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits
from tsservices.storage.sqlite.journal import SQLiteStorage

PEOPLE = 100_000
ROOMS = 10_000
# Rooms of one user.
ROOMS_PER_PERSON = 5
# Members of the two rooms that users enter and leave.
SMALL = 50
LARGE = 20_000
# Lines that are stored one by one, and lines that share transactions.
ALONE = 500
TOGETHER = 40_000
# The timeout of a wait for the storage in seconds.
STORAGE_LIMIT = 30.0
TEXT = "a line of the length that the other benchmarks send, 64 bytes long"[:64]
# The words of lines, for the full-text index.
WORDS = ("tea", "milk", "sugar", "cup", "pot", "kettle", "water", "leaf", "lemon", "honey", "spoon")
# Nanoseconds: the time of the first message.
BEGAN = 1_795_176_600_000_000_000
# The id of the log.
LOG = "5f0c62a15f0c62a1"


@dataclass
class Costs:
    """
    The measured costs.

    @ivar sessionBytes: Resident memory for one user with a name, in no room.
    @ivar membershipBytes: Resident memory for one user in one room.
    @ivar lineMicroseconds: Time to apply one line, alone in its message, in a room of 50.
    @ivar lineTogetherMicroseconds: Time to apply one of 20 lines of 20 users in one message.
    @ivar joinMicroseconds: Time for a user who enters a room, without the time for its members.
    @ivar joinMemberNanoseconds: Additional time for each member of that room.
    @ivar quitMicroseconds: Time for a user who leaves, in one room, without the time for members.
    @ivar quitMemberNanoseconds: Additional time for each member of that room.
    @ivar fileBytes: Bytes of the database for one line with its words in the index.
    @ivar transactionMicroseconds: Processor time for a line stored in its own transaction.
    @ivar storeMicroseconds: Processor time for a line stored in a transaction with many.
    @ivar stateBytes: Bytes of JSON for one user in C{ROOMS_PER_PERSON} rooms.
    @ivar stateMicroseconds: Time to write that JSON.
    """

    sessionBytes: float = 0.0
    membershipBytes: float = 0.0
    lineMicroseconds: float = 0.0
    lineTogetherMicroseconds: float = 0.0
    joinMicroseconds: float = 0.0
    joinMemberNanoseconds: float = 0.0
    quitMicroseconds: float = 0.0
    quitMemberNanoseconds: float = 0.0
    fileBytes: float = 0.0
    transactionMicroseconds: float = 0.0
    storeMicroseconds: float = 0.0
    stateBytes: float = 0.0
    stateMicroseconds: float = 0.0


class Node:
    """
    A node that applies operations of other nodes, one message after another.

    @ivar state: The state of the chat.
    """

    def __init__(self) -> None:
        unlimited = 10_000_000
        self.state = ChatState(Limits(maxRooms=unlimited, roomsEach=10_000, roomsFounded=unlimited))
        self._position = 0
        self._sessions: dict[str, Session] = {}

    def session(self, number: int) -> Session:
        """Make a new session on another node."""
        ident = f"b-5f0c62a1-{number}"
        session = self._sessions[ident] = Session(ident, None, "k3v9x2m7q8w1", "b")
        return session

    def message(self, operations: Sequence[Operation]) -> Batch:
        """Apply the operations of one message and release the notifications."""
        self._position += 1
        batch = Batch(LOG, self._position, BEGAN + self._position * 1_000_000)
        for operation in operations:
            apply(self.state, operation, self._sessions[operation.session], batch)
        batch.freeze()
        batch.deliver(True)
        return batch

    def enter(self, number: int, rooms: Sequence[int]) -> Session:
        """Make a new session of a user who enters these rooms."""
        session = self.session(number)
        name = f"person{number}"
        self.message([Enter(session.ident, name, name, session.cloak, f"{number:064x}")])
        for room in rooms:
            self.message([Join(session.ident, f"room{room}", f"room{room}")])
        return session


def resident() -> int:
    """Get the bytes of resident memory of this process."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def microseconds(call: Callable[[], object], times: int) -> float:
    """Measure the processor time of one call in this thread: the lowest of three results."""
    measured = []
    for _ in range(3):
        began = time.thread_time_ns()
        for _ in range(times):
            call()
        measured.append((time.thread_time_ns() - began) / times / 1e3)
    return min(measured)


def memory(costs: Costs) -> None:
    """Measure the memory for users with names, and for their memberships."""
    node = Node()
    before = resident()
    people = [node.enter(number, ()) for number in range(PEOPLE)]
    entered = resident()
    for number, session in enumerate(people):
        first = number * ROOMS_PER_PERSON
        rooms = {room % ROOMS for room in range(first, first + ROOMS_PER_PERSON)}
        node.message([Join(session.ident, f"room{room}", f"room{room}") for room in rooms])
    costs.sessionBytes = (entered - before) / PEOPLE
    costs.membershipBytes = (resident() - entered) / PEOPLE / ROOMS_PER_PERSON
    began = time.thread_time_ns()
    size = sum(len(json.dumps(checkpointRow(session))) for session in people)
    costs.stateMicroseconds = (time.thread_time_ns() - began) / PEOPLE / 1e3
    costs.stateBytes = size / PEOPLE


def checkpointRow(session: Session) -> list[Any]:
    """Get the fields of a session in a checkpoint."""
    return [
        session.ident,
        session.node,
        session.nick,
        session.key,
        session.account,
        session.cloak,
        session.token,
        session.away,
        session.connectedAt,
        sorted(session.inheritedRestrictions),
        sorted(session.invited),
        list(session.rooms),
    ]


def presence(costs: Costs) -> None:
    """Measure joins and quits in a small room and in a large one."""
    # Read here, because the tests set smaller numbers.
    small, large = SMALL, LARGE
    times: dict[int, tuple[float, float]] = {}
    for members in (small, large):
        node = Node()
        for number in range(members):
            node.enter(number, [0])
        if members == small:
            applyLines(costs, node)
        times[members] = joinAndQuit(node, members)
    (joinSmall, quitSmall), (joinLarge, quitLarge) = times[small], times[large]
    costs.joinMemberNanoseconds = (joinLarge - joinSmall) / (large - small) * 1e3
    costs.quitMemberNanoseconds = (quitLarge - quitSmall) / (large - small) * 1e3
    costs.joinMicroseconds = joinSmall - costs.joinMemberNanoseconds * small / 1e3
    costs.quitMicroseconds = quitSmall - costs.quitMemberNanoseconds * small / 1e3


def applyLines(costs: Costs, node: Node) -> None:
    """Measure the time for lines in the only room of a node."""
    many: list[Operation] = [
        Say(f"b-5f0c62a1-{number}", "room0", "message", (TEXT,)) for number in range(20)
    ]
    costs.lineMicroseconds = microseconds(lambda: node.message(many[:1]), 2000)
    costs.lineTogetherMicroseconds = microseconds(lambda: node.message(many), 200) / len(many)


def joinAndQuit(node: Node, members: int) -> tuple[float, float]:
    """Measure the microseconds to enter the only room of a node, and to leave; medians of 100."""
    joins, quits = [], []
    for number in range(members, members + 100):
        session = node.enter(number, ())
        began = time.thread_time_ns()
        node.message([Join(session.ident, "room0", "room0")])
        entered = time.thread_time_ns()
        node.message([Quit(session.ident, "")])
        joins.append((entered - began) / 1e3)
        quits.append((time.thread_time_ns() - entered) / 1e3)
    return sorted(joins)[50], sorted(quits)[50]


class StorageObserver:
    """
    Waits until a storage has stored a position.

    @ivar problem: The last error of the storage; empty: none.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._position = 0
        self._changed = threading.Condition()

    def stored(self, position: int) -> None:
        with self._changed:
            self._position = position
            self._changed.notify()

    def troubled(self, trouble: ChatError | None) -> None:
        self.problem = str(trouble or "")

    def noted(self, text: str, isError: bool) -> None:
        pass

    def failed(self, reason: str) -> None:
        self.problem = reason

    def awaitStored(self, position: int) -> None:
        """
        Wait until the position is on disk.

        @raise RuntimeError: The storage takes too long.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._position >= position, STORAGE_LIMIT):
                raise RuntimeError(self.problem or f"the storage has not stored {position}")


def storing(costs: Costs) -> None:
    """Measure lines in SQLite, first each in its own transaction, then many in one."""
    chance = random.Random(1)
    node = Node()
    ident = node.enter(0, range(100)).ident

    def line(number: int) -> Batch:
        text = " ".join(chance.choices(WORDS, k=12))[:64]
        return node.message([Say(ident, f"room{number % 100}", "message", (text,))])

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "chat.sqlite")
        observer = StorageObserver()
        storage = SQLiteStorage(path, LOG, None, lambda call, *args: call(*args), lambda: 0)
        storage.prepare()
        storage.start(observer)
        batches = [line(number) for number in range(ALONE)]
        began = time.process_time_ns()
        for batch in batches:
            storage.store(batch)
            observer.awaitStored(batch.position)
        costs.transactionMicroseconds = (time.process_time_ns() - began) / ALONE / 1e3
        batches = [line(number) for number in range(TOGETHER)]
        began = time.process_time_ns()
        for batch in batches:
            storage.store(batch)
        observer.awaitStored(batches[-1].position)
        awaitIndex(path)
        costs.storeMicroseconds = (time.process_time_ns() - began) / TOGETHER / 1e3
        stopped = threading.Event()
        storage.stop(stopped.set)
        stopped.wait(STORAGE_LIMIT)
        costs.fileBytes = os.path.getsize(path) / (ALONE + TOGETHER)


def awaitIndex(path: str) -> None:
    """
    Wait until all lines of a database are in its full-text index.

    @raise RuntimeError: The index takes too long.
    """
    until = time.monotonic() + STORAGE_LIMIT
    with closing(sqlite3.connect(path)) as connection:
        while time.monotonic() < until:
            query = "SELECT (SELECT max(id) FROM messages) - indexed FROM meta"
            if connection.execute(query).fetchone() == (0,):
                return
            time.sleep(0.05)
    raise RuntimeError("the index is not complete")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.scalecosts",
        description="Measure what people, lines, entering and leaving cost a node.",
    )
    options.add_argument("--json", action="store_true", help="print JSON")
    asJson = options.parse_args(arguments).json
    costs = Costs()
    memory(costs)
    presence(costs)
    storing(costs)
    if asJson:
        print(json.dumps({"about": machine(), **asdict(costs)}, indent=1))
        return 0
    print(described(machine()))
    for name, value in asdict(costs).items():
        print(f"{name:24} {value:10.2f}")
    return 0
