"""Verbs that search the rooms.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    NOTHING_SEARCHED,
    SEARCHING,
    TEXT_LONG,
    ChatError,
)
from tsservices.chat.names import fold
from tsservices.chat.notifications import (
    Notice,
    RoomMessages,
    SearchResults,
)
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import Room
from tsservices.chat.storage import SearchQuery

#: Lines of one page of search results: less than a screen.
RESULTS_PAGE = 20

#: Maximum number of words of one search: each costs a look-up in the index.
SEARCH_WORDS = 16


def searchQuery(
    rooms: Iterable[Room], words: Sequence[str], nick: str = "", since: int = 0, until: int = 0
) -> SearchQuery:
    """
    Build the argument of L{search}.

    @param words: words or phrases that must all be in a line; blank ones do not count.
    @param nick: the author; empty: any.
    @param since: nanoseconds since 1970, UTC.
    @param until: nanoseconds since 1970, UTC; 0: now.
    """
    keys = dict.fromkeys(room.record.key for room in rooms)
    return SearchQuery(
        tuple((key, 1) for key in keys),
        tuple(word for word in words if word.strip()),
        fold(nick),
        since,
        until,
        None,
        RESULTS_PAGE + 1,
    )


def checkWords(words: Sequence[str]) -> None:
    """@raise ChatError: there are too many words for one search."""
    if len(words) > SEARCH_WORDS:
        raise ChatError(TEXT_LONG, what="a search, in words,", most=SEARCH_WORDS, length=len(words))


async def search(controller: SessionController, query: SearchQuery) -> None:
    """Show the newest results."""
    checkWords(query.words)
    controller.olderResults = query
    await olderResults(controller)


async def olderResults(controller: SessionController) -> None:
    """Show the next page of the last search."""
    query = controller.olderResults
    if query is None:
        raise ChatError(NOTHING_SEARCHED)
    context, session = controller.context, controller.session
    # The lines that the session may read may have changed since the last page.
    rooms = tuple(
        (key, max(first, room.permissions.firstReadable(session)))
        for key, first in query.rooms
        if key in session.rooms and (room := context.state.rooms[key])
    )
    if not rooms:
        raise ChatError(NOTHING_SEARCHED)
    # One search at a time for each person, who may have many sessions.
    searcher = session.account or session.ident
    if searcher in context.searching:
        raise ChatError(SEARCHING)
    context.searching.add(searcher)
    try:
        reply: PendingReply[list[RoomMessages]] = PendingReply()
        context.archive.search(replace(query, rooms=rooms, ignored=session.ignores), reply)
        lines = await reply
    finally:
        # A user who quits and comes back can't search again at once: the search continues in the
        # storage, and the queue closes this request only when the storage answers.
        context.searching.discard(searcher)
    more = len(lines) > RESULTS_PAGE
    page = lines[-RESULTS_PAGE:]
    controller.olderResults = (
        replace(query, before=(page[0].position, page[0].index)) if more else None
    )
    controller.presenter.show(SearchResults(page, more))
    if left := context.archive.unsearched:
        controller.presenter.show(
            Notice([f"the search index is being made anew: {left} older lines are not in it yet"])
        )
