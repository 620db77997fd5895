"""
What a descriptor has to be to be watched by an L{EpollReactor
<tsservices.transport.epoll.passes.EpollReactor>}.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

from twisted.python.failure import Failure

from tsservices.transport.capabilities import ChunkCounters, Reply, RoundPrefix

#: Bytes to read at once from a connection whose messages are short.  CPython allocates objects of
#: up to 512 bytes in its own memory pools, and L{bytes} of this length are the longest of these.
#: Room for 64 KiB is a block of the C library, which is split and merged again for each message:
#: that was 3 % slower with 64 connections, and 20 % with 1000.
SHORT_READ = 479

#: Bytes to read at once from a connection that has filled its 64 KiB and is answered in place.
#: With 64 connections and 128 KiB of requests outstanding on each, half of the reads and sends go.
BULK_READ = 2**18


class WatchedDescriptor(Protocol):
    """Any descriptor of Twisted."""

    def fileno(self) -> int:
        """The number of the descriptor to watch, or -1 once it is closed."""

    def connectionLost(self, reason: Failure) -> None:
        pass

    def doRead(self) -> object:
        """@return: L{None}, or the exception that ends the connection."""

    def doWrite(self) -> object:
        """@return: L{None}, or the exception that ends the connection."""


class InPlaceStream(WatchedDescriptor, Protocol):
    """
    A stream transport whose fields the set reads and writes itself, without a method call.

    Names with an underscore are Twisted's, listed in L{tsservices.transport.twisted_internals}.
    """

    #: Whether the set reads the socket itself, in place of C{doRead}.
    readInPlace: bool
    #: The number of the socket, as long as it is connected.
    descriptor: int
    #: Whether bytes are sent as they are, to a socket that stays open: there is no TLS, and no kind
    #: of close was asked for.  Only then may the set send for the transport.
    plain: bool
    #: How many bytes the kernel has taken since the connection was made, without those of
    #: broadcasts.
    sentAlone: int
    #: The most bytes to read at once.
    bufferSize: int
    #: The bytes to read next: L{SHORT_READ} until a message is longer, and L{BULK_READ} if a stream
    #: that is answered in place fills C{bufferSize}.
    readSize: int
    #: Makes the answer to each chunk in place of the protocol, if it asked for that.
    reply: Reply | None
    #: What stands before each chunk in its answer, if the protocol asked for that; and what counts
    #: the chunks.
    prefix: RoundPrefix | None
    counters: ChunkCounters
    protocol: Any
    producer: Any
    producerPaused: bool
    streamingProducer: bool
    dataBuffer: bytes
    offset: int
    _tempDataBuffer: list[bytes]
    _tempDataLen: int

    def leaveBroadcast(self) -> None:
        """Dissolve the broadcasts in which it is."""

    def _maybePauseProducer(self) -> None:
        """Pause the producer if more than C{bufferSize} bytes wait."""

    def pendingBytes(self) -> int:
        """How many bytes the kernel has still to take."""


def isStream(member: WatchedDescriptor) -> TypeGuard[InPlaceStream]:
    # isinstance of a protocol class would look for all of its attributes.
    return hasattr(member, "descriptor")
