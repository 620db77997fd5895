"""
Modes of rooms, by letters as in IRC: one operation makes several changes, one by one, in order.

A change that is not allowed is refused, and the others are made. One line of the room shows them.
Making an operator (o), banning (b) and closing a room (i) by a mode is the same as by an operation
of its own, and needs the same rank. But a guest can be made operator too, while it is in the room,
and may close a room that it has created: such a room opens again when it is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tsservices.chat.batch import Batch
from tsservices.chat.cloaks import maskOf
from tsservices.chat.errors import MODE_ARGUMENT, NO_MODE, NO_PERSON, ChatError
from tsservices.chat.handlers import Handlers
from tsservices.chat.handlers.messages import appendMessages
from tsservices.chat.handlers.moderation import (
    checkMayAppoint,
    checkMayClose,
    makePrivate,
    setOperator,
)
from tsservices.chat.handlers.restrictions import lift, makePlace, removeBanned, restrict
from tsservices.chat.handlers.standing import Standings, reportStandings, standingsBeside
from tsservices.chat.handlers.targets import (
    Target,
    checkOutranks,
    checkRank,
    restrictionTarget,
    targetOf,
)
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import ErrorReply, Notice
from tsservices.chat.operations import BAN, MODE, SetModes
from tsservices.chat.permissions import FOUNDER, OPERATOR, OPERATOR_LETTER, VOICE_LETTER
from tsservices.chat.records import (
    INVITE_ONLY,
    JOIN_KEY,
    MEMBER_LIMIT,
    MEMBERS_TALK,
    MODERATED,
    OPERATORS_TOPIC,
    SECRET,
)
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.state import ChatState

BAN_LETTER = "b"

#: The modes without an argument that are kept as letters.
FLAGS = "".join(sorted((MODERATED, MEMBERS_TALK, SECRET, OPERATORS_TOPIC)))

#: The largest limit of members.
LIMIT_MOST = 1_000_000

#: Replaces the key of a room in lines and in the log, which are kept longer than the key.
HIDDEN_KEY = "*"


def checkLimit(text: str) -> int:
    """
    Parse a limit of members.

    @raise ChatError: it is no valid limit.
    """
    isNumber = text.isascii() and text.isdigit() and len(text) <= len(str(LIMIT_MOST))
    if isNumber and 1 <= int(text) <= LIMIT_MOST:
        return int(text)
    raise ChatError(MODE_ARGUMENT, letter=MEMBER_LIMIT, what=f"a number from 1 to {LIMIT_MOST}")


class _Changes:
    """The changes of one operation: those made, and the steps still to be done for them."""

    def __init__(self, state: ChatState, session: Session, room: Room, batch: Batch) -> None:
        self.state = state
        self.session = session
        self.room = room
        self.batch = batch
        #: Each is a sign with a letter, and the argument to show.
        self.made: list[tuple[str, str]] = []
        #: The targets that were banned, and are still in the room.
        self.banned: list[Target] = []
        #: The rights of the targets by their other nicks.
        self.standings: Standings = {}
        #: The targets, for the log: accounts, cloaks and masks.
        self.targets: list[str] = []
        #: Whether to open the room after the line about it, the last one of the private time.
        self.opens = False

    def make(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        """Make one change; returns the argument to show, None if nothing has changed."""
        change = _CHANGES.get(letter)
        if change is None:
            raise ChatError(NO_MODE, letter=letter, letters=", ".join(LETTERS))
        return change(self, on, letter, argument, key)

    def _flag(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        if letter == SECRET:
            checkMayClose(self.room)
        checkRank(self.state, self.session, self.room, OPERATOR)
        old = self.room.record.modes
        if (letter in old) == on:
            return None
        new = "".join(sorted(old + letter)) if on else old.replace(letter, "")
        self.room.permissions.setModes(new)
        return ""

    def _private(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        checkMayClose(self.room)
        owned = self.room.record.founder or self.room.permissions.guestFounder
        checkRank(self.state, self.session, self.room, FOUNDER if owned else OPERATOR)
        if (self.room.record.private and not self.opens) == on:
            return None
        if on and not self.opens:
            makePrivate(self.room, self.batch)
        self.opens = not on
        return ""

    def _joinKey(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        checkMayClose(self.room)
        checkRank(self.state, self.session, self.room, OPERATOR)
        new = argument if on else ""
        if self.room.record.joinKey == new:
            return None
        self.room.record.joinKey = new
        return HIDDEN_KEY

    def _limit(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        checkMayClose(self.room)
        checkRank(self.state, self.session, self.room, OPERATOR)
        new = checkLimit(argument) if on else 0
        if self.room.record.memberLimit == new:
            return None
        self.room.record.memberLimit = new
        return argument if on else ""

    def _operator(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        permissions = self.room.permissions
        target = targetOf(self.state, argument, key)
        if target.session is not self.session or on:
            checkMayAppoint(self.state, self.session, self.room, target, on)
        if target.account is not None:
            self._noteStandings(target.account, target.name)
            changed = setOperator(self.state, self.room, target.account, on, self.batch)
        else:
            guest = self._guest(target)
            changed = permissions.setSessionRole(guest, letter, on)
            if not on and guest.ident == permissions.guestFounder:
                permissions.guestFounder = ""
                changed = True
        return self._named(target, changed)

    def _voice(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        permissions = self.room.permissions
        target = targetOf(self.state, argument, key)
        if target.session is not self.session or on:
            checkRank(self.state, self.session, self.room, OPERATOR)
        if target.account is None:
            return self._named(target, permissions.setSessionRole(self._guest(target), letter, on))
        self._noteStandings(target.account, target.name)
        sessions = self.state.sessionsByAccount.get(target.account, ())
        changed = not on and permissions.withdraw(sessions, letter)
        role = permissions.role(target.account)
        if role.voice != on:
            self.batch.upsert(permissions.setRole(replace(role, voice=on)))
            changed = True
        return self._named(target, changed)

    def _noteStandings(self, account: str, name: str) -> None:
        self.standings = standingsBeside(self.state, self.room, account, name) | self.standings

    def _named(self, target: Target, changed: bool) -> str | None:
        if not changed:
            return None
        self.targets.append(target.mask)
        return target.name

    def _guest(self, target: Target) -> Session:
        # A role of a guest lasts only while it is a member.
        if target.session is None or target.session.ident not in self.room.members:
            raise ChatError(NO_PERSON, nick=target.name)
        return target.session

    def _ban(self, on: bool, letter: str, argument: str, key: str) -> str | None:
        state, session, room, batch = self.state, self.session, self.room, self.batch
        checkRank(state, session, room, OPERATOR)
        if not on:
            lifted = lift(state, room, BAN, key, session, batch)
            self.targets += [restriction.mask for restriction in lifted]
            return key if lifted else None
        target, targetKey = restrictionTarget(state, room, argument, key, batch.schema)
        checkOutranks(state, session, room, target)
        old = room.permissions.restrictions.get((BAN, target.mask))
        if old is not None and not old.until:
            return None
        makePlace(room, BAN, target, batch)
        restrict(state, room, BAN, target, targetKey, 0, "", session, batch)
        self.banned.append(target)
        self.targets.append(target.mask)
        return maskOf(target.mask)


_Change = Callable[[_Changes, bool, str, str, str], str | None]

_CHANGES: dict[str, _Change] = {
    **dict.fromkeys(FLAGS, _Changes._flag),
    INVITE_ONLY: _Changes._private,
    JOIN_KEY: _Changes._joinKey,
    MEMBER_LIMIT: _Changes._limit,
    OPERATOR_LETTER: _Changes._operator,
    VOICE_LETTER: _Changes._voice,
    BAN_LETTER: _Changes._ban,
}

LETTERS = "".join(sorted(_CHANGES))


def _setModes(state: ChatState, operation: SetModes, session: Session, batch: Batch) -> None:
    room = state.joinedRoom(session, operation.room)
    changes = _Changes(state, session, room, batch)
    errors: list[ChatError] = []
    for change, argument, key in operation.changes:
        try:
            shown = changes.make(change[:1] == "+", change[1:], argument, key)
        except ChatError as refused:
            # Equal errors are sent once.
            if refused not in errors:
                errors.append(refused)
        else:
            if shown is not None:
                changes.made.append((change, shown))
    if changes.made:
        text = _changesText(changes.made)
        appendMessages(room, MODE, (text,), session, batch)
        reportStandings(state, room, changes.standings, batch)
        if changes.opens:
            room.permissions.makePublic()
        if changes.banned:
            removeBanned(state, room, changes.banned, batch)
        batch.roomChanged(room)
        batch.audit(MODE, session, room, changes=text, target=changes.targets)
    elif not errors:
        text = f"nothing has changed for {ROOM_SIGN}{room.record.name}"
        batch.reply(session, Notice([text], "same"))
    for error in errors:
        batch.reply(session, ErrorReply(error))


def _changesText(made: list[tuple[str, str]]) -> str:
    letters, sign = "", ""
    for change, _ in made:
        letters += change[1:] if change[0] == sign else change
        sign = change[0]
    return " ".join([letters, *[shown for _, shown in made if shown]])


HANDLERS: Handlers = {
    SetModes: _setModes,
}
