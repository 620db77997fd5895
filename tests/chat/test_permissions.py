"""Who may do what: every command and every operation, by everybody, wherever they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.chat import PASSWORD, ChatHarness, MemoryClient
from tsservices.chat import operations
from tsservices.chat.apply import HANDLERS
from tsservices.chat.handlers import nodes
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.records import AccountToken
from tsservices.frontends.slash.commands import COMMANDS

#: All kinds of users, by one letter each.
ROLES = {
    "S": "a stranger without a name",
    "G": "a guest who is in no room",
    "g": "a guest in the room",
    "A": "an account, in no room",
    "a": "an account in the room",
    "O": "an operator of the room who is in none",
    "o": "an operator in the room",
    "F": "the founder, who is in no room",
    "f": "the founder, in the room",
    "R": "an operator of the server who is in no room",
    "r": "an operator of the server in the room",
    "b": "an account that is banned from the room, and is in none",
    "m": "an account that is muted, in the room",
    "k": "an account that was kicked and still believes to be in the room",
    "x": "the founder, who is kicked before what they propose has its turn",
}

EVERYBODY = "".join(ROLES)
GUESTS = "Gg"
NOWHERE = "GAOFRb"
OWNERS = "AaOoFfRrbmkx"

#: The names of errors, and who gets each; all others may.
Cells = dict[str, str]


def room(**cells: str) -> Cells:
    named = {code.replace("_", "-"): role for code, role in cells.items()}
    return {"name-first": "S", "nowhere": NOWHERE, "not-in-room": "kx", **named}


def now(**cells: str) -> Cells:
    return {**room(**cells), "not-in-room": "k"}


NAMED: Cells = {"name-first": "S"}
ANYONE: Cells = {}
LOGGED_IN: Cells = {"name-first": "S", "account-needed": GUESTS}
SERVER: Cells = {"name-first": "S", "not-allowed": "GgAaOoFfbmkx"}

#: What is typed, and who may not do it.
LINES: dict[str, Cells] = {
    "hello": {"nowhere": NOWHERE, "not-in-room": "kx", "muted": "m"},
    "/nick fresh": {"muted-name": "m"},
    "/nick vic": {"nick-registered": EVERYBODY},
    "/join tea": {"name-first": "S", "banned": "b"},
    "/join fresh": NAMED,
    "/part": room(),
    "/part tea": {"name-first": "S", "not-in-room": NOWHERE + "kx"},
    "/rooms": ANYONE,
    "/who": now(),
    "/who tea": NAMED,
    "/whois vic": NAMED,
    "/seen vic": NAMED,
    "/msg vic hello": NAMED,
    "/msg #tea hello": {"name-first": "S", "not-in-room": NOWHERE + "kx", "muted": "m"},
    "/inbox": LOGGED_IN,
    "/me waves": room(muted="m"),
    "/topic": now(),
    "/topic new": room(muted="m"),
    "/history": now(),
    "/since 0": now(),
    "/since tea 0": {"name-first": "S", "not-in-room": NOWHERE + "k"},
    "/read 1": {
        "name-first": "S",
        "account-needed": GUESTS,
        "nowhere": "AOFRb",
        "not-in-room": "kx",
    },
    "/search one": now(),
    "/away lunch": NAMED,
    "/ignore vic": NAMED,
    f"/register {PASSWORD}": {"name-first": "S", "logged-in": OWNERS},
    f"/login vic {PASSWORD}": {"logged-in": OWNERS},
    "/login vic wrong-password": {"wrong-password": "SGg", "logged-in": OWNERS},
    "/login nobody x": {"no-account": EVERYBODY},
    "/logout": LOGGED_IN,
    f"/passwd {PASSWORD.replace(' ', '')} new-password": {**LOGGED_IN, "wrong-password": OWNERS},
    "/token new bot": LOGGED_IN,
    "/token list": LOGGED_IN,
    "/token revoke bot": {**LOGGED_IN, "no-token": OWNERS},
    "/resume nothing": {"nothing-to-resume": EVERYBODY},
    "/invite vic": room(),
    "/kick vic": room(not_allowed="gam"),
    "/ban": now(not_allowed="gam"),
    "/ban vic": room(not_allowed="gam"),
    "/unban ned": room(not_allowed="gam"),
    "/mute": now(not_allowed="gam"),
    "/mute vic 1h": room(not_allowed="gam"),
    "/unmute ned": room(not_allowed="gam"),
    "/delete 1": room(not_allowed="gam"),
    "/op vic": room(not_allowed="gaom"),
    "/deop vic": room(not_allowed="gaom"),
    "/voice vic": room(not_allowed="gam"),
    "/devoice vic": room(not_allowed="gam"),
    "/mode": now(),
    "/mode tea": NAMED,
    "/mode +m": room(not_allowed="gam"),
    "/private on": room(not_allowed="gaom"),
    "/reset vic": SERVER,
    "/drop vic": SERVER,
    "/format text": ANYONE,
    "/ack on": ANYONE,
    "/echo on": ANYONE,
    "/help": ANYONE,
    "/quit": ANYONE,
}

OUTSIDE = "S" + NOWHERE + "kx"


def by(
    kind: Callable[..., operations.Operation], *values: object
) -> Callable[[MemoryClient], operations.Operation]:
    return lambda person: kind(person.session.ident, *values)


def inside(**cells: str) -> Cells:
    return {
        "not-in-room": OUTSIDE,
        **{code.replace("_", "-"): role for code, role in cells.items()},
    }


#: What is proposed, by anybody, and who is rejected.
PROPOSALS: dict[str, tuple[Callable[[MemoryClient], operations.Operation], Cells]] = {
    "enter": (by(operations.Enter, "fresh", "fresh", "~f"), {"muted-name": "m"}),
    "enter as another": (by(operations.Enter, "vic", "vic", "~f"), {"nick-registered": EVERYBODY}),
    "rename": (by(operations.Rename, "fresh", "fresh"), {"name-first": "S", "muted-name": "m"}),
    "join": (by(operations.Join, "tea", "tea"), {"name-first": "S", "banned": "b"}),
    "part": (by(operations.Part, "tea", ""), inside()),
    "quit": (by(operations.Quit, ""), ANYONE),
    "say": (by(operations.Say, "tea", operations.ME, ("x",)), inside(muted="m")),
    "whisper": (by(operations.SendPrivate, "vic", "vic", operations.MESSAGE, "x"), NAMED),
    "delete private": (by(operations.DeletePrivate, "log-1-w1", None, "vic", "vic"), NAMED),
    "delete another's private": (
        by(operations.DeletePrivate, "log-1-w1", "vic", "vic", "vic"),
        {**NAMED, "not-allowed": EVERYBODY.replace("S", "")},
    ),
    "topic": (by(operations.SetTopic, "tea", "x"), inside(muted="m")),
    "away": (by(operations.SetAway, "x"), NAMED),
    "resume": (
        lambda it: operations.Resume(it.session.ident, _vic(it).session.token, "~f"),
        {"nothing-to-resume": EVERYBODY.replace("S", "")},
    ),
    "resume nothing": (by(operations.Resume, "x", "~f"), {"nothing-to-resume": EVERYBODY}),
    "register": (
        lambda it: operations.Register(it.session.ident, it.session.key, "v"),
        {"name-first": "S", "logged-in": OWNERS},
    ),
    "register another name": (
        by(operations.Register, "fresh", "v"),
        {"name-first": "S", "logged-in": OWNERS, "nick-taken": GUESTS},
    ),
    "login": (
        lambda it: operations.Login(it.session.ident, "vic", _version(it), "~f", ""),
        {"logged-in": OWNERS},
    ),
    "login of yesterday": (
        lambda it: operations.Login(it.session.ident, "vic", _version(it) - 1, "~f", ""),
        {"logged-out": EVERYBODY},
    ),
    "logout": (by(operations.Logout), {"account-needed": "S" + GUESTS}),
    "password": (
        lambda it: operations.SetPassword(it.session.ident, "vic", _version(it), "v"),
        {"logged-out": EVERYBODY},
    ),
    "token": (
        by(operations.CreateToken, "bot", "bot", "talk", "i", "d"),
        {"name-first": "S", "account-needed": GUESTS},
    ),
    "revoke": (
        by(operations.RevokeTokens, ("i",)),
        {"name-first": "S", "account-needed": GUESTS, "no-token": OWNERS},
    ),
    "reset": (by(operations.SetPassword, "vic", None, "v"), {"not-allowed": "SGgAaOoFfbmkx"}),
    "drop": (by(operations.DropAccount, "vic"), {"not-allowed": "SGgAaOoFfbmkx"}),
    "op": (by(operations.SetOperator, "tea", "vic", "vic", True), inside(not_allowed="gaom")),
    "deop": (by(operations.SetOperator, "tea", "olga", "olga", False), inside(not_allowed="gaom")),
    "deop oneself": (
        lambda it: operations.SetOperator(
            it.session.ident, "tea", "me", it.session.account or "vic", False
        ),
        inside(not_allowed="g"),
    ),
    "kick": (by(operations.Kick, "tea", "vic", "vic", ""), inside(not_allowed="gam")),
    "kick an operator": (
        by(operations.Kick, "tea", "olga", "olga", ""),
        inside(not_allowed="gam", stands_above="o"),
    ),
    "ban": (
        by(operations.Restrict, "tea", operations.BAN, "vic", "vic", 0, ""),
        inside(not_allowed="gam"),
    ),
    "mute an operator": (
        by(operations.Restrict, "tea", operations.MUTE, "olga", "olga", 9, ""),
        inside(not_allowed="gam", stands_above="o"),
    ),
    "unban": (
        by(operations.LiftRestriction, "tea", operations.BAN, "ned", "ned"),
        inside(not_allowed="gam"),
    ),
    "unmute": (
        by(operations.LiftRestriction, "tea", operations.MUTE, "ned", "ned"),
        inside(not_allowed="gam"),
    ),
    "mode": (by(operations.SetModes, "tea", (("+m", "", ""),)), inside(not_allowed="gam")),
    "voice": (
        by(operations.SetModes, "tea", (("+v", "vic", "vic"),)),
        inside(not_allowed="gam"),
    ),
    "ban by a mode": (
        by(operations.SetModes, "tea", (("+b", "vic!*@*", "vic!*@*"),)),
        inside(not_allowed="gam"),
    ),
    "op by a mode": (
        by(operations.SetModes, "tea", (("+o", "vic", "vic"),)),
        inside(not_allowed="gaom"),
    ),
    "close by a mode": (
        by(operations.SetModes, "tea", (("+i", "", ""),)),
        inside(not_allowed="gaom"),
    ),
    "private": (by(operations.SetPrivate, "tea", True), inside(not_allowed="gaom")),
    "invite": (by(operations.Invite, "tea", "vic", "vic"), inside()),
    "delete": (by(operations.DeleteMessage, "tea", 1, None), inside(not_allowed="gam")),
    "delete another's": (by(operations.DeleteMessage, "tea", 1, "vic"), inside(not_allowed="gam")),
    "read": (by(operations.MarkRead, "tea", 1), inside(account_needed="g")),
    "ignore": (by(operations.Ignore, "vic", ("vic",), True), NAMED),
    "mark a time": (by(operations.MarkTime, "#tea", 1), NAMED),
    # Without a name it is ignored: the name was proposed with it, and refused.
    "introduce oneself": (by(operations.Introduce, "u", "x"), {}),
    "pass on": (
        by(operations.SendPassing, "tea", "", "", "+typing=active"),
        {"name-first": "S", "not-in-room": OUTSIDE[1:], "muted": "m"},
    ),
    "kill": (by(operations.Kill, "vic", "vic", ""), {"not-allowed": "SGgAaOoFfbmkx"}),
    "wallops": (by(operations.MessageOperators, "x"), {"not-allowed": "SGgAaOoFfbmkx"}),
    "empty the inbox": (by(operations.ClearUnread), ANYONE),
    "post by a token": (
        lambda it: _post(it),
        {"no-account": "S" + GUESTS, "banned": "b", "muted": "m"},
    ),
}

#: Those who are in no room from the beginning.
ROOMLESS = "SGAOFR"


def _vic(person: MemoryClient) -> MemoryClient:
    return next(item for item in person._chat.clients.values() if item.session.nick == "vic")


def _version(person: MemoryClient) -> int:
    return person._chat.context.state.accounts["vic"].version


def _post(person: MemoryClient) -> operations.Operation:
    session, state = person.session, person._chat.context.state
    account = session.account or ""
    state.addToken(AccountToken(f"i-{account}", account, "bot", "bot", "talk", "d", 0))
    return operations.Post(
        session.ident, account, f"i-{account}", session.cloak, "tea", operations.MESSAGE, ("x",)
    )


def actor(role: str) -> MemoryClient:
    chat = ChatHarness(operators=["root", "boss"])
    founder = chat.joinRegistered("fern", "tea")
    chat.joinRegistered("vic", "tea").say("one")
    chat.joinRegistered("olga", "tea")
    chat.joinRegistered("ned")
    founder.say("/op olga", "/ban ned", "/mute ned")
    boss = chat.joinRegistered("boss", "tea")
    place = () if role in ROOMLESS else ("/join tea",)
    if role in "Ffx":
        person = founder
        if role == "F":
            person.say("/part")
    elif role == "S":
        person = chat.connect()
    else:
        person = chat.connect()
        person.say(f"/nick {'root' if role in 'Rr' else 'opal'}")
        if role not in GUESTS:
            person.say(f"/register {PASSWORD}")
        person.say(*place)
        if role in "Oo":
            founder.say("/op opal")
        elif role in "bmk":
            founder.say({"b": "/ban opal", "m": "/mute opal", "k": "/kick opal"}[role])
        if role == "b":
            person.controller.current = ""
    chat.clear()
    if role == "x":
        boss.type("/kick fern")
    return person


def rejected(person: MemoryClient) -> str:
    codes = [item.error.code.name for item in person.heard() if isinstance(item, ErrorReply)]
    assert len(codes) < 2
    return "".join(codes)


def expected(cells: Cells, role: str) -> str:
    (code,) = [code for code, roles in cells.items() if role in roles] or [""]
    return code


@pytest.mark.parametrize("line", LINES)
def test_commands(line: str) -> None:
    codes = {}
    for role in ROLES:
        person = actor(role)
        state = person._chat.context.state
        before = state.rooms["tea"].record.seq
        person.type(line)
        person._chat.tick()
        codes[role] = rejected(person)
        if codes[role] and role != "x":
            assert state.rooms["tea"].record.seq == before, role
    assert codes == {role: expected(LINES[line], role) for role in ROLES}


@pytest.mark.parametrize("name", PROPOSALS)
def test_operations(name: str) -> None:
    make, cells = PROPOSALS[name]
    codes = {}
    for role in ROLES:
        person = actor(role)
        person._chat.context.pipeline.propose(make(person), person.session)
        person._chat.tick()
        codes[role] = rejected(person)
    assert codes == {role: expected(cells, role) for role in ROLES}


def test_tablesAreComplete() -> None:
    assert {line.split()[0][1:] for line in LINES if line[0] == "/"} == set(COMMANDS)
    somebody = actor("g")
    # Nobody but nodes proposes these.
    people = set(HANDLERS) - set(nodes.HANDLERS)
    assert {type(make(somebody)) for make, _ in PROPOSALS.values()} == people
    for cells in [*LINES.values(), *(cells for _, cells in PROPOSALS.values())]:
        roles = "".join(cells.values())
        assert len(set(roles)) == len(roles)
        assert set(roles) <= set(ROLES)
