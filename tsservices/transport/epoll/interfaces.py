"""
The interfaces of descriptors that an L{EpollReactor
<tsservices.transport.epoll.passes.EpollReactor>} can watch.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

from twisted.python.failure import Failure

from tsservices.transport.capabilities import ChunkCounters, Reply, RoundPrefix

#: Bytes to read at once from a connection whose messages are short.  CPython allocates objects of
#: up to 512 bytes in its own memory pools, and L{bytes} of this length are the longest of these.
#: A buffer of 64 KiB is a block of the C library, which is split and merged again for each message:
#: that was 3 % slower with 64 connections, and 20 % with 1000.
SHORT_READ = 479

#: Bytes to read at once from a connection that fills reads of 64 KiB and is answered in place.  For
#: 64 connections with 128 KiB of pending requests each, this saves half of the reads and sends.
BULK_READ = 2**18


class WatchedDescriptor(Protocol):
    """Any descriptor of Twisted."""

    def fileno(self) -> int:
        """Get the descriptor to watch, or -1 once it is closed."""

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
    #: The descriptor of the socket, while it is connected.
    descriptor: int
    #: Whether bytes are sent unchanged and the connection stays open: there is no TLS, and no kind
    #: of close was requested.  Only then may the set send for the transport.
    plain: bool
    #: The number of bytes that the kernel has taken since the connection was made, without those of
    #: broadcasts.
    sentAlone: int
    #: The most bytes to read at once by default, and to queue before the producer pauses.
    bufferSize: int
    #: The size of the next read: L{SHORT_READ} until a message is longer, and L{BULK_READ} if a
    #: stream that is answered in place fills C{bufferSize}.
    readSize: int
    #: Makes the answer to each chunk in place of the protocol, if the protocol has set it.
    reply: Reply | None
    #: The prefix of answers that repeat the chunk, if the protocol has set it; and the counters of
    #: such chunks.
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
        """Dissolve the broadcasts of which this stream is a member."""

    def _maybePauseProducer(self) -> None:
        """Pause the producer if more than C{bufferSize} bytes wait."""

    def pendingBytes(self) -> int:
        """Get the number of bytes that the kernel has not taken yet."""


def isStream(member: WatchedDescriptor) -> TypeGuard[InPlaceStream]:
    # isinstance with a Protocol class would check all of its attributes.
    return hasattr(member, "descriptor")
