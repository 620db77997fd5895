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
        """Send to all members; returns whether it was done. If not, nothing was sent to any."""
        ...

    def dissolve(self) -> None:
        """End the broadcast: each member is served alone from now on."""
        ...


class Follower(Protocol):
    """A peer that follows a backlog."""

    def sendNow(self, data: bytes, last: bool) -> None:
        """
        Send the bytes that have waited in the backlog.

        @param last: nothing else is sent to the peer in this turn, as far as is known.
        """
        ...

    def leaveBroadcast(self) -> None:
        """Stop following the backlog."""
        ...


class Backlog(Protocol):
    """Bytes that wait for several peers, each of which follows it from some position on."""

    def begin(self, follower: Follower, add: Callable[[Any], object]) -> None:
        """
        Follow the backlog from here on.

        @param add: schedules the backlog to be sent.
        """
        ...

    def end(self, follower: Follower, session: Any) -> bytes:
        """
        Stop following the backlog.

        @param session: the session of the follower.
        @return: the bytes that wait for it.
        """
        ...


class BroadcastMember(Protocol):
    """Carries bytes to one peer, alone or as part of broadcasts."""

    @property
    def isIdle(self) -> bool:
        """Whether bytes are sent unchanged and none wait, so that a broadcast may send them."""
        ...

    def broadcastWith(self, members: Sequence[Any]) -> Broadcast:
        """Create the broadcast for these members, including this one."""
        ...

    def leaveBroadcast(self) -> None:
        """
        Dissolve the broadcasts that contain this peer.  Code that changes the output of this peer,
        or whether it can take output, has to call this first.
        """
        ...


class Presenter(Protocol):
    """Shows answers to the user of a session."""

    def show(
        self, notification: Notification, onWritable: Callable[[], None] | None = None
    ) -> None:
        """
        Show a notification now, before the output held back by L{blockOutput}.

        @param onWritable: called in a later turn, when the peer can take more.
        """
        ...

    def blockOutput(self, blocked: bool) -> None:
        """Hold back, or release, the output of the pipeline; shown notifications pass."""
        ...

    def resumeInput(self) -> None:
        """Take the next line, unless the controller is busy: a request has continued."""
        ...

    def setFormat(self, form: str) -> None: ...

    def prompt(self, prompt: str) -> None:
        """Ask for a line without echo; L{SessionController.answerSecret} gets it."""
        ...

    def closeWhenIdle(self) -> None:
        """Close the connection, when all proposals of its session are delivered."""
        ...


class Formatter(Protocol):
    """Encodes notifications; connections with the same format share one formatter."""

    def encode(self, notifications: Sequence[Notification]) -> bytes:
        """Encode notifications that are delivered together."""
        ...


class Recipient(Protocol):
    """The output of a session."""

    #: The current format.
    form: Formatter
    #: For broadcasts; L{None} while the session has to be served alone.  Code that changes this or
    #: C{form} calls L{BroadcastMember.leaveBroadcast} first.
    broadcastMember: BroadcastMember | None

    @property
    def write(self) -> Callable[[bytes], object]:
        """Takes the next bytes: the same object for all sessions with the same output."""
        ...

    @property
    def writeLast(self) -> Callable[[bytes], object]:
        """Takes the next bytes when no others follow in this turn, which may be cheaper."""
        ...

    @property
    def writeLater(self) -> Callable[[bytes], object]:
        """
        Takes bytes that can wait for some milliseconds.

        They are sent before all bytes written later, and together with these.
        """
        ...

    def follow(self, backlog: Backlog, session: Any) -> bool:
        """
        Send the bytes of a backlog from now on, in place of those given to C{writeLater}, until
        other bytes are to be sent, or C{broadcastMember} is to leave.

        @param session: passed to L{Backlog.end}.
        @return: whether this was possible; if not, nothing has changed.
        """
        ...

    def notify(self, notification: Notification) -> None:
        """Send a notification for this session alone, after all earlier output."""
        ...

    def idle(self) -> None:
        """Note that all proposals of the session are decided, stored and delivered."""
        ...

    def disconnect(self, why: ChatError) -> None:
        """
        Tell the reason and close this connection, because another one has replaced the session, an
        operator or a revoked token has ended it, or the server stops.
        """
        ...

    def roomCountChanged(self, rooms: int) -> None:
        """Note the number of rooms of the session: lines may have to show their room."""
        ...
