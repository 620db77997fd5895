"""
Follow-Up Telemetry of RFC 8972: when the reply before this one has really left.  Pure.

A reflector has to write T3 into a packet before that packet leaves.  When it left, the
kernel tells only afterwards; the next reply of the session takes that time along, with the
number of the reply it belongs to, in an extension behind the base packet.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

EXTRA_PADDING = 1
#: Types of extensions.
FOLLOW_UP = 7

UNRECOGNIZED = 0x80
#: Flags of an extension. The sender sets the first, and a reflector that knows the type takes it
#: away: so what comes back from one that just copies says that it was not understood.
MALFORMED = 0x40

#: The method of a stamp that the reflector's own system took.
METHOD_SOFTWARE = 2

#: Bytes of the one extension.
VALUE_LENGTH = 16

#: How many are looked through: padding may look like any number of them.
MAXIMUM_EXTENSIONS = 16

_HEAD = Struct(">BBH")
_VALUE = Struct(">IQB3x")

#: Bytes of it with its type and length.
EXTENSION_LENGTH = _HEAD.size + VALUE_LENGTH

_LENGTH = VALUE_LENGTH.to_bytes(2, "big")
_UNDERSTOOD = _HEAD.pack(0, FOLLOW_UP, VALUE_LENGTH)
_EMPTY = _HEAD.pack(UNRECOGNIZED, FOLLOW_UP, VALUE_LENGTH) + bytes(VALUE_LENGTH)


class FollowUp(NamedTuple):
    """
    When a reply left.

    @ivar sequence: its number, of the reflector's own count.
    @ivar timestamp: the time, 64 bits in the format of T3; 0 if it is not known.
    @ivar method: who took that time, by the table of the RFC.
    """

    sequence: int
    timestamp: int
    method: int


#: What is said when nothing is known.
UNKNOWN_FOLLOW_UP = FollowUp(0, 0, 0)


def requestExtensions(octets: int) -> bytes | None:
    """
    These bytes: the extension, empty, and padding as an extension of its own; L{None} when
    there is no room for that.

    @param octets: bytes behind the base packet of a sender.
    """
    padding = octets - EXTENSION_LENGTH
    if padding < 0 or 0 < padding < _HEAD.size:
        return None
    if not padding:
        return _EMPTY
    length = padding - _HEAD.size
    return _EMPTY + _HEAD.pack(UNRECOGNIZED, EXTRA_PADDING, length) + bytes(length)


def findFollowUp(extensions: bytes) -> int | None:
    """Where the first such extension begins, if there is one."""
    begin = 0
    for _ in range(MAXIMUM_EXTENSIONS):
        if len(extensions) - begin < _HEAD.size:
            break
        _, kind, length = _HEAD.unpack_from(extensions, begin)
        if kind == FOLLOW_UP:
            return begin
        if not kind:
            # No extension has this type: it is padding as RFC 8762 has it.
            break
        begin += _HEAD.size + length
    return None


def isWellFormed(extensions: bytes, offset: int) -> bool:
    """Whether it is as long as it must be."""
    return (
        extensions[offset + 2 : offset + _HEAD.size] == _LENGTH
        and len(extensions) - offset >= EXTENSION_LENGTH
    )


def fillFollowUp(extensions: bytes, offset: int, followUp: FollowUp) -> bytes:
    """What to send back, as long as it was."""
    if isWellFormed(extensions, offset):
        end = offset + EXTENSION_LENGTH
        return extensions[:offset] + _UNDERSTOOD + _VALUE.pack(*followUp) + extensions[end:]
    _, _, length = _HEAD.unpack_from(extensions, offset)
    value = offset + _HEAD.size
    # Zero what there is of number and time: whoever reads over the flag finds nothing.
    zeros = bytes(min(12, length, len(extensions) - value))
    head = _HEAD.pack(MALFORMED, FOLLOW_UP, length)
    return extensions[:offset] + head + zeros + extensions[value + len(zeros) :]


def readFollowUp(extensions: bytes) -> FollowUp | None:
    """What it says there; L{None} if it does not know the extension or complains."""
    begin = findFollowUp(extensions)
    if begin is None or extensions[begin] or not isWellFormed(extensions, begin):
        return None
    return FollowUp(*_VALUE.unpack_from(extensions, begin + _HEAD.size))
