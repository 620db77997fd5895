"""
Notifications written for people: the lines of rooms, and the sentences of
L{tsservices.frontends.formats.sentences}.  Pure.

The beginning of a line shows its kind:

  - C{[12:10:05] <ann> hello}: said in a room, or with C{<ann -> bob>} to one person;
    C{* ann waves} and C{-ann- hello} after the time are the other kinds;
  - C{* }: an event or an answer, in the server's own words;
  - C{! }: an error;
  - C{| }: a replayed line, between two lines that begin with C{---}.

Text from people never stands at the beginning of a line, and its invisible characters have been
made visible before.  An action in a user's own words has the time before its star; a report of
the server has no time, or has it after the star: C{* ann kicked bob} is a kick, and so is
C{| * [12:10:05] ann kicked bob} among replayed lines, but C{[12:10:05] * ann kicked bob} is only
a text from ann.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import (
    HistoryReplay,
    JoinedRoom,
    Notification,
    RoomMessages,
    SearchResults,
)
from tsservices.chat.operations import DELETED, MESSAGE
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import (
    NAME_SIGNS,
    NOW,
    REPLAYED,
    SENTENCES,
    actionText,
    eachLine,
    replayHead,
    restoredAfter,
    searchHead,
)


class TextFormatter:
    """
    Writes notifications for people.  It is stateless, so notifications can be written in any order
    and repeatedly: one formatter serves all readers with the same settings.
    """

    def __init__(self, localtime: Callable[[float], time.struct_time], withRoom: bool) -> None:
        """
        @param localtime: gives the local time of seconds since 1970, as
            C{time.localtime} does.
        @param withRoom: whether lines show their room, for users who are in several.
        """
        self._time = LocalTime(localtime)
        self._withRoom = withRoom
        self._write: dict[type[Notification], Callable[[Any], str]] = {
            **{kind: partial(write, self._time) for kind, write in SENTENCES.items()},
            RoomMessages: self._messages,
            HistoryReplay: self._replay,
            JoinedRoom: self._joinedRoom,
            SearchResults: self._searchResults,
        }

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Lines in UTF-8."""
        write = self._write
        if len(notifications) == 1:
            # The usual case: a batch is encoded one notification at a time, for its many readers.
            notification = notifications[0]
            return write[type(notification)](notification).encode("utf-8", "replace")
        lines = [write[type(notification)](notification) for notification in notifications]
        return "".join(lines).encode("utf-8", "replace")

    def page(self, messages: Iterable[RoomMessages], before: int) -> str:
        """
        Write lines of one room, each day after its date.

        @param before: the time of the line before them, in nanoseconds since 1970; 0: there is
            none.
        """
        date = self._time.moment(before // NANOSECONDS).date if before else ""
        return "".join(self._dated(messages, "", False, date))

    def _messages(self, message: RoomMessages) -> str:
        moment = self._time.moment
        second = message.time // NANOSECONDS
        now = moment(second)
        signs = NAME_SIGNS.get(message.kind)
        if signs is not None:
            # The hot path: as eachLine, without the call, and with one join for all lines.
            where = f"{ROOM_SIGN}{message.roomName} " if self._withRoom else ""
            start = f"[{now.clock}] {where}{signs[0]}{message.nick}{signs[1]}"
            texts = message.texts
            text = texts[0] if len(texts) == 1 else "\n".join(texts)
            if "\n" in text:
                text = text.replace("\n", "\n" + start)
            lines = f"{start}{text}\n"
        elif message.kind == DELETED:
            lines = "".join(self._lines(message, now.clock, "", False))
        else:
            lines = "".join(f"* {action}\n" for action in actionText(message, self._withRoom))
        # Whether to write the date depends on the line and not on its reader, so that all readers
        # get the same bytes: the message itself has the time of the one before it.
        before = message.previous // NANOSECONDS
        if before and before != second and moment(before).date != now.date:
            return f"* {now.date}\n{lines}"
        return lines

    def _lines(self, message: RoomMessages, clock: str, mark: str, numbered: bool) -> Iterable[str]:
        room = f"{ROOM_SIGN}{message.roomName} "
        deleted = message.kind == DELETED
        signs = NAME_SIGNS[MESSAGE] if deleted else NAME_SIGNS.get(message.kind)
        if signs is None:
            actions = actionText(message, self._withRoom and not numbered)
            texts = actions
            start = f"{mark}* [{clock}] {room if numbered else ''}"
            name = ""
        else:
            texts = ["(deleted)" if deleted else text for text in message.texts]
            start = f"{mark}[{clock}] {room if self._withRoom or numbered else ''}"
            name = f"{signs[0]}{message.nick}{signs[1]}"
        if not numbered:
            return [eachLine(f"{start}{name}", text) for text in texts]
        return [
            eachLine(f"{start}{seq} {name}", text) for seq, text in enumerate(texts, message.first)
        ]

    def _dated(
        self, messages: Iterable[RoomMessages], mark: str, numbered: bool, date: str
    ) -> list[str]:
        lines: list[str] = []
        log, last = "", 0
        for message in messages:
            if log not in ("", message.log) and message.first == last + 1:
                lines.append(f"{mark}* {restoredAfter(message.roomName, last)}\n")
            log, last = message.log, message.last
            moment = self._time.moment(message.time // NANOSECONDS)
            if moment.date != date:
                date = moment.date
                lines.append(f"{mark}* {date}\n")
            lines += self._lines(message, moment.clock, mark, numbered)
        return lines

    def _replay(self, replay: HistoryReplay) -> str:
        count = _count(replay.messages)
        lines = [replayHead(replay.roomName, count, replay.missing)]
        lines += self._dated(replay.messages, REPLAYED, replay.numbered, "")
        if count:
            lines.append(NOW)
        return "".join(lines)

    def _searchResults(self, results: SearchResults) -> str:
        head = searchHead(_count(results.messages), results.more)
        if not results.messages:
            return head
        return "".join([head, *self._dated(results.messages, REPLAYED, True, ""), NOW])

    def _joinedRoom(self, joined: JoinedRoom) -> str:
        lines = SENTENCES[JoinedRoom](self._time, joined)
        replay = joined.replay
        if replay is not None and (replay.messages or replay.missing):
            lines += self._replay(replay)
            if joined.log and replay.messages and replay.messages[-1].log != joined.log:
                lines += f"* {restoredAfter(joined.roomName, joined.joinedSeq)}\n"
        return lines


def _count(messages: Iterable[RoomMessages]) -> int:
    return sum(len(message.texts) for message in messages)
