"""
Packets that are replies already: of a reflector, or of a text service.

STAMP has no bit that says "this is a reply".  So two reflectors, one of which gets a packet
with the other's address as its source, answer each other without end: 15,416 datagrams
in 0.3 s were seen between two instances of another implementation.  But a reflector's packet has
T2 and T1 where a sender's packet has zeros or padding, and both are about now.
"""

from __future__ import annotations

from tsservices.common.timestamps import NANOSECONDS, SECONDS_1900_TO_1970, stamped
from tsservices.stamp.timestamps import LOW_32

#: Two times that are this near to now, where a reply has T2 and T1, make a packet a reply.  Random
#: padding passes for one with a probability of 2e-9.
NEAR_SECONDS = 86_400

#: A T3 of ours comes back as T1 in a reply to a reply of ours; it is this old at most.  This sees
#: such a packet also when the clock of the other side is off by years.
MAXIMUM_RETURN_SECONDS = 10

#: How replies of the timestamp and hello services begin.
TEXT_REPLIES = (b"[", b"Hello, ")

#: Their first octets: one look at a set spares nearly all packets the rest of the check.
TEXT_FIRST_OCTETS = frozenset(text[0] for text in TEXT_REPLIES)


def looksReflected(receiveSeconds: int, senderSeconds: int, received: int) -> bool:
    """
    Whether the packet is a reflector's.

    @param receiveSeconds: where such a packet has the seconds of T2.
    @param senderSeconds: where such a packet has the seconds of T1.
    @param received: when the packet came, in nanoseconds since 1970.
    """
    now = received // NANOSECONDS
    age = now + SECONDS_1900_TO_1970 - senderSeconds & LOW_32
    # LOW_32 is an age of -1: between T2 and T3 of the other packet the clock may have been set.
    if age <= MAXIMUM_RETURN_SECONDS or age == LOW_32:
        return True
    return _isNear(senderSeconds, now) and _isNear(receiveSeconds, now)


def _isNear(seconds: int, now: int) -> bool:
    # The format is not known here: PTP counts from 1970, NTP from 1900.
    offset = now - seconds + NEAR_SECONDS & LOW_32
    return offset <= 2 * NEAR_SECONDS or offset + SECONDS_1900_TO_1970 & LOW_32 <= 2 * NEAR_SECONDS


def isTextReply(datagram: bytes) -> bool:
    """Whether it is a reply of the timestamp or hello service."""
    return datagram.startswith(TEXT_REPLIES) and (datagram[:1] != b"[" or stamped(datagram))
