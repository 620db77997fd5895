"""
What is done for each command about the order in a room.  Pure.

All of it is about the room that one has turned to, and all of it is decided when its
turn has come.
"""

from __future__ import annotations

from collections.abc import Callable

from tsservices.chat.controller import SessionController
from tsservices.chat.notifications import RestrictionList
from tsservices.chat.operations import (
    BAN,
    MUTE,
    Invite,
    Kick,
    LiftRestriction,
    Restrict,
    SetOperator,
    SetPrivate,
)
from tsservices.chat.verbs.parsing import UsageError, choice, durationRefused, here, short, target
from tsservices.common.durations import DurationError, spanAndWords

#: What is said of those who are kicked, banned or muted.
REASON = "a reason"


def op(conversation: SessionController, rest: str) -> None:
    _setOperator(conversation, rest, True)


def deop(conversation: SessionController, rest: str) -> None:
    _setOperator(conversation, rest, False)


def _setOperator(conversation: SessionController, rest: str, on: bool) -> None:
    room = here(conversation).record.key
    name, key, more = target(rest)
    if more:
        raise UsageError
    conversation.checkStored()
    conversation.propose(SetOperator(conversation.session.ident, room, name, key, on))


def kick(conversation: SessionController, rest: str) -> None:
    room = here(conversation).record.key
    name, key, why = target(rest)
    conversation.checkStored()
    why = short(REASON, why)
    conversation.propose(Kick(conversation.session.ident, room, name, key, why))


def restrain(kind: str) -> Callable[[SessionController, str], None]:
    """What is done for its command."""

    def run(conversation: SessionController, rest: str) -> None:
        room = here(conversation)
        if not rest:
            now = conversation.house.now()
            listed = [
                each
                for each in room.permissions.restrictions.values()
                if each.kind == kind and not 0 < each.until <= now
            ]
            record = room.record
            conversation.voice.show(RestrictionList(record.key, record.name, listed))
            return
        name, key, more = target(rest)
        try:
            seconds, why = spanAndWords(more)
        except DurationError as error:
            raise durationRefused(error) from None
        conversation.checkStored()
        conversation.propose(
            Restrict(
                conversation.session.ident,
                room.record.key,
                kind,
                name,
                key,
                seconds,
                short(REASON, why),
            )
        )

    return run


def release(kind: str) -> Callable[[SessionController, str], None]:
    """What is done for the command that ends one."""

    def run(conversation: SessionController, rest: str) -> None:
        room = here(conversation).record.key
        name, key, more = target(rest)
        if more:
            raise UsageError
        conversation.checkStored()
        conversation.propose(LiftRestriction(conversation.session.ident, room, kind, name, key))

    return run


ban, unban = restrain(BAN), release(BAN)
mute, unmute = restrain(MUTE), release(MUTE)


def private(conversation: SessionController, rest: str) -> None:
    room = here(conversation).record.key
    on = choice(rest, ("on", "off")) == "on"
    conversation.checkStored()
    conversation.propose(SetPrivate(conversation.session.ident, room, on))


def invite(conversation: SessionController, rest: str) -> None:
    room = here(conversation).record.key
    name, key, more = target(rest)
    if more:
        raise UsageError
    conversation.checkStored()
    conversation.propose(Invite(conversation.session.ident, room, name, key))
