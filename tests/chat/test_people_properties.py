"""
Properties of accounts and room rules, whatever users do, however late it is ordered, and whenever
the server crashes.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings

from tests.model.invariants import RulesModel, checkSeqsGrow
from tests.model.operations import (
    LIMITS,
    OPERATORS,
    TURNS,
    Action,
    RandomUsers,
    opening,
    randomAction,
)
from tests.support.chat import NOON, StateHarness
from tests.support.examples import tried
from tsservices.chat.apply import HANDLERS
from tsservices.chat.batch import Batch
from tsservices.chat.operations import Operation
from tsservices.chat.permissions import FOUNDER
from tsservices.chat.records import Record, RoomRecord
from tsservices.chat.serialization import asRow, fromRow
from tsservices.chat.state import ChatState

#: Long runs.
RUNS = tried(40)


def durable(state: ChatState) -> object:
    rooms = {key: room for key, room in state.rooms.items() if room.record.seq}
    return (
        state.accounts,
        state.accountTokens,
        {account: set(idents) for account, idents in state.accountTokenIds.items()},
        state.readMarkers,
        {key: marks for key, marks in state.timeMarks.items() if key in state.accounts},
        {key: entries for key, entries in state.ignored.items() if key in state.accounts},
        state.inboxShares,
        {(receipt.account, receipt.requestKey): receipt for receipt in state.receipts},
        {key: room.record for key, room in rooms.items()},
        {key: room.permissions.restrictions for key, room in rooms.items()},
        {key: room.permissions.roles for key, room in rooms.items()},
    )


class Database:
    def __init__(self) -> None:
        self.rooms: dict[str, RoomRecord] = {}
        self.rows: dict[tuple[object, ...], Record] = {}

    def store(self, batch: Batch) -> None:
        if not batch.durable:
            assert not batch.messages
        for room in batch.roomRecords:
            self.rooms[room.key] = room.copy()
        for key, record in batch.records.items():
            if record is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = record

    def load(self) -> ChatState:
        rooms = [room.copy() for room in self.rooms.values()]
        return ChatState(LIMITS, rooms, list(self.rows.values()), OPERATORS)


def outcomeOf(chat: StateHarness) -> object:
    state = chat.state
    return (
        [
            (item.ident, item.nick, item.key, item.account, item.away, item.cloak, item.token)
            for item in state.sessions.values()
        ],
        {key: [item.ident for item in holders] for key, holders in state.sessionsByNick.items()},
        {key: [item.ident for item in owners] for key, owners in state.sessionsByAccount.items()},
        {
            key: (list(room.members), room.permissions.guestFounder)
            for key, room in state.rooms.items()
        },
        repr(durable(state)),
        list(state.lastSeenGuests.items()),
        {
            ident: [repr(item) for item in outlet.notifications]
            for ident, outlet in chat.outlets.items()
        },
        [repr(batch.messages) for batch in chat.batches],
        [repr(batch.privateMessages) for batch in chat.batches],
        [repr(batch.audits) for batch in chat.batches],
    )


def run(turns: list[list[Action]]) -> Counter[str]:
    """
    Check the state after each operation, what is stored after each turn, and that a second run is
    the same.
    """
    users = RandomUsers()
    chat, database = users.chat, Database()
    model = RulesModel(chat)
    done: list[tuple[int, list[Operation]]] = []
    late: list[tuple[int, Operation]] = []
    stamp, count = NOON, 0
    for number, actions in enumerate([[], *turns, []]):
        batch = Batch("log", len(chat.batches) + 1, stamp)
        chat.batches.append(batch)
        due: list[Operation] = opening(users) if not number else []
        for operation in due:
            model.apply(operation, batch)
        applied = list(due)
        for action in actions:
            count += 1
            late.append((count + action.late, users.operation(action)))
            for operation in [operation for when, operation in late if when <= count]:
                model.apply(operation, batch)
                applied.append(operation)
            late = [item for item in late if item[0] > count]
        batch.freeze()
        database.store(batch)
        loaded = database.load()
        assert durable(loaded) == durable(chat.state)
        assert set(loaded.ignored) <= set(loaded.accounts)
        assert all(room.record.seq for room in loaded.rooms.values())
        batch.deliver()
        done.append((stamp, applied))
        stamp += sum(action.step for action in actions)
    checkSeqsGrow(chat)
    idents = [message.ident for batch in chat.batches for message in batch.privateMessages]
    assert len(set(idents)) == len(idents)
    again = StateHarness(LIMITS, operators=OPERATORS)
    for ident in chat.sessions:
        again.connect(ident)
    for when, operations in done:
        again.tick(*(fromRow(asRow(item)) for item in operations), stamp=when)
    assert outcomeOf(again) == outcomeOf(chat)
    return model.counts


@settings(max_examples=tried(150), derandomize=True)
@given(TURNS)
def test_anyActions(turns: list[list[Action]]) -> None:
    run(turns)


def test_longRuns() -> None:
    done: Counter[str] = Counter()
    for seed in range(RUNS):
        random = Random(seed)
        done += run(
            [[randomAction(random) for _ in range(random.randrange(12))] for _ in range(120)]
        )
    kinds = {kind.__name__ for kind in HANDLERS} - {"NodeUp", "NodeDown", "ReattachSession"}
    assert min(done[kind] for kind in kinds) >= RUNS // 2
    assert set(done) == kinds


def test_openingIsDone() -> None:
    users = RandomUsers()
    users.chat.tick(*opening(users))
    state = users.chat.state
    assert set(state.accounts) == {"ann", "bob", "root"}
    assert len(state.sessionsByAccount["ann"]) == 2
    assert state.rank(users.session(2), state.rooms["r"]) == FOUNDER
    assert len(state.rooms["r"].members) == 6
