"""
Class of Service (RFC 8972, 4.4): whether the network keeps the DSCP and ECN of packets.

The sender requests a DSCP for the reply.  The reflector reports the DSCP and ECN of the received
packet, and whether the reply has the requested DSCP; if not, the reply has the DSCP of the
received packet.
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

#: Octets after type and length.
VALUE_LENGTH = 4

#: Octets of the whole extension.
EXTENSION_LENGTH = HEADER.size + VALUE_LENGTH

#: The largest DSCP.
MAXIMUM_DSCP = 63

#: RP of a reply without the requested DSCP.
NOT_PERMITTED = 1

# bits   0-5   DSCP1   requested for the reply
#        6-11  DSCP2   of the packet, as received by the reflector
#       12-13  ECN     of the packet, as received by the reflector
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

    #: The DSCP requested by the sender.
    asked: int
    #: The DSCP and ECN of the packet, as received by the reflector.
    receivedDSCP: int
    receivedECN: int
    #: Whether the reflector sent the reply with the requested DSCP.
    permitted: bool

    @property
    def sentDSCP(self) -> int:
        """The DSCP with which the reply left the reflector."""
        return self.asked if self.permitted else self.receivedDSCP


def parseDSCP(text: str) -> int:
    """
    Parse a number from 0 to 63, in decimal or like 0x2e, or a name like EF, AF41 or CS1.

    @raise ValueError: the text is no DSCP.
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
    """Return a sender's extension, which requests this DSCP for the reply."""
    return HEADER.pack(UNRECOGNIZED, CLASS_OF_SERVICE, VALUE_LENGTH) + _VALUE.pack(dscp << 10)


def fillServiceClass(
    extensions: bytes, tos: int, allowed: Container[int]
) -> tuple[bytes, int | None]:
    """
    Return the extensions of a reply and its type of service, L{None} for the usual one.

    A malformed extension is marked as malformed, and has no effect.

    @param tos: the type of service, or traffic class, of the received packet.
    @param allowed: the DSCPs that may be requested though the packet arrived with another one.
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
    # Without ECN: this host does not react to congestion marks.
    return filled, (asked if permitted else received) << 2


def readServiceClass(extensions: bytes) -> ServiceClass | None:
    """Read a reply's extension; L{None} if the reflector does not know it or has flagged it."""
    offset = findExtension(extensions, CLASS_OF_SERVICE)
    # Any flag means that the reflector did not set the value.
    if offset is None or extensions[offset]:
        return None
    if not isWellFormed(extensions, offset, VALUE_LENGTH):
        return None
    (bits,) = _VALUE.unpack_from(extensions, offset + HEADER.size)
    return ServiceClass(bits >> 10, bits >> 4 & MAXIMUM_DSCP, bits >> 2 & 3, not bits & 3)
