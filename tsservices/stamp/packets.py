"""
The packets of RFC 8762, with the session identifier of RFC 8972.  Pure.

The layouts are tables: name, offset and size of each field.  What no table names must
be zero and is written as zero; the reader does not mind it.  All numbers have their
highest byte first.  What stands behind the base packet (padding, or the extensions of
RFC 8972) is kept as it is.

The times are as they stand in the packet; L{SenderPacket.sentAt} and the methods
of L{ReflectorPacket} read them.

Packets that look like answers: of a reflector, or of a text service.  Pure.

Answering one is how a loop begins.  A reflector's answer has T2 and T1 in places where a
sender's packet has zeros or padding, and both are about now.  In an answer to an answer
of ours T1 is even our own time, so that the other clock does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from tsservices.stamp.timestamps import fromWire

#: Bytes of an unauthenticated packet without what may stand behind it.
OPEN_LENGTH = 44

#: Bytes of an authenticated packet without what may stand behind it.
SEALED_LENGTH = 112

#: Where the authentication of an authenticated packet is, which covers all before it.
DIGEST_OFFSET = 96

#: Bytes of authentication.
DIGEST_LENGTH = 16

#: Bytes that a TWAMP-Light sender sends at least: number, time and error estimate.
TWAMP_LENGTH = 14

#: Where RFC 8762 has reflectors.
DEFAULT_PORT = 862


class Field(NamedTuple):
    """
    One field of a layout.

    @ivar name: what the packet classes call it.
    @ivar offset: where it begins.
    @ivar size: how many bytes it has.
    """

    name: str
    offset: int
    size: int


#: What a session sender sends, unauthenticated.
SENDER_OPEN = (
    Field("sequence", 0, 4),
    Field("timestamp", 4, 8),
    Field("errorEstimate", 12, 2),
    Field("session", 14, 2),
)

#: What a session sender sends, authenticated.
SENDER_SEALED = (
    Field("sequence", 0, 4),
    Field("timestamp", 16, 8),
    Field("errorEstimate", 24, 2),
    Field("session", 26, 2),
)

#: What a session reflector answers, unauthenticated.
REFLECTOR_OPEN = (
    Field("sequence", 0, 4),
    Field("timestamp", 4, 8),
    Field("errorEstimate", 12, 2),
    Field("session", 14, 2),
    Field("received", 16, 8),
    Field("senderSequence", 24, 4),
    Field("senderTimestamp", 28, 8),
    Field("senderErrorEstimate", 36, 2),
    Field("senderTTL", 40, 1),
)

#: What a session reflector answers, authenticated.
REFLECTOR_SEALED = (
    Field("sequence", 0, 4),
    Field("timestamp", 16, 8),
    Field("errorEstimate", 24, 2),
    Field("session", 26, 2),
    Field("received", 32, 8),
    Field("senderSequence", 48, 4),
    Field("senderTimestamp", 64, 8),
    Field("senderErrorEstimate", 72, 2),
    Field("senderTTL", 80, 1),
)

#: The fields of one kind of packet.
Layout = tuple[Field, ...]


class PacketError(ValueError):
    """
    A datagram is not what it should be.

    @ivar counter: the counter of L{tsservices.common.counters.StampCounters} that it belongs to.
    """

    def __init__(self, counter: str, reason: str) -> None:
        super().__init__(reason)
        self.counter = counter


class _Packet:
    """
    What all packets share: they are written and read by the table.

    @cvar LAYOUTS: the layout of each length of a base packet.
    @ivar rest: what stands behind it.
    """

    __slots__ = ()
    LAYOUTS: ClassVar[Mapping[int, Layout]]
    rest: bytes

    @classmethod
    def decode(cls, datagram: bytes, sealed: bool = False) -> Self:
        length = SEALED_LENGTH if sealed else OPEN_LENGTH
        if len(datagram) < length:
            raise PacketError("badSize", f"{len(datagram)} bytes of at least {length}")
        values: dict[str, int] = {
            name: int.from_bytes(datagram[offset : offset + size], "big")
            for name, offset, size in cls.LAYOUTS[length]
        }
        return cls(**values, rest=bytes(datagram[length:]))  # type: ignore[call-arg]

    def encode(self, sealed: bool = False) -> bytes:
        length = SEALED_LENGTH if sealed else OPEN_LENGTH
        datagram = bytearray(length)
        for name, offset, size in self.LAYOUTS[length]:
            value: int = getattr(self, name)
            datagram[offset : offset + size] = value.to_bytes(size, "big")
        return bytes(datagram) + self.rest


@dataclass(frozen=True, slots=True)
class SenderPacket(_Packet):
    """
    A packet of a session sender.

    @ivar sequence: counts its packets.
    @ivar timestamp: T1, when it was sent, 64 bits.
    @ivar errorEstimate: of T1, 16 bits.
    @ivar session: the session identifier; 0 for none.
    @ivar rest: what stands behind the base packet.
    """

    LAYOUTS: ClassVar[Mapping[int, Layout]] = {
        OPEN_LENGTH: SENDER_OPEN,
        SEALED_LENGTH: SENDER_SEALED,
    }

    sequence: int
    timestamp: int
    errorEstimate: int
    session: int = 0
    rest: bytes = b""

    def sentAt(self, near: int) -> int:
        """
        T1 in nanoseconds since 1970.

        @param near: nanoseconds since 1970 that tell the era.
        """
        return fromWire(self.timestamp, self.errorEstimate, near)


@dataclass(frozen=True, slots=True)
class ReflectorPacket(_Packet):
    """
    A packet of a session reflector.

    @ivar sequence: counts its packets, or repeats the sender's number.
    @ivar timestamp: T3, when it was sent, 64 bits.
    @ivar errorEstimate: of T3 and T2, 16 bits.
    @ivar received: T2, when the sender's packet came, 64 bits.
    @ivar senderSequence: the number of the packet that this answers.
    @ivar senderTimestamp: its T1, 64 bits.
    @ivar senderErrorEstimate: of T1, 16 bits.
    @ivar senderTTL: the TTL or hop limit with which it came.
    @ivar session: the session identifier; 0 for none.
    @ivar rest: what stands behind the base packet.
    """

    LAYOUTS: ClassVar[Mapping[int, Layout]] = {
        OPEN_LENGTH: REFLECTOR_OPEN,
        SEALED_LENGTH: REFLECTOR_SEALED,
    }

    sequence: int
    timestamp: int
    errorEstimate: int
    received: int
    senderSequence: int
    senderTimestamp: int
    senderErrorEstimate: int
    senderTTL: int
    session: int = 0
    rest: bytes = b""

    def sentAt(self, near: int) -> int:
        """
        T3 in nanoseconds since 1970.

        @param near: nanoseconds since 1970 that tell the era.
        """
        return fromWire(self.timestamp, self.errorEstimate, near)

    def receivedAt(self, near: int) -> int:
        """
        T2 in nanoseconds since 1970.

        @param near: nanoseconds since 1970 that tell the era.
        """
        return fromWire(self.received, self.errorEstimate, near)

    def senderSentAt(self, near: int) -> int:
        """
        T1 in nanoseconds since 1970.

        @param near: nanoseconds since 1970 that tell the era.
        """
        return fromWire(self.senderTimestamp, self.senderErrorEstimate, near)
