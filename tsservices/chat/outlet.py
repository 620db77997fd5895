"""The port to the frontends: how the chat shows answers and delivers notifications.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import Notification


class Broadcast(Protocol):
    """Sends the same bytes to several peers in one loop."""

    @property
    def valid(self) -> bool:
        """Whether all members are still in it."""
        ...

    def send(self, data: bytes, without: Sequence[Any]) -> bool:
        """@return: whether it was done; if not, nothing was sent to any member."""
        ...

    def dissolve(self) -> None:
        """Have each member served alone from now on."""
        ...


class BroadcastMember(Protocol):
    """Carries bytes to one peer, alone or as part of broadcasts."""

    @property
    def isIdle(self) -> bool:
        """Whether bytes are sent unchanged and nothing waits, so that a broadcast may send them."""
        ...

    def broadcastWith(self, members: Sequence[Any]) -> Broadcast:
        """Create the broadcast for these members, of which this is one."""
        ...

    def leaveBroadcast(self) -> None:
        """
        Dissolve the broadcasts in which it is.  Whoever changes anything that decides what
        this peer is to be sent, or whether it takes it, has to call this first.
        """
        ...


class Presenter(Protocol):
    """Shows the user of a session the answers to requests."""

    def show(
        self, notification: Notification, onWritable: Callable[[], None] | None = None
    ) -> None:
        """
        Show a notification now, before the output that L{holdOutput} keeps back.

        @param onWritable: called in a later turn, when the peer can take more.
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
        """Ask for a line that is not to be shown; L{SessionController.answerSecret} gets it."""
        ...

    def closeWhenIdle(self) -> None:
        """Close the connection, when what its session proposed is delivered."""
        ...


class Formatter(Protocol):
    """Encodes notifications; connections with the same format share one object."""

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Encode notifications that are delivered together."""
        ...


class Recipient(Protocol):
    """Where a session's output goes."""

    #: The present format.
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

    def notify(self, notification: Notification) -> None:
        """Send what is for this session alone, after all that was sent before."""
        ...

    def idle(self) -> None:
        """All that the session has proposed is decided, stored and delivered."""
        ...

    def replaced(self, why: ChatError) -> None:
        """Another connection has taken the session over; this one is to end."""
        ...

    def roomCountChanged(self, rooms: int) -> None:
        """The session has joined or left a room: lines may have to show their room from now on."""
        ...
