"""
The requests that read: services, rooms, messages, people, and searches.  Pure.

The reader is a session that never enters; it sees what it would see after joining.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

from tsservices.chat.controller import ChatContext
from tsservices.chat.errors import SEARCHING, ChatError
from tsservices.chat.handlers.posts import roomToVisit
from tsservices.chat.names import ROOM_SIGN, fold, roomKey
from tsservices.chat.notifications import RoomMessages, isIgnored
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import Room
from tsservices.chat.session import Session
from tsservices.chat.storage import HISTORY_PAGE, SearchQuery
from tsservices.chat.verbs.search import checkWords, searchQuery
from tsservices.chat.verbs.talk import members, visibleRooms
from tsservices.common.durations import parseMoment
from tsservices.frontends.formats.search import TERM
from tsservices.frontends.web.api.documents import Document, messageDocuments, roomDocument
from tsservices.frontends.web.api.errors import badRequest
from tsservices.frontends.web.api.queries import Query

#: Entries of a page, by default and at most.
PAGE, LONGEST_PAGE = 50, HISTORY_PAGE

#: Rooms or people of a page.
LIST_PAGE = 500

#: Rooms of one search, or of one stream of events.
MOST_ROOMS = 16


#: Describes the services of a server.
Services: TypeAlias = Callable[[], Sequence[Document]]


@dataclass(slots=True)
class Visit:
    """One request that reads."""

    context: ChatContext
    #: The session of an account or a guest, which has not entered.
    session: Session
    query: Query
    #: The name of a room in the path; empty: there is none.
    room: str
    services: Services

    def readableRoom(self, name: str) -> Room:
        """@raise ChatError: there is no room of this name, or it may not be read."""
        return roomToVisit(
            self.context.state, self.session, roomKey(name)[1], self.context.courtesyTime()
        )


@dataclass(slots=True)
class Answer:
    """The answer to a request."""

    document: Document
    #: Parameters of other pages, by their relation to this one, as in C{Link}.
    links: dict[str, Document] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """The value of C{Link}: relative, because a proxy may have changed the path."""
        return ", ".join(
            f'<?{urlencode(values, doseq=True)}>; rel="{name}"'
            for name, values in self.links.items()
        )


#: The coroutine of a handler.
Reading: TypeAlias = Coroutine[PendingReply[Any], None, Answer]


async def services(visit: Visit) -> Answer:
    """List the services of the server."""
    return Answer({"services": list(visit.services())})


async def rooms(visit: Visit) -> Answer:
    """List the rooms that the reader may see, sorted by their keys."""
    query, state = visit.query, visit.context.state
    limit = query.number("limit", LIST_PAGE, 1, LIST_PAGE)
    after = fold(query.text("after").removeprefix(ROOM_SIGN))
    visible = {item.record.key: item for item in visibleRooms(state, visit.session)}
    for own in state.sessionsByAccount.get(visit.session.account or "", ()):
        # Members of a secret room see it.
        visible |= {item.record.key: item for item in state.roomsOf(own)}
    found = [visible[key] for key in sorted(visible) if key > after]
    page = found[:limit]
    document: Document = {"rooms": [roomDocument(item) for item in page]}
    if len(found) <= limit:
        return Answer(document)
    # The key, because as a parameter it is as good as the name.
    return Answer(document, {"next": {"after": page[-1].record.key, "limit": limit}})


async def room(visit: Visit) -> Answer:
    """Show one room, and from which line on its history may be read."""
    shown = visit.readableRoom(visit.room)
    first = shown.permissions.firstReadable(visit.session)
    return Answer({**roomDocument(shown), "first": first, "epoch": visit.context.pipeline.log})


async def people(visit: Visit) -> Answer:
    """List the people in a room."""
    context, query = visit.context, visit.query
    limit = query.number("limit", LIST_PAGE, 1, LIST_PAGE)
    skipped = query.number("skip", 0)
    shown = visit.readableRoom(visit.room)
    found = members(context.state, visit.session, shown, context.wallClock())
    page: list[Document] = [
        {
            "nick": member.nick,
            "guest": member.guest,
            "away": member.away,
            "rank": member.rank,
            "voice": member.voice,
        }
        for member in found[skipped : skipped + limit]
    ]
    document: Document = {"room": shown.record.name, "people": page, "present": len(found)}
    end = skipped + limit
    return Answer(document, {"next": {"skip": end, "limit": limit}} if end < len(found) else {})


async def messages(visit: Visit) -> Answer:
    """List lines of a room: the newest ones, or those before, after or around a number."""
    query = visit.query
    if sum(query.has(name) for name in ("before", "after", "around")) > 1:
        raise badRequest("of before, after and around there can be one")
    limit = query.number("limit", PAGE, 1, LONGEST_PAGE)
    shown = visit.readableRoom(visit.room)
    newest, lowest = shown.storedSeq, max(1, shown.permissions.firstReadable(visit.session))
    last = newest
    if query.has("before"):
        last = min(newest, query.number("before", 0) - 1)
    elif query.has("after"):
        last = min(newest, query.number("after", 0) + limit)
    elif query.has("around"):
        last = min(newest, query.number("around", 0) + limit // 2)
    first = max(lowest, last - limit + 1)
    if query.has("after"):
        first = max(lowest, query.number("after", 0) + 1)
        last = min(newest, first + limit - 1)
    lines = await _read(visit, shown, first, last) if first <= last else []
    begin = lines[0].first if lines else last + 1
    masks = visit.session.ignores
    document: Document = {
        "room": shown.record.name,
        "epoch": visit.context.pipeline.log,
        "messages": messageDocuments(item for item in lines if not isIgnored(item, masks)),
        # As in a replay: lines that are no longer stored, or may not be read.
        "missing": [first, begin - 1] if first < begin <= last + 1 else None,
    }
    links: dict[str, Document] = {}
    if first > lowest and last >= lowest:
        links["prev"] = {"before": min(first, newest + 1), "limit": limit}
    if first <= last < newest:
        links["next"] = {"after": last, "limit": limit}
    return Answer(document, links)


async def _read(visit: Visit, shown: Room, first: int, last: int) -> list[RoomMessages]:
    reply: PendingReply[list[RoomMessages]] = PendingReply()
    visit.context.archive.read(shown.record.key, first, last, reply)
    return await reply


async def search(visit: Visit) -> Answer:
    """Find the newest lines with some words, in rooms that may be read."""
    query, context = visit.query, visit.context
    names = query.texts("room")
    if not names:
        raise badRequest(f"name 1 to {MOST_ROOMS} rooms to search: room=NAME")
    limit = query.number("limit", PAGE, 1, LONGEST_PAGE)
    shown = [visit.readableRoom(name) for name in names]
    terms = [match[3] or match[0] for match in TERM.finditer(query.text("q"))]
    checkWords(terms)
    wanted = searchQuery(
        shown, terms, query.text("from"), _moment(visit, "since"), _moment(visit, "until")
    )
    if not terms and not wanted.nick:
        raise badRequest("what to search for: q=WORDS or from=NAME")
    readable = tuple(
        (item.record.key, item.permissions.firstReadable(visit.session)) for item in shown
    )
    lines = await _search(
        visit,
        SearchQuery(
            readable,
            wanted.words,
            wanted.nick,
            wanted.since,
            wanted.until,
            _place(query),
            limit + 1,
            visit.session.ignores,
        ),
    )
    page = lines[-limit:]
    document: Document = {
        "messages": messageDocuments(page),
        # The number of lines that are not in the index yet.
        "unsearched": context.archive.unsearched,
    }
    if len(lines) <= limit:
        return Answer(document)
    again = {name: query.texts(name) for name in ("room", "q", "from", "since", "until")}
    place = f"{page[0].position}-{page[0].index}"
    values: Document = {name: texts for name, texts in again.items() if texts}
    return Answer(document, {"next": {**values, "before": place, "limit": limit}})


async def _search(visit: Visit, wanted: SearchQuery) -> list[RoomMessages]:
    # One at a time for each account or address: a search is the most expensive request.
    searching = visit.context.searching
    searcher = visit.session.account or visit.session.cloak
    if searcher in searching:
        raise ChatError(SEARCHING)
    searching.add(searcher)
    try:
        reply: PendingReply[list[RoomMessages]] = PendingReply()
        visit.context.archive.search(wanted, reply)
        return await reply
    finally:
        searching.discard(searcher)


def _place(query: Query) -> tuple[int, int] | None:
    if not query.has("before"):
        return None
    position, _, index = query.text("before").partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (position, index)):
        raise badRequest("before is what the page before has given")
    return int(position), int(index)


def _moment(visit: Visit, name: str) -> int:
    if not visit.query.has(name):
        return 0
    try:
        return parseMoment(visit.query.text(name), visit.context.wallClock(), name == "until")
    except ValueError:
        raise badRequest(
            f"{name} is a time like 2026-11-20T18:30Z, or 2h for two hours ago"
        ) from None
