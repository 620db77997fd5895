"""
What the state machine of the client needs: of what shows things, and of the network.
Pure: interfaces only.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from tsservices.chat.notifications import RoomMessages
from tsservices.client.chat.events import Content, ReplayHead, SearchHead, ServerEvent
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.state import ClientRoom


class LineOrigin(Enum):
    """The occasion on which a line of a room is shown."""

    #: It is said now.
    NOW = "now"

    #: It was said while the connection was lost.
    MISSED = "missed"

    #: It was said before, and may have been shown already.
    BEFORE = "before"

    #: It was said before, and the client itself has asked for it.
    OLDER = "older"

    #: It was said before, and was asked for: it may be named by its number.
    ASKED = "asked"

    #: It was searched for.
    FOUND = "found"


class ConnectionChange(Enum):
    """A change of the state of the connection."""

    #: It stands; nobody has logged in yet.
    CONNECTED = "connected"

    #: It is lost; another one will be made.
    LOST = "lost"

    #: Another one stands, and all that was missed has come.
    RESUMED = "resumed"


class View(Protocol):
    """Shows what happens, to a person or to a program."""

    def received(self, event: ServerEvent) -> None:
        """Every object of the server, before anything else is shown of it."""
        ...

    def notify(self, content: Content) -> None:
        """Everything that is no line of a room, if it is to be shown."""
        ...

    def roomLine(self, room: ClientRoom | None, message: RoomMessages, origin: LineOrigin) -> None:
        """@param room: where it was said; L{None}: in none where one is."""
        ...

    def linesBegin(self, head: ReplayHead | SearchHead) -> None: ...

    def linesEnd(self, origin: LineOrigin) -> None: ...

    def linesExpired(self, room: ClientRoom, first: int, last: int) -> None: ...

    def unreadBegins(self) -> None: ...

    def note(self, text: str) -> None:
        """A word of the client itself."""
        ...

    def complain(self, text: str) -> None:
        """Show why the client itself refuses a command."""
        ...

    def queued(self, item: OutgoingLine) -> None: ...

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        """@param sure: it is known that it was not said; else it may have been."""
        ...

    def askSecret(self, text: str) -> None:
        """@param text: what is asked for; empty: nothing any more."""
        ...

    def connectionChanged(
        self, change: ConnectionChange, reason: str = "", missed: int = 0
    ) -> None:
        """@param missed: how many lines of others have come since."""
        ...


class Tokens(Protocol):
    """
    The account tokens that are kept for the server.

    @ivar path: the file they are in.
    """

    path: str

    @property
    def binding(self) -> str:
        """To whom tokens of the present connection are bound; empty: none is made or sent."""
        ...

    def find(self, account: str) -> str:
        """The one that may be sent on the present connection; empty: none."""
        ...

    def declined(self, account: str) -> bool:
        """Whether somebody has said that none is to be kept."""
        ...

    def keep(self, account: str, token: str) -> str:
        """
        Keep one for servers such as that of the present connection.

        @return: the id of the one that was kept before; empty: none was.
        @raise SharedFileError: it can't be kept.
        @raise ValueError: it is no token, or no account.
        """
        ...

    def decline(self, account: str) -> None:
        """@raise SharedFileError: that can't be written down."""
        ...

    def forget(self, account: str, token: str = "") -> str:
        """
        Keep it no longer.

        @param token: only if it is this one; empty: whichever it is.
        @return: the id of the one that was kept; empty: none was.
        @raise SharedFileError: that can't be written down.
        """
        ...


class Network(Protocol):
    """The network, and the end of the program."""

    def send(self, line: str) -> None: ...

    def hangUp(self) -> None:
        """End the connection: it will be reported lost."""
        ...

    def connectIn(self, seconds: float) -> None: ...

    def ended(self, status: int, message: str = "") -> None:
        """@param message: what ended it; empty: one has left."""
        ...
