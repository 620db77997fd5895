"""
What the members of an epoll object of our own have to be.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

from twisted.python.failure import Failure

from tsservices.transport.capabilities import Reply

#: How much to read from a connection whose messages are short. It is the longest L{bytes} that
#: CPython takes from its own pools: room for more is a block of the C library, which is split and
#: merged again for each message.
SHORT_READ = 479


class WatchedDescriptor(Protocol):
    """What may be added to a set: any Twisted descriptor."""

    def fileno(self) -> int:
        """The number of the descriptor to watch, or -1 once it is closed."""

    def connectionLost(self, reason: Failure) -> None:
        pass

    def doRead(self) -> object:
        """L{None}, or the exception that ends the connection."""

    def doWrite(self) -> object:
        """L{None}, or the exception that ends the connection."""


class InPlaceStream(WatchedDescriptor, Protocol):
    """
    A transport of ours: its queue can be looked into, so it is sent for before the kernel is
    asked to watch it.

    @ivar readInPlace: whether the set reads its socket itself, without a call of C{doRead}.
    @ivar descriptor: the number of its socket, as long as it is connected.
    @ivar plain: whether bytes go as they are to a socket that stays open: no TLS, and no kind of
        close was asked for.  Only then may the set send for it.
    @ivar sentAlone: how many bytes the kernel has taken since the connection was made, without
        those that were sent to many at one go.
    @ivar bufferSize: the most bytes to read at once.
    @ivar readSize: the bytes to ask for; L{SHORT_READ} until they are not enough for once.
    @ivar reply: what answers each chunk in place of the protocol, if the protocol said so.
    """

    readInPlace: bool
    descriptor: int
    plain: bool
    sentAlone: int
    bufferSize: int
    readSize: int
    reply: Reply | None
    protocol: Any
    producer: Any
    producerPaused: bool
    streamingProducer: bool
    dataBuffer: bytes
    offset: int
    _tempDataBuffer: list[bytes]
    _tempDataLen: int

    def leaveBroadcast(self) -> None:
        """Be sent to alone from now on."""

    def pendingBytes(self) -> int:
        """How many bytes in user space are still to be sent."""


def isStream(member: WatchedDescriptor) -> TypeGuard[InPlaceStream]:
    """Whether C{member} is a transport of ours."""
    return hasattr(member, "descriptor")
