"""
The command: C{python -m benchmarks.scale.costs}.  Measures what L{benchmarks.scale} counts with:
what people, lines, and coming and going cost a node that has nothing of them but their state.

Nothing of it has wires: all people are on other nodes.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sqlite3
import sys
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
EACH = 5
SMALL = 50
LARGE = 20_000
ALONE = 500
TOGETHER = 40_000
PATIENCE = 30.0
TEXT = "a line of the length that the other benchmarks say, 64 bytes long"[:64]
# What the index of words gets.
WORDS = ("tea", "milk", "sugar", "cup", "pot", "kettle", "water", "leaf", "lemon", "honey", "spoon")
BEGAN = 1_795_176_600_000_000_000
LOG = "5f0c62a15f0c62a1"


@dataclass
class Costs:
    """
    What was measured.

    @ivar sessionBytes: Resident memory for one person with a name who is in no room.
    @ivar membershipBytes: Resident memory for one room that one person is in.
    @ivar lineMicroseconds: To apply one line, alone in its message, in a room of 50.
    @ivar lineTogetherMicroseconds: The same for one of 20 lines of 20 people in one message.
    @ivar joinMicroseconds: For somebody who enters a room, beside what its members cost.
    @ivar joinMemberNanoseconds: What each member of that room adds.
    @ivar quitMicroseconds: For somebody who leaves, being in one room.
    @ivar quitMemberNanoseconds: What each member of that room adds.
    @ivar fileBytes: Of the database for one line, with its words in the index.
    @ivar transactionMicroseconds: Processor time for a line that is stored alone.
    @ivar storeMicroseconds: The same for one of many.
    @ivar stateBytes: JSON for one person in C{EACH} rooms.
    @ivar stateMicroseconds: To write it.
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
    A state that events are applied to, one message after another.

    @ivar lobby: The state.
    """

    def __init__(self) -> None:
        """Nobody is there."""
        most = 10_000_000
        self.lobby = ChatState(Limits(maxRooms=most, roomsEach=10_000, roomsFounded=most))
        self._position = 0
        self._people: dict[str, Session] = {}

    def session(self, number: int) -> Session:
        """Somebody on another node."""
        ident = f"b-5f0c62a1-{number}"
        session = self._people[ident] = Session(ident, None, "k3v9x2m7q8w1", "b")
        return session

    def message(self, events: Sequence[Operation]) -> Batch:
        """Apply the events of one message, and release what comes of it."""
        self._position += 1
        batch = Batch(LOG, self._position, BEGAN + self._position * 1_000_000)
        for event in events:
            apply(self.lobby, event, self._people[event.session], batch)
        batch.freeze()
        batch.deliver(True)
        return batch

    def enter(self, number: int, rooms: Sequence[int]) -> Session:
        """Somebody comes and enters some rooms."""
        session = self.session(number)
        name = f"person{number}"
        self.message([Enter(session.ident, name, name, session.cloak, f"{number:064x}")])
        for room in rooms:
            self.message([Join(session.ident, f"room{room}", f"room{room}")])
        return session


def resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def microseconds(call: Callable[[], object], times: int) -> float:
    """Processor time of one call in this thread, the least of three stretches."""
    found = []
    for _ in range(3):
        began = time.thread_time_ns()
        for _ in range(times):
            call()
        found.append((time.thread_time_ns() - began) / times / 1e3)
    return min(found)


def memory(costs: Costs) -> None:
    """People with names, and the rooms they are in."""
    node = Node()
    before = resident()
    people = [node.enter(number, ()) for number in range(PEOPLE)]
    entered = resident()
    for number, session in enumerate(people):
        events = [
            Join(session.ident, f"room{room}", f"room{room}")
            for room in {(number * EACH + each) % ROOMS for each in range(EACH)}
        ]
        node.message(events)
    costs.sessionBytes = (entered - before) / PEOPLE
    costs.membershipBytes = (resident() - entered) / PEOPLE / EACH
    began = time.thread_time_ns()
    size = sum(len(json.dumps(state(each))) for each in people)
    costs.stateMicroseconds = (time.thread_time_ns() - began) / PEOPLE / 1e3
    costs.stateBytes = size / PEOPLE


def state(session: Session) -> list[Any]:
    """All there is to know of a session."""
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
    """Coming and going in a small room and in a large one."""
    small, large = SMALL, LARGE
    found: dict[int, tuple[float, float]] = {}
    for members in (small, large):
        node = Node()
        for number in range(members):
            node.enter(number, [0])
        if members == small:
            talk(costs, node)
        found[members] = comingAndGoing(node, members)
    (joinSmall, quitSmall), (joinLarge, quitLarge) = found[small], found[large]
    costs.joinMemberNanoseconds = (joinLarge - joinSmall) / (large - small) * 1e3
    costs.quitMemberNanoseconds = (quitLarge - quitSmall) / (large - small) * 1e3
    costs.joinMicroseconds = joinSmall - costs.joinMemberNanoseconds * small / 1e3
    costs.quitMicroseconds = quitSmall - costs.quitMemberNanoseconds * small / 1e3


def talk(costs: Costs, node: Node) -> None:
    """Lines of the people of a node with one room."""
    many: list[Operation] = [
        Say(f"b-5f0c62a1-{number}", "room0", "message", (TEXT,)) for number in range(20)
    ]
    costs.lineMicroseconds = microseconds(lambda: node.message(many[:1]), 2000)
    costs.lineTogetherMicroseconds = microseconds(lambda: node.message(many), 200) / len(many)


def comingAndGoing(node: Node, members: int) -> tuple[float, float]:
    """Microseconds for entering the room of a node, and for leaving; medians of 100."""
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


class Stored:
    """
    Hears of a journal what was stored.

    @ivar problem: What went wrong, if anything did.
    """

    def __init__(self) -> None:
        """Nothing was stored."""
        self.problem = ""
        self._position = 0
        self._changed = threading.Condition()

    def stored(self, position: int) -> None:
        """All is on disk up to there."""
        with self._changed:
            self._position = position
            self._changed.notify()

    def troubled(self, trouble: ChatError | None) -> None:
        """The disk is full, or not any more."""
        self.problem = str(trouble or "")

    def failed(self, reason: str) -> None:
        """The disk has failed."""
        self.problem = reason

    def await_(self, position: int) -> None:
        """
        Wait for it.

        @raise RuntimeError: It takes too long.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._position >= position, PATIENCE):
                raise RuntimeError(self.problem or f"the journal has not stored {position}")


