"""
Verbs about the modes of rooms.  Pure.

Rights are decided when the operation is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tsservices.chat.cloaks import CLOAK_SIGN, parseMask, parseNewMask
from tsservices.chat.controller import SessionController
from tsservices.chat.errors import MODE_ARGUMENT, MODES_MANY, NO_MODE, ROOM_KEY, ChatError
from tsservices.chat.handlers.membership import roomModes
from tsservices.chat.handlers.modes import BAN_LETTER, LETTERS, checkLimit
from tsservices.chat.names import fold
from tsservices.chat.notifications import RestrictionList
from tsservices.chat.operations import BAN, SetModes
from tsservices.chat.permissions import OPERATOR, OPERATOR_LETTER, VOICE_LETTER, atLeast
from tsservices.chat.records import JOIN_KEY, MEMBER_LIMIT, Restriction
from tsservices.chat.room import Room
from tsservices.chat.verbs.moderation import checkNotFounder

#: Maximum number of changes in one request.
MODES_EACH = 32

#: Maximum length of the key of a room.
KEY_LENGTH = 32

#: The letters that have an argument in both directions, and its meaning.
NAMED_LETTERS = {
    OPERATOR_LETTER: "a name",
    VOICE_LETTER: "a name",
    BAN_LETTER: "a mask like bob!*@*, a name or a cloak",
}


@dataclass(frozen=True, slots=True)
class ModeChange:
    """One letter of a change of modes."""

    on: bool
    letter: str
    #: A name, a mask, a key or a number; empty for other letters.
    argument: str = ""


def setModes(controller: SessionController, room: Room, changes: Sequence[ModeChange]) -> None:
    """
    Change modes of a room; impossible changes are refused, and the others are proposed.

    @raise ChatError: there are too many, or nothing can be stored.
    """
    if len(changes) > MODES_EACH:
        raise ChatError(MODES_MANY, most=MODES_EACH)
    controller.checkStored()
    rows: list[tuple[str, str, str]] = []
    for change in changes:
        try:
            if change.letter == OPERATOR_LETTER:
                checkNotFounder(controller, room, change.argument)
            rows.append(_row(change))
        except ChatError as error:
            controller.refuse(error)
    if rows:
        controller.propose(SetModes(controller.session.ident, room.record.key, tuple(rows)))


def _row(change: ModeChange) -> tuple[str, str, str]:
    letter, argument, key = change.letter, change.argument, ""
    if letter not in LETTERS or len(letter) != 1:
        raise ChatError(NO_MODE, letter=letter, letters=", ".join(LETTERS))
    if letter in NAMED_LETTERS:
        if not argument:
            raise ChatError(MODE_ARGUMENT, letter=letter, what=NAMED_LETTERS[letter])
        parse = parseNewMask if change.on else parseMask
        key = parse(argument) if letter == BAN_LETTER else fold(argument)
    elif letter == MEMBER_LIMIT and change.on:
        argument = str(checkLimit(argument))
    elif letter == JOIN_KEY and change.on:
        checkJoinKey(argument)
    else:
        argument = ""
    return ("+" if change.on else "-") + letter, argument, key


def checkJoinKey(text: str) -> None:
    """@raise ChatError: it is no valid key."""
    # In IRC a comma separates keys, and white space ends them.
    if len(text.split()) != 1 or "," in text or not text.isprintable() or len(text) > KEY_LENGTH:
        raise ChatError(ROOM_KEY, most=KEY_LENGTH)


def setVoice(controller: SessionController, room: Room, name: str, on: bool) -> None:
    """Give somebody voice, for talk while the room is moderated, or take it back."""
    setModes(controller, room, [ModeChange(on, VOICE_LETTER, name)])


def showModes(controller: SessionController, room: Room) -> None:
    """Show the modes of a room; the key only to its members."""
    # Only stored modes are shown.
    isMember = controller.session.ident in room.members
    controller.presenter.show(roomModes(room.storedRecord, isMember))


def listBans(controller: SessionController, room: Room) -> list[Restriction]:
    """The bans of a room; those of addresses only for sessions that may ban."""
    now = controller.context.wallClock()
    mayBan = atLeast(controller.context.state.rank(controller.session, room), OPERATOR)
    return [
        replace(restriction, until=restriction.end(now))
        for restriction in room.permissions.restrictions.values()
        if restriction.kind == BAN
        and not restriction.hasEnded(now)
        and (mayBan or not restriction.mask.startswith(CLOAK_SIGN))
    ]


def showBans(controller: SessionController, room: Room) -> None:
    """Show the bans of a room, as returned by L{listBans}."""
    bans = listBans(controller, room)
    controller.presenter.show(RestrictionList(room.record.key, room.record.name, bans))


def memberLetters(rank: str, voice: bool) -> str:
    """
    The letters of a member's roles, the highest first.

    @param rank: a name of L{tsservices.chat.permissions}.
    """
    return OPERATOR_LETTER * atLeast(rank, OPERATOR) + VOICE_LETTER * voice
