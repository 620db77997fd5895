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

#: Lines in which the last one of somebody is looked for: some pages of a reader's scrolling.
LINES_LOOKED_AT = 1000


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
    lines = await readLines(controller, room, seq, seq)
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
