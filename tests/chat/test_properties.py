"""Properties of rooms and talk, whatever is proposed in whatever order, and whenever it crashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.invariants import checkSeqsGrow
from tests.support.chat import NOON, StateHarness
from tests.support.examples import tried
from tsservices.chat.apply import apply
from tsservices.chat.batch import Batch
from tsservices.chat.errors import ChatError
from tsservices.chat.fanout import RoomDelivery
from tsservices.chat.notifications import ErrorReply, PrivateMessage, RoomMessages
from tsservices.chat.operations import (
    MESSAGE,
    Enter,
    Join,
    Operation,
    Part,
    Quit,
    Rename,
    Say,
    SendPrivate,
    SetAway,
    SetTopic,
)
from tsservices.chat.pipeline import Pipeline
from tsservices.chat.records import RoomRecord
from tsservices.chat.room import Room
from tsservices.chat.serialization import asRow, fromRow
from tsservices.common.limits import Limits

#: So small that they matter.
LIMITS = Limits(maxRooms=3, roomsEach=2)

PEOPLE = tuple(f"s{number}" for number in range(5))
NICKS = ("ann", "bob", "cat")
ROOMS = ("q", "r", "t", "u")

# Most of it takes place where most users are, or almost everything would be rejected.
_who = st.sampled_from((*PEOPLE, *PEOPLE[:3], *PEOPLE[:3]))
_nick = st.sampled_from(NICKS)
_room = st.sampled_from((*ROOMS, "r", "r", "r", "r"))
_text = st.sampled_from(("a", "b", ""))

#: Anything that anybody may propose, by whatever state.
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(lambda ident, nick: Enter(ident, nick.title(), nick), _who, _nick),
    st.builds(lambda ident, nick: Rename(ident, nick.upper(), nick), _who, _nick),
    st.builds(lambda ident, room: Join(ident, room.upper(), room), _who, _room),
    st.builds(lambda ident, room: Join(ident, room.upper(), room), _who, _room),
    st.builds(Part, _who, _room, _text),
    st.builds(Quit, _who, _text),
    st.builds(
        lambda ident, room, texts: Say(ident, room, MESSAGE, tuple(texts)),
        _who,
        _room,
        st.lists(st.sampled_from("abc"), min_size=1, max_size=25),
    ),
    st.builds(lambda ident: Say(ident, "r", MESSAGE, ("a",)), _who),
    st.builds(lambda ident: Say(ident, "r", MESSAGE, ("a",)), _who),
    st.builds(lambda ident: Say(ident, "r", MESSAGE, ("a",)), _who),
    st.builds(SendPrivate, _who, _nick, _nick, st.just(MESSAGE), st.just("psst")),
    st.builds(SetTopic, _who, _room, _text),
    st.builds(SetAway, _who, _text),
)

#: Without it most would be rejected.
OPENING: list[Operation] = [
    operation
    for ident, nick in zip(PEOPLE, NICKS, strict=False)
    for operation in (Enter(ident, nick, nick), Join(ident, "R", "r"))
]

#: What each turn orders, and how far the clock has gone since the last one.
TURNS = st.lists(
    st.tuples(st.lists(OPERATIONS, max_size=12), st.integers(-3, 3)), min_size=1, max_size=12
)


def checkConsistency(chat: StateHarness) -> None:
    state = chat.state
    assert {item.key: (item,) for item in state.sessions.values()} == state.sessionsByNick
    assert len(state.sessionsByNick) == len(state.sessions)
    for ident, session in chat.sessions.items():
        assert (state.sessions.get(ident) is session) or not session.rooms
        for key in session.rooms:
            assert state.rooms[key].members[ident] is session
        assert len(session.rooms) <= LIMITS.roomsEach
    assert len(state.rooms) <= LIMITS.maxRooms
    for key, room in state.rooms.items():
        assert room.record.key == key
        assert set(room.recipients) == set(room.members.values())
        assert all(key in item.rooms for item in room.members.values())
        assert room.members or room.record.seq


def outcomeOf(chat: StateHarness) -> object:
    state = chat.state
    return (
        [(item.ident, item.key, item.nick, item.away) for item in state.sessions.values()],
        [(key, room.record, list(room.members)) for key, room in state.rooms.items()],
        {
            ident: [repr(item) for item in outlet.notifications]
            for ident, outlet in chat.outlets.items()
        },
        [[repr(line) for line in batch.messages] for batch in chat.batches],
    )


class MembershipModel:
    """A reference model of who is in which room, which gets the same operations as the state."""

    def __init__(self, chat: StateHarness) -> None:
        self._sessions = chat
        self.last: dict[str, tuple[int, int]] = {}

    def apply(self, operation: Operation, batch: Batch) -> None:
        state = self._sessions.state
        session = self._sessions.sessions[operation.session]
        present = {key: set(room.members) for key, room in state.rooms.items()}
        before = {key: room.record.copy() for key, room in state.rooms.items()}
        messages = len(batch.messages)
        deliveries = len(batch._deliveries)
        apply(state, operation, session, batch)
        errors = [
            item
            for item in batch._deliveries[deliveries:]
            if isinstance(getattr(item, "notification", None), ErrorReply)
        ]
        assert all(item.session is session for item in errors)  # type: ignore[union-attr]
        assert len(errors) <= 1
        new = batch.messages[messages:]
        if errors:
            assert not new
            assert before == {key: room.record for key, room in state.rooms.items()}
        elif isinstance(operation, Say | SetTopic):
            assert len(new) == 1
        for item in new:
            assert item.session == operation.session
            assert operation.session in present[item.room]
            number, time = self.last.get(item.room, (0, 0))
            assert item.first == number + 1
            assert item.time > time
            self.last[item.room] = (item.last, item.time + len(item.texts) - 1)
            delivery = batch._openDeliveries[state.rooms[item.room]]
            assert delivery.notifications[-1] is item
            assert {member.ident for member in delivery.recipients} == present[item.room]
            assert set(delivery.authors) <= present[item.room]


@settings(max_examples=tried(250), derandomize=True)
@given(TURNS)
def test_stateStaysConsistent(turns: list[tuple[list[Operation], int]]) -> None:
    chat = StateHarness(LIMITS)
    for ident in PEOPLE:
        chat.connect(ident)
    chat.tick(*OPENING)
    model = MembershipModel(chat)
    stamp = NOON
    for operations, step in turns:
        stamp += step
        batch = Batch("log", len(chat.batches) + 1, stamp)
        chat.batches.append(batch)
        for operation in operations:
            model.apply(operation, batch)
            checkConsistency(chat)
        batch.freeze()
        assert batch.roomRecords == [
            chat.state.rooms[key].record for key in dict.fromkeys(s.room for s in batch.messages)
        ]
        batch.deliver()
        for delivery in batch._deliveries:
            if isinstance(delivery, RoomDelivery):
                assert delivery.notifications
    checkSeqsGrow(chat)


@settings(max_examples=tried(60), derandomize=True)
@given(TURNS)
def test_deterministic(turns: list[tuple[list[Operation], int]]) -> None:
    outcomes = []
    for serialized in (False, True):
        chat = StateHarness(LIMITS)
        chat.tick(*OPENING)
        for operations, step in turns:
            applied = [fromRow(asRow(item)) for item in operations] if serialized else operations
            chat.tick(*applied, stamp=NOON + step)
        outcomes.append(outcomeOf(chat))
    assert outcomes[0] == outcomes[1]
    remote = StateHarness(LIMITS)
    for ident in PEOPLE:
        remote.connect(ident).recipient = None
    remote.tick(*OPENING)
    for operations, step in turns:
        remote.tick(*operations, stamp=NOON + step)
    here, there = outcomes[0], outcomeOf(remote)
    assert isinstance(here, tuple)
    assert isinstance(there, tuple)
    assert (here[0], here[1], here[3]) == (there[0], there[1], there[3])


@dataclass
class Node:
    """One of several servers, which has applied the first C{seen} operations of the order."""

    view: StateHarness
    queue: list[Operation]
    seen: int = 0


def isAllowed(node: Node, operation: Operation) -> bool:
    state = node.view.state
    session = node.view.sessions[operation.session]
    if isinstance(operation, Enter | Rename):
        entered = operation.session in state.sessions
        free = state.sessionsByNick.get(operation.key, (session,)) == (session,)
        return free and entered is isinstance(operation, Rename)
    if isinstance(operation, Say | SetTopic | Part):
        return operation.room in session.rooms
    return operation.session in state.sessions


#: Which node does what: propose, have its oldest proposal ordered, or apply what was ordered.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(OPERATIONS, OPERATIONS, st.sampled_from(("order", "order", "catch up"))),
    ),
    max_size=60,
)


@settings(max_examples=tried(200), derandomize=True)
@given(STEPS)
def test_nodesWithStaleViewsAgree(steps: list[tuple[int, Operation | str]]) -> None:
    nodes = [Node(StateHarness(LIMITS), []) for _ in range(3)]
    order: list[Operation] = list(OPENING)
    home = {ident: number % 3 for number, ident in enumerate(PEOPLE)}
    for node in nodes:
        for ident in PEOPLE:
            node.view.connect(ident)

    def catchUp(node: Node) -> None:
        for operation in order[node.seen :]:
            node.view.tick(operation)
        node.seen = len(order)
        checkConsistency(node.view)

    for which, step in steps:
        if isinstance(step, Operation):
            # People speak to their own server only.
            node = nodes[home[step.session]]
            if isAllowed(node, step):
                node.queue.append(step)
        elif step == "order":
            if nodes[which].queue:
                order.append(nodes[which].queue.pop(0))
        else:
            catchUp(nodes[which])
    for node in nodes:
        order.extend(node.queue)
        node.queue.clear()
    for node in nodes:
        catchUp(node)
    assert outcomeOf(nodes[0].view) == outcomeOf(nodes[1].view) == outcomeOf(nodes[2].view)
    chat = nodes[0].view
    lines: dict[str, list[RoomMessages]] = {}
    for batch in chat.batches:
        for line in batch.messages:
            lines.setdefault(line.room, []).append(line)
    for spoken in lines.values():
        numbers = [n for line in spoken for n in range(line.first, line.last + 1)]
        times = [line.time + n for line in spoken for n in range(len(line.texts))]
        assert numbers == list(range(1, len(numbers) + 1))
        assert times == sorted(set(times))
    idents = [
        line.ident(n) for item in lines.values() for line in item for n in range(len(line.texts))
    ]
    assert len(set(idents)) == len(idents)
    for ident, outlet in chat.outlets.items():
        rejected = sum(isinstance(item, ErrorReply) for item in outlet.notifications)
        proposed = sum(operation.session == ident for operation in order)
        assert rejected <= proposed


class CrashingDisk:
    """A storage that stores late, and loses the remaining batches in a crash."""

    def __init__(self) -> None:
        self.trouble: ChatError | None = None
        self.given: list[Batch] = []
        self.messages: list[RoomMessages] = []
        self.records: dict[str, RoomRecord] = {}
        self.position = 0

    def store(self, batch: Batch) -> None:
        assert batch.roomRecords
        self.given.append(batch)

    def commit(self, count: int) -> None:
        for batch in self.given[:count]:
            assert batch.position == self.position + 1
            self.position = batch.position
            self.messages += batch.messages
            self.records.update({item.key: item.copy() for item in batch.roomRecords})
        del self.given[:count]


#: For each run of a server until it crashes: what is proposed, how many batches the disk commits,
#: ends of turns, and when the pipeline learns of the commits.
RUNS = st.lists(
    st.lists(
        st.one_of(OPERATIONS, st.integers(0, 3), st.just("turn"), st.just("stored")), max_size=30
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=tried(200), derandomize=True)
@given(RUNS)
def test_whatAnybodyHeardIsStoredAfterACrash(runs: list[list[Operation | int | str]]) -> None:
    disk = CrashingDisk()
    seen: list[str] = []
    topics: dict[str, str] = {}
    for steps in runs:
        chat = StateHarness(LIMITS, [item.copy() for item in disk.records.values()])
        for key, topic in topics.items():
            assert chat.state.rooms[key].storedTopic().text == topic
        disk.given.clear()
        jobs: list[Callable[[], None]] = []
        pipeline = Pipeline(chat.state, "log", disk.position, lambda: NOON, jobs.append)
        pipeline.start(disk)
        for operation in OPENING:
            chat.sessions.get(operation.session) or chat.connect(operation.session)
            pipeline.propose(operation, chat.sessions[operation.session])
        for step in steps:
            if isinstance(step, Operation):
                person = chat.sessions.get(step.session) or chat.connect(step.session)
                person.wantsEcho = True
                pipeline.propose(step, person)
            elif isinstance(step, int):
                disk.commit(step)
            elif step == "turn":
                pipeline.flush()
            else:
                before = len(jobs)
                pipeline.stored(disk.position)
                for job in jobs[before:]:
                    job()
            stored = {repr(item) for item in disk.messages}
            for outlet in chat.outlets.values():
                for heard in outlet.heard():
                    if isinstance(heard, RoomMessages):
                        assert repr(heard) in stored, "somebody has seen what is not kept"
                        seen.append(repr(heard))
                    assert not isinstance(heard, PrivateMessage) or heard.text == "psst"
            for key, room in chat.state.rooms.items():
                assert room.storedSeq <= (disk.records[key].seq if key in disk.records else 0)
        topics = {key: item.topic for key, item in disk.records.items()}
    stored = {repr(item) for item in disk.messages}
    assert stored.issuperset(seen)
    numbers: dict[str, int] = {}
    for line in disk.messages:
        assert line.first == numbers.get(line.room, 0) + 1
        numbers[line.room] = line.last
    assert numbers == {key: item.seq for key, item in disk.records.items()}
    assert len({item.ident(0) for item in disk.messages}) == len(disk.messages)


def test_checkerNoticesMissingMember() -> None:
    chat = StateHarness(LIMITS)
    chat.tick(*OPENING)
    checkConsistency(chat)
    chat.state.rooms["q"] = Room(RoomRecord("q", "Q"))
    chat.sessions["s0"].rooms["q"] = None
    with pytest.raises(KeyError):
        checkConsistency(chat)
