"""
What the transports of this package can do beyond Twisted's interfaces.

Services and frontends ask for these interfaces, and never for a class: so they do not know which
transport serves them, and run on Twisted's own as well.  The transports are in C{epoll} and
C{timestamping}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

from zope.interface import Attribute, Interface

from tsservices.common.structs import Table

#: Makes the whole answer to one chunk; empty if there is none.  If it writes to the connection
#: itself, or closes it, it returns nothing.  A long answer may be in parts, which are not joined:
#: see L{LONG_ANSWER}.
Reply = Callable[[bytes], bytes | tuple[bytes, ...]]

#: Bytes of a chunk from which on it is cheaper to send an answer in parts than to join these.  For
#: 64 bytes it costs 2 % more, for 64 KiB a fifth less.
LONG_ANSWER = 2**14

#: Makes the answer to a datagram from an address, if there is one.
DatagramReply = Callable[[bytes, tuple[str, int]], bytes | None]

#: Called when a datagram has left this host, with the time in nanoseconds since 1970.
TransmitListener = Callable[[int], None]

#: What to send; alone, or with the function to call when it has left, and the type of service or
#: traffic class to send it with (L{None} for the usual one).
StampedAnswer = bytes | tuple[bytes, TransmitListener | None, int | None]

#: Makes the answer to a datagram, if there is one, of: the datagram; its source; time, clock,
#: destination and TTL as in L{ReceiveInfo<tsservices.transport.timestamping.cmsg.ReceiveInfo>}; the
#: monotonic time in seconds at which the pass began; its type of service, if known.
StampedReply = Callable[
    [bytes, tuple[str, int], int, bool, str | None, int | None, float, int | None],
    StampedAnswer | None,
]

#: Writes the answers to many datagrams into L{StampedBatch.equalAnswers}, but for the times at
#: which they leave; false if each is to be asked for by L{StampedReply}.  Of: the datagrams; the
#: second at which the kernel had them, and the nanoseconds of each; their destination; the TTL of
#: each, if they are known; the monotonic time in seconds at which the pass began.
StampedBatchReply = Callable[
    ["StampedBatch", int, Sequence[int], str | None, bytes | None, float], bool
]

T = TypeVar("T")


class ReceivedBatch(Protocol):
    """Datagrams that came to one port, in their order."""

    def lengths(self) -> list[int]:
        """How many bytes each has."""

    def firstOctets(self) -> bytes:
        """The first octet of each; anything for an empty one."""

    def sources(self) -> Sequence[bytes]:
        """Where each came from, as L{readSockaddr<tsservices.common.sources.readSockaddr>}."""

    def datagrams(self) -> list[bytes]:
        """The bytes of each."""


class StampedBatch(ReceivedBatch, Protocol):
    """Datagrams that came to a port that knows when they came."""

    received: Table

    def equalAnswers(self, length: int) -> Table:
        """Room for an answer to each, all of one length; what was written to it last, or zero."""


#: Makes the answers to a batch: an answer or L{None} for each datagram; or only what is to be put
#: before each datagram, if all are answered by that and themselves.  The second argument logs what
#: was raised for the datagram of a source.
BatchReply = Callable[
    [ReceivedBatch, Callable[[tuple[str, int]], None]], bytes | Sequence[bytes | None]
]


class RoundObserver(Protocol):
    """Does once for a round of reads what would otherwise be done for each read."""

    def roundBegan(self) -> None:
        """A round begins to read the ready descriptors."""

    def roundEnded(self) -> None:
        """All that was ready is read: at most a millisecond has passed."""


class IReplyingTransport(Interface):
    """A stream transport that can answer chunks without a C{write}."""

    def replyWith(reply: Reply, observer: RoundObserver) -> None:
        """
        Let a function answer each chunk in place of the protocol.

        Where that cannot be (something waits to be sent, the connection is closing) the chunk goes
        to the protocol as usual, which has to do the same.
        """


class RoundPrefix(Protocol):
    """Has what stands before each chunk in its answer."""

    #: The same for all chunks of a round; empty outside a round, and if each chunk needs its own.
    roundStamp: bytes


class ChunkCounters(Protocol):
    """Counts what is read from streams."""

    #: Chunks.
    received: int
    #: Bytes.
    receivedBytes: int


class IPrefixingTransport(Interface):
    """An L{IReplyingTransport} that can answer chunks by themselves, with some bytes before."""

    def prefixWith(prefix: RoundPrefix, counters: ChunkCounters) -> None:
        """
        Answer each chunk of a round by C{roundStamp} and the chunk, if there is one, and count it.

        Beside the function of L{IReplyingTransport.replyWith}, which has to answer the same.
        """


class IBroadcastTransport(Interface):
    """A stream transport that can be sent the same bytes together with others."""

    isIdle: bool = Attribute("whether nothing waits to be sent and nothing but bytes is to be sent")

    def writeLast(data: bytes) -> None:
        """Send some bytes at once, as nothing else will be written in this turn."""

    def broadcastWith(transports: Sequence[Any]) -> Any:
        """
        Make what sends to all of these at once, as L{tsservices.chat.outlet.Broadcast} has it.

        @param transports: transports of this class, all of them idle.
        """

    def leaveBroadcast() -> None:
        """Dissolve the broadcasts in which this transport is."""


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
    """A UDP port that can receive and answer many datagrams by one system call each."""

    def answerBatchesWith(reply: BatchReply) -> None:
        """
        Let a function answer the datagrams that wait together.

        Beside the function of L{IReplyingPort.replyWith} or L{IReflectingPort.reflectWith}, which
        answers single ones and has to answer the same.
        """


class IReflectingPort(Interface):
    """A UDP port that can answer datagrams by the kernel's receive times without a C{write}."""

    def reflectWith(
        reply: StampedReply, unsent: Callable[[], None], *observers: RoundObserver
    ) -> None:
        """
        Let a function answer the datagrams; its answers leave from where they were sent to.

        @param unsent: called when the last answer was not sent.
        """

    def reflectBatchesWith(
        reply: StampedBatchReply,
        depart: Callable[[int, int], None],
        departed: Callable[[], None],
    ) -> None:
        """
        Let a function answer many datagrams at once, beside the one of L{reflectWith}.

        @param depart: writes the times at which they leave into the answers from a slot to before
            another one, just before these are sent.
        @param departed: called when they have been sent.
        """


class IDirectDescriptor(Interface):
    """
    A descriptor that a reactor may serve without a logging context.

    It logs what concerns it with its own name or that of its peer.
    """


def capability(transport: object, interface: type[T]) -> T | None:
    """
    The transport as one that has this capability; L{None} if it has not.

    It costs about a microsecond: for the begin of a connection, not for each chunk.
    """
    # Not `interface.providedBy(transport)`: a wrapper of Twisted (TLS, PROXY protocol) declares to
    # provide all that the transport below it provides, and hands on its methods.  A reply that a
    # TLS wrapper hands on would answer ciphertext with plaintext.  So the class is asked.
    implements: bool = cast(Any, interface).implementedBy(type(transport))
    return cast(T, transport) if implements else None
