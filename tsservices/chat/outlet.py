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


class Follower(Protocol):
    """Follows a backlog."""

    def sendNow(self, data: bytes, last: bool) -> None:
        """
        Send what has waited there.

        @param last: nothing else is sent to it in this turn, as far as is known.
        """
        ...

    def leaveBroadcast(self) -> None:
        """No longer follow it."""
        ...


class Backlog(Protocol):
    """What waits for several peers, each of which follows it from some place on."""

    def begin(self, follower: Follower, add: Callable[[Any], object]) -> None:
        """
        Follow it from here on.

        @param add: has it sent, when that is due.
        """
        ...

    def end(self, follower: Follower, session: Any) -> bytes:
        """
        No longer follow it.

        @param session: whose bytes these are.
        @return: what waits for it.
        """
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
        Show a notification now, before the output that L{blockOutput} keeps back.

        @param onWritable: called in a later turn, when the peer can take more.
        """
        ...

    def blockOutput(self, blocked: bool) -> None:
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

    @property
    def writeLater(self) -> Callable[[bytes], object]:
        """
        Takes what can wait for some milliseconds.

        It is sent before all that is written after it, and together with that.
        """
        ...

    def follow(self, backlog: Backlog, session: Any) -> bool:
        """
        Send what a backlog gets from now on, in place of what is given to C{writeLater}, until
        anything else is to be sent, or C{broadcastMember} is to leave.

        @param session: passed to L{Backlog.end}.
        @return: whether that is so; if not, nothing has changed.
        """
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
