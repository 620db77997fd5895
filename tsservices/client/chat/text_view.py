"""
The view of people: lines as the text form of the server has them, with styles.  Pure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tsservices.chat.names import ROOM_SIGN
from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import LineOrigin
from tsservices.client.chat.sentences import Sentences
from tsservices.client.chat.state import ClientRoom, ClientState
from tsservices.client.chat.ui.colours import NICK, Span, highlighted, mentions
from tsservices.common.timestamps import NANOSECONDS
from tsservices.frontends.formats.localtime import LocalTime
from tsservices.frontends.formats.sentences import durationText, expiredText, plural

#: What stands before and after the name of who says a line of each kind, other than C{<} and C{>}.
_AROUND = {"me": ("* ", " "), "notice": ("-", "- ")}

#: Lines that say what somebody did to somebody.
_DEEDS = {
    "kick": "kicked {} from {room}",
    "ban": "banned {} from {room}",
    "unban": "unbanned {} from {room}",
    "mute": "muted {} in {room}",
    "unmute": "unmuted {} in {room}",
    "op": "made {} an operator of {room}",
    "deop": "made {} a plain member of {room}",
}


class TextView:
    """
    Shows lines.

    @ivar searched: the words that were searched for last.
    """

    def __init__(
        self,
        town: ClientState,
        show: Callable[[list[Span], bool], None],
        ask: Callable[[str], None],
        localtime: Callable[[float], time.struct_time] = time.localtime,
        marked: bool = True,
    ) -> None:
        """@param localtime: gives the local time of seconds since 1970."""
        self.searched: list[str] = []
        self._town = town
        self._show = show
        self._ask = ask
        self._marked = marked
        self._time = LocalTime(localtime)
        self._sentences = Sentences(self._time)
        self._day = ""
        self._dayBefore = ""

    def raw(self, event: ServerEvent) -> None:
        pass

    def told(self, event: ServerEvent) -> None:
        if event.type == "whispered":
            self._whispered(event)
            return
        mark, style = ("! ", "refusal") if event.type == "refused" else ("* ", "event")
        for text in self._sentences.of(event):
            self._show([(style, f"{mark}{text}")], event.type == "invited")

    def said(self, room: ClientRoom | None, event: ServerEvent, how: LineOrigin) -> None:
        moment = self._time.moment(event.number("time") // NANOSECONDS)
        before = how is LineOrigin.BEFORE
        prefix: list[Span] = [("time", "| ")] if before else []
        clock = moment.clock
        if how is LineOrigin.FOUND:
            clock = self._sentences.when(event.number("time"))
        elif before and moment.date != self._dayBefore:
            self._dayBefore = moment.date
            self._show([*prefix, ("event", f"* {moment.date}")], False)
        elif not before and moment.date != self._day:
            if self._day:
                self._show([("event", f"* {moment.date}")], False)
            self._day = moment.date
        own = self._town.isSelf(event.text("nick"))
        called = not own and mentions(event.text("text"), self._town.nick)
        line = [*prefix, ("time", f"[{clock}] "), *self._line(room, event, how, own, called)]
        self._show(line, called and how in (LineOrigin.NOW, LineOrigin.MISSED))

    def _line(
        self, room: ClientRoom | None, event: ServerEvent, how: LineOrigin, own: bool, called: bool
    ) -> list[Span]:
        nick, text, kind = event.text("nick"), event.text("text"), event.text("kind")
        where = ROOM_SIGN + event.text("room")
        several = how is LineOrigin.FOUND or room is None or len(self._town.rooms) > 1
        name: Span = ("own" if own else NICK + nick, nick)
        done = self._deed(kind, text, where, room)
        if done:
            return [("event", "* "), name, ("event", f" {done}")]
        start: list[Span] = [("time", f"{where} ")] if several else []
        opening, closing = _AROUND.get(kind, ("<", "> "))
        if self._marked and self._town.accounts and event.fields.get("account") is None:
            opening += "~"
        if kind == "deleted":
            return [*start, ("", opening), name, ("", closing), ("event", "(deleted)")]
        said = highlighted(text, self.searched) if how is LineOrigin.FOUND else [("", text)]
        if called:
            said = [("mention", text)]
        return [*start, ("", opening), name, ("", closing), *said]

    def _deed(self, kind: str, text: str, where: str, room: ClientRoom | None) -> str:
        if kind == "topic":
            return f"{'changed' if text else 'removed'} the topic of {where}" + (
                f" to: {text}" if text else ""
            )
        if kind in ("private", "public"):
            return f"made {where} {'by invitation only' if kind == 'private' else 'open to all'}"
        if kind == "delete":
            number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
            author = room.authors.get(number) if room is not None else None
            if author is None:
                return f"deleted line {text} of {where}"
            clock = self._time.moment(author[1] // NANOSECONDS).clock
            return f"deleted what {author[0]} said in {where} at {clock}"
        if kind not in _DEEDS:
            return ""
        name, _, why = text.partition(" ")
        if kind in ("ban", "mute"):
            duration, _, why = why.partition(" ")
            why = f"{durationText(duration)}{f': {why}' if why else ''}"
            return f"{_DEEDS[kind].format(name, room=where)} {why}"
        return _DEEDS[kind].format(name, room=where) + (f": {why}" if why else "")

    def _whispered(self, event: ServerEvent) -> None:
        moment = self._time.moment(event.number("time") // NANOSECONDS)
        nick, to = event.text("nick"), event.text("to")
        own = self._town.isSelf(nick)
        opening, closing = _AROUND.get(event.text("kind"), ("<", "> "))
        self._show(
            [
                ("time", f"[{moment.clock}] "),
                ("", opening),
                ("own" if own else NICK + nick, nick),
                ("", f" -> {to}{closing}"),
                ("" if own else "mention", event.text("text")),
            ],
            not own,
        )

    def replayed(self, event: ServerEvent) -> None:
        lines = event.number("lines")
        what = plural(lines, "line") if lines else "nothing"
        self._dayBefore = ""
        if event.type == "found":
            self._mark(f"--- found: {what} ---")
            return
        self._mark(f"--- {ROOM_SIGN}{event.text('room')}: {what} from before ---")
        if (missing := event.span("missing")) is not None:
            self._mark(f"--- {expiredText(*missing)} ---")

    def missing(self, room: ClientRoom, first: int, last: int) -> None:
        self._mark(f"--- {ROOM_SIGN}{room.name}: {expiredText(first, last)} ---")

    def endOfLines(self, how: LineOrigin, more: bool) -> None:
        if how is LineOrigin.BEFORE:
            self._mark("--- now ---")
        else:
            self._mark("--- /search shows older ones ---" if more else "--- that is all ---")

    def unread(self) -> None:
        if self._marked:
            self._mark("--- new ---")

    def note(self, text: str) -> None:
        self._show([("event", f"* {text}")], False)

    def complain(self, text: str) -> None:
        self._show([("refusal", f"! {text}")], False)

    def waits(self, item: OutgoingLine) -> None:
        self.note(f"waits for the connection: {item.shown}")

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        self.complain(f"{'not' if sure else 'perhaps not'} sent: {item.shown}")

    def asked(self, text: str) -> None:
        self._ask(text)

    def connection(self, what: str, reason: str = "", missed: int = 0) -> None:
        if what == "lost":
            self.note(f"connection lost, trying again ({reason})")
        elif what == "resumed":
            lines = plural(missed, "line") if missed else "nothing"
            verb = "were" if missed > 1 else "was"
            self.note(f"back: {lines} {verb} said meanwhile")

    def _mark(self, text: str) -> None:
        self._show([("mark", text)], False)


def searchedFor(rest: str) -> list[str]:
    """The words in it that are no filters."""
    words: Sequence[str] = rest.split()
    if words and words[0].startswith(ROOM_SIGN):
        words = words[1:]
    return [
        bare
        for each in words
        if not each.startswith(("from:", "since:", "before:")) and (bare := each.strip('"*'))
    ]
