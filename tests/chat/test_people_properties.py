"""
What holds for accounts and order in rooms whatever people do, however late it is ordered,
and whenever the server crashes.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings

from tests.model.invariants import Watch
from tests.model.operations import LIMITS, OPERATORS, TURNS, Wish, World, anyWish, opening
from tests.support.chat import NOON, Sessions
from tests.support.examples import tried
from tsservices.chat.apply import HANDLERS
from tsservices.chat.batch import Batch
from tsservices.chat.notifications import RoomMessages
from tsservices.chat.operations import Operation
from tsservices.chat.permissions import FOUNDER
from tsservices.chat.records import Record, RoomRecord
from tsservices.chat.serialization import asRow, fromRow
from tsservices.chat.state import ChatState

#: How many long lives are lived.
LIVES = tried(40)


def durable(state: ChatState) -> object:
    rooms = {key: room for key, room in state.rooms.items() if room.record.seq}
    return (
        state.accounts,
        state.readMarkers,
        {key: room.record for key, room in rooms.items()},
        {key: room.permissions.restrictions for key, room in rooms.items()},
        {key: room.permissions.roles for key, room in rooms.items()},
    )


class Disk:
    """What a journal would have kept."""

    def __init__(self) -> None:
        self.records: dict[str, RoomRecord] = {}
        self.kept: dict[tuple[object, ...], Record] = {}

    def store(self, batch: Batch) -> None:
        if not batch.durable:
            assert not batch.messages
        for record in batch.roomRecords:
            self.records[record.key] = record.copy()
        for key, kept in batch.records.items():
            if kept is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = kept

    def load(self) -> ChatState:
        records = [each.copy() for each in self.records.values()]
        return ChatState(LIMITS, records, list(self.kept.values()), OPERATORS)


def picture(sessions: Sessions) -> object:
    state = sessions.state
    return (
        [
            (each.ident, each.nick, each.key, each.account, each.away, each.cloak, each.token)
            for each in state.sessions.values()
        ],
        {key: [each.ident for each in holders] for key, holders in state.sessionsByNick.items()},
        {key: [each.ident for each in owners] for key, owners in state.sessionsByAccount.items()},
        {
            key: (list(room.members), room.permissions.guestFounder)
            for key, room in state.rooms.items()
        },
        repr(durable(state)),
        list(state.lastSeenGuests.items()),
        {who: [repr(each) for each in ear.heard] for who, ear in sessions.ears.items()},
        [repr(batch.messages) for batch in sessions.batches],
        [repr(batch.privateMessages) for batch in sessions.batches],
        [repr(batch.audits) for batch in sessions.batches],
    )


def live(turns: list[list[Wish]]) -> Counter[str]:
    """
    After each event the state agrees with itself and with the rules; after each turn what
    was kept is what would come back; and the same events make the same again.
    """
    world = World()
    sessions, disk = world.sessions, Disk()
    watch = Watch(sessions)
    done: list[tuple[int, list[Operation]]] = []
    late: list[tuple[int, Operation]] = []
    stamp, count = NOON, 0
    for number, wishes in enumerate([[], *turns, []]):
        batch = Batch("log", len(sessions.batches) + 1, stamp)
        sessions.batches.append(batch)
        due: list[Operation] = opening(world) if not number else []
        for event in due:
            watch.apply(event, batch)
        applied = list(due)
        for wish in wishes:
            count += 1
            late.append((count + wish.late, world.event(wish)))
            for event in [event for when, event in late if when <= count]:
                watch.apply(event, batch)
                applied.append(event)
            late = [each for each in late if each[0] > count]
        batch.freeze()
        disk.store(batch)
        loaded = disk.load()
        assert durable(loaded) == durable(sessions.state)
        assert all(room.record.seq for room in loaded.rooms.values())
        batch.deliver()
        done.append((stamp, applied))
        stamp += sum(wish.step for wish in wishes)
    for ear in sessions.ears.values():
        numbers: dict[str, int] = {}
        for each in ear.heard:
            if isinstance(each, RoomMessages):
                assert each.first > numbers.get(each.room, 0)
                numbers[each.room] = each.last
    letters = [letter.ident for batch in sessions.batches for letter in batch.privateMessages]
    assert len(set(letters)) == len(letters)
    again = Sessions(LIMITS, operators=OPERATORS)
    for ident in sessions.people:
        again.arrive(ident)
    for when, events in done:
        again.turn(*(fromRow(asRow(each)) for each in events), stamp=when)
    assert picture(again) == picture(sessions)
    return watch.done


@settings(max_examples=tried(150), derandomize=True)
@given(TURNS)
def test_anyOrder(turns: list[list[Wish]]) -> None:
    """Whatever is wished."""
    live(turns)


def test_longLives() -> None:
    """The same for long, with so many wishes that each kind comes true often."""
    done: Counter[str] = Counter()
    for seed in range(LIVES):
        chance = Random(seed)
        done += live([[anyWish(chance) for _ in range(chance.randrange(12))] for _ in range(50)])
    kinds = {kind.__name__ for kind in HANDLERS} - {"NodeUp", "NodeDown", "ReattachSession"}
    assert min(done[kind] for kind in kinds) >= LIVES // 2
    assert set(done) == kinds


def test_somethingHappens() -> None:
    """The opening is what it says."""
    world = World()
    world.sessions.turn(*opening(world))
    state = world.sessions.state
    assert set(state.accounts) == {"ann", "bob", "root"}
    assert len(state.sessionsByAccount["ann"]) == 2
    assert state.rank(world.session(2), state.rooms["r"]) == FOUNDER
    assert len(state.rooms["r"].members) == 6
