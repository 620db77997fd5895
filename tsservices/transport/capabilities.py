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

#: Makes the whole answer to one chunk, and does nothing else with the connection.
Reply = Callable[[bytes], bytes]

#: Makes the answer to a datagram from an address, if there is one.
DatagramReply = Callable[[bytes, tuple[str, int]], bytes | None]

#: Called when a datagram has left this host, with the time in nanoseconds since 1970.
TransmitListener = Callable[[int], None]

#: What to send; alone, or with the function to call when it has left.
StampedAnswer = bytes | tuple[bytes, TransmitListener]

#: Makes the answer to a datagram, if there is one, of: the datagram; its source; time, clock,
#: destination and TTL as in L{ReceiveInfo<tsservices.transport.timestamping.cmsg.ReceiveInfo>}; the
#: monotonic time in seconds at which the pass began.
StampedReply = Callable[
    [bytes, tuple[str, int], int, bool, str | None, int | None, float], StampedAnswer | None
]

T = TypeVar("T")


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

        Where that cannot be (something waits to be sent, the connection is closing, there is TLS)
        the chunk goes to the protocol as usual, which has to do the same.
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


class IReflectingPort(Interface):
    """A UDP port that can answer datagrams by the kernel's receive times without a C{write}."""

    def reflectWith(
        reply: StampedReply, unsent: Callable[[], None], *observers: RoundObserver
    ) -> None:
        """
        Let a function answer the datagrams; its answers leave from where they were sent to.

        @param unsent: called when the last answer was not sent.
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
