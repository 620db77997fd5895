"""Verbs that delete what people wrote in a room.  Pure."""

from __future__ import annotations

from tsservices.chat.controller import SessionController
from tsservices.chat.errors import (
    NO_LINE,
    NO_LINE_OF,
    NO_WORDS,
    ChatError,
)
from tsservices.chat.names import ROOM_SIGN, fold
from tsservices.chat.notifications import (
    RoomMessages,
)
from tsservices.chat.operations import (
    TOPIC,
    DeleteMessage,
    withoutWords,
)
from tsservices.chat.room import Room
from tsservices.chat.storage import HISTORY_PAGE
from tsservices.chat.verbs.history import readLines

#: Lines that are searched for the last one of somebody: some pages of scrolling.
LINES_LOOKED_AT = 1000


async def delete(controller: SessionController, room: Room, seq: int, reason: str = "") -> None:
    """
    Delete the words of a line; its number stays, and for kicks, bans and mutes also the name.

    @param reason: for IRC clients; it is not stored.
    @raise ChatError: there is no such line, or it has no words.
    """
    name = ROOM_SIGN + room.record.name
    if not room.permissions.firstReadable(controller.session) <= seq <= room.storedSeq:
        raise ChatError(NO_LINE, seq=seq, room=name)
    controller.checkStored()
    lines = await readLines(controller, room, seq, seq)
    if not lines or lines[0].first != seq:
        raise ChatError(NO_LINE, seq=seq, room=name)
    if withoutWords(lines[0].kind, lines[0].texts[0]) is None:
        raise ChatError(NO_WORDS, seq=seq, room=name)
    _proposeDeletion(controller, room, lines[0], reason)


async def deleteLast(controller: SessionController, room: Room, nick: str = "") -> None:
    """
    Delete the last line with words by somebody, among the lines that the session had received when
    it asked for this; later lines are not meant.

    @param nick: the nick in the line; empty: the session's own lines, whatever its nick was.
    @raise ChatError: there is none.
    """
    session, key = controller.session, fold(nick)
    isOwn = not nick or key == session.key
    # The session's own earlier lines are delivered by now.
    until = max(controller.seenPosition, session.answeredAt) if isOwn else controller.seenPosition
    last = room.storedSeq
    first = max(room.permissions.firstReadable(session), last - LINES_LOOKED_AT + 1, 1)
    controller.checkStored()
    while last >= first:
        begin = max(first, last - HISTORY_PAGE + 1)
        for messages in reversed(await readLines(controller, room, begin, last)):
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


def _proposeDeletion(
    controller: SessionController, room: Room, line: RoomMessages, reason: str = ""
) -> None:
    # Deletes the first of these lines.
    remaining = withoutWords(line.kind, line.texts[0])
    assert remaining is not None
    # Looked up now, because the account may have been dropped while the line was read.
    account = controller.context.state.accounts.get(line.account or "")
    # The name may have belonged to another user when the line was said.
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
    # The time of the topic or restriction that the line has set; 0: it does not exist any more.
    if line.kind == TOPIC:
        # Topic and line have the same time.
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
