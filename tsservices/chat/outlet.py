"""
How the same bytes reach many people at one go: what the core of the chat asks of whatever
carries them.  Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tsservices.chat.errors import ChatError
from tsservices.chat.notifications import Notification


class Broadcast(Protocol):
    """
    Some wires that are sent the same.

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

    def broadcastWith(self, wires: Sequence[Any]) -> Broadcast:
        """What sends to them at one go."""
        ...

    def leaveBroadcast(self) -> None:
        """
        Dissolve the broadcasts in which it is.  Whoever changes anything that decides what
        this peer is to be sent, or whether it takes it, has to call this first.
        """
        ...


class Presenter(Protocol):
    """How a conversation speaks to its person, beside what the pipeline releases."""

    def show(self, happening: Notification, then: Callable[[], None] | None = None) -> None: ...

    def holdOutput(self, held: bool) -> None: ...

    def setFormat(self, form: str) -> None: ...

    def prompt(self, prompt: str) -> None:
        """
        Have them say something that is not to be seen; L{SessionController.answerSecret} gets it.
        """
        ...

    def closeWhenIdle(self) -> None:
        """They have said goodbye."""
        ...


class Formatter(Protocol):
    """One way to write what happens; one object for all who want it written like that."""

    def encode(self, happenings: Sequence[Notification]) -> bytes:
        """The same for a wire."""
        ...


class Recipient(Protocol):
    """
    Where a session hears what happens.

    @ivar form: how that is written now.
    @ivar wire: where what is pushed goes as it is; L{None} while it does not.  Whoever changes
        this or C{form} calls its C{leave} first.
    """

    form: Formatter
    wire: BroadcastMember | None

    @property
    def write(self) -> Callable[[bytes], object]:
        """Takes what to send next: the same object for all who hear the same."""
        ...

    @property
    def writeLast(self) -> Callable[[bytes], object]:
        """Takes what to send next when nothing else follows in this turn, which may be cheaper."""
        ...

    def idle(self) -> None:
        """All that the session had proposed is decided, stored, and told."""
        ...

    def replaced(self, why: ChatError) -> None:
        """Another connection goes on for this one, which is to end."""
        ...

    def roomCountChanged(self, rooms: int) -> None:
        """
        What comes next is told to one who is in more rooms, or in fewer: its form may
        be another now.
        """
        ...
