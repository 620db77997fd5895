"""
Class of Service (RFC 8972, 4.4): whether the network keeps the marks of packets.

The sender names the DSCP that it wants on the reply.  The reflector says with which DSCP and ECN
the packet came, and whether it used the DSCP that was asked for: if not, the reply has the DSCP
with which the packet came.
"""

from __future__ import annotations

from collections.abc import Container
from struct import Struct
from typing import NamedTuple

from tsservices.stamp.extensions import (
    CLASS_OF_SERVICE,
    HEADER,
    MALFORMED,
    UNRECOGNIZED,
    findExtension,
    isWellFormed,
)

#: Octets behind type and length.
VALUE_LENGTH = 4

#: Octets of the whole extension.
EXTENSION_LENGTH = HEADER.size + VALUE_LENGTH

#: The largest DSCP.
MAXIMUM_DSCP = 63

#: RP of a reply without the DSCP that was asked for.
NOT_PERMITTED = 1

# bits   0-5   DSCP1   asked for the reply
#        6-11  DSCP2   of the packet, as it came to the reflector
#       12-13  ECN     the same
#       14-15  RP      0: the reply has DSCP1; 1: it has DSCP2
#       16-31  reserved
_VALUE = Struct(">H2x")

#: Names of DSCPs (RFC 2474, 2597, 3246, 5865, 8622), as in other tools.
DSCP_NAMES = {
    **{f"CS{number}": number * 8 for number in range(8)},
    **{f"AF{c}{d}": c * 8 + d * 2 for c in range(1, 5) for d in range(1, 4)},
    "LE": 1,
    "VA": 44,
    "EF": 46,
}


class ServiceClass(NamedTuple):
    """The content of the extension in a reply."""

    #: The DSCP that the sender has asked for.
    asked: int
    #: The DSCP and ECN of the packet when it came to the reflector.
    receivedDSCP: int
    receivedECN: int
    #: Whether the reflector sent the reply with the DSCP that was asked for.
    permitted: bool

    @property
    def sentDSCP(self) -> int:
        """The DSCP with which the reply left the reflector."""
        return self.asked if self.permitted else self.receivedDSCP


def parseDSCP(text: str) -> int:
    """
    A number from 0 to 63, in decimal or like 0x2e, or a name like EF, AF41 or CS1.

    @raise ValueError: it is none.
    """
    named = DSCP_NAMES.get(text.upper())
    if named is not None:
        return named
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= MAXIMUM_DSCP:
        raise ValueError(
            f"{text!r} is no DSCP: a number from 0 to {MAXIMUM_DSCP}, or a name like EF, AF41, CS1"
        )
    return number


def requestServiceClass(dscp: int) -> bytes:
    """The extension as a sender sends it, who asks for this DSCP on the reply."""
    return HEADER.pack(UNRECOGNIZED, CLASS_OF_SERVICE, VALUE_LENGTH) + _VALUE.pack(dscp << 10)


def fillServiceClass(
    extensions: bytes, tos: int, allowed: Container[int]
) -> tuple[bytes, int | None]:
    """
    The extensions of a reply, and the type of service to send it with; L{None} for the usual one.

    A malformed extension is marked so, and has no effect.

    @param tos: the type of service, or traffic class, of the packet when it came.
    @param allowed: the DSCPs that a reply may have though the packet came with another one.
    """
    offset = findExtension(extensions, CLASS_OF_SERVICE)
    if offset is None:
        return extensions, None
    value = offset + HEADER.size
    before, rest = extensions[:offset], extensions[value:]
    if not isWellFormed(extensions, offset, VALUE_LENGTH):
        _, _, length = HEADER.unpack_from(extensions, offset)
        return before + HEADER.pack(MALFORMED, CLASS_OF_SERVICE, length) + rest, None
    asked = _VALUE.unpack_from(rest)[0] >> 10
    received = tos >> 2
    permitted = asked == received or asked in allowed
    header = HEADER.pack(0, CLASS_OF_SERVICE, VALUE_LENGTH)
    bits = asked << 10 | tos << 2 | (0 if permitted else NOT_PERMITTED)
    filled = before + header + _VALUE.pack(bits) + rest[VALUE_LENGTH:]
    # Without ECN: this host does not answer marks of congestion.
    return filled, (asked if permitted else received) << 2


def readServiceClass(extensions: bytes) -> ServiceClass | None:
    """What a reply says; L{None} if the reflector does not know the extension or complains."""
    offset = findExtension(extensions, CLASS_OF_SERVICE)
    # Any flag means that the value is not the reflector's.
    if offset is None or extensions[offset]:
        return None
    if not isWellFormed(extensions, offset, VALUE_LENGTH):
        return None
    (bits,) = _VALUE.unpack_from(extensions, offset + HEADER.size)
    return ServiceClass(bits >> 10, bits >> 4 & MAXIMUM_DSCP, bits >> 2 & 3, not bits & 3)
