"""
Tests for L{tsservices.chat.snapshot}, and for what is the same on all nodes.
"""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.model.cluster import Life, outcome, remote
from tests.model.invariants import agree
from tests.model.operations import LIMITS, World, opening
from tests.support.chat import NOON, Sessions
from tests.support.examples import tried
from tsservices.chat.operations import (
    BAN,
    MESSAGE,
    MUTE,
    Enter,
    Invite,
    Join,
    NodeDown,
    Operation,
    ReattachSession,
    Register,
    Say,
    SetPrivate,
)
from tsservices.chat.permissions import FOUNDER, atLeast
from tsservices.chat.records import Restriction
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.snapshot import CHECKPOINT_ROWS, VERSION, load, save
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits

#: How many lives are lived.
LIVES = tried(60)

#: How many turns each has.
TURNS = 60


#: What only one node knows of sessions and rooms.
LOCAL = {
    # How sessions are told.
    *("outlet", "ignores", "wantsEcho", "wantsAcks", "pending"),
    # What is at hand, stored, or made when it is wanted.
    *("_audience", "_recent", "_count", "_gone", "_lowest", "kept"),
}


#: What is only looked up, so that its order does not matter.
COUNTED = {"names", "_since"}


def picture(value: Any, deep: bool = True) -> Any:
    """All that there is, whether or not anybody has thought of it, in every order."""
    if isinstance(value, Session) and not deep:
        return value.ident
    if isinstance(value, Room) and not deep:
        return value.record.key
    if isinstance(value, dict):
        return [(key, picture(each, deep)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [picture(each, deep) for each in value]
    if isinstance(value, ChatState):
        rooms, people = picture(value.rooms), picture(value.sessions)
        rest = {key: each for key, each in vars(value).items() if key not in ("rooms", "sessions")}
        return rooms, people, picture(rest, False)
    if isinstance(value, frozenset | Limits | str | int | float | None):
        return value
    names = vars(value) if hasattr(value, "__dict__") else type(value).__slots__
    return {
        name: sorted(getattr(value, name).items())
        if name in COUNTED
        else picture(getattr(value, name), False)
        for name in names
        if name not in LOCAL
    }


def journey(state: ChatState) -> ChatState:
    return load(LIMITS, json.loads(json.dumps(save(state))))


def test_anyMoment() -> None:
    """
    Whatever people do on several nodes and whatever becomes of these: a node with sessions
    of its own, one that knows of them only what came through the stream, and those that
    began with a checkpoint at any moment, all have the same state, and keep the same.
    """
    done: Counter[str] = Counter()
    returned = 0
    for seed in range(LIVES):
        chance = Random(seed)
        life, other = Life(chance), ChatState(Limits(roomsEach=17, maxRooms=LIMITS.maxRooms))
        others = [other]
        for number in range(TURNS):
            events = life.events() if number else life.begin()
            done.update(type(each).__name__ for each in events)
            batch = life.apply(events)
            wanted = outcome(batch)
            for each in others:
                assert outcome(remote(each, events, life.position, life.stamp)) == wanted
            agree(life.state)
            returned += sum(
                each.session in life.state.sessions
                for each in events
                if type(each).__name__ == "ReattachSession"
            )
            saved = save(life.state)
            for each in others:
                assert save(each) == saved
            if chance.random() < 0.05:
                others = [other, journey(others[-1])]
                assert save(others[-1]) == saved
                before = picture(other)
                assert picture(others[-1]) == before
                assert picture(life.state) == before
                agree(others[-1])
    assert min(done[each] for each in ("NodeUp", "NodeDown", "ReattachSession")) > LIVES
    assert returned > LIVES


def rights(
    state: ChatState, guest: Session, room: Room, now: int
) -> tuple[int, str, list[Restriction]]:
    if not room.record.seq:
        return 0, FOUNDER, []
    kinds = [state.restriction(kind, guest, room, now) for kind in (BAN, MUTE)]
    held = [each for each in kinds if each is not None]
    return room.permissions.firstReadable(guest), room.permissions.rank(guest), held


def test_neverMore() -> None:
    """
    Whoever returns as a guest may read no more and do no more in a room than before, and
    is held by what held them.
    """
    seen: Counter[str] = Counter()
    for seed in range(LIVES, 4 * LIVES):
        life = Life(Random(seed))
        state, people = life.state, life.world.sessions.people
        had: dict[tuple[str, str], tuple[int, str, list[Restriction]]] = {}
        for number in range(TURNS):
            for event in life.events() if number else life.begin():
                if isinstance(event, NodeDown):
                    had |= {
                        (each.ident, room.record.key): rights(state, each, room, life.stamp)
                        for each in state.sessions.values()
                        if each.account is None
                        for room in state.roomsOf(each)
                    }
                life.apply([event])
                if not isinstance(event, ReattachSession) or event.account is not None:
                    continue
                guest = people[event.session]
                for room in state.roomsOf(guest):
                    seen["private" if room.record.private else "public"] += 1
                    first, rank, before = had.pop((guest.ident, room.record.key))
                    _, _, after = rights(state, guest, room, life.stamp)
                    assert room.permissions.firstReadable(guest) >= first
                    assert atLeast(rank, room.permissions.rank(guest))
                    for each in before:
                        there = room.permissions.restrictions.get((each.kind, each.mask)) is each
                        if there and not 0 < each.until <= life.stamp:
                            seen["held"] += 1
                            assert each in after
    assert min(seen[each] for each in ("private", "public", "held")) > LIVES // 12, seen


def test_guests() -> None:
    """What a guest may do is there again."""
    sessions = Sessions(LIMITS)
    sessions.turn(Enter("s", "Ann", "ann", "~s", "t"), Register("s", "ann", "v"))
    sessions.turn(Join("s", "R", "r"), Say("s", "r", MESSAGE, ("x",)), SetPrivate("s", "r", True))
    for ident in ("g", "h"):
        sessions.turn(Enter(ident, ident, ident, f"~{ident}", f"t{ident}"))
        sessions.turn(Invite("s", "r", ident, ident))
    sessions.turn(Join("g", "R", "r"), Join("h", "Q", "q"))
    state = journey(sessions.state)
    assert state.sessions["h"].invited == {"r"}
    assert state.rooms["r"].permissions.firstReadable(state.sessions["g"]) == 3
    assert state.rank(state.sessions["h"], state.rooms["q"]) == FOUNDER
    assert picture(state) == picture(sessions.state)


def test_nobodyHears() -> None:
    """Those who are loaded are connected to nobody here."""
    world = World()
    world.sessions.turn(*opening(world))
    loaded = journey(world.sessions.state)
    assert [each.ident for each in loaded.sessions.values()]
    assert all(each.recipient is None for each in loaded.sessions.values())
    assert load(Limits(), save(loaded)).limits == LIMITS


def test_chunks() -> None:
    """No chunk has more than so many rows, and any text comes back."""
    sessions = Sessions(Limits(accountsFounded=2), operators=[f"o{n}" for n in range(50)])
    odd = 'x\0\ud800 "\\u0000'
    events: list[Operation] = [
        Enter(f"s{number}", f"{odd}{number}", f"k{number}", "~c", f"t{number}")
        for number in range(CHECKPOINT_ROWS + 1)
    ]
    sessions.turn(*events)
    chunks = save(sessions.state)
    operators = next(each for each in map(json.loads, chunks) if each[0] == "operators")[1]
    assert operators == sorted(operators)
    assert all(each.isascii() for each in chunks)
    assert max(len(json.loads(each)[1]) for each in chunks[1:]) == CHECKPOINT_ROWS
    loaded = journey(sessions.state)
    assert save(loaded) == chunks
    assert loaded.sessions["s7"].nick == f"{odd}7"


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        ["{}"],
        ["nonsense"],
        [json.dumps(["checkpoint", VERSION + 1, 0])],
        [json.dumps(["checkpoint", VERSION, 1])],
        [json.dumps(["checkpoint", VERSION, 1]), json.dumps(["songs", [[1]]])],
        [json.dumps(["checkpoint", VERSION, 1]), json.dumps(["members", [["r", "s", None]]])],
        [json.dumps(["checkpoint", VERSION, 1]), json.dumps(["left", [["ann"]]])],
    ],
)
def test_unknown(chunks: list[str]) -> None:
    """What another version wrote is not guessed at, nor what is not whole."""
    with pytest.raises(ValueError, match=r"."):
        load(Limits(), chunks)


def test_quotas() -> None:
    """Who has made enough rooms has so after a start too, also when the bound is another one."""
    state = ChatState(LIMITS)
    assert all(state.roomCreationLimit.take("ann", NOON / 1e9) for _ in range(LIMITS.roomsFounded))
    assert not journey(state).roomCreationLimit.take("ann", NOON / 1e9)
    assert journey(state).roomCreationLimit.take("ann", NOON / 1e9 + 60)
    state.roomCreationLimit.change(1)
    assert journey(state).roomCreationLimit.rows() == state.roomCreationLimit.rows()
