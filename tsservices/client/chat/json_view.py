"""
The view of programs: every object as it came, and some of the client's own.  Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tsservices.client.chat.events import Event
from tsservices.client.chat.outbox import Item
from tsservices.client.chat.ports import How
from tsservices.client.chat.state import RoomView


class ProgramView:
    """
    Writes one JSON object on each line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        """
        @param write: takes a line, without its ending.
        """
        self._write = write

    def raw(self, event: Event) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.raw}
        """
        self._write(event.raw)

    def _own(self, event: str, **fields: object) -> None:
        """
        @param event: what the client has to say.
        @param fields: of it.
        """
        self._write(json.dumps({"type": "client", "event": event, **fields}, ensure_ascii=False))

    def told(self, event: Event) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.told}
        """

    def said(self, room: RoomView | None, event: Event, how: How) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.said}
        """

    def replayed(self, event: Event) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.replayed}
        """

    def missing(self, room: RoomView, first: int, last: int) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.missing}
        """

    def endOfLines(self, how: How, more: bool) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.endOfLines}
        """

    def unread(self) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.unread}
        """

    def note(self, text: str) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.note}
        """
        self._own("note", text=text)

    def complain(self, text: str) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.complain}
        """
        self._own("complaint", text=text)

    def waits(self, item: Item) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.waits}
        """

    def notSent(self, item: Item, sure: bool) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.notSent}
        """
        self._own("notSent", text=item.shown, sure=sure)

    def asked(self, text: str) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.asked}
        """

    def connection(self, what: str, reason: str = "", missed: int = 0) -> None:
        """
        @see: L{tsservices.client.chat.ports.View.connection}
        """
        if what == "lost":
            self._own(what, reason=reason)
        elif what == "resumed":
            self._own(what, missed=missed)
        else:
            self._own(what)
