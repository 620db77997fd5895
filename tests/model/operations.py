"""Random actions of users for property tests, and the operations made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st

from tests.support.chat import NOON, StateHarness
from tsservices.chat.operations import (
    BAN,
    MESSAGE,
    MUTE,
    SCOPES,
    ClearUnread,
    CreateToken,
    DeleteMessage,
    DeletePrivate,
    DropAccount,
    Enter,
    Ignore,
    Introduce,
    Invite,
    Join,
    Kick,
    Kill,
    LiftRestriction,
    Login,
    Logout,
    MarkRead,
    MarkTime,
    MessageOperators,
    Operation,
    Part,
    Post,
    Quit,
    Register,
    Rename,
    Restrict,
    Resume,
    RevokeTokens,
    Say,
    SendPassing,
    SendPrivate,
    SetAway,
    SetModes,
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

#: Small enough for random actions to reach them.
LIMITS = Limits(maxRooms=4, roomsEach=3)

OPERATORS = ("root",)
MODERATION = {"op", "kick", "ban", "mute", "release", "private", "invite", "delete", "mode"}
SLOTS = 7
NAMES = ("ann", "bob", "cat", "root", "dan", "zed")
ROOMS = ("r", "r", "r", "r", "q", "lobby")


@dataclass(frozen=True)
class Action:
    """
    A random action; its operation depends on the state when it is proposed.

    @ivar slot: the number of the acting user.
    @ivar other: the number of the target user.
    @ivar late: how many actions later it is ordered.
    @ivar step: nanoseconds since the action before.
    """

    kind: str
    slot: int
    name: str
    other: int
    room: str
    flag: bool
    late: int
    step: int


class RandomUsers:
    """A state with users in numbered slots; when a user's session has ended, it gets a new one."""

    def __init__(self) -> None:
        self.chat = StateHarness(LIMITS, operators=OPERATORS)
        self._idents: dict[int, str] = {}
        self._count = 0

    def session(self, slot: int) -> Session:
        chat = self.chat
        ident = self._idents.get(slot, "")
        known = chat.sessions.get(ident)
        if known is None or (known.nick and ident not in chat.state.sessions):
            return self._newSession(slot)
        return known

    def _newSession(self, slot: int) -> Session:
        self._count += 1
        ident = self._idents[slot] = f"s{slot}.{self._count}"
        session = self.chat.connect(ident)
        # Two slots share an address.
        session.cloak = f"~{slot // 2}"
        return session

    def operation(self, action: Action) -> Operation:
        state = self.chat.state
        other = self.session(action.other)
        if action.kind == "resume" or (action.kind == "loginByToken" and action.flag):
            return OPERATIONS[action.kind](state, action, self._newSession(action.slot), other)
        own = self.session(action.slot)
        room = state.rooms.get(action.room)
        if room is not None and action.kind in MODERATION and action.late != 1:
            # Mostly by an operator; otherwise almost everything would be rejected.
            operators = [
                member for member in room.recipients if atLeast(state.rank(member, room), OPERATOR)
            ]
            own = operators[action.slot % len(operators)] if operators else own
            other = (
                room.recipients[action.other % len(room.recipients)] if room.recipients else other
            )
        elif action.kind in ("token", "revoke"):
            owners = [
                item
                for account, sessions in state.sessionsByAccount.items()
                for item in sessions
                if (not item.tokenId or action.late)
                and (action.kind == "token" or account in state.accountTokenIds)
            ]
            own = owners[action.slot % len(owners)] if owners else own
        elif action.kind in ("drop", "password") and action.flag:
            own = next(iter(state.sessionsByAccount.get("root", ())), own)
        return OPERATIONS[action.kind](state, action, own, other)


def _passwordVersion(state: ChatState, action: Action) -> int:
    account = state.accounts.get(action.name)
    return account.version if account is not None else 1


def _tokenOf(state: ChatState, account: str, number: int) -> str:
    tokens = state.tokensOf(account)
    return tokens[number % len(tokens)].ident if tokens else "none"


def _targetOf(action: Action, other: Session) -> str:
    if action.flag and other.cloak and action.step == 1:
        return other.cloak
    return other.key or action.name


def _operator(state: ChatState, own: Session) -> str:
    operators = [item.ident for item in state.sessions.values() if item.account in state.operators]
    return operators[0] if operators else own.ident


