"""
The view for people: sentences and lines of rooms in the format of the line frontend, with styles,
and the client's own messages.  Pure.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

from tsservices.chat.names import ROOM_SIGN
from tsservices.chat.notifications import Invited, PrivateMessage, RoomMessages
from tsservices.chat.operations import DELETE, DELETED, MESSAGE
from tsservices.client.chat.colours import NICK, Span, highlighted
from tsservices.client.chat.events import Content, ReplayHead, SearchHead, ServerEvent
from tsservices.client.chat.mentions import mentions
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import ConnectionChange, LineOrigin
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.common.text import plural
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import (
    NAME_SIGNS,
    NOW,
    PRIVATE_SIGNS,
    REPLAYED,
    SENTENCES,
    actionText,
    expiredText,
    replayHead,
    searchHead,
)

#: The styles of lines, by their first character.
_STYLES = {"!": "refusal", "*": "event", "-": "mark", "|": "event"}


class TextView:
    """
    A view that shows events as lines of spans.

    @ivar searched: the words of the last search, which are highlighted in its results.
    """

    def __init__(
        self,
        state: ClientState,
        show: Callable[[list[Span], bool], None],
        ask: Callable[[str], None],
        localtime: Callable[[float], time.struct_time] = time.localtime,
        marked: bool = True,
    ) -> None:
        """
        @param show: takes a line, and whether to alert the user.
        @param ask: asks for a secret; an empty text ends the prompt.
        @param localtime: converts seconds since 1970 to local time.
        @param marked: whether to mark where unread lines begin.
        """
        self.searched: list[str] = []
        self._state = state
        self._show = show
        self._ask = ask
        self._marked = marked
        self._time = LocalTime(localtime)
        self._greeted = False
        self._date = ""
        self._dateReplayed = ""

    def received(self, event: ServerEvent) -> None:
        pass

    def notify(self, content: Content) -> None:
        if isinstance(content, PrivateMessage):
            self._private(content)
            return
        write = SENTENCES.get(type(content))
        if write is not None:
            self._sentences(write(self._time, content), isinstance(content, Invited))

    def _sentences(self, text: str, alert: bool = False) -> None:
        for line in text.split("\n"):
            if line:
                self._show([(_STYLES.get(line[0], ""), line)], alert)

    def roomLine(self, room: ClientRoom | None, message: RoomMessages, origin: LineOrigin) -> None:
        moment = self._time.moment(message.time // NANOSECONDS)
        replayed = origin in (LineOrigin.BEFORE, LineOrigin.ASKED, LineOrigin.FOUND)
        if replayed and moment.date != self._dateReplayed:
            self._dateReplayed = moment.date
            self._sentences(f"{REPLAYED}* {moment.date}\n")
        elif not replayed and moment.date != self._date:
            if self._date:
                self._sentences(f"* {moment.date}\n")
            self._date = moment.date
        text = message.texts[0]
        isOwn = self._state.isSelf(message.nick)
        called = not isOwn and mentions(text, self._state.nick)
        isResult = origin is LineOrigin.FOUND
        isNumbered = isResult or origin is LineOrigin.ASKED
        withRoom = not isNumbered and (room is None or len(self._state.rooms) > 1)
        where = f"{ROOM_SIGN}{message.roomName} "
        numbered = f"{where}{message.first} " if isNumbered else ""
        prefix: list[Span] = [("time", REPLAYED)] if replayed else []
        clock: Span = ("time", f"[{moment.clock}] ")
        if message.kind not in NAME_SIGNS and message.kind != DELETED:
            # The star stands before the time or replaces it: no member can fake such a line.
            times = [clock] if replayed else []
            action = f"{numbered}{actionSentence(self._time, room, message, withRoom)}"
            line = [*prefix, ("event", "* "), *times, ("event", action)]
            self._show(line, called and not replayed)
            return
        start: Span = ("time", numbered or (where if withRoom else ""))
        head = [*prefix, clock, start, *nameSpans(message, self._state.accounts, isOwn)]
        if message.kind == DELETED:
            self._show([*head, ("event", "(deleted)")], False)
            return
        # Each line of a message starts with the author, as in the line frontend.
        for index, part in enumerate(text.split("\n")):
            words = (
                [("mention", part)]
                if called
                else highlighted(part, self.searched if isResult else [])
            )
            self._show([*head, *words], called and not replayed and not index)

    def _private(self, message: PrivateMessage) -> None:
        clock = self._time.moment(message.time // NANOSECONDS).clock
        isOwn = self._state.isSelf(message.nick)
        before, after = PRIVATE_SIGNS.get(message.kind, PRIVATE_SIGNS[MESSAGE])
        before += "~" if self._state.accounts and message.account is None else ""
        for index, part in enumerate(message.text.split("\n")):
            self._show(
                [
                    ("time", f"[{clock}] "),
                    ("", before),
                    nickSpan(message.nick, isOwn),
                    ("", f" -> {message.to}{after}"),
                    ("" if isOwn else "mention", part),
                ],
                not isOwn and not index,
            )

    def linesBegin(self, head: ReplayHead | SearchHead) -> None:
        self._dateReplayed = ""
        if isinstance(head, SearchHead):
            self._sentences(searchHead(head.count, head.more))
        else:
            self._sentences(replayHead(head.roomName, head.count, head.missing))

    def linesEnd(self, origin: LineOrigin) -> None:
        self._sentences(NOW)

    def linesExpired(self, room: ClientRoom, first: int, last: int) -> None:
        self._sentences(f"--- {ROOM_SIGN}{room.name}: {expiredText(first, last)} ---\n")

    def unreadBegins(self) -> None:
        if self._marked:
            self._sentences("--- new ---\n")

    def note(self, text: str, room: str = "") -> None:
        self._sentences(f"* {text}\n")

    def complain(self, text: str) -> None:
        self._sentences(f"! {text}\n")

    def queued(self, item: OutgoingLine) -> None:
        self.note(f"waits for the connection: {item.shown}")

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        self.complain(f"{'not' if sure else 'perhaps not'} sent: {item.shown}")

    def askSecret(self, text: str) -> None:
        self._ask(text)

    def connectionChanged(
        self, change: ConnectionChange, reason: str = "", missed: int = 0
    ) -> None:
        if change is ConnectionChange.CONNECTED:
            if self._state.encrypted and not self._greeted:
                self.note("the connection is encrypted")
            self._greeted = True
        elif change is ConnectionChange.LOST:
            self.note(f"connection lost, trying again ({reason})")
        elif change is ConnectionChange.RESUMED:
            lines = plural(missed, "line") if missed else "nothing"
            verb = "were" if missed > 1 else "was"
            self.note(f"back: {lines} {verb} said meanwhile")


def nickSpan(nick: str, isOwn: bool) -> Span:
    """Make the span of a name in its colour."""
    return "own" if isOwn else NICK + nick, nick


def nameSpans(message: RoomMessages, markGuest: bool, isOwn: bool) -> list[Span]:
    """Make the spans of the author of a line, with its signs."""
    isGuest = markGuest and message.account is None
    return list(_nameSpans(message.kind, message.nick, isGuest, isOwn))


@lru_cache(1024)
def _nameSpans(kind: str, nick: str, isGuest: bool, isOwn: bool) -> tuple[Span, ...]:
    # Cached: separate spans for each line would be a third of the memory of a 10,000-line window.
    before, after = NAME_SIGNS.get(kind, NAME_SIGNS[MESSAGE])
    return ("", before + "~" * isGuest), nickSpan(nick, isOwn), ("", after)


def actionSentence(
    times: LocalTime, room: ClientRoom | None, message: RoomMessages, withRoom: bool
) -> str:
    """Describe an action in a room."""
    (action,) = actionText(message, withRoom)
    number = message.texts[0]
    # Most lines are shown without their number, so add the author and time of the deleted line.
    if message.kind == DELETE and room is not None and number.isascii() and number.isdigit():
        author = room.authors.get(int(number)) if len(number) < 20 else None
        if author is not None:
            clock = times.moment(author[1] // NANOSECONDS).clock
            action += f" (said by {author[0]} at {clock})"
    return action


def searchWords(arguments: str) -> list[str]:
    """Extract the words that C{/search} looks for, without its filters."""
    words = arguments.split()
    if words and words[0].startswith(ROOM_SIGN):
        words = words[1:]
    filters = ("from:", "since:", "before:")
    bare = [word.strip('"*') for word in words if not word.startswith(filters)]
    return [word for word in bare if word]
