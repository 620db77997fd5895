"""
What holds for the chat whatever people do, in whatever order, and whenever it crashes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chat import NOON, Sessions
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

# Most of it takes place where most are, or there would be little but refusals.
_who = st.sampled_from((*PEOPLE, *PEOPLE[:3], *PEOPLE[:3]))
_nick = st.sampled_from(NICKS)
_room = st.sampled_from((*ROOMS, "r", "r", "r", "r"))
_text = st.sampled_from(("a", "b", ""))

#: Anything that anybody may propose, whatever they believe about the state.
EVENTS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(lambda who, nick: Enter(who, nick.title(), nick), _who, _nick),
    st.builds(lambda who, nick: Rename(who, nick.upper(), nick), _who, _nick),
    st.builds(lambda who, room: Join(who, room.upper(), room), _who, _room),
    st.builds(lambda who, room: Join(who, room.upper(), room), _who, _room),
    st.builds(Part, _who, _room, _text),
    st.builds(Quit, _who, _text),
    st.builds(
        lambda who, room, texts: Say(who, room, MESSAGE, tuple(texts)),
        _who,
        _room,
        st.lists(st.sampled_from("abc"), min_size=1, max_size=25),
    ),
    st.builds(lambda who: Say(who, "r", MESSAGE, ("a",)), _who),
    st.builds(lambda who: Say(who, "r", MESSAGE, ("a",)), _who),
    st.builds(lambda who: Say(who, "r", MESSAGE, ("a",)), _who),
    st.builds(SendPrivate, _who, _nick, _nick, st.just(MESSAGE), st.just("psst")),
    st.builds(SetTopic, _who, _room, _text),
    st.builds(SetAway, _who, _text),
)

#: So that not everything is refused.
OPENING: list[Operation] = [
    event
    for who, nick in zip(PEOPLE, NICKS, strict=False)
    for event in (Enter(who, nick, nick), Join(who, "R", "r"))
]

#: What each turn orders, and how far the clock has gone since the last one.
TURNS = st.lists(
    st.tuples(st.lists(EVENTS, max_size=12), st.integers(-3, 3)), min_size=1, max_size=12
)


def agree(sessions: Sessions) -> None:
    """One holder for each name, and rooms and sessions that know of each other."""
    state = sessions.state
    assert {each.key: (each,) for each in state.sessions.values()} == state.sessionsByNick
    assert len(state.sessionsByNick) == len(state.sessions)
    for ident, session in sessions.people.items():
        assert (state.sessions.get(ident) is session) or not session.rooms
        for key in session.rooms:
            assert state.rooms[key].members[ident] is session
        assert len(session.rooms) <= LIMITS.roomsEach
    assert len(state.rooms) <= LIMITS.maxRooms
    for key, room in state.rooms.items():
        assert room.record.key == key
        assert set(room.recipients) == set(room.members.values())
        assert all(key in each.rooms for each in room.members.values())
        assert room.members or room.record.seq


def picture(sessions: Sessions) -> object:
    state = sessions.state
    return (
        [(each.ident, each.key, each.nick, each.away) for each in state.sessions.values()],
        [(key, room.record, list(room.members)) for key, room in state.rooms.items()],
        {who: [repr(each) for each in ear.heard] for who, ear in sessions.ears.items()},
        [[repr(said) for said in batch.messages] for batch in sessions.batches],
    )


class Watch:
    """Knows who is in which room while events are applied, independently of the lobby."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.last: dict[str, tuple[int, int]] = {}

    def apply(self, event: Operation, batch: Batch) -> None:
        """Apply one event, and compare what it brought about with the state before."""
        state = self._sessions.state
        session = self._sessions.people[event.session]
        present = {key: set(room.members) for key, room in state.rooms.items()}
        before = {key: room.record.copy() for key, room in state.rooms.items()}
        said = len(batch.messages)
        told = len(batch._deliveries)
        apply(state, event, session, batch)
        refusals = [
            each
            for each in batch._deliveries[told:]
            if isinstance(getattr(each, "happening", None), ErrorReply)
        ]
        assert all(each.session is session for each in refusals)  # type: ignore[union-attr]
        assert len(refusals) <= 1
        new = batch.messages[said:]
        if refusals:
            assert not new
            assert before == {key: room.record for key, room in state.rooms.items()}
        elif isinstance(event, Say | SetTopic):
            assert len(new) == 1
        for each in new:
            assert each.session == event.session
            assert event.session in present[each.room]
            number, time = self.last.get(each.room, (0, 0))
            assert each.first == number + 1
            assert each.time > time
            self.last[each.room] = (each.last, each.time + len(each.texts) - 1)
            slice = batch._openDeliveries[state.rooms[each.room]]
            assert slice.notifications[-1] is each
            assert {one.ident for one in slice.recipients} == present[each.room]
            assert set(slice.authors) <= present[each.room]


