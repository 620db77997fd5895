"""
What people may want of the chat, at random, and what they propose for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st

from tests.support.chat import NOON, Sessions
from tsservices.chat.operations import (
    BAN,
    MESSAGE,
    MUTE,
    ClearUnread,
    DeleteMessage,
    DropAccount,
    Enter,
    Invite,
    Join,
    Kick,
    LiftRestriction,
    Login,
    Logout,
    MarkRead,
    Operation,
    Part,
    Quit,
    Register,
    Rename,
    Restrict,
    Resume,
    Say,
    SendPrivate,
    SetAway,
    SetOperator,
    SetPassword,
    SetPrivate,
    SetTopic,
)
from tsservices.chat.permissions import OPERATOR, atLeast
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState
from tsservices.common.limits import Limits
from tsservices.common.timestamps import NANOSECONDS

#: So small that they matter.
LIMITS = Limits(maxRooms=4, roomsEach=3)

OPERATORS = ("root",)
DEEDS = {"op", "kick", "ban", "mute", "release", "private", "invite", "delete"}
SLOTS = 7
NAMES = ("ann", "bob", "cat", "root", "dan", "zed")
ROOMS = ("r", "r", "r", "r", "q", "lobby")


@dataclass(frozen=True)
class Wish:
    """
    What somebody wants to propose, by what they see when they do.

    @ivar step: how long it has been since the last one, in nanoseconds.
    """

    kind: str
    slot: int
    name: str
    other: int
    room: str
    flag: bool
    late: int
    step: int


class World:
    """A lobby, its sessions, and what they want."""

    def __init__(self) -> None:
        self.sessions = Sessions(LIMITS, operators=OPERATORS)
        self._idents: dict[int, str] = {}
        self._count = 0

    def session(self, slot: int) -> Session:
        sessions = self.sessions
        ident = self._idents.get(slot, "")
        known = sessions.people.get(ident)
        if known is None or (known.nick and ident not in sessions.state.sessions):
            return self._fresh(slot)
        return known

    def _fresh(self, slot: int) -> Session:
        self._count += 1
        ident = self._idents[slot] = f"s{slot}.{self._count}"
        session = self.sessions.arrive(ident)
        # Two of them come from the same address.
        session.cloak = f"~{slot // 2}"
        return session

    def event(self, wish: Wish) -> Operation:
        state = self.sessions.state
        other = self.session(wish.other)
        if wish.kind == "resume":
            return MAKERS[wish.kind](state, wish, self._fresh(wish.slot), other)
        me = self.session(wish.slot)
        room = state.rooms.get(wish.room)
        if room is not None and wish.kind in DEEDS and wish.late != 1:
            # Most who try such things are those who may.
            able = [each for each in room.recipients if atLeast(state.rank(each, room), OPERATOR)]
            me = able[wish.slot % len(able)] if able else me
            other = room.recipients[wish.other % len(room.recipients)] if room.recipients else other
        elif wish.kind in ("drop", "password") and wish.flag:
            me = next(iter(state.sessionsByAccount.get("root", ())), me)
        return MAKERS[wish.kind](state, wish, me, other)


def _version(state: ChatState, wish: Wish) -> int:
    account = state.accounts.get(wish.name)
    return account.version if account is not None else 1


def _whom(wish: Wish, other: Session) -> str:
    if wish.flag and other.cloak and wish.step == 1:
        return other.cloak
    return other.key or wish.name


def _held(state: ChatState, wish: Wish, other: Session) -> str:
    room = state.rooms.get(wish.room)
    masks = [] if room is None else [mask for _, mask in room.permissions.restrictions]
    return masks[wish.other % len(masks)] if masks else _whom(wish, other)


Maker = Callable[[ChatState, Wish, Session, Session], Operation]

#: What each wish becomes.
MAKERS: dict[str, Maker] = {
    "enter": lambda state, it, me, other: Enter(
        me.ident, it.name.title(), it.name, me.cloak, f"t-{me.ident}"
    ),
    "rename": lambda state, it, me, other: Rename(me.ident, it.name.upper(), it.name),
    "join": lambda state, it, me, other: Join(me.ident, it.room.upper(), it.room),
    "part": lambda state, it, me, other: Part(me.ident, it.room, ""),
    "quit": lambda state, it, me, other: Quit(me.ident, ""),
    "say": lambda state, it, me, other: Say(me.ident, it.room, MESSAGE, ("a", "b")),
    "whisper": lambda state, it, me, other: SendPrivate(me.ident, it.name, it.name, MESSAGE, "x"),
    "topic": lambda state, it, me, other: SetTopic(me.ident, it.room, "x" * it.flag),
    "away": lambda state, it, me, other: SetAway(me.ident, "x" * it.flag),
    "resume": lambda state, it, me, other: Resume(me.ident, other.token or "t", me.cloak),
    "register": lambda state, it, me, other: Register(me.ident, me.key or it.name, "v"),
    "login": lambda state, it, me, other: Login(
        me.ident, it.name, _version(state, it), me.cloak, f"t-{me.ident}"
    ),
    "logout": lambda state, it, me, other: Logout(me.ident),
    "password": lambda state, it, me, other: SetPassword(
        me.ident,
        me.account or it.name,
        None if it.flag else _version(state, replace(it, name=me.account or "")),
        "w",
    ),
    "drop": lambda state, it, me, other: DropAccount(me.ident, it.name),
    "op": lambda state, it, me, other: SetOperator(
        me.ident, it.room, "x", _whom(it, other), it.flag
    ),
    "kick": lambda state, it, me, other: Kick(me.ident, it.room, "x", _whom(it, other), ""),
    "ban": lambda state, it, me, other: Restrict(
        me.ident, it.room, BAN, "x", _whom(it, other), 3600 * it.flag, ""
    ),
    "mute": lambda state, it, me, other: Restrict(
        me.ident, it.room, MUTE, "x", _whom(it, other), 3600 * it.flag, ""
    ),
    "release": lambda state, it, me, other: LiftRestriction(
        me.ident, it.room, BAN if it.flag else MUTE, "x", _held(state, it, other)
    ),
    "private": lambda state, it, me, other: SetPrivate(me.ident, it.room, it.flag),
    "invite": lambda state, it, me, other: Invite(me.ident, it.room, "x", _whom(it, other)),
    "delete": lambda state, it, me, other: DeleteMessage(me.ident, it.room, it.other, me.account),
    "read": lambda state, it, me, other: MarkRead(me.ident, it.room, it.other),
    "inbox": lambda state, it, me, other: ClearUnread(me.ident),
}

HOUR = 3600 * NANOSECONDS

# Rights are with the first few, and most of it takes place where they are.
KINDS = (*MAKERS, *("join", "say") * 4, *("enter", "login", "register", "invite", "resume") * 2)
WISHING = (*range(SLOTS), 0, 0, 0, 1, 1, 3)
LATE = (0, 0, 0, 0, 1, 2, 5)
PAUSES = (0, 0, 0, 1, NANOSECONDS, HOUR // 4, -3)

WISHES = st.builds(
    Wish,
    st.sampled_from(KINDS),
    st.sampled_from(WISHING),
    st.sampled_from(NAMES),
    st.integers(0, SLOTS - 1),
    st.sampled_from(ROOMS),
    st.booleans(),
    st.sampled_from(LATE),
    st.sampled_from(PAUSES),
)

#: What is wished in each turn.
TURNS = st.lists(st.lists(WISHES, max_size=10), min_size=1, max_size=12)


def anyWish(chance: Random) -> Wish:
    return Wish(
        chance.choice(KINDS),
        chance.choice(WISHING),
        chance.choice(NAMES),
        chance.randrange(SLOTS),
        chance.choice(ROOMS),
        chance.random() < 0.5,
        chance.choice(LATE),
        chance.choice(PAUSES),
    )


def opening(world: World) -> list[Operation]:
    events: list[Operation] = []
    for slot, name in ((0, "ann"), (1, "bob"), (3, "root"), (4, "cat"), (5, "dan")):
        me = world.session(slot)
        events.append(Enter(me.ident, name, name, me.cloak, f"t-{me.ident}"))
        if slot < 4:
            events.append(Register(me.ident, name, "v"))
        events.append(Join(me.ident, "R", "r"))
    me = world.session(2)
    events += [
        Login(me.ident, "ann", NOON, me.cloak, f"t-{me.ident}"),
        Join(me.ident, "R", "r"),
        Say(me.ident, "r", MESSAGE, ("hello",)),
    ]
    return events
