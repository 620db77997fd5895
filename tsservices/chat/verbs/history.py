"""
What is done for each command about what was said before.  Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    NO_LINE,
    NO_PERSON,
    NOTHING_SEARCHED,
    SEARCHING,
    TEXT_LONG,
    WHEN,
    ChatError,
)
from tsservices.chat.names import ROOM_SIGN, fold, roomKey
from tsservices.chat.notifications import Inbox, RoomMessages, SearchResults, SeenReply
from tsservices.chat.operations import ME, MESSAGE, NOTICE, ClearUnread, DeleteMessage, MarkRead
from tsservices.chat.records import StoredPrivateMessage
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.storage import SearchQuery
from tsservices.chat.verbs.parsing import UsageError, durationRefused, here, needed, number
from tsservices.common.durations import DurationError, moment

#: Private messages shown at once.
INBOX_PAGE = 50

#: Lines of one page of what was searched for: less than a screen.
FOUND_LINES = 20

#: Words of one search: each costs a look into the index.
SEARCH_WORDS = 16

#: Lines of history that one command may ask for.
HISTORY_LINES = 500


#: The largest number that a line can have.
HIGHEST_SEQ = 2**63 - 1

#: What asks for the next older page.
OLDER = "+"

#: Stands for all rooms where one is.
ALL_ROOMS = ROOM_SIGN + "*"

_WORDS = re.compile(r'(from|since|before):(\S+)|"([^"]*)"?|(\S+)')


def history(conversation: SessionController, rest: str) -> None:
    room = here(conversation)
    count = number("how many", rest or str(REPLAYED_LINES), 1, HISTORY_LINES)
    conversation.replay(room, room.storedSeq - count + 1)


def since(conversation: SessionController, rest: str) -> None:
    room, seq = _roomAndSeq(conversation, rest)
    conversation.replay(room, seq + 1)


def read(conversation: SessionController, rest: str) -> None:
    room, seq = _roomAndSeq(conversation, rest)
    conversation.checkStored()
    conversation.propose(MarkRead(conversation.session.ident, room.record.key, seq))


def _roomAndSeq(conversation: SessionController, rest: str) -> tuple[Room, int]:
    words = rest.split()
    if len(words) not in (1, 2):
        raise UsageError
    seq = number("the number of a line", words[-1], 0, HIGHEST_SEQ)
    return here(conversation, words[0] if len(words) > 1 else ""), seq


def delete(conversation: SessionController, rest: str) -> None:
    room = here(conversation)
    seq = number("the number of a line", needed(rest), 1, HIGHEST_SEQ)
    missing = ChatError(NO_LINE, seq=seq, room=ROOM_SIGN + room.record.name)
    if not room.permissions.firstReadable(conversation.session) <= seq <= room.storedSeq:
        raise missing
    conversation.checkStored()

    def decide(lines: list[RoomMessages] | ChatError) -> None:
        if isinstance(lines, ChatError):
            raise lines
        if not lines or lines[0].first != seq or lines[0].kind not in (MESSAGE, ME, NOTICE):
            raise missing
        account = conversation.house.state.accounts.get(lines[0].account or "")
        # A name may have belonged to somebody else when the line was said.
        author = account.key if account and account.created <= lines[0].time else None
        conversation.propose(
            DeleteMessage(conversation.session.ident, room.record.key, seq, author)
        )

    conversation.awaitResult(
        lambda done: conversation.house.archive.read(
            room.record.key, seq, seq, lambda lines: done(lambda: decide(lines))
        )
    )


def seen(conversation: SessionController, rest: str) -> None:
    state = conversation.house.state
    key = fold(needed(rest))
    holders, account = state.sessionsByNick.get(key), state.accounts.get(key)
    if holders is not None:
        told = SeenReply(holders[0].nick, True, 0)
    elif account is not None:
        told = SeenReply(account.name, key in state.sessionsByAccount, account.seen)
    elif key in state.lastSeenGuests:
        told = SeenReply(rest, False, state.lastSeenGuests[key])
    else:
        raise ChatError(NO_PERSON, nick=rest)
    conversation.voice.show(told)


def inbox(conversation: SessionController, rest: str) -> None:
    if rest == OLDER:
        if conversation.lettersBefore is None:
            raise UsageError
        other, before = conversation.lettersBefore
    else:
        other, before = fold(rest), ""
    account = conversation.session.account or ""

    def show(letters: list[StoredPrivateMessage] | ChatError) -> None:
        if isinstance(letters, ChatError):
            raise letters
        more = len(letters) > INBOX_PAGE
        page = letters[-INBOX_PAGE:]
        conversation.lettersBefore = (other, page[0].ident) if more else None
        conversation.voice.show(Inbox(page, rest if rest != OLDER else other, more))
        if not other:
            conversation.propose(ClearUnread(conversation.session.ident))

    conversation.awaitResult(
        lambda done: conversation.house.archive.privateMessages(
            account, other, before, INBOX_PAGE + 1, lambda letters: done(lambda: show(letters))
        )
    )


def search(conversation: SessionController, rest: str) -> None:
    if rest:
        conversation.searched = _asked(conversation, rest)
    asked = conversation.searched
    if asked is None:
        raise ChatError(NOTHING_SEARCHED)
    house, session = conversation.house, conversation.session
    # What one may read may have changed since the last page.
    rooms = tuple(
        (key, max(first, room.permissions.firstReadable(session)))
        for key, first in asked.rooms
        if key in session.rooms and (room := house.state.rooms[key])
    )
    if not rooms:
        raise ChatError(NOTHING_SEARCHED)
    who = session.account or session.ident
    if who in house.searching:
        raise ChatError(SEARCHING)
    house.searching.add(who)

    def found(lines: list[RoomMessages] | ChatError) -> Callable[[], None]:
        house.searching.discard(who)
        return lambda: show(lines)

    def show(lines: list[RoomMessages] | ChatError) -> None:
        if isinstance(lines, ChatError):
            raise lines
        more = len(lines) > FOUND_LINES
        page = lines[-FOUND_LINES:]
        conversation.searched = (
            replace(asked, before=(page[0].position, page[0].index)) if more else None
        )
        conversation.voice.show(SearchResults(page, more))

    conversation.awaitResult(
        lambda done: house.archive.search(
            replace(asked, rooms=rooms), lambda lines: done(found(lines))
        )
    )


def _asked(conversation: SessionController, rest: str) -> SearchQuery:
    session, now = conversation.session, conversation.house.now()
    given: dict[str, str] = {}
    words: list[str] = []
    where: list[Room] = []
    for found in _WORDS.finditer(rest):
        sign, value, phrase, word = found.groups()
        if sign:
            given[sign] = value
        elif word == ALL_ROOMS:
            where = conversation.house.state.roomsOf(session)
        elif word and word.startswith(ROOM_SIGN) and _isRoom(word):
            where.append(here(conversation, word))
        else:
            words.append(phrase if phrase is not None else word)
    if len(words) > SEARCH_WORDS:
        raise ChatError(TEXT_LONG, what="a search, in words,", most=SEARCH_WORDS, length=len(words))
    rooms = {each.record.key: 1 for each in where or [here(conversation)]}
    return SearchQuery(
        tuple(rooms.items()),
        tuple(each for each in words if each.strip()),
        fold(given.get("from", "")),
        _moment(given.get("since"), now),
        _moment(given.get("before"), now),
        None,
        FOUND_LINES + 1,
    )


def _moment(given: str | None, now: int) -> int:
    if given is None:
        return 0
    try:
        return moment(given, now)
    except DurationError as error:
        raise durationRefused(error) from None
    except ValueError as error:
        raise ChatError(WHEN, given=error) from None


def _isRoom(word: str) -> bool:
    try:
        roomKey(word)
    except ChatError:
        return False
    return True
