"""
What the state machine of the client needs of those who show things, and of the
network.  Pure.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from tsservices.client.chat.events import ServerEvent
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.state import ClientRoom


class LineOrigin(Enum):
    """Why a line is shown."""

    #: It is said now.
    NOW = "now"

    #: It was said while the connection was lost.
    MISSED = "missed"

    #: It was said before, and may have been shown already.
    BEFORE = "before"

    #: It was searched for.
    FOUND = "found"


class View(Protocol):
    """Shows what happens."""

    def raw(self, event: ServerEvent) -> None: ...

    def told(self, event: ServerEvent) -> None: ...

    def said(self, room: ClientRoom | None, event: ServerEvent, how: LineOrigin) -> None:
        """@param room: where it was said; L{None}: somewhere else."""
        ...

    def replayed(self, event: ServerEvent) -> None: ...

    def missing(self, room: ClientRoom, first: int, last: int) -> None: ...

    def endOfLines(self, how: LineOrigin, more: bool) -> None: ...

    def unread(self) -> None:
        """What was read ends here, and what is new begins."""
        ...

    def note(self, text: str) -> None: ...

    def complain(self, text: str) -> None: ...

    def waits(self, item: OutgoingLine) -> None: ...

    def notSent(self, item: OutgoingLine, sure: bool) -> None: ...

    def asked(self, text: str) -> None: ...

    def connection(self, what: str, reason: str = "", missed: int = 0) -> None: ...


class Network(Protocol):
    """The network, and the end of the program."""

    def send(self, line: str) -> None: ...

    def hangUp(self) -> None:
        """End the connection: it will be reported lost."""
        ...

    def connectIn(self, seconds: float) -> None: ...

    def ended(self, status: int, message: str = "") -> None: ...
