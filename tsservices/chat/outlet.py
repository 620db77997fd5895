"""
The port to the wires: what the chat asks of a frontend, and of what carries its bytes.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import Notification


class Broadcast(Protocol):
    """
    Some wires that are sent the same bytes at one go.

    @ivar valid: none of them has left since this was made.
    """

    @property
    def valid(self) -> bool:
        """Whether none of them has left."""
        ...

    def send(self, data: bytes, without: Sequence[Any]) -> bool:
        """Whether it was done; if not, nobody was sent anything."""
        ...

    def dissolve(self) -> None:
        """From now on each of them is sent to alone."""
        ...


class BroadcastMember(Protocol):
    """What carries bytes to one peer."""

    @property
    def isIdle(self) -> bool:
        """Whether bytes go as they are to a peer that takes them."""
        ...

    def broadcastWith(self, members: Sequence[Any]) -> Broadcast:
        """What sends to them at one go."""
        ...

    def leaveBroadcast(self) -> None:
        """
        Dissolve the broadcasts in which it is.  Whoever changes anything that decides what
        this peer is to be sent, or whether it takes it, has to call this first.
        """
        ...


class Presenter(Protocol):
    """How a controller shows its person the answers to their requests."""

    def show(
        self, notification: Notification, onWritable: Callable[[], None] | None = None
    ) -> None:
        """
        Show it now, before what a pause of its reader holds back.

        @param onWritable: called in a later turn, when its reader can take more.
        """
        ...

    def holdOutput(self, held: bool) -> None:
        """Keep back what the pipeline delivers, or no longer; what is shown goes out."""
        ...

    def resumeInput(self) -> None:
        """A request has gone on: the next line may be taken, unless the controller is busy."""
        ...

    def setFormat(self, form: str) -> None: ...

    def prompt(self, prompt: str) -> None:
        """
        Ask for a line that is not to be shown; L{SessionController.answerSecret} gets it.
        """
        ...

    def closeWhenIdle(self) -> None:
        """Close the connection, when what its session proposed is delivered."""
        ...


class Formatter(Protocol):
    """A way to write notifications; one object for all connections that have the same."""

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """The bytes for a wire."""
        ...


class Recipient(Protocol):
    """Where a session's output goes."""

    #: How it is written now.
    form: Formatter
    #: Takes its part in broadcasts; L{None} while the session has to be served alone.  Whoever
    #: changes this or C{form} calls L{BroadcastMember.leaveBroadcast} first.
    broadcastMember: BroadcastMember | None

    @property
    def write(self) -> Callable[[bytes], object]:
        """Takes what to send next: the same object for all whose output is the same."""
        ...

    @property
    def writeLast(self) -> Callable[[bytes], object]:
        """Takes what to send next when nothing else follows in this turn, which may be cheaper."""
        ...

    def idle(self) -> None:
        """All that the session had proposed is decided, stored and delivered."""
        ...

    def replaced(self, why: ChatError) -> None:
        """Another connection has taken the session over; this one is to end."""
        ...

    def roomCountChanged(self, rooms: int) -> None:
        """The session is in more rooms now, or in fewer: what comes next may have another form."""
        ...