def _restricted(state: ChatState, action: Action, other: Session) -> str:
    room = state.rooms.get(action.room)
    masks = [] if room is None else [mask for _, mask in room.permissions.restrictions]
    return masks[action.other % len(masks)] if masks else _targetOf(action, other)


def _deletion(state: ChatState, action: Action, own: Session) -> DeleteMessage:
    operation = DeleteMessage(own.ident, action.room, action.other, own.account)
    room = state.rooms.get(action.room)
    if room is None or not action.flag:
        return operation
    operation.time = room.record.topicTime
    for restriction in room.permissions.restrictions.values():
        operation.kind, operation.rest = restriction.kind, f"{restriction.name} 2h"
        operation.time = restriction.time
    return operation


def _modeChange(action: Action, own: Session, other: Session) -> tuple[str, str, str]:
    # Mostly a mode that does not keep users out for long.
    letter = "nstmvobikl"[action.other + 3 * (action.step > 0)]
    sign = "+" if action.flag else "-"
    named = other if action.late else own
    values = {"k": ("x", ""), "l": ("3", ""), "b": (named.key, f"{named.key or 'z'}!*@*")}
    return (sign + letter, *values.get(letter, (named.nick, named.key)))


_Factory = Callable[[ChatState, Action, Session, Session], Operation]

#: Makes the operation for each kind of action, from the acting session and the other one.
OPERATIONS: dict[str, _Factory] = {
    "enter": lambda state, action, own, other: Enter(
        own.ident, action.name.title(), action.name, own.cloak, f"t-{own.ident}"
    ),
    "rename": lambda state, action, own, other: Rename(own.ident, action.name.upper(), action.name),
    "join": lambda state, action, own, other: Join(
        own.ident,
        action.room.upper(),
        action.room,
        "x" * action.flag,
        "n" + "t" * (action.late > 2),
    ),
    "part": lambda state, action, own, other: Part(own.ident, action.room, ""),
    "quit": lambda state, action, own, other: Quit(own.ident, ""),
    "say": lambda state, action, own, other: Say(own.ident, action.room, MESSAGE, ("a", "b")),
    "whisper": lambda state, action, own, other: SendPrivate(
        own.ident, action.name, action.name, MESSAGE, "x"
    ),
    "deletePrivate": lambda state, action, own, other: DeletePrivate(
        own.ident, "log-2-w1", own.account if action.flag else None, action.name, action.name
    ),
    "topic": lambda state, action, own, other: SetTopic(own.ident, action.room, "x" * action.flag),
    "away": lambda state, action, own, other: SetAway(own.ident, "x" * action.flag),
    "resume": lambda state, action, own, other: Resume(own.ident, other.token or "t", own.cloak),
    "register": lambda state, action, own, other: Register(own.ident, own.key or action.name, "v"),
    "login": lambda state, action, own, other: Login(
        own.ident, action.name, _passwordVersion(state, action), own.cloak, f"t-{own.ident}"
    ),
    "loginAgain": lambda state, action, own, other: Login(
        own.ident,
        action.name,
        _passwordVersion(state, action),
        own.cloak,
        f"t-{own.ident}",
        nick=own.nick,
        key=own.key,
        switch=True,
    ),
    "loginByToken": lambda state, action, own, other: Login(
        own.ident,
        action.name,
        0,
        own.cloak,
        f"t-{own.ident}",
        _tokenOf(state, action.name, action.other),
    ),
    "token": lambda state, action, own, other: CreateToken(
        own.ident,
        action.name,
        action.name,
        SCOPES[action.flag],
        f"{own.ident}.{action.name}.{action.step}.{action.other}",
        "d",
    ),
    "revoke": lambda state, action, own, other: RevokeTokens(
        own.ident, (_tokenOf(state, own.account or "", action.other),)
    ),
    "logout": lambda state, action, own, other: Logout(own.ident),
    "password": lambda state, action, own, other: SetPassword(
        own.ident,
        own.account or action.name,
        None if action.flag else _passwordVersion(state, replace(action, name=own.account or "")),
        "w",
        action.step == 0,
    ),
    "drop": lambda state, action, own, other: DropAccount(own.ident, action.name),
    "op": lambda state, action, own, other: SetOperator(
        own.ident, action.room, "x", _targetOf(action, other), action.flag
    ),
    "kick": lambda state, action, own, other: Kick(
        own.ident, action.room, "x", _targetOf(action, other), ""
    ),
    "ban": lambda state, action, own, other: Restrict(
        own.ident, action.room, BAN, "x", _targetOf(action, other), 3600 * action.flag, ""
    ),
    "mute": lambda state, action, own, other: Restrict(
        own.ident, action.room, MUTE, "x", _targetOf(action, other), 3600 * action.flag, ""
    ),
    "release": lambda state, action, own, other: LiftRestriction(
        own.ident, action.room, BAN if action.flag else MUTE, "x", _restricted(state, action, other)
    ),
    "mode": lambda state, action, own, other: SetModes(
        own.ident, action.room, (_modeChange(action, own, other),)
    ),
    "private": lambda state, action, own, other: SetPrivate(own.ident, action.room, action.flag),
    "invite": lambda state, action, own, other: Invite(
        own.ident, action.room, "x", _targetOf(action, other)
    ),
    "delete": lambda state, action, own, other: _deletion(state, action, own),
    "read": lambda state, action, own, other: MarkRead(own.ident, action.room, action.other),
    "ignore": lambda state, action, own, other: Ignore(
        own.ident, "x", (other.account or other.origin, other.origin), action.flag
    ),
    "inbox": lambda state, action, own, other: ClearUnread(own.ident),
    "mark a time": lambda state, action, own, other: MarkTime(own.ident, "#r", NOON + action.other),
    "introduce": lambda state, action, own, other: Introduce(own.ident, "u", "x" * action.flag),
    "pass on": lambda state, action, own, other: SendPassing(
        own.ident, action.room if action.flag else "", "x", other.key, "+x"
    ),
    "kill": lambda state, action, own, other: Kill(_operator(state, own), "x", other.key, "x"),
    "post": lambda state, action, own, other: Post(
        own.ident,
        action.name,
        _tokenOf(state, action.name, action.other),
        own.cloak,
        action.room,
        MESSAGE,
        ("a", "b"),
        f"k{action.other}" * action.flag,
        f"d{action.late > 2}",
    ),
    "wallops": lambda state, action, own, other: MessageOperators(_operator(state, own), "x"),
}