@settings(max_examples=tried(250), derandomize=True)
@given(TURNS)
def test_anyOrder(turns: list[tuple[list[Operation], int]]) -> None:
    """
    Events that were checked against no state at all, in any order: after each the state
    agrees with itself, rooms have no gap, and nobody is told what is not theirs.
    """
    sessions = Sessions(LIMITS)
    for ident in PEOPLE:
        sessions.arrive(ident)
    sessions.turn(*OPENING)
    watch = Watch(sessions)
    stamp = NOON
    for events, step in turns:
        stamp += step
        batch = Batch("log", len(sessions.batches) + 1, stamp)
        sessions.batches.append(batch)
        for event in events:
            watch.apply(event, batch)
            agree(sessions)
        batch.freeze()
        assert batch.roomRecords == [
            sessions.state.rooms[key].record
            for key in dict.fromkeys(s.room for s in batch.messages)
        ]
        batch.deliver()
        for delivery in batch._deliveries:
            if isinstance(delivery, RoomDelivery):
                assert delivery.notifications
    for ear in sessions.ears.values():
        numbers: dict[str, int] = {}
        for each in ear.heard:
            if isinstance(each, RoomMessages):
                assert each.first > numbers.get(each.room, 0)
                numbers[each.room] = each.last


@settings(max_examples=tried(60), derandomize=True)
@given(TURNS)
def test_deterministic(turns: list[tuple[list[Operation], int]]) -> None:
    """
    The same events make the same state and the same happenings, also after a journey
    through JSON, and where the sessions are elsewhere.
    """
    pictures = []
    for journey in (False, True):
        sessions = Sessions(LIMITS)
        sessions.turn(*OPENING)
        for events, step in turns:
            told = [fromRow(asRow(each)) for each in events] if journey else events
            sessions.turn(*told, stamp=NOON + step)
        pictures.append(picture(sessions))
    assert pictures[0] == pictures[1]
    remote = Sessions(LIMITS)
    for ident in PEOPLE:
        remote.arrive(ident).recipient = None
    remote.turn(*OPENING)
    for events, step in turns:
        remote.turn(*events, stamp=NOON + step)
    here, there = pictures[0], picture(remote)
    assert isinstance(here, tuple)
    assert isinstance(there, tuple)
    assert (here[0], here[1], here[3]) == (there[0], there[1], there[3])


@dataclass
class Node:
    """A server among several, which knows of the order only what has come to it."""

    view: Sessions
    queue: list[Operation]
    seen: int = 0


def willing(node: Node, event: Operation) -> bool:
    state = node.view.state
    session = node.view.people[event.session]
    if isinstance(event, Enter | Rename):
        entered = event.session in state.sessions
        free = state.sessionsByNick.get(event.key, (session,)) == (session,)
        return free and entered is isinstance(event, Rename)
    if isinstance(event, Say | SetTopic | Part):
        return event.room in session.rooms
    return event.session in state.sessions


#: Which node does what: propose, have its oldest proposal ordered, or apply what was ordered.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(EVENTS, EVENTS, st.sampled_from(("order", "order", "catch up"))),
    ),
    max_size=60,
)


