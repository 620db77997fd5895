"""
Follow-Up Telemetry (RFC 8972, 4.7): the time at which the reply before this one really left.

A reflector has to write T3 into a reply before that reply leaves, and the kernel tells only
afterwards when it left.  The next reply of the session carries that time, with the number
of the reply it belongs to, in an extension behind the base packet.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

#: Types of extensions.
EXTRA_PADDING = 1
FOLLOW_UP = 7

#: Flags of an extension (RFC 8972, 4).  The sender sets U, and a reflector that knows the type
#: clears it: so an extension that was just copied says that it was not understood.
UNRECOGNIZED = 0x80
MALFORMED = 0x40

#: The method of a time that the reflector's own system took.
METHOD_SOFTWARE = 2

#: Octets behind type and length.
VALUE_LENGTH = 16

#: Padding may look like any number of extensions; so many are looked at.
MAXIMUM_EXTENSIONS = 16

# octet 0  flags                1   (U M I, then zeros)
#       1  type                 1   (7)
#       2  length               2   (16)
#       4  Sequence Number      4
#       8  Follow-Up Timestamp  8
#      16  Timestamping Method  1
#      17  reserved             3
_HEADER = Struct(">BBH")
_VALUE = Struct(">IQB3x")

#: Octets of the whole extension.
EXTENSION_LENGTH = _HEADER.size + VALUE_LENGTH

_LENGTH = VALUE_LENGTH.to_bytes(2, "big")
_UNDERSTOOD = _HEADER.pack(0, FOLLOW_UP, VALUE_LENGTH)
_EMPTY = _HEADER.pack(UNRECOGNIZED, FOLLOW_UP, VALUE_LENGTH) + bytes(VALUE_LENGTH)


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
    padding = octets - EXTENSION_LENGTH
    if padding < 0 or 0 < padding < _HEADER.size:
        return None
    if not padding:
        return _EMPTY
    length = padding - _HEADER.size
    return _EMPTY + _HEADER.pack(UNRECOGNIZED, EXTRA_PADDING, length) + bytes(length)


def findFollowUp(extensions: bytes) -> int | None:
    """Where the first extension of this type begins, if there is one."""
    offset = 0
    for _ in range(MAXIMUM_EXTENSIONS):
        if len(extensions) - offset < _HEADER.size:
            break
        _, kind, length = _HEADER.unpack_from(extensions, offset)
        if kind == FOLLOW_UP:
            return offset
        if not kind:
            # No extension has type 0: this is the padding of RFC 8762.
            break
        offset += _HEADER.size + length
    return None


def isWellFormed(extensions: bytes, offset: int) -> bool:
    """Whether the extension there has the length that it must have."""
    return (
        extensions[offset + 2 : offset + _HEADER.size] == _LENGTH
        and len(extensions) - offset >= EXTENSION_LENGTH
    )


def fillFollowUp(extensions: bytes, offset: int, followUp: FollowUp) -> bytes:
    """The extensions of a reply, as long as those of the packet; a malformed one is marked so."""
    if isWellFormed(extensions, offset):
        end = offset + EXTENSION_LENGTH
        return extensions[:offset] + _UNDERSTOOD + _VALUE.pack(*followUp) + extensions[end:]
    _, _, length = _HEADER.unpack_from(extensions, offset)
    value = offset + _HEADER.size
    # As much of number and time as there is becomes zero, for readers that ignore the flag.
    zeros = bytes(min(12, length, len(extensions) - value))
    header = _HEADER.pack(MALFORMED, FOLLOW_UP, length)
    return extensions[:offset] + header + zeros + extensions[value + len(zeros) :]


def readFollowUp(extensions: bytes) -> FollowUp | None:
    """What a reply says; L{None} if the reflector does not know the extension or complains."""
    offset = findFollowUp(extensions)
    # Any flag means that the value is not the reflector's.
    if offset is None or extensions[offset] or not isWellFormed(extensions, offset):
        return None
    return FollowUp(*_VALUE.unpack_from(extensions, offset + _HEADER.size))
