"""
Who may do what: every command and every event, by everybody, wherever they are.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.chat import PASSWORD, Person, Town
from tsservices.chat.apply import HANDLERS
from tsservices.chat.handlers import nodes
from tsservices.chat.notifications import ErrorReply
from tsservices.chat.operations import (
    BAN,
    ME,
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
from tsservices.frontends.line.commands import COMMANDS

#: Everybody, by one letter each.
WHO = {
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
    "m": "an account that is silenced, in the room",
    "k": "an account that was kicked and still believes to be in the room",
    "x": "the founder, who is kicked before what they propose has its turn",
}

EVERYBODY = "".join(WHO)
GUESTS = "Gg"
NOWHERE = "GAOFRb"
OWNERS = "AaOoFfRrbmkx"

#: The codes of refusals, and who gets each; all others may.
Cells = dict[str, str]


def room(**cells: str) -> Cells:
    named = {code.replace("_", "-"): who for code, who in cells.items()}
    return {"name-first": "S", "nowhere": NOWHERE, "not-in-room": "kx", **named}


def now(**cells: str) -> Cells:
    return {**room(**cells), "not-in-room": "k"}


NAMED: Cells = {"name-first": "S"}
ANYONE: Cells = {}
LOGGED_IN: Cells = {"name-first": "S", "account-needed": GUESTS}
SERVER: Cells = {"name-first": "S", "not-allowed": "GgAaOoFfbmkx"}

#: What is typed, and who may not.
LINES: dict[str, Cells] = {
    "hello": {"nowhere": NOWHERE, "not-in-room": "kx", "muted": "m"},
    "/nick fresh": ANYONE,
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
    f"/passwd {PASSWORD.replace(' ', '')} new-password": {
        **LOGGED_IN,
        "wrong-password": OWNERS,
    },
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

#: What is proposed, whoever does, and who is refused.
EVENTS: dict[str, tuple[Callable[[Person], Operation], Cells]] = {
    "enter": (lambda it: Enter(it.session.ident, "fresh", "fresh", "~f"), ANYONE),
    "enter as another": (
        lambda it: Enter(it.session.ident, "vic", "vic", "~f"),
        {"nick-registered": EVERYBODY},
    ),
    "rename": (lambda it: Rename(it.session.ident, "fresh", "fresh"), NAMED),
    "join": (
        lambda it: Join(it.session.ident, "tea", "tea"),
        {"name-first": "S", "banned": "b"},
    ),
    "part": (lambda it: Part(it.session.ident, "tea", ""), {"not-in-room": OUTSIDE}),
    "quit": (lambda it: Quit(it.session.ident, ""), ANYONE),
    "say": (
        lambda it: Say(it.session.ident, "tea", ME, ("x",)),
        {"not-in-room": OUTSIDE, "muted": "m"},
    ),
    "whisper": (lambda it: SendPrivate(it.session.ident, "vic", "vic", MESSAGE, "x"), NAMED),
    "topic": (
        lambda it: SetTopic(it.session.ident, "tea", "x"),
        {"not-in-room": OUTSIDE, "muted": "m"},
    ),
    "away": (lambda it: SetAway(it.session.ident, "x"), NAMED),
    "resume": (
        lambda it: Resume(it.session.ident, _vic(it).session.token, "~f"),
        {"nothing-to-resume": EVERYBODY.replace("S", "")},
    ),
    "resume nothing": (
        lambda it: Resume(it.session.ident, "x", "~f"),
        {"nothing-to-resume": EVERYBODY},
    ),
    "register": (
        lambda it: Register(it.session.ident, it.session.key, "v"),
        {"name-first": "S", "logged-in": OWNERS},
    ),
    "register another name": (
        lambda it: Register(it.session.ident, "fresh", "v"),
        {"name-first": "S", "logged-in": OWNERS, "nick-taken": GUESTS},
    ),
    "login": (
        lambda it: Login(it.session.ident, "vic", _version(it), "~f", ""),
        {"logged-in": OWNERS},
    ),
    "login of yesterday": (
        lambda it: Login(it.session.ident, "vic", _version(it) - 1, "~f", ""),
        {"logged-out": EVERYBODY},
    ),
    "logout": (lambda it: Logout(it.session.ident), {"account-needed": "S" + GUESTS}),
    "password": (
        lambda it: SetPassword(it.session.ident, "vic", _version(it), "v"),
        {"logged-out": EVERYBODY},
    ),
    "reset": (
        lambda it: SetPassword(it.session.ident, "vic", None, "v"),
        {"not-allowed": "SGgAaOoFfbmkx"},
    ),
    "drop": (lambda it: DropAccount(it.session.ident, "vic"), {"not-allowed": "SGgAaOoFfbmkx"}),
    "op": (
        lambda it: SetOperator(it.session.ident, "tea", "vic", "vic", True),
        {"not-in-room": OUTSIDE, "not-allowed": "gaom"},
    ),
    "deop": (
        lambda it: SetOperator(it.session.ident, "tea", "olga", "olga", False),
        {"not-in-room": OUTSIDE, "not-allowed": "gaom"},
    ),
    "deop oneself": (
        lambda it: SetOperator(it.session.ident, "tea", "me", it.session.account or "vic", False),
        {"not-in-room": OUTSIDE, "not-allowed": "g"},
    ),
    "kick": (
        lambda it: Kick(it.session.ident, "tea", "vic", "vic", ""),
        {"not-in-room": OUTSIDE, "not-allowed": "gam"},
    ),
    "kick an operator": (
        lambda it: Kick(it.session.ident, "tea", "olga", "olga", ""),
        {"not-in-room": OUTSIDE, "not-allowed": "gam", "stands-above": "o"},
    ),
    "ban": (
        lambda it: Restrict(it.session.ident, "tea", BAN, "vic", "vic", 0, ""),
        {"not-in-room": OUTSIDE, "not-allowed": "gam"},
    ),
    "mute an operator": (
        lambda it: Restrict(it.session.ident, "tea", MUTE, "olga", "olga", 9, ""),
        {"not-in-room": OUTSIDE, "not-allowed": "gam", "stands-above": "o"},
    ),
    "unban": (
        lambda it: LiftRestriction(it.session.ident, "tea", BAN, "ned", "ned"),
        {"not-in-room": OUTSIDE, "not-allowed": "gam"},
    ),
    "unmute": (
        lambda it: LiftRestriction(it.session.ident, "tea", MUTE, "ned", "ned"),
        {"not-in-room": OUTSIDE, "not-allowed": "gam"},
    ),
    "private": (
        lambda it: SetPrivate(it.session.ident, "tea", True),
        {"not-in-room": OUTSIDE, "not-allowed": "gaom"},
    ),
    "invite": (
        lambda it: Invite(it.session.ident, "tea", "vic", "vic"),
        {"not-in-room": OUTSIDE},
    ),
    "delete": (
        lambda it: DeleteMessage(it.session.ident, "tea", 1, None),
        {"not-in-room": OUTSIDE, "not-allowed": "gam"},
    ),
    "delete another's": (
        lambda it: DeleteMessage(it.session.ident, "tea", 1, "vic"),
        {"not-in-room": OUTSIDE, "not-allowed": "gam"},
    ),
    "read": (
        lambda it: MarkRead(it.session.ident, "tea", 1),
        {"not-in-room": OUTSIDE, "account-needed": "g"},
    ),
    "empty the inbox": (lambda it: ClearUnread(it.session.ident), ANYONE),
}

#: Those who are nowhere from the beginning.
ROOMLESS = "SGAOFR"


def _vic(person: Person) -> Person:
    return next(each for each in person._town.people.values() if each.session.nick == "vic")


def _version(person: Person) -> int:
    return person._town.house.state.accounts["vic"].version


def actor(who: str) -> Person:
    town = Town(operators=["root", "boss"])
    founder = town.owner("fern", "tea")
    town.owner("vic", "tea").do("one")
    town.owner("olga", "tea")
    town.owner("ned")
    founder.do("/op olga", "/ban ned", "/mute ned")
    boss = town.owner("boss", "tea")
    place = () if who in ROOMLESS else ("/join tea",)
    if who in "Ffx":
        person = founder
        if who == "F":
            person.do("/part")
    elif who == "S":
        person = town.stranger()
    else:
        person = town.stranger()
        person.do(f"/nick {'root' if who in 'Rr' else 'opal'}")
        if who not in GUESTS:
            person.do(f"/register {PASSWORD}")
        person.do(*place)
        if who in "Oo":
            founder.do("/op opal")
        elif who in "bmk":
            founder.do({"b": "/ban opal", "m": "/mute opal", "k": "/kick opal"}[who])
        if who == "b":
            person.conversation.current = ""
    town.hush()
    if who == "x":
        boss.type("/kick fern")
    return person


def refused(person: Person) -> str:
    codes = [each.error.code.name for each in person.take() if isinstance(each, ErrorReply)]
    assert len(codes) < 2
    return "".join(codes)


def expected(cells: Cells, who: str) -> str:
    (code,) = [code for code, letters in cells.items() if who in letters] or [""]
    return code


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("line", LINES)
def test_commands(line: str, who: str) -> None:
    """What is typed is refused for the reason in the table, and else is done."""
    person = actor(who)
    state = person._town.house.state
    before = state.rooms["tea"].record.seq
    person.type(line)
    person._town.turn()
    code = expected(LINES[line], who)
    assert refused(person) == code
    if code and who != "x":
        assert state.rooms["tea"].record.seq == before


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str, who: str) -> None:
    """What is proposed without having been checked is refused for the same reasons."""
    make, cells = EVENTS[name]
    person = actor(who)
    person._town.house.pipeline.propose(make(person), person.session)
    person._town.turn()
    assert refused(person) == expected(cells, who)


def test_complete() -> None:
    """Every command and every event stands in the tables, and nobody twice in a row."""
    assert {line.split()[0][1:] for line in LINES if line[0] == "/"} == set(COMMANDS)
    somebody = actor("g")
    # Nobody but nodes proposes these.
    people = set(HANDLERS) - set(nodes.HANDLERS)
    assert {type(make(somebody)) for make, _ in EVENTS.values()} == people
    for cells in [*LINES.values(), *(cells for _, cells in EVENTS.values())]:
        letters = "".join(cells.values())
        assert len(set(letters)) == len(letters)
        assert set(letters) <= set(WHO)