@settings(max_examples=tried(200), derandomize=True)
@given(STEPS)
def test_severalNodes(steps: list[tuple[int, Operation | str]]) -> None:
    """
    Each node checks by its own stale view, its proposals keep their order, and those of
    several nodes are mixed: in the end all nodes have the same state, and it is sound.
    """
    nodes = [Node(Sessions(LIMITS), []) for _ in range(3)]
    order: list[Operation] = list(OPENING)
    home = {ident: number % 3 for number, ident in enumerate(PEOPLE)}
    for node in nodes:
        for ident in PEOPLE:
            node.view.arrive(ident)

    def catchUp(node: Node) -> None:
        for event in order[node.seen :]:
            node.view.turn(event)
        node.seen = len(order)
        agree(node.view)

    for which, step in steps:
        if isinstance(step, Operation):
            # People speak to their own server only.
            node = nodes[home[step.session]]
            if willing(node, step):
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
    assert picture(nodes[0].view) == picture(nodes[1].view) == picture(nodes[2].view)
    sessions = nodes[0].view
    lines: dict[str, list[RoomMessages]] = {}
    for batch in sessions.batches:
        for said in batch.messages:
            lines.setdefault(said.room, []).append(said)
    for spoken in lines.values():
        numbers = [n for said in spoken for n in range(said.first, said.last + 1)]
        times = [said.time + n for said in spoken for n in range(len(said.texts))]
        assert numbers == list(range(1, len(numbers) + 1))
        assert times == sorted(set(times))
    idents = [
        said.ident(n) for each in lines.values() for said in each for n in range(len(said.texts))
    ]
    assert len(set(idents)) == len(idents)
    for ident, ear in sessions.ears.items():
        refused = sum(isinstance(each, ErrorReply) for each in ear.heard)
        proposed = sum(event.session == ident for event in order)
        assert refused <= proposed


class Disk:
    """Keeps what it is given when it gets round to it, and forgets the rest in a crash."""

    def __init__(self) -> None:
        self.trouble: ChatError | None = None
        self.given: list[Batch] = []
        self.said: list[RoomMessages] = []
        self.records: dict[str, RoomRecord] = {}
        self.position = 0

    def store(self, batch: Batch) -> None:
        assert batch.roomRecords
        self.given.append(batch)

    def commit(self, count: int) -> None:
        for batch in self.given[:count]:
            assert batch.position == self.position + 1
            self.position = batch.position
            self.said += batch.messages
            self.records.update({each.key: each.copy() for each in batch.roomRecords})
        del self.given[:count]


#: For each life of a server, until it crashes: what is proposed, how many batches the disk commits,
#: ends of turns, and when the pipeline learns of the commits.
LIVES = st.lists(
    st.lists(st.one_of(EVENTS, st.integers(0, 3), st.just("turn"), st.just("told")), max_size=30),
    min_size=1,
    max_size=4,
)


@settings(max_examples=tried(200), derandomize=True)
@given(LIVES)
def test_crash(lives: list[list[Operation | int | str]]) -> None:
    """
    Whenever it crashes: all that anybody has seen is kept, no number that was seen is
    given again, and the topic is the one that was kept.
    """
    disk = Disk()
    seen: list[str] = []
    topics: dict[str, str] = {}
    for number, life in enumerate(lives):
        sessions = Sessions(LIMITS, [each.copy() for each in disk.records.values()])
        for key, topic in topics.items():
            assert sessions.state.rooms[key].storedTopic().text == topic
        disk.given.clear()
        jobs: list[Callable[[], None]] = []
        pipeline = Pipeline(sessions.state, "log", disk.position, lambda: NOON, jobs.append)
        pipeline.start(disk)
        for event in OPENING:
            sessions.people.get(event.session) or sessions.arrive(event.session)
            pipeline.propose(event, sessions.people[event.session])
        for step in life:
            if isinstance(step, Operation):
                person = sessions.people.get(step.session) or sessions.arrive(step.session)
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
            kept = {repr(each) for each in disk.said}
            for ear in sessions.ears.values():
                for heard in ear.take():
                    if isinstance(heard, RoomMessages):
                        assert repr(heard) in kept, "somebody has seen what is not kept"
                        seen.append(repr(heard))
                    assert not isinstance(heard, PrivateMessage) or heard.text == "psst"
            for key, room in sessions.state.rooms.items():
                assert room.storedSeq <= (disk.records[key].seq if key in disk.records else 0)
        topics = {key: each.topic for key, each in disk.records.items()}
        assert number < len(lives)
    kept = {repr(each) for each in disk.said}
    assert kept.issuperset(seen)
    numbers: dict[str, int] = {}
    for said in disk.said:
        assert said.first == numbers.get(said.room, 0) + 1
        numbers[said.room] = said.last
    assert numbers == {key: each.seq for key, each in disk.records.items()}
    assert len({each.ident(0) for each in disk.said}) == len(disk.said)


def test_theWatchSees() -> None:
    """The checks of this module notice a room that does not know of its member."""
    sessions = Sessions(LIMITS)
    sessions.turn(*OPENING)
    agree(sessions)
    sessions.state.rooms["q"] = Room(RoomRecord("q", "Q"))
    sessions.people["s0"].rooms["q"] = None
    try:
        agree(sessions)
    except KeyError:
        return
    raise AssertionError("it was not noticed")
