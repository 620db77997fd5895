"""The packets of STAMP: one layout, shared by sender and reflector."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple, Self

from tsservices.stamp.timestamps import fromPacket

# octet  sender (RFC 8762, 4.2.1)      reflector (RFC 8762, 4.3.1)
#
#     0  Sequence Number           4   Sequence Number           4
#     4  Timestamp (T1)            8   Timestamp (T3)            8
#    12  Error Estimate            2   Error Estimate            2
#    14  SSID                      2   SSID                      2
#    16  MBZ                      28   Receive Timestamp (T2)    8
#    24   |                            Sender Sequence Number    4
#    28   |                            Sender Timestamp (T1)     8
#    36   |                            Sender Error Estimate     2
#    38   |                            MBZ                       2
#    40   |                            Sender TTL                1
#    41   |                            MBZ                       3
#    44  padding or extensions         padding or extensions
#
# octet  sender, authenticated (4.2.2)  reflector, authenticated (4.3.2)
#
#     0  Sequence Number           4   Sequence Number           4
#     4  MBZ                      12   MBZ                      12
#    16  Timestamp (T1)            8   Timestamp (T3)            8
#    24  Error Estimate            2   Error Estimate            2
#    26  SSID                      2   SSID                      2
#    28  MBZ                      68   MBZ                       4
#    32   |                            Receive Timestamp (T2)    8
#    40   |                            MBZ                       8
#    48   |                            Sender Sequence Number    4
#    52   |                            MBZ                      12
#    64   |                            Sender Timestamp (T1)     8
#    72   |                            Sender Error Estimate     2
#    74   |                            MBZ                       6
#    80   |                            Sender TTL                1
#    81   |                            MBZ                      15
#    96  HMAC                     16   HMAC                     16
#   112  padding or extensions         padding or extensions
#
# All numbers are in network byte order.  The SSID is that of RFC 8972, 3: RFC 8762 has MBZ there.
# MBZ octets are written as zero and ignored by a reader.

#: The four packets; the reflector's authenticated one without its HMAC.
SENDER = Struct(">IQHH28x")
SENDER_AUTHENTICATED = Struct(">I12xQHH84x")
REFLECTOR = Struct(">IQHHQIQH2xB3x")
REFLECTOR_AUTHENTICATED = Struct(">I12xQHH4xQ8xI12xQH6xB15x")

#: The reflector's packet with the first 14 octets of the sender's as one field: number, T1 and
#: error estimate are adjacent in both packets.
REFLECTOR_COPYING = Struct(">IQHHQ14s2xB3x")

#: The fields that a reflector reads of a packet: number, SSID, and the seconds at the place of T2
#: and T1 in a reflector's packet.  With authentication also the sender's T1 and its error.
RECEIVED = Struct(">I10xHI8xI")
RECEIVED_AUTHENTICATED = Struct(">I12xQHH4xI28xI")

#: Octets of a packet without padding and extensions.
UNAUTHENTICATED_LENGTH = 44
AUTHENTICATED_LENGTH = 112

#: Where the HMAC of an authenticated packet is.  It covers all octets before it.
HMAC_OFFSET = 96

#: Octets of the HMAC: SHA-256, truncated (RFC 8762, 4.4).
HMAC_LENGTH = 16

#: Octets of the shortest packet of a TWAMP-Light sender: number, T1 and its error estimate.
TWAMP_LIGHT_LENGTH = 14

#: Octets of the shortest reply of a TWAMP-Light reflector: without TTL, which some leave out.
TWAMP_LIGHT_REPLY_LENGTH = 38


class PacketError(ValueError):
    """
    A datagram that is not a valid packet.

    @ivar counter: its counter in L{tsservices.common.counters.StampCounters}.
    """

    def __init__(self, counter: str, reason: str) -> None:
        super().__init__(reason)
        self.counter = counter


def _extensionsOf(datagram: bytes, authenticated: bool) -> bytes:
    length = AUTHENTICATED_LENGTH if authenticated else UNAUTHENTICATED_LENGTH
    if len(datagram) < length:
        raise PacketError("badSize", f"{len(datagram)} bytes of at least {length}")
    return bytes(datagram[length:])


# Tuples: creating a frozen dataclass for each packet takes four times as long.
class SenderPacket(NamedTuple):
    """A packet of a Session-Sender."""

    sequence: int
    #: T1, 64 bits as in the packet.
    timestamp: int
    #: The error estimate of T1, 16 bits.
    errorEstimate: int
    #: The session identifier; 0 for none.
    ssid: int = 0
    #: The octets after the base packet, padding included.
    extensions: bytes = b""

    @classmethod
    def decode(cls, datagram: bytes, authenticated: bool = False) -> Self:
        """@raise PacketError: the datagram is too short."""
        extensions = _extensionsOf(datagram, authenticated)
        layout = SENDER_AUTHENTICATED if authenticated else SENDER
        sequence, timestamp, error, ssid = layout.unpack_from(datagram)
        return cls(sequence, timestamp, error, ssid, extensions)

    def encode(self, authenticated: bool = False) -> bytes:
        """@raise struct.error: a number has more bits than its field."""
        layout = SENDER_AUTHENTICATED if authenticated else SENDER
        base = layout.pack(self.sequence, self.timestamp, self.errorEstimate, self.ssid)
        return base + self.extensions

    def sentAt(self, near: int) -> int:
        """Return T1 in nanoseconds since 1970, in the era (of 136 years) nearest to C{near}."""
        return fromPacket(self.timestamp, self.errorEstimate, near)


class ReflectorPacket(NamedTuple):
    """A packet of a Session-Reflector."""

    #: The reflector's own count if it is stateful, otherwise the sender's number.
    sequence: int
    #: T3, 64 bits as in the packet.
    timestamp: int
    #: The error estimate of T3 and T2, 16 bits.
    errorEstimate: int
    #: T2, 64 bits.
    receiveTimestamp: int
    senderSequence: int
    #: T1 of the packet that is answered, 64 bits.
    senderTimestamp: int
    #: The error estimate of T1, 16 bits.
    senderErrorEstimate: int
    #: The TTL or hop limit of that packet on arrival.
    senderTTL: int
    #: The session identifier; 0 for none.
    ssid: int = 0
    #: The octets after the base packet, padding included.
    extensions: bytes = b""

    @classmethod
    def decode(cls, datagram: bytes, authenticated: bool = False) -> Self:
        """@raise PacketError: the datagram is too short."""
        extensions = _extensionsOf(datagram, authenticated)
        layout = REFLECTOR_AUTHENTICATED if authenticated else REFLECTOR
        sequence, t3, error, ssid, t2, senderSequence, t1, senderError, ttl = layout.unpack_from(
            datagram
        )
        return cls(sequence, t3, error, t2, senderSequence, t1, senderError, ttl, ssid, extensions)

    def encode(self, authenticated: bool = False) -> bytes:
        """@raise struct.error: a number has more bits than its field."""
        layout = REFLECTOR_AUTHENTICATED if authenticated else REFLECTOR
        base = layout.pack(
            self.sequence,
            self.timestamp,
            self.errorEstimate,
            self.ssid,
            self.receiveTimestamp,
            self.senderSequence,
            self.senderTimestamp,
            self.senderErrorEstimate,
            self.senderTTL,
        )
        return base + bytes(HMAC_LENGTH if authenticated else 0) + self.extensions

    def sentAt(self, near: int) -> int:
        """Return T3 in nanoseconds since 1970, in the era nearest to C{near}."""
        return fromPacket(self.timestamp, self.errorEstimate, near)

    def receivedAt(self, near: int) -> int:
        """Return T2 in nanoseconds since 1970, in the era nearest to C{near}."""
        return fromPacket(self.receiveTimestamp, self.errorEstimate, near)

    def senderSentAt(self, near: int) -> int:
        """Return T1 in nanoseconds since 1970, in the era nearest to C{near}."""
        return fromPacket(self.senderTimestamp, self.senderErrorEstimate, near)
