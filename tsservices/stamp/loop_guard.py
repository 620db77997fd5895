"""
Detection of packets that are replies: of a reflector, or of a text service.

STAMP has no bit that says "this is a reply".  So two reflectors answer each other without end if
one gets a packet with the other's address as its source: 15,416 datagrams in 0.3 s were seen
between two instances of another implementation.  But a reflector's packet has T2 and T1, both near
the current time, where a sender's packet has zeros or padding.
"""

from __future__ import annotations

from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970, stamped
from tsservices.stamp.timestamps import LOW_32

#: A packet is a reply if both times at the place of T2 and T1 are this near to now.  Random padding
#: is taken for a reply with a probability of 2e-9.
NEAR_SECONDS = 86_400

#: The largest age of this host's T3 that returns as T1 in a reply to its reply.  This detects such
#: a packet even if the peer's clock is wrong by years.
MAXIMUM_RETURN_SECONDS = 10

#: How replies of the timestamp and hello services begin.
TEXT_REPLIES = (b"[", b"Hello, ")

#: Their first octets: one look-up saves the rest of the check for nearly all packets.
TEXT_FIRST_OCTETS = frozenset(text[0] for text in TEXT_REPLIES)


def looksReflected(receiveSeconds: int, senderSeconds: int, received: int) -> bool:
    """
    Return whether the packet is a reflector's.

    @param receiveSeconds: the seconds at the place of T2 in a reflector's packet.
    @param senderSeconds: the seconds at the place of T1 in a reflector's packet.
    @param received: when the packet arrived, in nanoseconds since 1970.
    """
    now = received // NANOSECONDS
    age = now + SECONDS_1900_TO_1970 - senderSeconds & LOW_32
    # LOW_32 is an age of -1: the peer's clock may have been set between T2 and T3.
    if age <= MAXIMUM_RETURN_SECONDS or age == LOW_32:
        return True
    return _isNear(senderSeconds, now) and _isNear(receiveSeconds, now)


def _isNear(seconds: int, now: int) -> bool:
    # The format is unknown: PTP counts from 1970, NTP from 1900.
    offset = now - seconds + NEAR_SECONDS & LOW_32
    return offset <= 2 * NEAR_SECONDS or offset + SECONDS_1900_TO_1970 & LOW_32 <= 2 * NEAR_SECONDS


def isTextReply(datagram: bytes) -> bool:
    """Return whether the datagram is a reply of the timestamp or hello service."""
    return datagram.startswith(TEXT_REPLIES) and (datagram[:1] != b"[" or stamped(datagram))
