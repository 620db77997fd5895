"""
Follow-Up Telemetry (RFC 8972, 4.7): the actual departure time of the previous reply.

A reflector has to write T3 into a reply before the reply leaves, and the kernel reports the
departure only afterwards.  The next reply of the session carries the departure, with the number of
the reply that it belongs to, in an extension after the base packet.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from tsservices.stamp.extensions import (
    FOLLOW_UP,
    HEADER,
    MALFORMED,
    UNRECOGNIZED,
    fillUp,
    findExtension,
    isWellFormed,
)

#: The method of a timestamp taken by the reflector's own system.
METHOD_SOFTWARE = 2

#: Octets after type and length.
VALUE_LENGTH = 16

# octet 0  flags                1   (U M I, then zeros)
#       1  type                 1   (7)
#       2  length               2   (16)
#       4  Sequence Number      4
#       8  Follow-Up Timestamp  8
#      16  Timestamping Method  1
#      17  reserved             3
_VALUE = Struct(">IQB3x")

#: Octets of the whole extension.
EXTENSION_LENGTH = HEADER.size + VALUE_LENGTH

_UNDERSTOOD = HEADER.pack(0, FOLLOW_UP, VALUE_LENGTH)
#: The extension in a sender's packet.
EMPTY_FOLLOW_UP = HEADER.pack(UNRECOGNIZED, FOLLOW_UP, VALUE_LENGTH) + bytes(VALUE_LENGTH)


class FollowUp(NamedTuple):
    """The departure of a reply."""

    #: The reflector's number of that reply.
    sequence: int
    #: 64 bits in the format of T3; 0 if it is not known.
    timestamp: int
    #: The timestamping method, by the table of the RFC.
    method: int


#: The reflector's answer if the departure is unknown.
UNKNOWN_FOLLOW_UP = FollowUp(0, 0, 0)


def requestExtensions(octets: int) -> bytes | None:
    """
    Return the empty extension, with padding as a separate extension, up to C{octets} octets;
    L{None} if they do not fit.
    """
    return fillUp(EMPTY_FOLLOW_UP, octets)


def findFollowUp(extensions: bytes) -> int | None:
    """Return the offset of the first extension of this type; L{None} if there is none."""
    return findExtension(extensions, FOLLOW_UP)


def fillFollowUp(extensions: bytes, offset: int, followUp: FollowUp) -> bytes:
    """Return the extensions of a reply, as long as the packet's; a malformed one is marked."""
    if isWellFormed(extensions, offset, VALUE_LENGTH):
        end = offset + EXTENSION_LENGTH
        return extensions[:offset] + _UNDERSTOOD + _VALUE.pack(*followUp) + extensions[end:]
    _, _, length = HEADER.unpack_from(extensions, offset)
    value = offset + HEADER.size
    # Number and time, as far as they are present, become zero for readers that ignore the flag.
    zeros = bytes(min(12, length, len(extensions) - value))
    header = HEADER.pack(MALFORMED, FOLLOW_UP, length)
    return extensions[:offset] + header + zeros + extensions[value + len(zeros) :]


def readFollowUp(extensions: bytes) -> FollowUp | None:
    """Read a reply's extension; L{None} if the reflector does not know it or has flagged it."""
    offset = findFollowUp(extensions)
    # Any flag means that the reflector did not set the value.
    if offset is None or extensions[offset] or not isWellFormed(extensions, offset, VALUE_LENGTH):
        return None
    return FollowUp(*_VALUE.unpack_from(extensions, offset + HEADER.size))