HOUR = 3600 * NANOSECONDS

# The first few slots have rights, and act most often.
KINDS = (
    *OPERATIONS,
    *("part", "read", "release", "ban", "mute", "topic"),
    *("join", "say") * 4,
    *("enter", "login", "register", "invite", "resume", "rename", "post") * 2,
)
ACTING_SLOTS = (*range(SLOTS), 0, 0, 0, 1, 1, 3)
LATE = (0, 0, 0, 0, 1, 2, 5)
PAUSES = (0, 0, 0, 1, NANOSECONDS, HOUR // 4, -3)

ACTIONS = st.builds(
    Action,
    st.sampled_from(KINDS),
    st.sampled_from(ACTING_SLOTS),
    st.sampled_from(NAMES),
    st.integers(0, SLOTS - 1),
    st.sampled_from(ROOMS),
    st.booleans(),
    st.sampled_from(LATE),
    st.sampled_from(PAUSES),
)

#: The actions of each turn.
TURNS = st.lists(st.lists(ACTIONS, max_size=10), min_size=1, max_size=12)


def randomAction(random: Random) -> Action:
    return Action(
        random.choice(KINDS),
        random.choice(ACTING_SLOTS),
        random.choice(NAMES),
        random.randrange(SLOTS),
        random.choice(ROOMS),
        random.random() < 0.5,
        random.choice(LATE),
        random.choice(PAUSES),
    )


def opening(users: RandomUsers) -> list[Operation]:
    operations: list[Operation] = []
    for slot, name in ((0, "ann"), (1, "bob"), (3, "root"), (4, "cat"), (5, "dan")):
        own = users.session(slot)
        operations.append(Enter(own.ident, name, name, own.cloak, f"t-{own.ident}"))
        if slot < 4:
            operations.append(Register(own.ident, name, "v"))
        operations.append(Join(own.ident, "R", "r"))
    own = users.session(2)
    operations += [
        Login(own.ident, "ann", NOON, own.cloak, f"t-{own.ident}"),
        Join(own.ident, "R", "r"),
        Say(own.ident, "r", MESSAGE, ("hello",)),
    ]
    return operations
