"""Verbs about history: replays, read markers, searches, the inbox, deletion.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    NO_LINE,
    NO_LINE_OF,
    NO_PERSON,
    NO_WORDS,
    NOTHING_SEARCHED,
    SEARCHING,
    TEXT_LONG,
    ChatError,
)
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import (
    HistoryRestored,
    Inbox,
    JoinedRoom,
    Notice,
    RoomMessages,
    SearchResults,
    SeenReply,
    UnreadLines,
)
from tsservices.chat.operations import (
    READ_SCOPE,
    TOPIC,
    ClearUnread,
    DeleteMessage,
    MarkRead,
    withoutWords,
)
from tsservices.chat.records import StoredPrivateMessage
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.storage import HISTORY_PAGE, LineSpan, SearchQuery, UnreadCount

#: Private messages shown at once.
INBOX_PAGE = 50

#: Lines of one page of search results: less than a screen.
RESULTS_PAGE = 20

#: Words of one search: each costs a look into the index.
SEARCH_WORDS = 16

#: Lines of history that can be asked for at once.
HISTORY_LINES = 500

#: Lines in which the last one of somebody is looked for: some pages of a reader's scrolling.
LINES_LOOKED_AT = 1000

#: Lines that were not read are counted up to this number: more are as many as that to a person.
UNREAD_LINES = 1000

#: Lines that are looked at for that, the newest: some ten milliseconds of the reader's thread. Of
#: those before them only one's own can be more than are counted.
UNREAD_LOOKED_AT = 20_000

#: The largest number that a line can have.
HIGHEST_SEQ = 2**63 - 1


async def history(controller: SessionController, room: Room, count: int = REPLAYED_LINES) -> None:
    """Show the last lines of a room in which there is something to read."""
    await controller.replayNewest(room, min(count, HISTORY_LINES))


async def since(
    controller: SessionController, room: Room, seq: int, log: str = "", time: int = 0
) -> None:
    """
    Show the lines of a room after a number.

    If the number is of another history, say so, and show what can't have been seen.

    @param log: the incarnation of the order in which that line was seen; empty: not known.
    @param time: that of that line: nanoseconds since 1970, UTC; 0: not known.
    """
    restored = await _findRestored(controller, room, seq, log, time)
    if restored is None:
        await controller.replay(room, seq + 1)
    else:
        await _showRestored(controller, room, restored)


async def showUnread(controller: SessionController, joined: JoinedRoom) -> None:
    """Show how much of a room the account has not read and is not shown by the replay."""
    read, session = joined.read, controller.session
    room = controller.context.state.rooms.get(joined.room)
    if read is None or room is None or read >= joined.joinedSeq:
        return
    replayed = joined.replay.messages if joined.replay is not None else []
    shownFrom = replayed[0].first if replayed else joined.joinedSeq + 1
    first = max(
        read + 1,
        room.permissions.firstReadable(session),
        joined.joinedSeq - UNREAD_LOOKED_AT + 1,
    )
    own = frozenset({session.account or "", session.origin})
    span = LineSpan(joined.room, first, joined.joinedSeq, UNREAD_LINES + 1, session.ignores, own)
    reply: PendingReply[UnreadCount] = PendingReply()
    controller.context.archive.countUnread(span, reply)
    try:
        unread = await reply
    except ChatError:
        # Nobody has asked for it.
        return
    if 0 < unread.first < shownFrom:
        lines, more = min(unread.lines, UNREAD_LINES), unread.lines > UNREAD_LINES
        controller.presenter.show(UnreadLines(joined.room, joined.roomName, lines, more, read))


async def markRead(
    controller: SessionController, room: Room, seq: int, log: str = "", time: int = 0
) -> None:
    """
    Store the number of the last line that the account has read.

    If the number is of another history, do as L{since} does.

    @param log: the incarnation of the order in which that line was read; empty: not known.
    @param time: that of that line: nanoseconds since 1970, UTC; 0: not known.
    """
    controller.checkStored()
    if log or seq > room.storedSeq:
        restored = await _findRestored(controller, room, seq, log, time)
        if restored is not None:
            await _showRestored(controller, room, restored)
            return
    controller.propose(MarkRead(controller.session.ident, room.record.key, seq))


async def _showRestored(
    controller: SessionController, room: Room, restored: HistoryRestored
) -> None:
    controller.presenter.show(restored)
    await controller.replay(room, restored.first)


async def _findRestored(
    controller: SessionController, room: Room, seq: int, log: str, time: int
) -> HistoryRestored | None:
    # What somebody has to be told who has seen a line that is not in this history. Positions and
    # numbers decide; of two lines with the same ones no two have the same time. It is not taken on
    # trust that there were others: nobody else is told so for what one has named.
    current, last = controller.context.pipeline.log, room.storedSeq
    if not seq:
        return None
    if seq <= last and log == current:
        lines = await _read(controller, room, seq, seq) if time else []
        # If it is too old to be kept, nobody knows.
        if not lines or lines[0].first != seq or lines[0].time == time:
            return None
        first = min(room.loadedSeq, seq, last - REPLAYED_LINES) + 1
        return _restored(controller, room, seq, None, max(1, first))
    common: int | None = None
    if log != current:
        reply: PendingReply[int | None] = PendingReply()
        controller.context.archive.lastCommon(room.record.key, log, reply)
        common = await reply
    if common is not None:
        if seq <= common:
            return None
        if log or min(seq, last) - common <= HISTORY_LINES:
            # Without a name for it the number may be of this history all the same: rather show
            # some lines twice than none of them.
            return _restored(controller, room, seq, common, common + 1)
        if seq <= last:
            return _restored(controller, room, seq, common, seq + 1, sure=False)
    elif not log and seq <= last:
        return None
    # Lines since the start can't have been seen by who knows of others.
    first = min(room.loadedSeq, last - REPLAYED_LINES) + 1
    if log != current:
        first = max(first, last - HISTORY_LINES + 1)
    return _restored(controller, room, seq, None, max(1, first))


def _restored(
    controller: SessionController,
    room: Room,
    seq: int,
    common: int | None,
    first: int,
    sure: bool = True,
) -> HistoryRestored:
    record = room.record
    log = controller.context.pipeline.log
    return HistoryRestored(record.key, record.name, log, seq, room.storedSeq, common, first, sure)


async def delete(controller: SessionController, room: Room, seq: int, reason: str = "") -> None:
    """
    Delete what people wrote in a line; its number stays, and who did what to whom.

    @param reason: for programs of IRC; it is not stored.

    @raise ChatError: there is no such line, or there are no words in it.
    """
    name = ROOM_SIGN + room.record.name
    if not room.permissions.firstReadable(controller.session) <= seq <= room.storedSeq:
        raise ChatError(NO_LINE, seq=seq, room=name)
    controller.checkStored()
    lines = await _read(controller, room, seq, seq)
    if not lines or lines[0].first != seq:
        raise ChatError(NO_LINE, seq=seq, room=name)
    if withoutWords(lines[0].kind, lines[0].texts[0]) is None:
        raise ChatError(NO_WORDS, seq=seq, room=name)
    _proposeDeletion(controller, room, lines[0], reason)


async def deleteLast(controller: SessionController, room: Room, nick: str = "") -> None:
    """
    Delete the last line with words by somebody, of those that the session was told when it asked
    for this; what was said since is not meant.

    @param nick: as it stands in the line; empty: one's own, whatever the name was.
    @raise ChatError: there is none.
    """
    session, key = controller.session, fold(nick)
    isOwn = not nick or key == session.key
    # What the session itself has said before is told by now.
    until = max(controller.told, session.answeredAt) if isOwn else controller.told
    last = room.storedSeq
    first = max(room.permissions.firstReadable(session), last - LINES_LOOKED_AT + 1, 1)
    controller.checkStored()
    while last >= first:
        begin = max(first, last - HISTORY_PAGE + 1)
        for messages in reversed(await _read(controller, room, begin, last)):
            if messages.position > until:
                continue
            if isOwn and session.account is not None:
                matches = messages.account == session.account
            else:
                matches = fold(messages.nick) == (key or session.key)
            for seq in range(messages.last, messages.first - 1, -1) if matches else ():
                line = messages.since(seq)
                if withoutWords(line.kind, line.texts[0]) is not None:
                    _proposeDeletion(controller, room, line)
                    return
        last = begin - 1
    name = ROOM_SIGN + room.record.name
    raise ChatError(NO_LINE_OF, name=nick or session.nick, most=LINES_LOOKED_AT, room=name)


async def _read(
    controller: SessionController, room: Room, first: int, last: int
) -> list[RoomMessages]:
    reply: PendingReply[list[RoomMessages]] = PendingReply()
    controller.context.archive.read(room.record.key, first, last, reply)
    return await reply


def _proposeDeletion(
    controller: SessionController, room: Room, line: RoomMessages, reason: str = ""
) -> None:
    # Of the first of these lines.
    remaining = withoutWords(line.kind, line.texts[0])
    assert remaining is not None
    # Looked up now: the account may have been dropped while the line was read.
    account = controller.context.state.accounts.get(line.account or "")
    # A name may have belonged to somebody else when the line was said.
    author = account.key if account and account.wrote(line.position, line.time) else None
    controller.propose(
        DeleteMessage(
            controller.session.ident,
            room.record.key,
            line.first,
            author,
            *remaining,
            _timeOfRecord(room, line),
            line.ident(0),
            reason,
        )
    )


def _timeOfRecord(room: Room, line: RoomMessages) -> int:
    # Of the topic or the restriction that has come with the line; 0: there is none by now.
    if line.kind == TOPIC:
        # They have the same time.
        return line.time
    text = line.texts[0]
    times = [
        restriction.time
        for restriction in room.permissions.restrictions.values()
        if restriction.kind == line.kind
        and text == f"{restriction.name} {text.split(' ')[1]} {restriction.reason}"
        and restriction.time <= line.time
    ]
    return max(times, default=0)


def seen(controller: SessionController, name: str) -> None:
    """Show when a user was last connected."""
    state = controller.context.state
    key = fold(name)
    sessions, account = state.sessionsByNick.get(key), state.accounts.get(key)
    if sessions is not None:
        reply = SeenReply(sessions[0].nick, True, 0)
    elif account is not None:
        reply = SeenReply(account.name, key in state.sessionsByAccount, account.seen)
    elif key in state.lastSeenGuests:
        reply = SeenReply(name, False, state.lastSeenGuests[key])
    else:
        raise ChatError(NO_PERSON, nick=name)
    if reply.time > controller.context.latestTime():
        # By a clock that was ahead: nobody knows when that really was.
        reply.time = 0
    controller.presenter.show(reply)


async def inbox(controller: SessionController, name: str) -> None:
    """
    Show the newest private messages of the session's account.

    @param name: the other side; empty: all.
    @raise ChatError: they can't be read.
    """
    await _showInbox(controller, name, fold(name), "")


async def olderInbox(controller: SessionController) -> None:
    """Show the page before the last one, if there is one."""
    if controller.olderPrivate is not None:
        other, before = controller.olderPrivate
        await _showInbox(controller, other, other, before)


async def _showInbox(controller: SessionController, name: str, other: str, before: str) -> None:
    state = controller.context.state
    account = controller.session.account or ""
    reply: PendingReply[list[StoredPrivateMessage]] = PendingReply()
    # One more than is shown says whether there are older ones.
    controller.context.archive.privateMessages(
        account, other, before, INBOX_PAGE + 1, reply, controller.session.ignores
    )
    messages = await reply
    more = len(messages) > INBOX_PAGE
    page = messages[-INBOX_PAGE:]
    controller.olderPrivate = (other, page[0].ident) if more else None
    controller.presenter.show(Inbox(page, name, more))
    if not other and state.scopeOf(controller.session) != READ_SCOPE:
        controller.propose(ClearUnread(controller.session.ident))


def searchQuery(
    rooms: Iterable[Room], words: Sequence[str], nick: str = "", since: int = 0, until: int = 0
) -> SearchQuery:
    """
    Build the argument of L{search}.

    @param words: words or phrases that all have to be in a line; blank ones do not count.
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
    """@raise ChatError: there are too many for one search."""
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
    # What the session may read may have changed since the last page.
    rooms = tuple(
        (key, max(first, room.permissions.firstReadable(session)))
        for key, first in query.rooms
        if key in session.rooms and (room := context.state.rooms[key])
    )
    if not rooms:
        raise ChatError(NOTHING_SEARCHED)
    # One for each person, and a person may have many sessions.
    searcher = session.account or session.ident
    if searcher in context.searching:
        raise ChatError(SEARCHING)
    context.searching.add(searcher)
    try:
        reply: PendingReply[list[RoomMessages]] = PendingReply()
        context.archive.search(replace(query, rooms=rooms, ignored=session.ignores), reply)
        lines = await reply
    finally:
        # Whoever quits meanwhile can't search again at once by coming back: the search goes on in
        # the storage, and the queue closes this request only when that answers.
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
