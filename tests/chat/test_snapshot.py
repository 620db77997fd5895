"""Tests for L{tsservices.chat.snapshot}, and for what is the same on all nodes."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.model.cluster import RandomCluster, applyRemotely, durableChanges
from tests.model.invariants import checkConsistency
from tests.model.operations import LIMITS, RandomUsers, opening
from tests.support.chat import NOON, StateHarness
from tests.support.examples import tried
from tsservices.chat.operations import (
    BAN,
    MESSAGE,
    MUTE,
    CreateToken,
    Enter,
    Invite,
    Join,
    Login,
    NodeDown,
    Operation,
    ReattachSession,
    Register,
    Say,
    SetModes,
    SetPrivate,
)
from tsservices.chat.permissions import FOUNDER, OPERATOR, RoomPermissions, atLeast
from tsservices.chat.records import Restriction
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.snapshot import CHECKPOINT_ROWS, VERSION, load, save
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits

#: Random runs of a cluster.
RUNS = tried(60)

#: Turns of each.
TURNS = 60


#: What only one node knows of sessions and rooms.
LOCAL = {
    # How sessions are told.
    *("recipient", "wantsEcho", "wantsAcks", "wantsWallops", "wantsWatched"),
    *("pending", "joining", "watchers", "presenceBefore"),
    # What is at hand, stored, or made when it is wanted.
    *(
        "_recipients",
        "_recent",
        "_recentFirst",
        "_recentLines",
        "_deleted",
        "_oldestStored",
        "storedRecord",
        "loadedSeq",
        "_backlog",
        "_firstNicks",
        "_nickText",
        "_nickTextSize",
    ),
}


#: What is only looked up, so that its order does not matter.
COUNTED = {"nickCounts", "readableFrom", "sessionRoles", "accountTokenIds"}


def stateOf(value: Any, deep: bool = True) -> Any:
    """All attributes in every order, so that one nobody thought of is compared too."""
    if isinstance(value, Session) and not deep:
        return value.ident
    if isinstance(value, Room) and not deep:
        return value.record.key
    if isinstance(value, dict):
        return [(key, stateOf(item, deep)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [stateOf(item, deep) for item in value]
    if isinstance(value, ChatState):
        rooms, people = stateOf(value.rooms), stateOf(value.sessions)
        rest = {
            key: sorted(item.items()) if key in COUNTED else item
            for key, item in vars(value).items()
            if key not in ("rooms", "sessions")
        }
        return rooms, people, stateOf(rest, False)
    if isinstance(value, frozenset | Limits | str | int | float | None):
        return value
    names = vars(value) if hasattr(value, "__dict__") else type(value).__slots__
    return {
        name: sorted(getattr(value, name).items())
        if (name in COUNTED and isinstance(value, Room | RoomPermissions))
        else stateOf(getattr(value, name), False)
        for name in names
        if name not in LOCAL
    }


def roundTrip(state: ChatState) -> ChatState:
    return load(LIMITS, json.loads(json.dumps(save(state))))


def test_anyMoment() -> None:
    done: Counter[str] = Counter()
    returned = 0
    for seed in range(RUNS):
        random = Random(seed)
        cluster, other = (
            RandomCluster(random),
            ChatState(Limits(roomsEach=17, maxRooms=LIMITS.maxRooms)),
        )
        others = [other]
        for number in range(TURNS):
            operations = cluster.operations() if number else cluster.opening()
            done.update(type(item).__name__ for item in operations)
            batch = cluster.apply(operations)
            wanted = durableChanges(batch)
            for item in others:
                assert (
                    durableChanges(applyRemotely(item, operations, cluster.position, cluster.stamp))
                    == wanted
                )
            checkConsistency(cluster.state)
            returned += sum(
                item.session in cluster.state.sessions
                for item in operations
                if type(item).__name__ == "ReattachSession"
            )
            saved = save(cluster.state)
            for item in others:
                assert save(item) == saved
            if random.random() < 0.05:
                others = [other, roundTrip(others[-1])]
                assert save(others[-1]) == saved
                before = stateOf(other)
                assert stateOf(others[-1]) == before
                assert stateOf(cluster.state) == before
                checkConsistency(others[-1])
    assert min(done[item] for item in ("NodeUp", "NodeDown", "ReattachSession")) > RUNS
    assert returned > RUNS


def rightsOf(
    state: ChatState, guest: Session, room: Room, now: int
) -> tuple[int, str, list[Restriction]]:
    if not room.record.seq:
        return 0, FOUNDER, []
    kinds = [state.restriction(kind, guest, room, now) for kind in (BAN, MUTE)]
    active = [item for item in kinds if item is not None]
    return room.permissions.firstReadable(guest), room.permissions.rank(guest), active


def test_returningGuestGetsNoMoreRights() -> None:
    seen: Counter[str] = Counter()
    for seed in range(RUNS, 8 * RUNS):
        cluster = RandomCluster(Random(seed))
        state, people = cluster.state, cluster.users.chat.sessions
        had: dict[tuple[str, str], tuple[int, str, list[Restriction]]] = {}
        for number in range(TURNS):
            for operation in cluster.operations() if number else cluster.opening():
                if isinstance(operation, NodeDown):
                    had |= {
                        (item.ident, room.record.key): rightsOf(state, item, room, cluster.stamp)
                        for item in state.sessions.values()
                        if item.account is None
                        for room in state.roomsOf(item)
                    }
                cluster.apply([operation])
                if not isinstance(operation, ReattachSession) or operation.account is not None:
                    continue
                guest = people[operation.session]
                for room in state.roomsOf(guest):
                    seen["private" if room.record.private else "public"] += 1
                    first, rank, before = had.pop((guest.ident, room.record.key))
                    _, _, after = rightsOf(state, guest, room, cluster.stamp)
                    assert room.permissions.firstReadable(guest) >= first
                    assert atLeast(rank, room.permissions.rank(guest))
                    for item in before:
                        there = room.permissions.restrictions.get((item.kind, item.mask)) is item
                        if there and not 0 < item.until <= cluster.stamp:
                            seen["active"] += 1
                            assert item in after
    assert min(seen[item] for item in ("private", "public", "active")) > RUNS // 12, seen


def test_rightsOfGuests() -> None:
    chat = StateHarness(LIMITS)
    chat.tick(Enter("s", "Ann", "ann", "~s", "t"), Register("s", "ann", "v"))
    chat.tick(Join("s", "R", "r"), Say("s", "r", MESSAGE, ("x",)), SetPrivate("s", "r", True))
    for ident in ("g", "h"):
        chat.tick(Enter(ident, ident, ident, f"~{ident}", f"t{ident}"))
        chat.tick(Invite("s", "r", ident, ident))
    chat.tick(Join("g", "R", "r"), Join("h", "Q", "q"))
    chat.tick(SetModes("s", "r", (("+o", "g", "g"), ("+v", "g", "g"), ("+k", "x", ""))))
    state = roundTrip(chat.state)
    assert state.rank(state.sessions["g"], state.rooms["r"]) == OPERATOR
    assert state.rooms["r"].permissions.hasVoice(state.sessions["g"])
    assert state.rooms["r"].record.joinKey == "x"
    assert state.sessions["h"].invited == {"r"}
    assert state.rooms["r"].permissions.firstReadable(state.sessions["g"]) == 3
    assert state.rank(state.sessions["h"], state.rooms["q"]) == FOUNDER
    assert stateOf(state) == stateOf(chat.state)


def test_accountTokens() -> None:
    chat = StateHarness(LIMITS)
    chat.tick(Enter("s", "Ann", "ann", "~s", "t"), Register("s", "ann", "v"))
    chat.tick(*(CreateToken("s", name, name, "talk", name, "d") for name in ("z", "a")))
    chat.tick(Login("b", "ann", 0, "~b", "t-b", "z"))
    state = roundTrip(chat.state)
    assert state.sessions["b"].tokenId == "z"
    assert stateOf(state) == stateOf(chat.state)
    # Before there were tokens.
    chunks = save(chat.state)
    old = [json.loads(chunk) for chunk in chunks if "accountTokens" not in chunk]
    old[0][2] -= 1
    sessions = next(rows for name, rows in old[1:] if name == "sessions")
    for row in sessions:
        del row[-3:]
    loaded = load(LIMITS, [json.dumps(chunk) for chunk in old])
    assert not loaded.accountTokens
    assert {session.tokenId for session in loaded.sessions.values()} == {""}


def test_loadedSessionsHaveNoRecipient() -> None:
    users = RandomUsers()
    users.chat.tick(*opening(users))
    loaded = roundTrip(users.chat.state)
    assert [item.ident for item in loaded.sessions.values()]
    assert all(item.recipient is None for item in loaded.sessions.values())
    assert load(Limits(), save(loaded)).limits == LIMITS


def test_chunks() -> None:
    chat = StateHarness(Limits(accountsFounded=2), operators=[f"o{n}" for n in range(50)])
    odd = 'x\0\ud800 "\\u0000'
    operations: list[Operation] = [
        Enter(f"s{number}", f"{odd}{number}", f"k{number}", "~c", f"t{number}")
        for number in range(CHECKPOINT_ROWS + 1)
    ]
    chat.tick(*operations)
    chunks = save(chat.state)
    operators = next(item for item in map(json.loads, chunks) if item[0] == "operators")[1]
    assert operators == sorted(operators)
    assert all(item.isascii() for item in chunks)
    assert max(len(json.loads(item)[1]) for item in chunks[1:]) == CHECKPOINT_ROWS
    loaded = roundTrip(chat.state)
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
def test_invalidChunks(chunks: list[str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        load(Limits(), chunks)


def test_rateLimits() -> None:
    state = ChatState(LIMITS)
    assert all(state.roomCreationLimit.take("ann", NOON / 1e9) for _ in range(LIMITS.roomsFounded))
    assert not roundTrip(state).roomCreationLimit.take("ann", NOON / 1e9)
    assert roundTrip(state).roomCreationLimit.take("ann", NOON / 1e9 + 60)
    state.roomCreationLimit.resize(1)
    assert roundTrip(state).roomCreationLimit.rows() == state.roomCreationLimit.rows()
