"""How a message, a result of a search or a sentence is written as a line of a window.  Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import PrivateMessage, RoomMessages
from tsservices.chat.operations import DELETED, MESSAGE
from tsservices.chat.records import StoredPrivateMessage
from tsservices.client.chat.colours import Span, highlighted, marked
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.text_view import actionSentence, nameSpans, nickSpan
from tsservices.client.chat.ui.lines import ShownLine
from tsservices.client.chat.ui.rows import textWidth
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import NAME_SIGNS, REPLAYED

#: Spans of a name and its signs, which stand before what was said.
_NAME_SPANS = 3

#: The styles of sentences, by what they begin with.
_STYLES = {"!": "refusal", "-": "mark"}


class LineWriter:
    """Writes lines of windows; it puts them nowhere."""

    def __init__(
        self, state: ClientState, times: LocalTime, wallTime: Callable[[], float] = time.time
    ) -> None:
        """@param wallTime: gives the seconds since 1970."""
        self._state = state
        self._times = times
        self._wallTime = wallTime

    def plain(self, text: str) -> ShownLine:
        """A text as it stands."""
        return ShownLine(int(self._wallTime()), [("", text)], timed=False)

    def sentence(self, text: str) -> ShownLine:
        """What the server or the client itself says now."""
        style = _STYLES.get(text[0], "event")
        return ShownLine(int(self._wallTime()), [(style, text)], 2)

    def mark(self, text: str, message: RoomMessages) -> ShownLine:
        """What stands between lines of a room, at the time of one of them."""
        return ShownLine(message.time // NANOSECONDS, [("mark", text)], 2)

    def message(
        self,
        room: ClientRoom | None,
        message: RoomMessages,
        called: Sequence[tuple[int, int]] = (),
    ) -> ShownLine:
        """
        What was said or done in a room.

        @param called: where the text calls the reader.
        """
        seconds, text = message.time // NANOSECONDS, message.texts[0]
        if message.kind not in NAME_SIGNS and message.kind != DELETED:
            sentence = f"* {actionSentence(self._times, room, message, False)}"
            return ShownLine(
                seconds, [("event", sentence)], 2, message.first, text=sentence, aside=False
            )
        isOwn = self._state.isSelf(message.nick)
        spans = nameSpans(message, self._state.accounts, isOwn)
        indent = sum(textWidth(part) for _, part in spans)
        if message.kind == DELETED:
            spans.append(("event", "(deleted)"))
            text = ""
        else:
            spans += marked(text, called, "mention")
        return ShownLine(
            seconds, spans, indent, message.first, nick=message.nick, text=text, aside=False
        )

    def result(self, message: RoomMessages, searched: Sequence[str]) -> ShownLine:
        """
        A message that was asked for, with its room and number.

        @param searched: words that are set off.
        """
        line = self.message(self._state.rooms.get(message.room), message)
        spans = list(line.spans)
        if searched and line.nick and line.text:
            spans[_NAME_SPANS:] = highlighted(line.text, searched)
        day = self._times.minute(line.seconds)[5:10]
        start = f"{REPLAYED}{day} {ROOM_SIGN}{message.roomName} {message.first} "
        return ShownLine(
            line.seconds,
            [("time", start), *spans],
            4,
            message.first,
            message.room,
            message.nick,
            line.text,
        )

    def private(self, message: PrivateMessage | StoredPrivateMessage, isGuest: bool) -> ShownLine:
        """What one person said to another."""
        before, after = NAME_SIGNS.get(message.kind, NAME_SIGNS[MESSAGE])
        before += "~" if isGuest else ""
        isOwn = self._state.isSelf(message.nick)
        spans: list[Span] = [("", before), nickSpan(message.nick, isOwn), ("", after)]
        return ShownLine(
            message.time // NANOSECONDS,
            [*spans, ("", message.text)],
            sum(textWidth(part) for _, part in spans),
            nick=message.nick,
            text=message.text,
            ident=message.ident,
        )


def takeWords(line: ShownLine) -> None:
    """Leave nothing of what was said but who said it."""
    if line.nick:
        line.spans = [*line.spans[:_NAME_SPANS], ("event", "(deleted)")]
        line.text = ""
