"""
The view of programs: every object as it came, and some of the client's own.  Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import LineOrigin
from tsservices.client.chat.state import ClientRoom


class JSONView:
    """Writes one JSON object on each line."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def raw(self, event: ServerEvent) -> None:
        self._write(event.raw)

    def _own(self, event: str, **fields: object) -> None:
        self._write(json.dumps({"type": "client", "event": event, **fields}, ensure_ascii=False))

    def told(self, event: ServerEvent) -> None:
        pass

    def said(self, room: ClientRoom | None, event: ServerEvent, how: LineOrigin) -> None:
        pass

    def replayed(self, event: ServerEvent) -> None:
        pass

    def missing(self, room: ClientRoom, first: int, last: int) -> None:
        pass

    def endOfLines(self, how: LineOrigin, more: bool) -> None:
        pass

    def unread(self) -> None:
        pass

    def note(self, text: str) -> None:
        self._own("note", text=text)

    def complain(self, text: str) -> None:
        self._own("complaint", text=text)

    def waits(self, item: OutgoingLine) -> None:
        pass

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        self._own("notSent", text=item.shown, sure=sure)

    def asked(self, text: str) -> None:
        pass

    def connection(self, what: str, reason: str = "", missed: int = 0) -> None:
        if what == "lost":
            self._own(what, reason=reason)
        elif what == "resumed":
            self._own(what, missed=missed)
        else:
            self._own(what)
