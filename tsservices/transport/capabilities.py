"""
Interfaces of the transports of this package beyond Twisted's interfaces.

Services and frontends ask for these interfaces, and never for a class.  Therefore they depend on no
transport, and also run on Twisted's own.  The transports are in C{epoll} and C{timestamping}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

from zope.interface import Attribute, Interface

from tsservices.common.structs import Table

#: Makes the whole answer to one chunk; empty for no answer.  A function that writes to the
#: connection or closes it returns empty bytes.  A long answer may be in parts, which are not
#: joined: see L{LONG_ANSWER}.
Reply = Callable[[bytes], bytes | tuple[bytes, ...]]

#: From so many bytes of a chunk on, sending an answer in parts is cheaper than joining the parts.
#: For 64 bytes it costs 2 % more, for 64 KiB a fifth less.
LONG_ANSWER = 2**14

#: Makes the answer to a datagram from an address; L{None} for no answer.
DatagramReply = Callable[[bytes, tuple[str, int]], bytes | None]

#: Called when a datagram has left this host, with the time in nanoseconds since 1970.
TransmitListener = Callable[[int], None]

#: The datagram to send; alone, or with the function to call when it has left, and the type of
#: service or traffic class to send it with (L{None} for the default).
StampedAnswer = bytes | tuple[bytes, TransmitListener | None, int | None]

#: Makes the answer to a datagram; L{None} for no answer.  Arguments: the datagram; its source;
#: time, clock, destination and TTL as in L{ReceiveInfo
#: <tsservices.transport.timestamping.cmsg.ReceiveInfo>}; the monotonic time in seconds at which the
#: pass began; its type of service, if known.
StampedReply = Callable[
    [bytes, tuple[str, int], int, bool, str | None, int | None, float, int | None],
    StampedAnswer | None,
]

#: Writes the answers to a batch into L{StampedBatch.replyBuffers}, except the times at which they
#: leave; returns false if L{StampedReply} has to be called for each datagram.  Arguments: the
#: batch; the second at which the kernel received it; the nanoseconds of each datagram; their common
#: destination; the TTL of each, if known; the monotonic time in seconds at which the pass began.
StampedBatchReply = Callable[
    ["StampedBatch", int, Sequence[int], str | None, bytes | None, float], bool
]

T = TypeVar("T")


class ReceivedBatch(Protocol):
    """The datagrams that one port has received together, in their order."""

    def lengths(self) -> list[int]:
        """Get the number of bytes of each datagram."""

    def firstOctets(self) -> bytes:
        """Get the first octet of each datagram; for an empty one it is undefined."""

    def sources(self) -> Sequence[bytes]:
        """Get the source of each, for L{readSockaddr<tsservices.common.sources.readSockaddr>}."""

    def datagrams(self) -> list[bytes]:
        """Get the bytes of each datagram."""


class StampedBatch(ReceivedBatch, Protocol):
    """The datagrams that a port with receive times has received together."""

    received: Table

    def replyBuffers(self, length: int) -> Table:
        """Get memory for answers of one length: it has the last answers written to it, or zeros."""


#: Makes the answers to a batch: a list with an answer or L{None} for each datagram; or, if each
#: answer is a common prefix and the datagram, only the prefix.  The second argument logs the
#: current exception for the datagram of a source.
BatchReply = Callable[
    [ReceivedBatch, Callable[[tuple[str, int]], None]], bytes | Sequence[bytes | None]
]


class RoundObserver(Protocol):
    """An observer of rounds, for work that is done once for a round of reads."""

    def roundBegan(self) -> None:
        """Called before a round reads the ready descriptors."""

    def roundEnded(self) -> None:
        """Called when all ready descriptors are read, at most a millisecond later."""


class IReplyingTransport(Interface):
    """A stream transport that can answer chunks without a C{write}."""

    def replyWith(reply: Reply, observer: RoundObserver) -> None:
        """
        Let a function answer each chunk in place of the protocol.

        While bytes wait to be sent, or the connection is closing, chunks go to the protocol as
        usual, which has to give the same answers.
        """


class RoundPrefix(Protocol):
    """A provider of the prefix of answers that consist of a prefix and the chunk."""

    #: The prefix for all chunks of a round; empty outside a round, and if each chunk needs its own.
    roundStamp: bytes


class ChunkCounters(Protocol):
    """The counters of data read from streams."""

    #: Chunks.
    received: int
    #: Bytes.
    receivedBytes: int


class IPrefixingTransport(Interface):
    """An L{IReplyingTransport} that can answer each chunk by a prefix and the chunk."""

    def prefixWith(prefix: RoundPrefix, counters: ChunkCounters) -> None:
        """
        While C{roundStamp} is not empty, answer each chunk by it and the chunk, and count that.

        Otherwise the function of L{IReplyingTransport.replyWith} is called: it has to agree.
        """


class IBroadcastTransport(Interface):
    """A stream transport to which the same bytes can be sent together with others."""

    isIdle: bool = Attribute("whether nothing waits to be sent and nothing but bytes is to be sent")

    def writeLast(data: bytes) -> None:
        """Send some bytes at once, because nothing else will be written in this turn."""

    def broadcastWith(transports: Sequence[Any]) -> Any:
        """
        Make a L{tsservices.chat.outlet.Broadcast} that sends to all of these at once.

        @param transports: transports of this class, all of them idle.
        """

    def leaveBroadcast() -> None:
        """Dissolve the broadcasts of which this transport is a member."""


class IReplyingPort(Interface):
    """A UDP port that can answer datagrams without a C{write}."""

    def replyWith(
        reply: DatagramReply, unsent: Callable[[], None], *observers: RoundObserver
    ) -> None:
        """
        Let a function answer the datagrams in place of the protocol.

        @param unsent: called when the last answer was not sent.
        """


class IBatchingPort(Interface):
    """A UDP port that receives a batch by one system call, and answers it by another one."""

    def answerBatchesWith(reply: BatchReply) -> None:
        """
        Let a function answer batches of waiting datagrams.

        Single datagrams go to the function of L{IReplyingPort.replyWith} or
        L{IReflectingPort.reflectWith}, which has to give the same answers.
        """


class IReflectingPort(Interface):
    """A UDP port that has the kernel's receive times, and can answer without a C{write}."""

    def reflectWith(
        reply: StampedReply, unsent: Callable[[], None], *observers: RoundObserver
    ) -> None:
        """
        Let a function answer the datagrams, each from the address to which it was sent.

        @param unsent: called when the last answer was not sent.
        """

    def reflectBatchesWith(
        reply: StampedBatchReply,
        depart: Callable[[int, int], None],
        departed: Callable[[], None],
    ) -> None:
        """
        Let a function answer batches; the function of L{reflectWith} answers single datagrams.

        @param depart: writes the send times into the answers from a first slot to before an end
            slot, just before these are sent.
        @param departed: called when these have been sent.
        """


class IDirectDescriptor(Interface):
    """
    A descriptor that a reactor may serve without a logging context.

    Its log lines contain its own name or that of its peer.
    """


def capability(transport: object, interface: type[T]) -> T | None:
    """
    Get the transport as a provider of the interface; L{None} if it lacks this capability.

    This takes about a microsecond: call it once for a connection, not for each chunk.
    """
    # Not `interface.providedBy(transport)`: a wrapper of Twisted (TLS, PROXY protocol) declares all
    # interfaces of the transport below it, and passes its methods through.  A reply passed through
    # a TLS wrapper would answer ciphertext with plaintext.  Therefore the class decides.
    implements: bool = cast(Any, interface).implementedBy(type(transport))
    return cast(T, transport) if implements else None
