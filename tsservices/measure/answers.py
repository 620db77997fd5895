"""
Packets that look like answers: of a reflector, or of a text service.  Pure.

Answering one is how a loop begins.  A reflector's answer has T2 and T1 in places where a
sender's packet has zeros or padding, and both are about now.  In an answer to an answer
of ours T1 is even our own time, so that the other clock does not matter.
"""

from __future__ import annotations

from tsservices.measure.ntptime import LOW_32
from tsservices.stamps import SECONDS_1900_TO_1970, stamped

NEAR_SECONDS = 86_400
"""
Two times of a packet this near to now, where an answer has T2 and T1, make it one.
"""

RETURN_SECONDS = 10
"""
A time of ours that is this old at most comes back in an answer to an answer of ours,
also when the other side's clock is off by years.
"""

TEXT = (b"[", b"Hello, ")
"""
How answers of the timestamp and hello services begin.
"""

TEXT_BEGINS = frozenset(each[0] for each in TEXT)
"""
The first byte of each: it tells nearly all other packets.
"""


def answers(second2: int, second1: int, now: int) -> bool:
    """
    @param second2: where an answer has the seconds of T2.
    @param second1: where an answer has the seconds of T1.
    @param now: seconds since 1970.
    @return: whether the packet is an answer.
    """
    age = now + SECONDS_1900_TO_1970 - second1 & LOW_32
    # One second ahead: between T2 and T3 of the other packet the clock may have been set.
    if age <= RETURN_SECONDS or age == LOW_32:
        return True
    return _near(second1, now) and _near(second2, now)


def _near(second: int, now: int) -> bool:
    """
    @param second: of an NTP or PTP time, 32 bits.
    @param now: seconds since 1970.
    @return: whether they are near to each other.
    """
    unix = now - second + NEAR_SECONDS & LOW_32
    return unix <= 2 * NEAR_SECONDS or unix + SECONDS_1900_TO_1970 & LOW_32 <= 2 * NEAR_SECONDS


def saysText(datagram: bytes) -> bool:
    """
    @param datagram: a packet.
    @return: whether it is an answer of a text service.
    """
    return datagram.startswith(TEXT) and (datagram[:1] != b"[" or stamped(datagram))
