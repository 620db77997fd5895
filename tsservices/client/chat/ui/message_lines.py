"""Formatting of messages, search results and sentences as lines of a window.  Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import PrivateMessage, RoomMessages
from tsservices.chat.operations import DELETED, MESSAGE, withoutWords
from tsservices.chat.records import StoredPrivateMessage
from tsservices.client.chat.colours import Span, highlighted, marked
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.text_view import actionSentence, nameSpans, nickSpan
from tsservices.client.chat.ui.lines import ShownLine
from tsservices.client.chat.ui.rows import textWidth
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import NAME_SIGNS, REPLAYED

#: The number of spans for a name and its signs, before the text.
_NAME_SPANS = 3

#: The styles of sentences, by their first character.
_STYLES = {"!": "refusal", "-": "mark"}


class LineWriter:
    """A formatter of lines, which does not add them to windows."""

    def __init__(
        self, state: ClientState, times: LocalTime, wallTime: Callable[[], float] = time.time
    ) -> None:
        """@param wallTime: returns seconds since 1970."""
        self._state = state
        self._times = times
        self._wallTime = wallTime

    def plain(self, text: str) -> ShownLine:
        """Make a line of an unchanged text, without a time."""
        return ShownLine(int(self._wallTime()), [("", text)], timed=False)

    def sentence(self, text: str) -> ShownLine:
        """Make a line of a sentence from the server or the client."""
        style = _STYLES.get(text[0], "event")
        return ShownLine(int(self._wallTime()), [(style, text)], 2)

    def mark(self, text: str, message: RoomMessages) -> ShownLine:
        """Make a mark between lines of a room, with the time of one of them."""
        return ShownLine(message.time // NANOSECONDS, [("mark", text)], 2)

    def message(
        self,
        room: ClientRoom | None,
        message: RoomMessages,
        called: Sequence[tuple[int, int]] = (),
    ) -> ShownLine:
        """
        Make a line of a message or an action in a room.

        @param called: the parts of the text that mention the user.
        """
        seconds, text = message.time // NANOSECONDS, message.texts[0]
        if message.kind not in NAME_SIGNS and message.kind != DELETED:
            sentence = f"* {actionSentence(self._times, room, message, False)}"
            line = ShownLine(
                seconds, [("event", sentence)], 2, message.first, text=sentence, aside=False
            )
            left = withoutWords(message.kind, text)
            if left is not None:
                kind, text = left
                line.wordless = self.message(room, replace(message, kind=kind, texts=(text,))).spans
            return line
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
        Make a line of a requested message, with its room and number.

        @param searched: words to highlight.
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
            wordless=line.wordless,
        )

    def private(self, message: PrivateMessage | StoredPrivateMessage, isGuest: bool) -> ShownLine:
        """Make a line of a private message."""
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
    """Replace the text of a deleted line, but keep its author; of an action, keep what was done."""
    if not (line.nick or line.wordless):
        return
    # Results and repeated lines begin with one more span.
    at = int(line.spans[0][0] == "time")
    kept = line.wordless or [*line.spans[at : at + _NAME_SPANS], ("event", "(deleted)")]
    line.spans = [*line.spans[:at], *kept]
    line.text = ""
