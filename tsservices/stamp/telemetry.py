"""
Follow-Up Telemetry (RFC 8972, 4.7): the time at which the reply before this one really left.

A reflector has to write T3 into a reply before that reply leaves, and the kernel tells only
afterwards when it left.  The next reply of the session carries that time, with the number
of the reply it belongs to, in an extension behind the base packet.
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

#: The method of a time that the reflector's own system took.
METHOD_SOFTWARE = 2

#: Octets behind type and length.
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
#: The extension as a sender sends it.
EMPTY_FOLLOW_UP = HEADER.pack(UNRECOGNIZED, FOLLOW_UP, VALUE_LENGTH) + bytes(VALUE_LENGTH)


class FollowUp(NamedTuple):
    """When a reply left."""

    #: The reflector's number of that reply.
    sequence: int
    #: 64 bits in the format of T3; 0 if it is not known.
    timestamp: int
    #: Who took that time, by the table of the RFC.
    method: int


#: What a reflector answers if it does not know.
UNKNOWN_FOLLOW_UP = FollowUp(0, 0, 0)


def requestExtensions(octets: int) -> bytes | None:
    """
    The empty extension, and padding up to so many octets as an extension of its own; L{None} if
    they do not fit.
    """
    return fillUp(EMPTY_FOLLOW_UP, octets)


def findFollowUp(extensions: bytes) -> int | None:
    """Where the first extension of this type begins, if there is one."""
    return findExtension(extensions, FOLLOW_UP)


def fillFollowUp(extensions: bytes, offset: int, followUp: FollowUp) -> bytes:
    """The extensions of a reply, as long as those of the packet; a malformed one is marked so."""
    if isWellFormed(extensions, offset, VALUE_LENGTH):
        end = offset + EXTENSION_LENGTH
        return extensions[:offset] + _UNDERSTOOD + _VALUE.pack(*followUp) + extensions[end:]
    _, _, length = HEADER.unpack_from(extensions, offset)
    value = offset + HEADER.size
    # As much of number and time as there is becomes zero, for readers that ignore the flag.
    zeros = bytes(min(12, length, len(extensions) - value))
    header = HEADER.pack(MALFORMED, FOLLOW_UP, length)
    return extensions[:offset] + header + zeros + extensions[value + len(zeros) :]


def readFollowUp(extensions: bytes) -> FollowUp | None:
    """What a reply says; L{None} if the reflector does not know the extension or complains."""
    offset = findFollowUp(extensions)
    # Any flag means that the value is not the reflector's.
    if offset is None or extensions[offset] or not isWellFormed(extensions, offset, VALUE_LENGTH):
        return None
    return FollowUp(*_VALUE.unpack_from(extensions, offset + HEADER.size))
