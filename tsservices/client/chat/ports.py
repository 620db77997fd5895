"""
The interfaces that the state machine of the client needs: view, tokens and network.  Pure.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from tsservices.chat.notifications import RoomMessages
from tsservices.client.chat.events import Content, ReplayHead, SearchHead, ServerEvent
from tsservices.client.chat.outbox import OutgoingLine
from tsservices.client.chat.state import ClientRoom


class LineOrigin(Enum):
    """The reason why a line of a room is shown."""

    #: The line is said now.
    NOW = "now"

    #: The line was said while the connection was lost.
    MISSED = "missed"

    #: An old line, which may have been shown already.
    BEFORE = "before"

    #: An old line that the client itself requested.
    OLDER = "older"

    #: An old line that the user requested; it is shown with its number.
    ASKED = "asked"

    #: The line is a search result.
    FOUND = "found"


class ConnectionChange(Enum):
    """A change of the state of the connection."""

    #: The connection is made; the login follows.
    CONNECTED = "connected"

    #: The connection is lost; another one will be made.
    LOST = "lost"

    #: A new connection is made, and all missed lines have arrived.
    RESUMED = "resumed"


class View(Protocol):
    """Shows events to a person or a program."""

    def received(self, event: ServerEvent) -> None:
        """Take every object of the server, before any other method is called for it."""
        ...

    def notify(self, content: Content) -> None:
        """Show a notification that is not a line of a room."""
        ...

    def roomLine(self, room: ClientRoom | None, message: RoomMessages, origin: LineOrigin) -> None:
        """@param room: the room of the line; L{None}: the user is not in it."""
        ...

    def linesBegin(self, head: ReplayHead | SearchHead) -> None: ...

    def linesEnd(self, origin: LineOrigin) -> None: ...

    def linesExpired(self, room: ClientRoom, first: int, last: int) -> None: ...

    def unreadBegins(self) -> None: ...

    def note(self, text: str, room: str = "") -> None:
        """
        Show a message of the client itself.

        @param room: the folded name of the room that it is about; empty: of none.
        """
        ...

    def complain(self, text: str) -> None:
        """Show an error of the client itself."""
        ...

    def queued(self, item: OutgoingLine) -> None: ...

    def notSent(self, item: OutgoingLine, sure: bool) -> None:
        """@param sure: whether it is certain that the line was not said."""
        ...

    def askSecret(self, text: str) -> None:
        """@param text: the prompt for a secret; empty: the prompt ends."""
        ...

    def connectionChanged(
        self, change: ConnectionChange, reason: str = "", missed: int = 0
    ) -> None:
        """@param missed: how many lines of others were missed."""
        ...


class Tokens(Protocol):
    """
    The account tokens that are kept for the server.

    @ivar path: the path of their file.
    """

    path: str

    @property
    def binding(self) -> str:
        """The binding of the current connection's tokens; empty: none may be made or sent."""
        ...

    def find(self, account: str) -> str:
        """Return the token that may be sent on the current connection; empty: none."""
        ...

    def declined(self, account: str) -> bool:
        """Check whether the user does not want a token to be kept."""
        ...

    def keep(self, account: str, token: str) -> str:
        """
        Save a token with the binding of the current connection.

        @return: the id of the token that was replaced; empty: there was none.
        @raise SharedFileError: the token can't be saved.
        @raise ValueError: the token or the account is malformed.
        """
        ...

    def decline(self, account: str) -> None:
        """@raise SharedFileError: the file can't be written."""
        ...

    def forget(self, account: str, token: str = "") -> str:
        """
        Remove the token of an account.

        @param token: remove only this one; empty: any.
        @return: the id of the removed token; empty: there was none.
        @raise SharedFileError: the file can't be written.
        """
        ...


class Network(Protocol):
    """The network, and the end of the program."""

    def send(self, line: str) -> None: ...

    def hangUp(self) -> None:
        """End the connection, which is then reported as lost."""
        ...

    def connectIn(self, seconds: float) -> None: ...

    def ended(self, status: int, message: str = "") -> None:
        """@param message: the error that ended the client; empty: the user left."""
        ...
