"""
What the state machine of the client needs of those who show things, and of the
network.  Pure.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from tsservices.client.chat.events import Event
from tsservices.client.chat.outbox import Item
from tsservices.client.chat.state import RoomView


class How(Enum):
    """
    Why a line is shown.
    """

    NOW = "now"
    """
    It is said now.
    """

    MISSED = "missed"
    """
    It was said while the connection was lost.
    """

    BEFORE = "before"
    """
    It was said before, and may have been shown already.
    """

    FOUND = "found"
    """
    It was searched for.
    """


class View(Protocol):
    """
    Shows what happens.
    """

    def raw(self, event: Event) -> None:
        """
        @param event: anything from the server, before all else.
        """
        ...

    def told(self, event: Event) -> None:
        """
        @param event: what a person is to know, and is no line of a room.
        """
        ...

    def said(self, room: RoomView | None, event: Event, how: How) -> None:
        """
        @param room: where it was said; L{None}: somewhere else.
        @param event: a line.
        @param how: why it is shown.
        """
        ...

    def replayed(self, event: Event) -> None:
        """
        @param event: the head of lines that were said before; they follow.
        """
        ...

    def missing(self, room: RoomView, first: int, last: int) -> None:
        """
        @param room: of lines that are no longer kept.
        @param first: the number of the first of them.
        @param last: the number of the last.
        """
        ...

    def endOfLines(self, how: How, more: bool) -> None:
        """
        @param how: why lines were shown, that end here.
        @param more: whether there are older ones.
        """
        ...

    def unread(self) -> None:
        """
        What was read ends here, and what is new begins.
        """
        ...

    def note(self, text: str) -> None:
        """
        @param text: in words of the client.
        """
        ...

    def complain(self, text: str) -> None:
        """
        @param text: what is not done, in words of the client.
        """
        ...

    def waits(self, item: Item) -> None:
        """
        @param item: was typed while there is no connection.
        """
        ...

    def notSent(self, item: Item, sure: bool) -> None:
        """
        @param item: a line that was not said.
        @param sure: whether that is known.
        """
        ...

    def asked(self, text: str) -> None:
        """
        @param text: asks for a password, which is the next line.
        """
        ...

    def connection(self, what: str, reason: str = "", missed: int = 0) -> None:
        """
        @param what: C{connected}, C{lost} or C{resumed}.
        @param reason: of a loss.
        @param missed: how many lines were said meanwhile.
        """
        ...


class Outlet(Protocol):
    """
    The network, and the end of the program.
    """

    def send(self, line: str) -> None:
        """
        @param line: for the server.
        """
        ...

    def hangUp(self) -> None:
        """
        End the connection: it will be reported lost.
        """
        ...

    def connectIn(self, seconds: float) -> None:
        """
        @param seconds: after which the next connection is to be made.
        """
        ...

    def ended(self, status: int, message: str = "") -> None:
        """
        @param status: of the program, which is over.
        @param message: for standard error.
        """
        ...
