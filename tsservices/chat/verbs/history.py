"""Verbs about the history of a room: replays, and how far an account has read.  Pure."""

from __future__ import annotations

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import NO_LINE, ChatError
from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    HistoryRestored,
    JoinedRoom,
    MarkedRead,
    RoomMessages,
    UnreadLines,
)
from tsservices.chat.operations import (
    MarkRead,
)
from tsservices.chat.requests import PendingReply
from tsservices.chat.room import REPLAYED_LINES, Room
from tsservices.chat.storage import LineSpan, UnreadCount

#: Maximum number of lines of history in one request.
HISTORY_LINES = 500

#: Unread lines are counted up to this number: a person needs no higher one.
UNREAD_LINES = 1000

#: The newest lines that are checked for that: about ten milliseconds of the reader's thread. The
#: count is too low only if nearly all of these are the user's own lines.
UNREAD_LOOKED_AT = 20_000

#: The highest possible number of a line.
HIGHEST_SEQ = 2**63 - 1


async def history(controller: SessionController, room: Room, count: int = REPLAYED_LINES) -> None:
    """Show the last readable lines of a room."""
    await controller.replayNewest(room, min(count, HISTORY_LINES))


async def before(controller: SessionController, room: Room, seq: int, count: int) -> None:
    """Show some lines of a room, those before a number."""
    await controller.replayNewest(room, min(count, HISTORY_LINES), seq - 1)


async def around(controller: SessionController, room: Room, seq: int, count: int) -> None:
    """
    Show some lines of a room, half of them before a number.

    @raise ChatError: there is no such line to read.
    """
    if not room.permissions.firstReadable(controller.session) <= seq <= room.storedSeq:
        raise ChatError(NO_LINE, seq=seq, room=ROOM_SIGN + room.record.name)
    count = min(count, HISTORY_LINES)
    first = max(1, seq - count // 2)
    await controller.replay(room, first, first + count - 1)


async def since(
    controller: SessionController, room: Room, seq: int, log: str = "", time: int = 0
) -> None:
    """
    Show the lines of a room after a number.

    If the number is of another history, report that, and show the lines that can't have been seen.

    @param log: the incarnation of the order in which that line was seen; empty: not known.
    @param time: the time of that line: nanoseconds since 1970, UTC; 0: not known.
    """
    restored = await _findRestored(controller, room, seq, log, time)
    if restored is None:
        await controller.replay(room, seq + 1)
    else:
        await _showRestored(controller, room, restored)


async def showUnread(controller: SessionController, joined: JoinedRoom) -> None:
    """Show the number of unread lines of a room that are not in the replay."""
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
        # The user has not asked for it.
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
    @param time: the time of that line: nanoseconds since 1970, UTC; 0: not known.
    """
    controller.checkStored()
    if log or seq > room.storedSeq:
        restored = await _findRestored(controller, room, seq, log, time)
        if restored is not None:
            await _showRestored(controller, room, restored)
            return
    record, account = room.record, controller.session.account
    marker = controller.context.state.readMarkers.get((account or "", record.key))
    if marker is not None and seq <= marker.seq:
        # A marker never goes back.
        controller.presenter.show(MarkedRead(record.key, record.name, marker.seq))
        return
    controller.propose(MarkRead(controller.session.ident, record.key, seq))


async def _showRestored(
    controller: SessionController, room: Room, restored: HistoryRestored
) -> None:
    controller.presenter.show(restored)
    await controller.replay(room, restored.first)


async def _findRestored(
    controller: SessionController, room: Room, seq: int, log: str, time: int
) -> HistoryRestored | None:
    # The notification for a client that has seen a line which is not in this history. Positions and
    # numbers decide; two lines with the same ones differ in time. The client's claim is no proof of
    # another history, so other clients are not notified.
    current, last = controller.context.pipeline.log, room.storedSeq
    if not seq:
        return None
    if seq <= last and log == current:
        lines = await readLines(controller, room, seq, seq) if time else []
        # If the line is too old to be stored, this is not known.
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
            # Without a log the number may still be of this history: showing some lines twice is
            # better than showing none.
            return _restored(controller, room, seq, common, common + 1)
        if seq <= last:
            return _restored(controller, room, seq, common, seq + 1, sure=False)
    elif not log and seq <= last:
        return None
    # A client that knows lines of another history can't have seen lines since the start.
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


async def readLines(
    controller: SessionController, room: Room, first: int, last: int
) -> list[RoomMessages]:
    """The lines of a room in a range of numbers, consecutive lines of one author together."""
    reply: PendingReply[list[RoomMessages]] = PendingReply()
    controller.context.archive.read(room.record.key, first, last, reply)
    return await reply
