"""
Loops.
"""

from __future__ import annotations

from tsservices.common.timestamps import SECONDS_1900_TO_1970, stamped
from tsservices.stamp.timestamps import LOW_32

#: Two times of a packet this near to now, where an answer has T2 and T1, make it one.
NEAR_SECONDS = 86_400


#: A time of ours that is this old at most comes back in an answer to an answer of ours, also when
#: the other side's clock is off by years.
RETURN_SECONDS = 10


#: How answers of the timestamp and hello services begin.
TEXT = (b"[", b"Hello, ")


#: The first byte of each: it tells nearly all other packets.
TEXT_BEGINS = frozenset(each[0] for each in TEXT)


def answers(second2: int, second1: int, now: int) -> bool:
    """
    Whether the packet is an answer.

    @param second2: where an answer has the seconds of T2.
    @param second1: where an answer has the seconds of T1.
    @param now: seconds since 1970.
    """
    age = now + SECONDS_1900_TO_1970 - second1 & LOW_32
    # One second ahead: between T2 and T3 of the other packet the clock may have been set.
    if age <= RETURN_SECONDS or age == LOW_32:
        return True
    return _near(second1, now) and _near(second2, now)


def _near(second: int, now: int) -> bool:
    unix = now - second + NEAR_SECONDS & LOW_32
    return unix <= 2 * NEAR_SECONDS or unix + SECONDS_1900_TO_1970 & LOW_32 <= 2 * NEAR_SECONDS


def saysText(datagram: bytes) -> bool:
    """Whether it is an answer of a text service."""
    return datagram.startswith(TEXT) and (datagram[:1] != b"[" or stamped(datagram))