def storing(costs: Costs) -> None:
    """Lines in SQLite: one after another, each in its transaction, and then many in each."""
    chance = random.Random(1)
    batch = Node()
    ident = batch.enter(0, range(100)).ident

    def line(number: int) -> Batch:
        text = " ".join(chance.choices(WORDS, k=12))[:64]
        return batch.message([Say(ident, f"room{number % 100}", "message", (text,))])

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "chat.sqlite")
        heard = Stored()
        journal = SQLiteStorage(path, LOG, None, lambda call, *args: call(*args), lambda: 0)
        journal.prepare()
        journal.start(heard)
        batches = [line(number) for number in range(ALONE)]
        began = time.process_time_ns()
        for each in batches:
            journal.store(each)
            heard.await_(each.position)
        costs.transactionMicroseconds = (time.process_time_ns() - began) / ALONE / 1e3
        batches = [line(number) for number in range(TOGETHER)]
        began = time.process_time_ns()
        for each in batches:
            journal.store(each)
        heard.await_(batches[-1].position)
        awaitIndex(path)
        costs.storeMicroseconds = (time.process_time_ns() - began) / TOGETHER / 1e3
        stopped = threading.Event()
        journal.stop(stopped.set)
        stopped.wait(PATIENCE)
        costs.fileBytes = os.path.getsize(path) / (ALONE + TOGETHER)


def awaitIndex(path: str) -> None:
    """
    Wait until all lines of a database are in its index of words.

    @raise RuntimeError: It takes too long.
    """
    until = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(path)) as connection:
        while time.monotonic() < until:
            query = "SELECT (SELECT max(id) FROM messages) - indexed FROM meta"
            if connection.execute(query).fetchone() == (0,):
                return
            time.sleep(0.05)
    raise RuntimeError("the index is not complete")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure it."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.scale.costs",
        description="What people, lines, and coming and going cost a node of a cluster.",
    )
    options.add_argument("--json", action="store_true", help="print it as JSON")
    chosen = options.parse_args(arguments)
    costs = Costs()
    memory(costs)
    presence(costs)
    storing(costs)
    if chosen.json:
        print(json.dumps({"about": machine(), **asdict(costs)}, indent=1))
        return 0
    print(described(machine()))
    for name, value in asdict(costs).items():
        print(f"{name:24} {value:10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
