"""
The text that follows a command, parsed.  Pure.

L{UsageError} is for text that does not match the command's usage, L{ChatError} for an invalid
value.
"""

from __future__ import annotations

import re

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import CHOICE, DURATION, NUMBER, WHEN, ChatError
from tsservices.chat.names import ROOM_SIGN, roomKey
from tsservices.chat.room import Room
from tsservices.chat.storage import SearchQuery
from tsservices.chat.verbs.history import HIGHEST_SEQ
from tsservices.chat.verbs.search import checkWords, searchQuery
from tsservices.common.durations import (
    LONGEST_SECONDS,
    DurationError,
    parseMoment,
    spanAndWords,
    spanText,
)
from tsservices.frontends.formats.search import TERM, TIMES

#: The sign at the beginning of commands.  A line that begins with two of them is talk.
SIGN = "/"

#: In a search, stands for all rooms that the user is in.
ALL_ROOMS = ROOM_SIGN + "*"

#: Stands between the number of a line, its epoch, and its time.
EPOCH_SIGN = "@"

_WORD_AND_REST = re.compile(r"\s*(\S*)\s?(.*)", re.DOTALL)


class UsageError(Exception):
    """A command does not match its usage."""


def needed(text: str) -> str:
    """
    Return the text.

    @raise UsageError: it is empty.
    """
    if not text:
        raise UsageError
    return text


def firstWord(text: str) -> tuple[str, str]:
    """
    Split off the first word, which may be empty, and one character of white space after it.  Any
    white space of Unicode separates words.
    """
    match = _WORD_AND_REST.match(text)
    assert match is not None
    return match[1], match[2]


def word(text: str) -> str:
    """
    Return the text, which has to be one word.

    @raise UsageError: it is empty, or several words.
    """
    if len(text.split()) != 1:
        raise UsageError
    return text


def wordAndText(text: str) -> tuple[str, str]:
    """
    Split the text into its first word and the rest.

    @raise UsageError: there is no word.
    """
    first, more = firstWord(needed(text))
    return first, more.strip()


def number(label: str, text: str, minimum: int, maximum: int) -> int:
    """
    Parse a number.

    @raise ChatError: it is not a number, or out of the range.
    """
    # Before the conversion: int() takes other scripts' digits, and its time grows by the square.
    if text.isascii() and text.isdigit() and len(text) <= 19:
        value = int(text)
        if minimum <= value <= maximum:
            return value
    raise ChatError(NUMBER, what=label, least=minimum, most=maximum, given=text)


def isPrivateIdent(text: str) -> bool:
    """Whether a text is the id of a stored private message, not the number of a line."""
    return re.fullmatch(r"[0-9a-z]+-[0-9]+-w[0-9]+", text) is not None


def lineNumber(text: str, minimum: int) -> int:
    """
    Parse the number of a line.

    @raise ChatError: it is not a number, or out of the range.
    """
    return number("the number of a line", text, minimum, HIGHEST_SEQ)


def choice(text: str, choices: tuple[str, ...]) -> str:
    """
    Return the chosen word, in lower case.

    @raise ChatError: it is none of the choices.
    """
    if text.lower() not in choices:
        raise ChatError(CHOICE, choices=" or ".join(choices), given=text or "nothing")
    return text.lower()


def isOn(text: str) -> bool:
    """
    Whether a text is C{on}.

    @raise ChatError: it is neither C{on} nor C{off}.
    """
    return choice(text, ("on", "off")) == "on"


def durationAndReason(text: str) -> tuple[int, str]:
    """
    Parse a duration in seconds, 0 for ever, and the text that follows.

    @raise ChatError: the word that looks like a duration is not valid.
    """
    try:
        return spanAndWords(text)
    except DurationError as error:
        raise _durationRefused(error) from None


def roomAndNumber(controller: SessionController, text: str) -> tuple[Room, int, str, int]:
    """
    Parse a room, the current one if it is not named, the number of a line, and each after an
    L{EPOCH_SIGN} the epoch in which the line was seen, and its time in nanoseconds.

    @raise UsageError: there are too few words, or too many.
    @raise ChatError: a value is wrong, or the session is not in that room.
    """
    words = text.split()
    if len(words) not in (1, 2):
        raise UsageError
    seq, _, rest = words[-1].partition(EPOCH_SIGN)
    epoch, _, time = rest.partition(EPOCH_SIGN)
    number, when = lineNumber(seq, 0), lineNumber(time, 0) if time else 0
    return controller.room(words[0] if len(words) == 2 else ""), number, epoch, when


def search(controller: SessionController, text: str) -> SearchQuery:
    """
    Parse a query.

    @raise ChatError: part of it is wrong.
    """
    filters: dict[str, str] = {}
    words: list[str] = []
    rooms: list[Room] = []
    for term in TERM.finditer(text):
        name, value, phrase, bare = term.groups()
        if name:
            filters[name] = value
        elif bare == ALL_ROOMS:
            rooms = controller.context.state.roomsOf(controller.session)
        elif bare and bare.startswith(ROOM_SIGN) and _isRoomName(bare):
            rooms.append(controller.room(bare))
        else:
            words.append(bare if phrase is None else phrase)
    checkWords(words)
    now = controller.context.wallClock()
    return searchQuery(
        rooms or [controller.room()],
        words,
        filters.get("from", ""),
        _moment(filters, "since", now),
        _moment(filters, "before", now),
    )


def _isRoomName(text: str) -> bool:
    try:
        roomKey(text)
    except ChatError:
        return False
    return True


def _moment(filters: dict[str, str], name: str, now: int) -> int:
    if name not in filters:
        return 0
    try:
        return parseMoment(filters[name], now, TIMES[name])
    except DurationError as error:
        raise _durationRefused(error) from None
    except ValueError as error:
        raise ChatError(WHEN, given=error) from None


def _durationRefused(error: DurationError) -> ChatError:
    return ChatError(DURATION, most=spanText(LONGEST_SECONDS), given=error)
