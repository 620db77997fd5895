"""
What follows a command, read.  Pure.
"""

from __future__ import annotations

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import CHOICE, DURATION, NOWHERE, NUMBER, TEXT_LONG, ChatError
from tsservices.chat.names import fold, roomKey
from tsservices.chat.room import Room
from tsservices.common.durations import LONGEST_SECONDS, DurationError, spanText

#: Characters in a topic, in the reason of a leave, in a note of absence: one line of a wide
#: terminal, twice.
TOPIC_LENGTH = 400


class UsageError(Exception):
    """A command was not written as its usage says."""


def needed(rest: str) -> str:
    """
    The same.

    @raise Misused: there is nothing.
    """
    if not rest:
        raise UsageError
    return rest


def wordAndText(rest: str) -> tuple[str, str]:
    """
    A word, and what follows it.

    @raise Misused: there are fewer.
    """
    word, _, text = rest.partition(" ")
    return needed(word), needed(text.strip())


def short(what: str, text: str) -> str:
    """
    The same.

    @raise Refused: it is too long.
    """
    if len(text) > TOPIC_LENGTH:
        raise ChatError(TEXT_LONG, what=what, most=TOPIC_LENGTH, length=len(text))
    return text


def number(what: str, given: str, least: int, most: int) -> int:
    """
    The number.

    @raise Refused: it is none.
    """
    if not (given.isascii() and given.isdigit() and len(given) <= 19):
        raise ChatError(NUMBER, what=what, least=least, most=most, given=given)
    value = int(given)
    if not least <= value <= most:
        raise ChatError(NUMBER, what=what, least=least, most=most, given=given)
    return value


def choice(rest: str, choices: tuple[str, ...]) -> str:
    """
    One of them.

    @raise Refused: it is another.
    """
    if rest.lower() not in choices:
        raise ChatError(CHOICE, choices=" or ".join(choices), given=rest or "nothing")
    return rest.lower()


def here(conversation: SessionController, name: str = "") -> Room:
    """
    That room.

    @raise Refused: they are not there.
    """
    key = roomKey(name)[1] if name else conversation.current
    if not key:
        raise ChatError(NOWHERE)
    return conversation.house.state.joinedRoom(conversation.session, key)


def target(rest: str) -> tuple[str, str, str]:
    """
    The name as it was written, its key, and the rest.

    @raise Misused: there is none.
    """
    name, _, words = needed(rest).partition(" ")
    return name, fold(name), words.strip()


def durationRefused(error: DurationError) -> ChatError:
    """What is said to who gave a duration that is none."""
    return ChatError(DURATION, most=spanText(LONGEST_SECONDS), given=error)
