"""
The view for programs: the unchanged objects of the server, and objects of the client itself.
Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tsservices.chat.notifications import RoomMessages
from tsservices.client.chat.events import Content, ReplayHead, SearchHead, ServerEvent
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.ports import ConnectionChange, LineOrigin
from tsservices.client.chat.state import ClientRoom


class JSONView:
    """A view that writes one JSON object on each line."""

    def __init__(self, write: Callable[[str], None], encrypted: bool = False) -> None:
        """
        @param write: takes a line without its ending.
        @param encrypted: whether the connections are encrypted.
        """
        self._encrypted = encrypted
        self._write = write

    def received(self, event: ServerEvent) -> None:
        self._write(event.raw)

    def _own(self, event: str, **fields: object) -> None:
        self._write(json.dumps({"type": "client", "event": event, **fields}, ensure_ascii=False))

    # The following events are in the server's objects already.

    def notify(self, content: Content) -> None:
        pass

    def roomLine(self, room: ClientRoom | None, message: RoomMessages, origin: LineOrigin) -> None:
        pass

    def linesBegin(self, head: ReplayHead | SearchHead) -> None:
        pass

    def linesEnd(self, origin: LineOrigin) -> None:
        pass

    def linesExpired(self, room: ClientRoom, first: int, last: int) -> None:
        pass

    def unreadBegins(self) -> None:
        pass

    def queued(self, item: OutgoingLine) -> None:
        pass

    def askSecret(self, text: str) -> None:
        pass

    def note(self, text: str, room: str = "") -> None:
        self._own("note", text=text)

    def complain(self, text: str) -> None:
        self._own("complaint", text=text)

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        self._own("notSent", text=item.shown, sure=sure)

    def connectionChanged(
        self, change: ConnectionChange, reason: str = "", missed: int = 0
    ) -> None:
        fields: dict[ConnectionChange, dict[str, object]] = {
            ConnectionChange.CONNECTED: {"tls": True} if self._encrypted else {},
            ConnectionChange.LOST: {"reason": reason},
            ConnectionChange.RESUMED: {"missed": missed},
        }
        self._own(change.value, **fields.get(change, {}))
