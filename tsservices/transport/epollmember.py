"""
What the members of an epoll object of our own have to be.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

from twisted.python.failure import Failure


class Member(Protocol):
    """
    What may be added to a set: any Twisted descriptor.
    """

    def fileno(self) -> int:
        """
        @return: the number of the descriptor to watch, or -1 once it is closed.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        @param reason: why the descriptor will not be watched again.
        """

    def doRead(self) -> object:
        """
        @return: L{None}, or the exception that ends the connection.
        """

    def doWrite(self) -> object:
        """
        @return: L{None}, or the exception that ends the connection.
        """


class Stream(Member, Protocol):
    """
    A transport of ours: its queue can be looked into, so it is sent for before the kernel is
    asked to watch it.

    @ivar readInPlace: whether the set reads its socket itself, without a call of C{doRead}.
    @ivar descriptor: the number of its socket, as long as it is connected.
    @ivar plain: whether bytes go as they are to a socket that stays open: no TLS, and no kind of
        close was asked for.  Only then may the set send for it.
    @ivar bytesSent: how many bytes the kernel has taken since the connection was made.
    @ivar bufferSize: the most bytes to read at once.
    """

    readInPlace: bool
    descriptor: int
    plain: bool
    bytesSent: int
    bufferSize: int
    protocol: Any
    producer: Any
    producerPaused: bool
    streamingProducer: bool
    dataBuffer: bytes
    offset: int
    _tempDataBuffer: list[bytes]
    _tempDataLen: int

    def pendingBytes(self) -> int:
        """
        @return: how many bytes in user space are still to be sent.
        """


def isStream(member: Member) -> TypeGuard[Stream]:
    """
    @return: whether C{member} is a transport of ours.
    """
    return hasattr(member, "descriptor")
